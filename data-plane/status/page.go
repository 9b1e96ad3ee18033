package status

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page's files
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"time"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// page shows reports as HTML. The whole page and the part that its script replaces come from the same template, so what
// a browser without scripts shows is what one with them shows.
type page struct {
	template *template.Template
	policy   string // what the browser may load: this style, this script, and the report
	now      func() time.Time
}

// view is a report as the template wants it.
type view struct {
	Report
	Style   template.CSS
	Script  template.JS
	Objects int // brokers, channels, sinks, sources and triggers that have a route or a group
	Totals  totals
}

// totals are the sums of all routes and groups.
type totals struct {
	Accepted, Delivered, Lost uint64
	InFlight, Waiting         int
	Lag                       int64
}

func sum(r Report) totals {
	var t totals
	for _, route := range r.Routes {
		t.Accepted += route.Accepted
	}
	for _, g := range r.Groups {
		t.Delivered += g.Delivered
		t.Lost += g.Lost
		t.InFlight += g.InFlight
		t.Waiting += g.Waiting
		t.Lag += g.LagRecords
	}
	return t
}

// objects counts what people created and events enter or leave by.
func objects(r Report) int {
	type object struct{ kind, namespace, name string }
	seen := map[object]bool{}
	for _, route := range r.Routes {
		seen[object{route.Kind, route.Namespace, route.Name}] = true
	}
	for _, g := range r.Groups {
		seen[object{g.Kind, g.Namespace, g.Name}] = true
	}
	return len(seen)
}

func newPage(now func() time.Time) *page {
	p := &page{now: now}
	p.template = template.Must(template.New("page").Funcs(p.functions()).Parse(pageHTML))
	p.policy = "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
		"style-src '" + digest(pageCSS) + "'; script-src '" + digest(pageJS) + "'"
	return p
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// serve writes the page, or one template of it.
func (p *page) serve(w http.ResponseWriter, name string, r Report) {
	r.Routes, r.Groups = brokenFirst(r)
	var body bytes.Buffer
	v := view{
		Report: r, Objects: objects(r), Totals: sum(r),
		Style: template.CSS(pageCSS), Script: template.JS(pageJS), //nolint:gosec // our own files
	}
	if err := p.template.ExecuteTemplate(&body, name, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	_, _ = w.Write(body.Bytes()) // fails when the browser has left
}

// brokenFirst orders for reading: what needs somebody first, then by kind and name.
func brokenFirst(r Report) ([]Route, []Group) {
	routes, groups := slices.Clone(r.Routes), slices.Clone(r.Groups)
	slices.SortFunc(routes, func(a, b Route) int {
		return cmp.Or(compareBool(a.Problem == "", b.Problem == ""), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(compareBool(a.Problem == "", b.Problem == ""), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
	})
	return routes, groups
}

// compareBool puts false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// figureView is one number with its name.
type figureView struct {
	Label, Class string
	N            any
	Rate         string // key under which the script finds the earlier value, "" = no rate
}

type answers struct {
	Label string
	N     uint64
}

func (p *page) functions() template.FuncMap {
	return template.FuncMap{
		"ago":     func(t time.Time) string { return duration(p.now().Sub(t)) },
		"until":   func(t time.Time) string { return "in " + duration(t.Sub(p.now())) },
		"since":   p.since,
		"seconds": func(s float64) string { return duration(time.Duration(s * float64(time.Second))) },
		"short":   func(s string) string { return s[:min(len(s), 12)] },
		"count":   func(n any) string { return grouped(fmt.Sprint(n)) },
		"bytes":   byteSize,
		"refused": refused,
		"figure":  p.figure,
	}
}

// since says how long ago an error was, when that is known.
func (p *page) since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration(p.now().Sub(t)) + " ago: "
}

// figure shows a count. class says what a count above zero means: "warn", "alarm" or "" (nothing special).
func (p *page) figure(label string, n any, rateOf, class string) (template.HTML, error) {
	f := figureView{Label: label, N: n, Class: class}
	if fmt.Sprint(n) == "0" {
		f.Class = "zero"
	}
	if rateOf != "" {
		f.Rate = rateOf + " " + label
	}
	var out bytes.Buffer
	err := p.template.ExecuteTemplate(&out, "figure", f)
	return template.HTML(out.String()), err //nolint:gosec // escaped by the template that made it
}

// refused lists the answers that were not 202, by status code.
func refused(byCode map[string]uint64) []answers {
	var list []answers
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		list = append(list, answers{Label: "answered " + code, N: byCode[code]})
	}
	return list
}
