package status

import (
	"fmt"
	"reflect"
	"time"
)

// duration writes a time span as a person would say it, with at most two units.
func duration(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// grouped separates the thousands of a decimal integer by thin spaces.
func grouped(digits string) string {
	const thin = "\u2009"
	for end := len(digits) - 3; end > 0 && digits[end-1] != '-'; end -= 3 {
		digits = digits[:end] + thin + digits[end:]
	}
	return digits
}

// byteSize writes a number of bytes, of any integer type, in binary units.
func byteSize(n any) string {
	v := reflect.ValueOf(n)
	bytes := 0.0
	if v.CanInt() {
		bytes = float64(v.Int())
	} else if v.CanUint() {
		bytes = float64(v.Uint())
	}
	if bytes < 1024 {
		return fmt.Sprintf("%.0f B", bytes)
	}
	for _, unit := range []string{"KiB", "MiB"} {
		bytes /= 1024
		if bytes < 1024 {
			return fmt.Sprintf("%.1f %s", bytes, unit)
		}
	}
	return fmt.Sprintf("%.2f GiB", bytes/1024)
}
