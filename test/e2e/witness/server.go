package witness

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Handler serves what a witness does:
//
//	POST /to/NAME/…         an event for a name
//	PUT  /plan/NAME         how it answers (Plan)
//	GET  /seen/NAME         what it received ([]Delivery)
//	POST /send              send events and wait for the answers (Order, []Answer)
//	PUT  /load/NAME         begin to send (Load)
//	GET  /load/NAME         how far that is (Ledger)
//	DELETE /load/NAME       end it (Ledger)
func Handler() http.Handler {
	r, s := newReceiver(), newSender()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /to/{name}", r.receive)
	mux.HandleFunc("POST /to/{name}/{rest...}", r.receive)
	mux.HandleFunc("PUT /plan/{name}", r.setPlan)
	mux.HandleFunc("GET /seen/{name}", r.seen)
	mux.HandleFunc("POST /send", s.order)
	mux.HandleFunc("PUT /load/{name}", s.begin)
	mux.HandleFunc("GET /load/{name}", s.ledger)
	mux.HandleFunc("DELETE /load/{name}", s.end)
	mux.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	return mux
}

// Serve runs a witness until the context ends.
func Serve(ctx context.Context, address string) error {
	server := &http.Server{Addr: address, Handler: Handler(), ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
