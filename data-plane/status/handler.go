package status

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
)

// Handler serves the status address: / (a page), /status (the report as JSON), /metrics, /healthz, /readyz and
// /debug/pprof/. report is called for every request and must be safe for concurrent use.
//
// /healthz answers 200 as long as the process answers at all; /readyz answers 503 and the reason until Report.Ready.
func Handler(report func() Report, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(report())
	})
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	return mux
}
