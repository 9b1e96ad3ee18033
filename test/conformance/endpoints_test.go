package conformance

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// reply is one scripted answer of an endpoint.
type reply struct {
	payload
	Status  int      `json:"status"`
	Headers []string `json:"headers"`
	For     string   `json:"for"`    // the event with this id alone
	Repeat  int      `json:"repeat"` // so many times in all; 0 is once, -1 always
	Hang    bool     `json:"hang"`   // never answers
	Cut     bool     `json:"cut"`    // closes the connection in the middle of the answer
}

// arrived is a request that an endpoint got.
type arrived struct {
	at      string // endpoint
	method  string
	path    string
	headers map[string]string
	body    []byte
	when    time.Time
}

// endpoints are the subscribers, dead letter sinks and reply addresses of all cases, under /NAME/ENDPOINT.
type endpoints struct {
	*httptest.Server
	secure *httptest.Server // the same behind TLS

	mu      sync.Mutex
	scripts map[string][]reply // by NAME/ENDPOINT
	got     map[string][]arrived
}

func newEndpoints(t *testing.T) *endpoints {
	e := &endpoints{scripts: map[string][]reply{}, got: map[string][]arrived{}}
	e.Server = httptest.NewServer(e)
	e.secure = httptest.NewUnstartedServer(e)
	e.secure.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not trust it hangs up
	e.secure.StartTLS()
	t.Cleanup(e.secure.Close)
	t.Cleanup(func() {
		e.CloseClientConnections()
		e.Close()
	})
	return e
}

func (e *endpoints) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	name, at, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	at, _, _ = strings.Cut(at, "/")
	a := arrived{at: at, method: r.Method, path: r.RequestURI, headers: map[string]string{}, body: body, when: time.Now()}
	for h := range r.Header {
		a.headers[strings.ToLower(h)] = strings.Join(r.Header.Values(h), ", ")
	}
	a.headers["content-length"] = strconv.FormatInt(r.ContentLength, 10)
	answer := e.next(name, a)
	if answer.Hang {
		<-r.Context().Done()
		return
	}
	if answer.Cut {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("begun"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Header()["Content-Type"] = nil // none is made up
	for _, line := range answer.Headers {
		h, value := field(line)
		w.Header()[http.CanonicalHeaderKey(h)] = append(w.Header()[http.CanonicalHeaderKey(h)], value)
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.bytes())
}

// next notes a request and returns its answer: 202 when the script has ended.
func (e *endpoints) next(name string, a arrived) reply {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got[name] = append(e.got[name], a)
	key := name + "/" + a.at
	script := e.scripts[key]
	i := slices.IndexFunc(script, func(r reply) bool { return r.For == "" || r.For == a.headers["ce-id"] })
	if i < 0 {
		return reply{Status: http.StatusAccepted}
	}
	first := script[i]
	if script[i].Repeat >= 0 {
		script[i].Repeat--
		if script[i].Repeat <= 0 {
			e.scripts[key] = slices.Delete(script, i, i+1)
		}
	}
	if first.Status == 0 {
		first.Status = http.StatusOK
	}
	return first
}

func (e *endpoints) requests(name string) []arrived {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]arrived(nil), e.got[name]...)
}
