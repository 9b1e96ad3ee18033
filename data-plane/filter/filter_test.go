package filter

import (
	"strings"
	"sync"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/proto/contract"
)

type m = map[string]string

func exact(a m) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Exact{Exact: &contract.Exact{Attributes: a}}}
}

func prefix(a m) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Prefix{Prefix: &contract.Prefix{Attributes: a}}}
}

func suffix(a m) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Suffix{Suffix: &contract.Suffix{Attributes: a}}}
}

func allOf(f ...*contract.DialectedFilter) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_All{All: &contract.All{Filters: f}}}
}

func oneOf(f ...*contract.DialectedFilter) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Any{Any: &contract.Any{Filters: f}}}
}

func not(f *contract.DialectedFilter) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Not{Not: &contract.Not{Filter: f}}}
}

func sql(expression string) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Cesql{Cesql: &contract.CESQL{Expression: expression}}}
}

func empty() *contract.DialectedFilter { return &contract.DialectedFilter{} }

// sample is an event after mutation: the extensions that egress sets are on it (EG-11, EG-12).
func sample() *cloudevent.Event {
	e := &cloudevent.Event{
		SpecVersion: "1.0", ID: "id-1", Source: "/orders/eu", Type: "com.example.order.created", Subject: "order/4711",
		Time: "2026-01-02T04:04:05.6+01:00", DataContentType: "application/json", DataSchema: "https://schema.example/order",
	}
	e.SetExtension("tenant", "blue", cloudevent.KindString)
	e.SetExtension("priority", "7", cloudevent.KindString)
	e.SetExtension("urgent", "true", cloudevent.KindBoolean)
	e.SetExtension("knativekafkapartition", "3", cloudevent.KindInteger)
	e.SetExtension("knativekafkaoffset", "9000000000", cloudevent.KindInteger)
	return e
}

// bare has only what is required.
func bare() *cloudevent.Event {
	return &cloudevent.Event{SpecVersion: "1.0", ID: "id-1", Source: "/orders/eu", Type: "com.example.order.created"}
}

func mustCompile(t testing.TB, f *contract.Filter, dialected ...*contract.DialectedFilter) Match {
	t.Helper()
	match, err := Compile(f, dialected)
	if err != nil {
		t.Fatal(err)
	}
	return match
}

func TestDialects(t *testing.T) {
	for name, c := range map[string]struct {
		filter     *contract.DialectedFilter
		full, bare bool // whether sample and bare pass
	}{
		"exact type (EG-02)":                                 {exact(m{"type": "com.example.order.created"}), true, true},
		"exact another type (EG-02)":                         {exact(m{"type": "com.example.order"}), false, false},
		"exact is case-sensitive (EG-02)":                    {exact(m{"type": "COM.example.order.created"}), false, false},
		"exact specversion (EG-04)":                          {exact(m{"specversion": "1.0"}), true, true},
		"exact id (EG-04)":                                   {exact(m{"id": "id-1"}), true, true},
		"exact source (EG-04)":                               {exact(m{"source": "/orders/eu"}), true, true},
		"exact subject (EG-04)":                              {exact(m{"subject": "order/4711"}), true, false},
		"exact datacontenttype (EG-04)":                      {exact(m{"datacontenttype": "application/json"}), true, false},
		"exact dataschema (EG-04)":                           {exact(m{"dataschema": "https://schema.example/order"}), true, false},
		"exact schemaurl is dataschema (EG-04)":              {exact(m{"schemaurl": "https://schema.example/order"}), true, false},
		"exact time is an instant in UTC (EG-04)":            {exact(m{"time": "2026-01-02T03:04:05.600Z"}), true, false},
		"exact time as it was sent does not match (EG-04)":   {exact(m{"time": "2026-01-02T04:04:05.6+01:00"}), false, false},
		"exact extension (EG-04)":                            {exact(m{"tenant": "blue"}), true, false},
		"exact integer extension by its text (EG-04, EG-12)": {exact(m{"knativekafkapartition": "3", "knativekafkaoffset": "9000000000"}), true, false},
		"exact boolean extension by its text (EG-04)":        {exact(m{"urgent": "true"}), true, false},
		"exact of an absent attribute (EG-04)":               {exact(m{"nothing": "x"}), false, false},
		"exact of two attributes, both right (EG-06)":        {exact(m{"tenant": "blue", "subject": "order/4711"}), true, false},
		"exact of two attributes, one wrong (EG-06)":         {exact(m{"tenant": "blue", "subject": "x"}), false, false},
		"exact, an empty value means any (EG-03)":            {exact(m{"nothing": ""}), true, true},
		"exact, an empty value beside another (EG-03)":       {exact(m{"nothing": "", "tenant": "blue"}), true, false},
		"exact of nothing (EG-06)":                           {exact(nil), true, true},
		"prefix (EG-02)":                                     {prefix(m{"type": "com.example."}), true, true},
		"prefix that is the whole value (EG-02)":             {prefix(m{"id": "id-1"}), true, true},
		"prefix longer than the value (EG-02)":               {prefix(m{"id": "id-12"}), false, false},
		"prefix of an absent subject does not match (EG-05)": {prefix(m{"subject": "order/"}), true, false},
		"prefix of an absent datacontenttype (EG-05)":        {prefix(m{"datacontenttype": "application/"}), true, false},
		"prefix, several are and (EG-06)":                    {prefix(m{"type": "com.", "tenant": "r"}), false, false},
		"prefix, an empty value means any (EG-03)":           {prefix(m{"subject": ""}), true, true},
		"suffix (EG-02)":                                     {suffix(m{"type": ".created"}), true, true},
		"suffix that is a prefix (EG-02)":                    {suffix(m{"type": "com."}), false, false},
		"suffix of an absent subject does not match (EG-05)": {suffix(m{"subject": "4711"}), true, false},
		"suffix, an empty value means any (EG-03)":           {suffix(m{"tenant": ""}), true, true},
		"all (EG-02)":                                            {allOf(exact(m{"tenant": "blue"}), suffix(m{"type": ".created"})), true, false},
		"all, one does not pass (EG-02)":                         {allOf(exact(m{"tenant": "red"}), suffix(m{"type": ".created"})), false, false},
		"all of one (EG-02)":                                     {allOf(exact(m{"tenant": "blue"})), true, false},
		"all of none (EG-06)":                                    {allOf(), true, true},
		"any (EG-02)":                                            {oneOf(exact(m{"tenant": "red"}), exact(m{"id": "id-1"})), true, true},
		"any, the last passes (EG-02)":                           {oneOf(exact(m{"tenant": "red"}), exact(m{"tenant": "green"}), exact(m{"tenant": "blue"})), true, false},
		"any, none passes (EG-02)":                               {oneOf(exact(m{"tenant": "red"}), exact(m{"tenant": "green"})), false, false},
		"any of none passes nothing (EG-02)":                     {oneOf(), false, false},
		"not (EG-02)":                                            {not(exact(m{"tenant": "blue"})), false, true},
		"not of a prefix of what is absent (EG-05)":              {not(prefix(m{"subject": "order/"})), false, true},
		"not not (EG-02)":                                        {not(not(exact(m{"tenant": "blue"}))), true, false},
		"not of what passes everything (EG-06)":                  {not(empty()), false, false},
		"nested (EG-02)":                                         {allOf(oneOf(not(exact(m{"tenant": "blue"})), prefix(m{"source": "/orders"})), not(suffix(m{"id": "2"}))), true, true},
		"a filter that says nothing passes (EG-06)":              {empty(), true, true},
		"no filter passes (EG-06)":                               {nil, true, true},
		"cesql (EG-02)":                                          {sql("type = 'com.example.order.created'"), true, true},
		"cesql, false (EG-02)":                                   {sql("type = 'x'"), false, false},
		"cesql, an absent attribute is an error (EG-07)":         {sql("tenant = 'blue'"), true, false},
		"cesql, not of an error is an error too (EG-07)":         {sql("NOT (tenant = 'blue')"), false, false},
		"cesql EXISTS (EG-02)":                                   {sql("EXISTS subject"), true, false},
		"cesql EXISTS of an extension (EG-02)":                   {sql("EXISTS tenant AND NOT EXISTS nothing"), true, false},
		"cesql LIKE (EG-02)":                                     {sql("type LIKE 'com.%.cr_ated'"), true, true},
		"cesql IN (EG-02)":                                       {sql("source IN ('/a', '/orders/eu')"), true, true},
		"cesql functions (EG-02)":                                {sql("UPPER(LEFT(type, 3)) = 'COM' AND LENGTH(id) = 4"), true, true},
		"cesql compares integer extensions as integers (EG-12)":  {sql("knativekafkapartition < 10 AND knativekafkapartition + 1 = 4"), true, false},
		"cesql casts a string to an integer":                     {sql("priority > 6"), true, false},
		"cesql, a string that is no number is an error (EG-07)":  {sql("id > 6"), false, false},
		"cesql, an offset beyond 32 bits is a string (EG-12)":    {sql("knativekafkaoffset = '9000000000'"), true, false},
		"cesql, a boolean extension":                             {sql("urgent"), true, false},
		"cesql, the result is cast: an integer (EG-07)":          {sql("knativekafkapartition"), true, false},
		"cesql, the result is cast: zero is false (EG-07)":       {sql("1 - 1"), false, false},
		"cesql, the result is cast: a string (EG-07)":            {sql("'TRUE'"), true, true},
		"cesql, a result that is no boolean is an error (EG-07)": {sql("type"), false, false},
		"cesql, division by zero is an error (EG-07)":            {sql("1 / 0 = 1"), false, false},
		"cesql, an unknown function is an error (EG-07)":         {sql("NOTHING(1)"), false, false},
		"cesql, a negative length is an error (EG-07)":           {sql("SUBSTRING(type, 3, -2) = ''"), false, false},
		"cesql sees the time":                                    {sql("time LIKE '2026-01-02T04:04:05.6%'"), true, false},
		"cesql sees datacontenttype and dataschema":              {sql("datacontenttype = 'application/json' AND dataschema LIKE '%/order'"), true, false},
		"cesql sees specversion":                                 {sql("specversion = '1.0'"), true, true},
		"cesql of nothing says nothing (EG-06)":                  {sql(""), true, true},
		"cesql beside others (EG-06)":                            {allOf(exact(m{"tenant": "blue"}), sql("priority = 7")), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			match := mustCompile(t, nil, c.filter)
			if got := match(sample()); got != c.full {
				t.Errorf("the full event: %v, want %v", got, c.full)
			}
			if got := match(bare()); got != c.bare {
				t.Errorf("the bare event: %v, want %v", got, c.bare)
			}
		})
	}
}

func TestWhichFilterCounts(t *testing.T) { // EG-01
	for name, c := range map[string]struct {
		filter    *contract.Filter
		dialected []*contract.DialectedFilter
		want      bool
	}{
		"nothing at all passes everything":                 {nil, nil, true},
		"an empty filter passes everything":                {&contract.Filter{}, nil, true},
		"attributes are compared exactly":                  {&contract.Filter{Attributes: m{"tenant": "blue"}}, nil, true},
		"attributes that differ":                           {&contract.Filter{Attributes: m{"tenant": "bl"}}, nil, false},
		"attributes with an empty value mean any (EG-03)":  {&contract.Filter{Attributes: m{"nothing": "", "type": ""}}, nil, true},
		"all dialected filters must pass":                  {nil, []*contract.DialectedFilter{exact(m{"tenant": "blue"}), prefix(m{"type": "org."})}, false},
		"dialected filters hide attributes that differ":    {&contract.Filter{Attributes: m{"tenant": "red"}}, []*contract.DialectedFilter{exact(m{"tenant": "blue"})}, true},
		"dialected filters hide attributes that are equal": {&contract.Filter{Attributes: m{"tenant": "blue"}}, []*contract.DialectedFilter{exact(m{"tenant": "red"})}, false},
		"an empty dialected filter hides them too (EG-06)": {&contract.Filter{Attributes: m{"tenant": "red"}}, []*contract.DialectedFilter{empty()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mustCompile(t, c.filter, c.dialected...)(sample()); got != c.want {
				t.Errorf("passes: %v, want %v", got, c.want)
			}
		})
	}
}

func TestCompileSaysWhatItCannotUnderstand(t *testing.T) { // EG-08
	for name, c := range map[string]struct {
		filter *contract.DialectedFilter
		says   string
	}{
		"a broken expression":           {sql("type ="), `filter 1: parse CloudEvents SQL expression "type ="`},
		"an expression that is none":    {sql("((("), `"((("`},
		"a LIKE without a pattern":      {sql("type LIKE source"), "LIKE"},
		"an integer that is too large":  {sql("99999999999 = 1"), "99999999999"},
		"a broken expression in an all": {allOf(empty(), sql("AND")), "filter 1: all: filter 1: parse"},
		"a broken expression in an any": {oneOf(sql("AND")), "filter 1: any: filter 0: parse"},
		"a broken expression in a not":  {not(sql("AND")), "filter 1: not: parse"},
	} {
		t.Run(name, func(t *testing.T) {
			match, err := Compile(nil, []*contract.DialectedFilter{empty(), c.filter})
			if err == nil || match != nil {
				t.Fatal("compiled")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("error does not say %q: %v", c.says, err)
			}
		})
	}
}

// One Trigger must not cost the others minutes, nor make a message that fills a status.
func TestExpressionsAreBounded(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("(", n) + "TRUE" + strings.Repeat(")", n) }
	for name, c := range map[string]struct {
		expression string
		ok         bool
	}{
		"brackets inside each other":           {nested(maxNesting), true},
		"too many of them":                     {nested(maxNesting + 1), false},
		"too many that are never closed":       {strings.Repeat("(", 50_000), false},
		"brackets side by side":                {strings.Repeat("(TRUE) AND ", 1000) + "TRUE", true},
		"brackets in a string do not count":    {"'" + strings.Repeat("(", 1000) + `\'(' <> "'((("`, true},
		"a long list":                          {"type IN (" + strings.Repeat("'com.example.order.deleted', ", 1000) + "'com.example.order.created')", true},
		"an expression that is too long":       {"type IN (" + strings.Repeat("'com.example.order.deleted', ", 3000) + "type)", false},
		"broken at the end of something long":  {strings.Repeat("TRUE AND ", 5000), false},
		"an unbalanced end of something short": {"TRUE)", false},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			match, err := (compiler{}).expression(c.expression)
			if (err == nil) != c.ok {
				t.Fatalf("error is %v", err)
			}
			if c.ok && !match(bare()) {
				t.Error("does not pass")
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestFiltersLeaveTheEventAlone(t *testing.T) {
	e := sample()
	before := e.Clone()
	mustCompile(t, nil, sql("EXISTS time AND tenant = 'blue'"), exact(m{"time": "x"}))(e)
	if e.Time != before.Time || len(e.Extensions) != len(before.Extensions) {
		t.Errorf("event is now %+v", e)
	}
}

// Run with the race detector: egresses share nothing but compiled filters, and lanes call them at the same time.
func TestMatchAndCompileConcurrently(t *testing.T) {
	shared := mustCompile(t, nil, oneOf(exact(m{"time": "x"}), sql("priority > 6 AND type LIKE '%created'")))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				own, err := Compile(nil, []*contract.DialectedFilter{sql("tenant IN ('blue', 'red') AND NOT (knativekafkapartition = 4)")})
				if err != nil {
					t.Error(err)
					return
				}
				if !shared(sample()) || !own(sample()) || shared(bare()) {
					t.Error("wrong answer")
				}
			}
		})
	}
	wg.Wait()
}
