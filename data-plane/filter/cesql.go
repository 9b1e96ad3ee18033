package filter

import (
	"fmt"
	"iter"
	"strconv"
	"time"

	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/cloudevents/sdk-go/sql/v2/parser"
	"github.com/cloudevents/sdk-go/sql/v2/utils"
	"github.com/cloudevents/sdk-go/v2/event"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/excerpt"
)

// expression parses a CloudEvents SQL expression. The result of an evaluation is cast to a boolean; an error while
// evaluating, such as a missing attribute or a string that is no number, means that the event does not pass (EG-07). An
// empty expression says nothing, as other empty filters do.
func (c compiler) expression(expression string) (Match, error) {
	if expression == "" {
		return pass, nil
	}
	parsed, err := parse(expression)
	if err != nil {
		return nil, fmt.Errorf("parse CloudEvents SQL expression %q: %w", excerpt.Of(expression, maxQuoted), err)
	}
	base := &event.EventContextV1{}
	return func(e *cloudevent.Event) bool {
		return evaluate(parsed, event.Event{Context: &view{EventContext: base, event: e, keys: c.keys}})
	}, nil
}

// Limits of an expression. The parser takes minutes to refuse tens of thousands of brackets, which one Trigger must not cost
// all others.
const (
	maxExpression = 64 << 10 // bytes
	maxNesting    = 100      // brackets inside brackets
	maxQuoted     = 200      // bytes, in messages
)

// parse is the library's parser, which panics on some expressions that it cannot parse.
func parse(expression string) (parsed cesql.Expression, err error) {
	if len(expression) > maxExpression {
		return nil, fmt.Errorf("longer than %d bytes", maxExpression)
	}
	if nesting(expression) > maxNesting {
		return nil, fmt.Errorf("more than %d brackets inside each other", maxNesting)
	}
	if err := defineFunctions(); err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not understood: %v", r)
		}
	}()
	return parser.Parse(expression)
}

// nesting returns how many brackets are open at once outside of string literals.
func nesting(expression string) int {
	most, open := 0, 0
	for _, c := range unquotedBytes(expression) {
		switch c {
		case '(':
			open++
			most = max(most, open)
		case ')':
			open--
		}
	}
	return most
}

// unquotedBytes are the bytes of an expression outside of string literals, with their places; an opening quote is one of them.
func unquotedBytes(expression string) iter.Seq2[int, byte] {
	return func(yield func(int, byte) bool) {
		var quote byte
		for i := 0; i < len(expression); i++ {
			switch c := expression[i]; {
			case c == '\\' && quote != 0:
				i++
			case quote != 0:
				if c == quote {
					quote = 0
				}
			default:
				if c == '\'' || c == '"' {
					quote = c
				}
				if !yield(i, c) {
					return
				}
			}
		}
	}
}

// evaluate is the library's evaluation, which panics for some arguments of functions, e.g. SUBSTRING with a negative
// length: an evaluation error like others.
func evaluate(parsed cesql.Expression, e event.Event) (matches bool) {
	defer func() {
		if recover() != nil {
			matches = false
		}
	}()
	result, err := parsed.Evaluate(e)
	if err != nil {
		return false
	}
	cast, err := utils.Cast(result, cesql.BooleanType)
	if err != nil {
		return false
	}
	matches, _ = cast.(bool)
	return matches
}

// view lets the library read an event where it is: attributes when asked for, extensions as a map made on first use. The
// embedded context is empty and serves only to complete the interface.
type view struct {
	event.EventContext
	event      *cloudevent.Event
	keys       Keys
	extensions map[string]any
}

func (v *view) GetSpecVersion() string     { return v.event.SpecVersion }
func (v *view) GetID() string              { return v.event.ID }
func (v *view) GetSource() string          { return v.event.Source }
func (v *view) GetType() string            { return v.event.Type }
func (v *view) GetSubject() string         { return v.event.Subject }
func (v *view) GetDataContentType() string { return v.event.DataContentType }
func (v *view) GetDataSchema() string      { return v.event.DataSchema }

// GetTime returns the zero time, which means absent, when there is none.
func (v *view) GetTime() time.Time {
	t, err := time.Parse(time.RFC3339Nano, v.event.Time)
	if err != nil {
		return time.Time{}
	}
	return t
}

// GetExtensions returns integers and booleans as such; integers beyond the 32 bits of CloudEvents SQL and everything else
// are text.
func (v *view) GetExtensions() map[string]any {
	if v.extensions != nil || len(v.event.Extensions) == 0 {
		return v.extensions
	}
	v.extensions = make(map[string]any, len(v.event.Extensions))
	for i := range v.event.Extensions {
		x := &v.event.Extensions[i]
		v.extensions[x.Name] = typed(x)
	}
	return v.extensions
}

func typed(x *cloudevent.Extension) any {
	switch x.Kind {
	case cloudevent.KindInteger:
		if n, err := strconv.ParseInt(x.Value, 10, 32); err == nil {
			return int32(n)
		}
	case cloudevent.KindBoolean:
		return x.Value == "true"
	}
	return x.Value
}
