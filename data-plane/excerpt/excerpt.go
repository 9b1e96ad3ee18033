// Package excerpt bounds what messages quote of texts that others wrote. It is pure.
package excerpt

import "strings"

// Of returns s, or its first most bytes and an ellipsis where it is longer. No character is cut in two.
func Of(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
