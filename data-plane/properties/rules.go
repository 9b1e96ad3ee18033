package properties

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Warning says that a key of a file has no effect, or not quite the one that its value asks for.
type Warning struct {
	File, Key string
	// Text says what happens instead and what to use. It never holds the value, which may be a secret.
	Text string
}

// String is the warning as one sentence.
func (w Warning) String() string { return w.File + ": " + w.Key + ": " + w.Text }

// ValueError says that a value cannot be used.
type ValueError struct {
	File, Key, Value string
	Allowed          string // what may stand there
}

// Error names the file, the key, the value and what is allowed.
func (e *ValueError) Error() string {
	value := strconv.Quote(e.Value)
	if strings.HasPrefix(e.Key, "sasl.") || strings.HasPrefix(e.Key, "ssl.key") { // may be a secret
		value = "the value"
	}
	return fmt.Sprintf("%s: %s: %s is not allowed: %s", e.File, e.Key, value, e.Allowed)
}

// Effective parses a file and returns the value that counts of each key, without white space around it.
func Effective(content []byte) (map[string]string, error) {
	entries, err := Parse(content)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(entries))
	for _, e := range entries {
		values[e.Key] = strings.TrimSpace(e.Value)
	}
	return values, nil
}

// rule takes one value over into c. The error is a sentence about what is allowed.
type rule[C any] func(f *file, c *C, value string) error

// file is one file that is being read.
type file struct {
	name     string
	values   map[string]string
	key      string // the one whose rule runs
	warnings []Warning
}

func (f *file) warn(text string) {
	f.warnings = append(f.warnings, Warning{File: f.name, Key: f.key, Text: text})
}

func (f *file) has(key string) bool { _, ok := f.values[key]; return ok }

// read applies the rules to a file in the order of its keys' names. All wrong values are reported together, and the
// configuration then counts for nothing.
func read[C any](name string, content []byte, rules map[string]rule[C], c *C) (*file, error) {
	values, err := Effective(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := &file{name: name, values: values}
	var wrong []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		f.key = key
		apply, known := rules[key]
		if !known {
			f.warn("unknown, and ignored")
			continue
		}
		if err := apply(f, c, values[key]); err != nil {
			wrong = append(wrong, &ValueError{File: name, Key: key, Value: values[key], Allowed: err.Error()})
		}
	}
	return f, errors.Join(wrong...)
}

// wrong is an error about one key after all were read.
func (f *file) wrong(key, allowed string) error {
	return &ValueError{File: f.name, Key: key, Value: f.values[key], Allowed: allowed}
}

// ignored is for keys that mean nothing here. instead tells the user what does.
func ignored[C any](instead string) rule[C] {
	return func(f *file, _ *C, _ string) error {
		f.warn("ignored: " + instead)
		return nil
	}
}

// silent is for keys that every installation has and that cannot be chosen.
func silent[C any]() rule[C] {
	return func(*file, *C, string) error { return nil }
}

// always is for keys of which one value describes what is done in any case.
func always[C any](value, instead string) rule[C] {
	return func(f *file, _ *C, got string) error {
		if !strings.EqualFold(got, value) {
			f.warn("ignored: " + instead)
		}
		return nil
	}
}

// shipped is for keys that mean nothing here and that every installation has: with these values they ask for nothing.
func shipped[C any](instead string, values ...string) rule[C] {
	return func(f *file, _ *C, got string) error {
		if !slices.Contains(values, got) {
			f.warn("ignored: " + instead)
		}
		return nil
	}
}

// text is for keys that take any string.
func text[C any](set func(*C, string)) rule[C] {
	return func(_ *file, c *C, value string) error {
		set(c, value)
		return nil
	}
}

// flag is for true and false.
func flag[C any](set func(*C, bool)) rule[C] {
	return func(_ *file, c *C, value string) error {
		switch strings.ToLower(value) {
		case "true":
			set(c, true)
		case "false":
			set(c, false)
		default:
			return errors.New("true or false")
		}
		return nil
	}
}

// limits of a number: values outside of min and max are wrong, as they are for the Java client. Those outside of lowest
// and highest, which are for what this client cannot do, are moved there with a warning. 0: as min and max.
type limits struct{ min, max, lowest, highest int64 }

// number is for whole numbers. what names their unit for people.
func number[C any](what string, l limits, set func(*C, int64)) rule[C] {
	if l.max == 0 {
		l.max = math.MaxInt32
	}
	return func(f *file, c *C, value string) error {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < l.min || n > l.max {
			return fmt.Errorf("a whole number%s from %d to %d", what, l.min, l.max)
		}
		if l.lowest > n {
			f.warn(fmt.Sprintf("%d is used, the lowest that is supported", l.lowest))
			n = l.lowest
		}
		if l.highest > 0 && l.highest < n {
			f.warn(fmt.Sprintf("%d is used, the highest that is supported", l.highest))
			n = l.highest
		}
		set(c, n)
		return nil
	}
}

// millis is for durations in milliseconds.
func millis[C any](l limits, set func(*C, time.Duration)) rule[C] {
	return number(" of milliseconds", l, func(c *C, n int64) { set(c, time.Duration(n)*time.Millisecond) })
}

// choice is for one of several words.
func choice[C, V any](of map[string]V, set func(*C, V)) rule[C] {
	return func(_ *file, c *C, value string) error {
		v, ok := of[strings.ToLower(value)]
		if !ok {
			return errors.New("one of " + strings.Join(slices.Sorted(maps.Keys(of)), ", "))
		}
		set(c, v)
		return nil
	}
}
