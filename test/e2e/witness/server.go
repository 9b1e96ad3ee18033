package witness

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
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
//	GET  /count/NAME        how often each event was answered 2xx, by its id (map[string]int)
func Handler() http.Handler {
	r, s := newReceiver(), newSender()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /to/{name}", r.receive)
	mux.HandleFunc("POST /to/{name}/{rest...}", r.receive)
	mux.HandleFunc("PUT /plan/{name}", r.setPlan)
	mux.HandleFunc("GET /seen/{name}", r.seen)
	mux.HandleFunc("GET /count/{name}", r.count)
	mux.HandleFunc("POST /send", s.order)
	mux.HandleFunc("PUT /load/{name}", s.begin)
	mux.HandleFunc("GET /load/{name}", s.ledger)
	mux.HandleFunc("DELETE /load/{name}", s.end)
	mux.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	return mux
}

// secure serves HTTPS with the identity that it was told last; until then every handshake fails.
type secure struct {
	pair atomic.Pointer[tls.Certificate]
}

func (s *secure) identify(w http.ResponseWriter, q *http.Request) {
	var i Identity
	err := json.NewDecoder(q.Body).Decode(&i)
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.X509KeyPair([]byte(i.Certificate), []byte(i.Key)); err == nil {
			s.pair.Store(&pair)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
}

func (s *secure) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if pair := s.pair.Load(); pair != nil {
			return pair, nil
		}
		return nil, errors.New("nobody has said what to identify with")
	}}
}

// Serve runs a witness until the context ends: HTTP at one address and HTTPS at the other, where PUT /identity says with what.
func Serve(ctx context.Context, address, secureAddress string) error {
	var s secure
	plain := http.NewServeMux()
	plain.Handle("/", Handler())
	plain.HandleFunc("PUT /identity", s.identify)
	servers := []*http.Server{
		{Addr: address, Handler: plain, ReadHeaderTimeout: time.Minute},
		{Addr: secureAddress, Handler: plain, ReadHeaderTimeout: time.Minute, TLSConfig: s.config()},
	}
	ended := make(chan error, len(servers))
	go func() { ended <- servers[0].ListenAndServe() }()
	go func() { ended <- servers[1].ListenAndServeTLS("", "") }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	for _, server := range servers {
		_ = server.Close()
	}
	return err
}
