package server

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http2"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// configureHTTP2 prepares what all HTTP/2 connections share.
func (s *Server) configureHTTP2() error {
	s.h2 = &http2.Server{IdleTimeout: s.options.IdleTimeout, WriteByteTimeout: s.options.WriteTimeout}
	s.h2base = &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: s.options.HeaderTimeout,
		// What peers do wrong is nothing that whoever runs this could act on.
		ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
	if err := http2.ConfigureServer(s.h2base, s.h2); err != nil {
		return fmt.Errorf("configure HTTP/2: %w", err)
	}
	return nil
}

// serveHTTP2 serves a connection whose peer begins with the preface of HTTP/2, until it is closed.
func (s *Server) serveHTTP2(conn net.Conn) {
	s.h2.ServeConn(conn, &http2.ServeConnOpts{BaseConfig: s.h2base, Handler: s.h2base.Handler})
}

// serveHTTP handles one request of net/http in the same steps as a connection of HTTP/1 does.
func (s *Server) serveHTTP(w http.ResponseWriter, hr *http.Request) {
	if !s.beginRequest() {
		return
	}
	defer s.endRequest()
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			panic(http.ErrAbortHandler) // resets the stream; returning would mean 200
		}
	}()
	r := s.ingress.NewRequest()
	r.Received = time.Now()
	r.Method, r.Target, r.Host, r.ContentType = hr.Method, hr.RequestURI, hr.Host, hr.Header.Get("Content-Type")
	for name, values := range hr.Header {
		for _, value := range values {
			r.Headers = append(r.Headers, cloudevent.Header{Name: name, Value: value})
		}
	}
	a, ok := s.ingress.Admit(r)
	if ok {
		a, ok = s.readHTTPBody(r, w, hr)
	}
	if !ok {
		r.Discard()
		respond(w, a)
		return
	}
	answers := make(chan ingress.Answer, 1)
	s.ingress.Handle(r, func(a ingress.Answer) { answers <- a })
	limit := time.NewTimer(s.options.AnswerTimeout)
	defer limit.Stop()
	select {
	case a = <-answers:
	case <-limit.C:
		a = lateAnswer()
	case <-hr.Context().Done():
		return
	}
	respond(w, a)
}

func (s *Server) readHTTPBody(r *ingress.Request, w http.ResponseWriter, hr *http.Request) (ingress.Answer, bool) {
	if hr.ContentLength > int64(r.Limit) {
		return r.TooLarge(), false
	}
	if hr.ContentLength == 0 {
		return ingress.Answer{}, true
	}
	control := http.NewResponseController(w)
	var until time.Time
	body, err := s.receive(hr.Body, r.Body[:0], int(hr.ContentLength), r.Limit, func(received int) {
		if next := r.Received.Add(s.bodyTime(received)); next.Sub(until) >= time.Second {
			until = next
			control.SetReadDeadline(until) //nolint:errcheck // every server that calls this has deadlines
		}
	})
	r.Body = body
	if err != nil {
		return bodyError(r, err), false
	}
	return ingress.Answer{}, true
}

func respond(w http.ResponseWriter, a ingress.Answer) {
	if a.Status == 0 { // the client is gone
		return
	}
	for _, h := range a.Headers {
		w.Header().Set(h.Name, h.Value)
	}
	if a.Reason == "" {
		w.WriteHeader(a.Status)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(a.Status)
	fmt.Fprintln(w, a.Reason) //nolint:errcheck // nobody is left to be told
}
