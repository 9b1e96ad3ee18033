// Package properties reads the settings that users mount as Java .properties files: those of the Kafka producers and
// consumers, of the HTTP client and of the HTTP server.
//
// It owns the file format, the meaning of every key and the words of its warnings and errors. It must not read files,
// log, or make clients: it turns bytes into values. Everything here is a function of its arguments, for any goroutine.
package properties

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Entry is one key of a file with its value, both without escapes.
type Entry struct {
	Key, Value string
	// Line is where the entry begins, from 1.
	Line int
}

// Parse reads a file in the format of java.util.Properties, as UTF-8: one entry a line; '=', ':' or white space between
// key and value; '#' or '!' begins a line of comment; a backslash at the end of a line continues it, before "uXXXX" it
// stands for a UTF-16 unit, before t, n, r, f for a control character, and else for what follows it. A key may occur more
// than once; the last one counts in Java. The error is that of the first \u without four hexadecimal digits.
func Parse(content []byte) ([]Entry, error) {
	var entries []Entry
	s := lines{rest: strings.TrimPrefix(string(content), "\ufeff")}
	for {
		line, number, ok := s.logical()
		if !ok {
			return entries, nil
		}
		key, value := split(line)
		e := Entry{Line: number}
		var err error
		if e.Key, err = unescape(key); err == nil {
			e.Value, err = unescape(value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		entries = append(entries, e)
	}
}

// blank is what Java takes for white space inside a line.
const blank = " \t\f"

// lines cuts a text into lines.
type lines struct {
	rest   string
	number int // of the line that was cut off last
}

// natural returns the next line as it is in the text. Its end is \n, \r or both.
func (s *lines) natural() (string, bool) {
	if s.rest == "" {
		return "", false
	}
	s.number++
	end := strings.IndexAny(s.rest, "\r\n")
	if end < 0 {
		line := s.rest
		s.rest = ""
		return line, true
	}
	line, after := s.rest[:end], end+1
	if strings.HasPrefix(s.rest[end:], "\r\n") {
		after++
	}
	s.rest = s.rest[after:]
	return line, true
}

// logical returns the next line with an entry, its continuations joined, and the number of its first line.
func (s *lines) logical() (line string, number int, ok bool) {
	for {
		line, ok = s.natural()
		if !ok {
			return "", 0, false
		}
		line = strings.TrimLeft(line, blank)
		if line != "" && line[0] != '#' && line[0] != '!' {
			break
		}
	}
	number = s.number
	var joined strings.Builder
	for continued(line) {
		joined.WriteString(line[:len(line)-1])
		if line, ok = s.natural(); !ok {
			return joined.String(), number, true
		}
		line = strings.TrimLeft(line, blank)
	}
	joined.WriteString(line)
	return joined.String(), number, true
}

// continued tells whether a line ends in a backslash that is not escaped itself.
func continued(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// split cuts a line between key and value, which are still escaped.
func split(line string) (key, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=:"+blank, rune(line[end])) {
		if line[end] == '\\' {
			end++ // whatever follows belongs to the key
		}
		end++
	}
	end = min(end, len(line))
	value = strings.TrimLeft(line[end:], blank)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], blank)
	}
	return line[:end], value
}

// unescape replaces what a backslash begins.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var out strings.Builder
	for s != "" {
		before, after, found := strings.Cut(s, `\`)
		out.WriteString(before)
		if !found || after == "" {
			break // a backslash that escapes nothing is dropped
		}
		if after[0] == 'u' {
			r, size, err := unit(after)
			if err != nil {
				return "", err
			}
			out.WriteRune(r)
			s = after[size:]
			continue
		}
		_, size := utf8.DecodeRuneInString(after)
		if control := strings.IndexByte("tnrf", after[0]); control >= 0 {
			out.WriteByte("\t\n\r\f"[control])
		} else {
			out.WriteString(after[:size])
		}
		s = after[size:]
	}
	return out.String(), nil
}

// unit reads the UTF-16 unit whose text begins with the u of \uXXXX, and the second one of a pair. It returns the number
// of bytes used.
func unit(s string) (rune, int, error) {
	first, err := hex(s)
	if err != nil || !utf16.IsSurrogate(first) || !strings.HasPrefix(s[5:], `\u`) {
		return first, 5, err
	}
	second, err := hex(s[6:])
	if pair := utf16.DecodeRune(first, second); err == nil && pair != utf8.RuneError {
		return pair, 11, nil
	}
	return first, 5, nil // half a pair, which is written as U+FFFD
}

func hex(s string) (rune, error) {
	digits := s[1:min(5, len(s))]
	v, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || len(digits) < 4 {
		return 0, fmt.Errorf(`\u%s: four hexadecimal digits must follow \u`, digits)
	}
	return rune(v), nil
}
