package server

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http2"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/data-plane/ingress"
)

// serveHTTP2 serves a connection whose peer begins with the preface of HTTP/2, until it is closed. first is a request that
// came by HTTP/1.1 and is answered here, if there is one.
func (s *Server) serveHTTP2(conn net.Conn, o *settings, first *upgrade) {
	options := &http2.ServeConnOpts{BaseConfig: o.h2base, Handler: o.h2base.Handler}
	if first != nil {
		options.UpgradeRequest, options.Settings = first.request, first.settings
	}
	o.h2.ServeConn(conn, options)
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
	limit := time.NewTimer(s.settings.Load().AnswerTimeout)
	defer limit.Stop()
	select {
	case a = <-answers:
	case <-limit.C:
		a = lateAnswer()
	case <-s.giveUp:
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
		return s.bodyError(r, err), false
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
