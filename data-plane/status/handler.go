package status

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/pprof" // it also registers on the default mux, which nobody here serves
	"strings"
	"time"
)

// Handler serves the status address: / (a page), /status (the report as JSON), /entries (what
// runs under each uid, for controllers), /eventtypes (which types of events were seen, for controllers), /metrics, /healthz, /readyz and
// /debug/pprof/. report is called for every request and must be safe for concurrent use.
//
// /healthz answers 503 with Report.NotAliveReason, 200 if there is none; /readyz answers 503 and the reason until Report.Ready.
// Either answer names settings that could not be used.
func Handler(report func() Report, metrics http.Handler) http.Handler {
	h := &handler{report: report, page: newPage(time.Now)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { h.page.serve(w, "page", h.read()) })
	mux.HandleFunc("GET /status", h.status)
	mux.HandleFunc("GET /entries", h.entries)
	mux.HandleFunc("GET /eventtypes", h.eventTypes)
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol) // so asks go tool pprof
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return unstored(mux)
}

type handler struct {
	report func() Report
	page   *page
}

func (h *handler) read() Report {
	r := h.report()
	r.Now = h.page.now()
	return r
}

// status writes the report as JSON or, for the script of the page, as the part of the page that changes.
func (h *handler) status(w http.ResponseWriter, req *http.Request) {
	r := h.read()
	if req.URL.Query().Get("view") == "page" {
		h.page.serve(w, "report", r)
		return
	}
	r.Roles = append([]string{}, r.Roles...) // lists, never null
	r.Routes = append([]Route{}, r.Routes...)
	r.Groups = append([]Group{}, r.Groups...)
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // fails when the client has left
}

func (h *handler) ready(w http.ResponseWriter, _ *http.Request) {
	r := h.read()
	refused := refusedSettings(r.Settings)
	if r.Ready {
		_, _ = io.WriteString(w, "ready\n"+refused)
		return
	}
	http.Error(w, "not ready: "+r.NotReadyReason+"\n"+refused, http.StatusServiceUnavailable)
}

// refusedSettings names the files whose latest content is not in force, each on a line (CFG-72).
func refusedSettings(settings []Setting) string {
	var lines strings.Builder
	for _, s := range settings {
		if s.LastError != "" && s.LastErrorAt.After(s.LoadedAt) {
			lines.WriteString("settings not used: " + s.LastError + "\n")
		}
	}
	return lines.String()
}

func (h *handler) alive(w http.ResponseWriter, _ *http.Request) {
	if r := h.read(); r.NotAliveReason != "" {
		http.Error(w, "not alive: "+r.NotAliveReason, http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// unstored keeps every answer out of caches and tells browsers to take it for what it says it is.
func unstored(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, req)
	})
}
