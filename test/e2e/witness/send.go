package witness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	defaultSource = "/e2e/witness"
	contentType   = "Content-Type"
	// timeout of one request. Longer than any outage that a test makes, so that one that hangs shows.
	timeout = 90 * time.Second
)

// sender sends what it is told to, and keeps the ledgers of loads.
type sender struct {
	mu      sync.Mutex
	clients map[string]*http.Client // by the authorities that they trust
	loads   map[string]*load
}

type load struct {
	end    context.CancelFunc
	done   sync.WaitGroup
	ledger Ledger // guarded by the lock of the sender
}

func newSender() *sender {
	return &sender{clients: map[string]*http.Client{}, loads: map[string]*load{}}
}

// client returns the client for those who trust these authorities.
func (s *sender) client(ca string) *http.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[ca] == nil {
		transport := &http.Transport{MaxIdleConnsPerHost: 64}
		if ca != "" {
			transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
			transport.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(ca)) // without any, every handshake says so
		}
		s.clients[ca] = &http.Client{Timeout: timeout, Transport: transport}
	}
	return s.clients[ca]
}

// binary are the headers of an event in binary mode.
func binary(e Event) map[string]string {
	headers := map[string]string{"ce-specversion": "1.0", "ce-id": e.ID, "ce-type": e.Type, "ce-source": e.Source}
	if e.Source == "" {
		headers["ce-source"] = defaultSource
	}
	for key, value := range e.Extensions {
		headers["ce-"+key] = value
	}
	if e.Data != "" {
		headers[contentType] = "text/plain"
		if json.Valid([]byte(e.Data)) {
			headers[contentType] = "application/json"
		}
	}
	return headers
}

// structured is an event as one JSON object.
func structured(e Event) ([]byte, error) {
	object := map[string]any{"specversion": "1.0", "id": e.ID, "type": e.Type, "source": e.Source}
	if e.Source == "" {
		object["source"] = defaultSource
	}
	for key, value := range e.Extensions {
		object[key] = value
	}
	switch {
	case json.Valid([]byte(e.Data)):
		object["data"], object["datacontenttype"] = json.RawMessage(e.Data), "application/json"
	case e.Data != "":
		object["data"], object["datacontenttype"] = e.Data, "text/plain"
	}
	return json.Marshal(object)
}

func request(ctx context.Context, url string, e Event, whole bool) (*http.Request, error) {
	body := []byte(e.Data)
	if whole {
		var err error
		if body, err = structured(e); err != nil {
			return nil, err
		}
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if whole {
		q.Header.Set(contentType, "application/cloudevents+json")
		return q, nil
	}
	for key, value := range binary(e) {
		q.Header.Set(key, value)
	}
	return q, nil
}

func (s *sender) send(ctx context.Context, url string, e Event, whole bool, with Credentials) (a Answer) {
	a.ID = e.ID
	q, err := request(ctx, url, e, whole)
	if err != nil {
		a.Reason = err.Error()
		return a
	}
	if with.Token != "" {
		q.Header.Set("Authorization", "Bearer "+with.Token)
	}
	began := time.Now()
	response, err := s.client(with.CA).Do(q)
	a.Took = time.Since(began)
	if err != nil {
		a.Reason = err.Error()
		return a
	}
	defer response.Body.Close()
	reason, _ := io.ReadAll(response.Body) // what it was answered counts, also where the text is cut off
	a.Code, a.Reason = response.StatusCode, strings.TrimSpace(string(reason))
	return a
}

func (s *sender) order(w http.ResponseWriter, q *http.Request) {
	var order Order
	if err := json.NewDecoder(q.Body).Decode(&order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answers := []Answer{}
	for _, e := range order.Events {
		answers = append(answers, s.send(q.Context(), order.URL, e, order.Structured, order.Credentials))
	}
	respond(w, answers)
}

// begin starts a load, which outlives the request that asks for it.
func (s *sender) begin(w http.ResponseWriter, q *http.Request) {
	var what Load
	if err := json.NewDecoder(q.Body).Decode(&what); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := q.PathValue("name")
	if s.loads[name] != nil {
		http.Error(w, "there is a load of that name", http.StatusConflict)
		return
	}
	ctx, end := context.WithCancel(context.WithoutCancel(q.Context()))
	l := &load{end: end, ledger: Ledger{Accepted: make([]int, what.Senders), Refused: map[string]int{}}}
	s.loads[name] = l
	for i := range what.Senders {
		l.done.Go(func() { s.run(ctx, l, what, name, i) })
	}
}

// run is one sender of a load. What was not accepted is sent again under the same id, as an application does.
func (s *sender) run(ctx context.Context, l *load, what Load, name string, i int) {
	key := name + "-" + strconv.Itoa(i)
	ticker := time.NewTicker(what.Interval)
	defer ticker.Stop()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		e := Event{ID: fmt.Sprintf("%s-%d", key, n), Type: "load", Extensions: map[string]string{"partitionkey": key}, Data: key}
		// What was begun is waited for: otherwise nobody knows whether it was accepted.
		answer := s.send(context.WithoutCancel(ctx), what.URL, e, false, what.Credentials)
		if s.note(l, i, answer) {
			n++
		}
	}
}

func (s *sender) note(l *load, i int, a Answer) (accepted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.ledger.Longest = max(l.ledger.Longest, a.Took)
	if a.Code == http.StatusAccepted {
		l.ledger.Accepted[i]++
		return true
	}
	l.ledger.Refused[fmt.Sprintf("%d %s", a.Code, a.Reason)]++
	return false
}

// end stops a load and answers with its ledger.
func (s *sender) end(w http.ResponseWriter, q *http.Request) { s.answer(w, q, true) }

// ledger answers with the ledger of a load that goes on.
func (s *sender) ledger(w http.ResponseWriter, q *http.Request) { s.answer(w, q, false) }

func (s *sender) answer(w http.ResponseWriter, q *http.Request, end bool) {
	s.mu.Lock()
	l := s.loads[q.PathValue("name")]
	s.mu.Unlock()
	if l == nil {
		http.Error(w, "there is no load of that name", http.StatusNotFound)
		return
	}
	if end {
		l.end()
		l.done.Wait()
	}
	s.mu.Lock()
	ledger := l.ledger
	ledger.Accepted, ledger.Refused = append([]int{}, ledger.Accepted...), maps.Clone(ledger.Refused)
	s.mu.Unlock()
	respond(w, ledger)
}
