// Package logging writes what the process logs, one JSON object a line (OBS-35), at the levels of a mounted configuration of
// logback, which installations have from the Java data plane (CFG-42).
//
// It owns the levels. It must not know who logs what: parts of the process are told apart by how their messages begin. A
// Handler may be used by any number of goroutines; its levels change at any time.
package logging

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"knative.dev/eventing-kafka-go/data-plane/filewatch"
)

// off is above every level.
const off slog.Level = math.MaxInt

// ours is how the names of loggers begin whose levels are those of this process itself.
const ours = "dev.knative"

// Levels say what is logged.
type Levels struct {
	// Root is the level of everything that Parts do not name.
	Root slog.Level
	// Parts are the levels of loggers by their names.
	Parts map[string]slog.Level
}

// configuration is what is read of logback's file.
type configuration struct {
	Root struct {
		Level string `xml:"level,attr"`
	} `xml:"root"`
	Loggers []struct {
		Name  string `xml:"name,attr"`
		Level string `xml:"level,attr"`
	} `xml:"logger"`
	Appenders []struct {
		Class string `xml:"class,attr"`
	} `xml:"appender"`
	Others []struct{ XMLName xml.Name } `xml:",any"`
}

// Parse reads logback's config.xml. Warnings name what has no effect. Without a level of the root, the given one holds.
func Parse(content []byte, root slog.Level) (Levels, []string, error) {
	var c configuration
	if err := xml.Unmarshal(content, &c); err != nil {
		return Levels{}, nil, fmt.Errorf("read logback configuration: %w", err)
	}
	l := Levels{Root: root, Parts: map[string]slog.Level{}}
	var wrong []error
	if c.Root.Level != "" {
		level, err := levelOf(c.Root.Level)
		l.Root, wrong = level, append(wrong, err)
	}
	for _, logger := range c.Loggers {
		if logger.Level == "" || strings.EqualFold(logger.Level, "inherited") {
			continue
		}
		level, err := levelOf(logger.Level)
		l.Parts[logger.Name], wrong = level, append(wrong, err)
	}
	if err := errors.Join(wrong...); err != nil {
		return Levels{}, nil, err
	}
	return l, c.warnings(), nil
}

// warnings are about what has no effect. What installations are shipped with is nothing to warn of.
func (c *configuration) warnings() []string {
	var all []string
	for _, a := range c.Appenders {
		if !slices.Contains([]string{"ch.qos.logback.core.ConsoleAppender", "ch.qos.logback.classic.AsyncAppender"}, a.Class) {
			all = append(all, fmt.Sprintf("appender %s: ignored, logs go to standard output as JSON", a.Class))
		}
	}
	for _, o := range c.Others {
		all = append(all, fmt.Sprintf("element %s: ignored, only the levels of root and loggers are used", o.XMLName.Local))
	}
	return all
}

// levelOf understands logback's names, and variables with a default.
func levelOf(text string) (slog.Level, error) {
	name := strings.TrimSpace(text)
	if variable, ok := strings.CutPrefix(name, "${"); ok {
		_, name, _ = strings.Cut(strings.TrimSuffix(variable, "}"), ":-")
	}
	switch strings.ToUpper(name) {
	case "TRACE", "ALL", "DEBUG":
		return slog.LevelDebug, nil
	case "INFO":
		return slog.LevelInfo, nil
	case "WARN":
		return slog.LevelWarn, nil
	case "ERROR":
		return slog.LevelError, nil
	case "OFF":
		return off, nil
	}
	return 0, fmt.Errorf("level %q is not allowed: one of TRACE, DEBUG, INFO, WARN, ERROR, OFF", text)
}

// of is the level of a part whose loggers' names begin with name: the one of the longest logger that contains it, else
// the most verbose one within it, else that of the root.
func (l Levels) of(name string) slog.Level {
	level, longest, within := l.Root, -1, false
	for part, at := range l.Parts {
		switch {
		case contains(part, name) && len(part) > longest:
			level, longest, within = at, len(part), false
		case longest < 0 && contains(name, part) && (!within || at < level):
			level, within = at, true
		}
	}
	return level
}

// contains tells whether a logger's name is that of another, or of a package around it.
func contains(outer, inner string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (rest == "" || rest[0] == '.')
}

// inForce are the levels of a Handler.
type inForce struct {
	own   slog.Level
	parts []part
	least slog.Level
}

type part struct {
	prefix string // of its messages
	level  slog.Level
}

// Handler writes JSON at levels that can change.
type Handler struct {
	slog.Handler
	names  map[string]string // of loggers, to the prefix of their messages
	levels *atomic.Pointer[inForce]
}

// New returns a Handler. names are the parts of the process that have a level of their own: the name of a logger in the
// configuration, and how the part's messages begin.
func New(out io.Writer, root slog.Level, names map[string]string) *Handler {
	h := &Handler{names: names, levels: new(atomic.Pointer[inForce])}
	h.Handler = slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})
	h.Set(Levels{Root: root})
	return h
}

// Set changes the levels.
func (h *Handler) Set(l Levels) {
	next := &inForce{own: l.of(ours)}
	next.least = next.own
	for name, prefix := range h.names {
		p := part{prefix, l.of(name)}
		next.parts, next.least = append(next.parts, p), min(next.least, p.level)
	}
	h.levels.Store(next)
}

// Enabled tells whether any part logs at a level.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.levels.Load().least
}

// Handle writes a line, unless the part that it comes from does not log at its level.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	now := h.levels.Load()
	level := now.own
	for _, p := range now.parts {
		if strings.HasPrefix(r.Message, p.prefix) {
			level = p.level
			break
		}
	}
	if r.Level < level {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs returns a Handler with the same levels.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.Handler.WithAttrs(attrs), h.names, h.levels}
}

// WithGroup returns a Handler with the same levels.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.Handler.WithGroup(name), h.names, h.levels}
}

// Watch uses the levels of a mounted file, also when they change, until ctx ends. While the file cannot be used, the levels
// before stay; a file that is missing leaves those that the Handler has.
func (h *Handler) Watch(ctx context.Context, path string, root slog.Level) error {
	log := slog.New(h)
	o := filewatch.Options{MaxBytes: 1 << 20, Log: log, OnError: func(error) {}} // installations may do without
	return filewatch.Watch(ctx, path, o, func(content []byte) {
		levels, warnings, err := Parse(content, root)
		if err != nil {
			log.Error("Levels of logs not used, those before stay in force", "file", path, "error", err)
			return
		}
		for _, w := range warnings {
			log.Warn("Setting without the effect that it asks for", "file", path, "reason", w)
		}
		h.Set(levels)
	})
}
