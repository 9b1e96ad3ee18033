package status

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func handlerOf(r Report) http.Handler {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a_metric 1\n") })
	return Handler(func() Report { return r }, metrics)
}

func get(h http.Handler, method, path string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
	return answer
}

func TestPathsOfTheStatusAddress(t *testing.T) {
	ready, starting := sampleReport(), sampleReport()
	starting.Ready, starting.NotReadyReason = false, "no contract yet"
	stuck := sampleReport()
	stuck.NotAliveReason = "nothing goes on"
	refused, repaired := sampleReport(), sampleReport()
	refused.Settings = []Setting{{LastError: "producer: linger.ms: no", LastErrorAt: time.Unix(2, 0), LoadedAt: time.Unix(1, 0)}}
	repaired.Settings = []Setting{{LastError: "producer: linger.ms: no", LastErrorAt: time.Unix(1, 0), LoadedAt: time.Unix(2, 0)}}
	if answer := get(handlerOf(repaired), "GET", "/readyz"); answer.Body.String() != "ready\n" {
		t.Errorf("with settings that were repaired: %s", answer.Body)
	}
	for _, row := range []struct {
		name, method, path string
		report             Report
		code               int
		contains           string
	}{
		{"page", "GET", "/", ready, 200, "<title>Ready"},
		{"page of a process that is not ready gives the reason", "GET", "/", starting, 200, "no contract yet"},
		{"part of the page for its script", "GET", "/status?view=page", ready, 200, "<h1>Kafka data plane</h1>"},
		{"report", "GET", "/status", ready, 200, `"generation": 42`},
		{"what runs under each uid", "GET", "/entries", ready, 200, `"generation":42`},
		{"which types of events were seen", "GET", "/eventtypes", ready, 200, "{"},
		{"metrics", "GET", "/metrics", ready, 200, "a_metric 1"},
		{"health does not depend on readiness", "GET", "/healthz", starting, 200, "ok"},
		{"health reflects whether the process goes on", "GET", "/healthz", stuck, 503, "not alive: nothing goes on"},
		{"ready", "GET", "/readyz", ready, 200, "ready"},
		{"not ready", "GET", "/readyz", starting, 503, "no contract yet"},
		{"ready, with settings that are not in force", "GET", "/readyz", refused, 200, "ready\nsettings not used: producer: linger.ms"},
		{"probes may use HEAD", "HEAD", "/readyz", ready, 200, ""},
		{"profiles", "GET", "/debug/pprof/", ready, 200, "goroutine"},
		{"one profile", "GET", "/debug/pprof/heap?debug=1", ready, 200, "heap profile"},
		{"symbols", "POST", "/debug/pprof/symbol", ready, 200, "num_symbols"},
		{"anything else", "GET", "/statusx", ready, 404, ""},
		{"nothing is changed here", "POST", "/status", ready, 405, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := get(handlerOf(row.report), row.method, row.path)
			if answer.Code != row.code || !strings.Contains(answer.Body.String(), row.contains) {
				t.Errorf("%d, want %d with %q:\n%s", answer.Code, row.code, row.contains, answer.Body)
			}
			if got := answer.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control is %q", got)
			}
		})
	}
}

func TestTheReportSurvivesJSON(t *testing.T) {
	var got Report
	if err := json.Unmarshal(get(handlerOf(sampleReport()), "GET", "/status").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := sampleReport()
	want.Now = got.Now
	if got.Now.IsZero() {
		t.Error("the report does not say when it was made")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnEmptyReportHasListsAndNoNulls(t *testing.T) {
	body := get(handlerOf(Report{}), "GET", "/status").Body.String()
	if strings.Contains(body, "null") {
		t.Errorf("not good to read by programs:\n%s", body)
	}
	if page := get(handlerOf(Report{}), "GET", "/").Body.String(); !strings.Contains(page, "No route.") {
		t.Errorf("the page does not say that nothing is there:\n%s", page)
	}
}

func TestTextsOfOthersAreNotMarkup(t *testing.T) {
	for _, path := range []string{"/", "/status?view=page"} {
		body := get(handlerOf(sampleReport()), "GET", path).Body.String()
		if strings.Contains(body, "<script>alert") || strings.Contains(body, `<b>"try`) {
			t.Errorf("%s is not escaped:\n%s", path, body)
		}
		if !strings.Contains(body, "&lt;script&gt;alert(1)&lt;/script&gt;") {
			t.Errorf("%s does not show the name", path)
		}
	}
}

func TestThePageLoadsNothingButItself(t *testing.T) {
	answer := get(handlerOf(sampleReport()), "GET", "/")
	body := answer.Body.String()
	if found := regexp.MustCompile(`(?i)(src|href)="?(https?:)?//`).FindString(body); found != "" {
		t.Errorf("it refers to %s", found)
	}
	policy := answer.Header().Get("Content-Security-Policy")
	for tag, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		content := regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(body)
		if content == nil {
			t.Fatalf("no %s in the page", tag)
		}
		if want := directive + " '" + digest(content[1]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy %q forbids the page's own %s, it needs %s", policy, tag, want)
		}
	}
}

func TestWhatNeedsSomebodyComesFirst(t *testing.T) {
	body := get(handlerOf(sampleReport()), "GET", "/").Body.String()
	order := regexp.MustCompile(`id="(route|group)-([^"]+)"`).FindAllStringSubmatch(body, -1)
	var got []string
	for _, match := range order {
		got = append(got, match[2])
	}
	if diff := cmp.Diff([]string{"r-2", "r-1", "r-3", "e-3", "e-4", "e-2", "e-1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{grouped("0"), "0"}, {grouped("999"), "999"}, {grouped("1000"), "1\u2009000"}, {grouped("-1234567"), "-1\u2009234\u2009567"},
		{grouped("-123"), "-123"}, {byteSize(0), "0 B"}, {byteSize(uint64(1536)), "1.5 KiB"}, {byteSize(int64(5 << 20)), "5.0 MiB"},
		{byteSize(uint64(3 << 30)), "3.00 GiB"}, {duration(-5), "0.0 s"}, {duration(1500e6), "1.5 s"}, {duration(59e9), "59 s"},
		{duration(61e9), "1 min 1 s"}, {duration(3 * 3600e9), "3 h 0 min"}, {duration(49 * 3600e9), "2 d 1 h"},
	} {
		if row.got != row.want {
			t.Errorf("%q, want %q", row.got, row.want)
		}
	}
}

func TestEventTypesAreUnderTheUIDOfWhoHasSeenThem(t *testing.T) {
	seen := func(types ...EventType) *EventTypes { return &EventTypes{Types: types} }
	r := Report{
		Routes: []Route{{UID: "r1", EventTypes: seen(EventType{Type: "a", Source: "/s"})}, {UID: "r2", EventTypes: seen()}, {UID: "r3"}},
		Groups: []Group{{UID: "g1", EventTypes: seen(EventType{Type: "b", Source: "/s", Schema: "x"})}, {UID: "g2"}},
	}
	want := `{"g1":[{"type":"b","source":"/s","schema":"x"}],"r1":[{"type":"a","source":"/s"}]}`
	if got := strings.TrimSpace(get(handlerOf(r), "GET", "/eventtypes").Body.String()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestEntriesAreWhatTheReportSays(t *testing.T) {
	r := sampleReport()
	var got Entries
	if err := json.Unmarshal(get(handlerOf(r), "GET", "/entries").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Routes) != len(r.Routes) || len(got.Groups) != len(r.Groups) {
		t.Fatalf("%d routes and %d groups, want %d and %d", len(got.Routes), len(got.Groups), len(r.Routes), len(r.Groups))
	}
	for _, route := range r.Routes {
		if want := (Entry{Hash: route.ContentHash, Problem: route.Problem}); got.Routes[route.UID] != want {
			t.Errorf("route %s: %+v, want %+v", route.UID, got.Routes[route.UID], want)
		}
	}
	for _, g := range r.Groups {
		if want := (Entry{Hash: g.ContentHash, State: g.State, Problem: g.Problem}); got.Groups[g.UID] != want {
			t.Errorf("group %s: %+v, want %+v", g.UID, got.Groups[g.UID], want)
		}
	}
}

// TestThePageSaysWhereAnEventIs: what an operator wants to know when an event does not arrive.
func TestThePageSaysWhereAnEventIs(t *testing.T) {
	p := newPage(func() time.Time { return noon })
	answer := httptest.NewRecorder()
	p.serve(answer, "report", sampleReport())
	page := strings.Join(strings.Fields(answer.Body.String()), " ")
	for _, want := range []string{
		"<dt>waiting for Kafka</dt><dd>68.4 KiB</dd>", "Nothing is fetched: the subscriber is down",
		"<dt>next retry</dt><dd>in 8.0 s</dd>", "<dt>window</dt><dd>96</dd>", `<div class="warn"><dt>most a second</dt><dd>12.5</dd>`,
		`<dt>breaker</dt><dd>half-open</dd>`, "paused: as many events as it may hold are unfinished",
		"offset 99 000, 1 min 30 s old, waiting, next attempt in 8.0 s · subscriber · 3 attempts, answered 503",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}
