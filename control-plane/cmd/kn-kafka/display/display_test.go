package display

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// post sends an event with the given headers and returns the answer and its body.
func post(t *testing.T, url, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response, string(answer)
}

func headers(id string) map[string]string {
	return map[string]string{"Ce-Specversion": "1.0", "Ce-Id": id, "Ce-Source": "/s", "Ce-Type": "a", "Content-Type": "application/json",
		"Kn-Namespace": "shop", "Ce-Partitionkey": "k", "Ce-Other": "o"}
}

// deliveries collects what a display reports.
type deliveries struct {
	mu  sync.Mutex
	all []Delivery
}

func (d *deliveries) add(x Delivery) { d.mu.Lock(); defer d.mu.Unlock(); d.all = append(d.all, x) }

func serve(t *testing.T, s Switches) (string, *deliveries) {
	t.Helper()
	got := &deliveries{}
	server := httptest.NewServer(New(s, got.add))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	with := func(change func(*Switches)) Switches {
		s := DefaultSwitches()
		change(&s)
		return s
	}
	tests := []struct {
		name     string
		switches Switches
		query    string
		ids      string // of the events sent
		want     []int
	}{
		{"everything is accepted by default", DefaultSwitches(), "", "aab", []int{202, 202, 202}},
		{"a status for all", with(func(s *Switches) { s.Status = 500 }), "", "ab", []int{500, 500}},
		{"the first deliveries of each event fail", with(func(s *Switches) { s.FailFirst = 2 }), "", "aababb", []int{503, 503, 503, 202, 503, 202}},
		{"every third request fails", with(func(s *Switches) { s.FailEvery = 3; s.FailStatus = 429 }), "", "abcdef", []int{202, 202, 429, 202, 202, 429}},
		{"the address overrides the switches", with(func(s *Switches) { s.Status = 500 }), "?status=204&x=y", "a", []int{204}},
		{"a wrong switch in an address is refused", DefaultSwitches(), "?status=99", "a", []int{400}},
		{"a switch in an address that cannot be parsed is refused", DefaultSwitches(), "?delay=long", "a", []int{400}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, test.switches)
			for i, id := range test.ids {
				if response, _ := post(t, url+"/"+test.query, "{}", headers(string(id))); response.StatusCode != test.want[i] {
					t.Errorf("answer %d is %d, want %d", i+1, response.StatusCode, test.want[i])
				}
			}
		})
	}
}

func TestADeliveryIsReported(t *testing.T) {
	t.Parallel()
	url, got := serve(t, DefaultSwitches())
	post(t, url, `{"a":1}`, headers("x"))
	post(t, url, `{"a":1}`, headers("x"))
	if len(got.all) != 2 {
		t.Fatalf("%d deliveries", len(got.all))
	}
	d := got.all[1]
	if d.Event.ID() != "x" || string(d.Event.Data()) != `{"a":1}` || d.Attempt != 2 || d.Namespace != "shop" || d.Status != 202 || d.Event.Extensions()["other"] != "o" {
		t.Errorf("delivery %+v", d)
	}
}

func TestAStructuredEventIsTaken(t *testing.T) {
	t.Parallel()
	url, got := serve(t, DefaultSwitches())
	response, _ := post(t, url, `{"specversion":"1.0","id":"x","source":"/s","type":"a","data":{"n":1}}`,
		map[string]string{"Content-Type": "application/cloudevents+json"})
	if response.StatusCode != 202 || string(got.all[0].Event.Data()) != `{"n":1}` {
		t.Errorf("answer %d, %+v", response.StatusCode, got.all)
	}
}

func TestWhatIsNoCloudEventIsRefusedAndReported(t *testing.T) {
	t.Parallel()
	url, got := serve(t, DefaultSwitches())
	response, body := post(t, url, "hello", nil)
	if response.StatusCode != 400 || body == "" || len(got.all) != 1 || got.all[0].Err == nil {
		t.Errorf("answer %d %q, %+v", response.StatusCode, body, got.all)
	}
	answer, err := http.Get(url) //nolint:noctx // a plain browser
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != 405 || answer.Header.Get("Allow") != "POST" || len(got.all) != 1 {
		t.Errorf("answer %d to a GET", answer.StatusCode)
	}
}

func TestAReplyHasAnotherTypeAndTheSameData(t *testing.T) {
	t.Parallel()
	url, got := serve(t, DefaultSwitches())
	response, body := post(t, url+"?reply=b", `{"a":1}`, headers("x"))
	for name, want := range map[string]string{"Ce-Type": "b", "Ce-Id": "x-reply", "Ce-Source": "/kn-kafka/display", "Ce-Partitionkey": "k", "Ce-Other": "",
		"Content-Type": "application/json"} {
		if value := response.Header.Get(name); value != want {
			t.Errorf("header %s is %q, want %q", name, value, want)
		}
	}
	if body != `{"a":1}` || got.all[0].Reply == nil {
		t.Errorf("body %q, %+v", body, got.all[0])
	}
	if response, _ := post(t, url+"?reply=b&status=503", "{}", headers("y")); response.Header.Get("Ce-Type") != "" {
		t.Error("a failure has a reply")
	}
}

func TestTheDelayIsWaited(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, DefaultSwitches())
	start := time.Now()
	post(t, url+"?delay=60ms", "{}", headers("x"))
	if took := time.Since(start); took < 60*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
}

func TestAttemptsAreForgottenInOrder(t *testing.T) {
	t.Parallel()
	a := newAttempts()
	a.count("first")
	for i := range maxAttempts {
		a.count(string(rune(i + 0x10000)))
	}
	if got := a.count("first"); got != 1 || len(a.counts) != maxAttempts {
		t.Errorf("attempt %d of %d known", got, len(a.counts))
	}
	if got := a.count(string(rune(maxAttempts - 1 + 0x10000))); got != 2 {
		t.Errorf("the latest was forgotten")
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	e := event.New()
	e.SetID("o-1")
	e.SetSource("/shop")
	e.SetType("order.created")
	e.SetSubject("eu")
	e.SetTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	e.SetExtension("partitionkey", "7")
	e.SetExtension("knativekafkapartition", 3)
	e.SetExtension("evil", "\x1b[2J")
	if err := e.SetData("application/json", []byte(`{"total":12}`)); err != nil {
		t.Fatal(err)
	}
	d := Delivery{At: time.Date(2026, 1, 2, 3, 4, 6, 7e6, time.UTC), Event: &e, Attempt: 2, Status: 503}
	tests := []struct {
		style Style
		d     Delivery
		want  string
	}{
		{Line, d, "03:04:06.007  Service shop/audit  ← order.created  id=o-1  source=/shop  subject=eu  12 B application/json  key=7  partition=3  attempt 2  → 503\n"},
		{Line, Delivery{At: d.At, Err: errors.New("no\nevent")}, "03:04:06.007  Service shop/audit  ← no CloudEvent: no\uFFFDevent\n"},
		{Detail, d, `    time             2026-01-02T03:04:05Z
    specversion      1.0
    evil             ` + "\uFFFD" + `[2J
    knativekafkapartition 3
    partitionkey     7
    | {
    |   "total": 12
    | }
`},
		{JSON, d, `{"display":"Service shop/audit","attempt":2,"status":503,"event":{"specversion":"1.0","id":"o-1","source":"/shop","type":"order.created",` +
			`"subject":"eu","datacontenttype":"application/json","time":"2026-01-02T03:04:05Z","data":{"total":12},"evil":"\u001b[2J","knativekafkapartition":3,"partitionkey":"7"}}` + "\n"},
	}
	for _, test := range tests {
		var out bytes.Buffer
		NewPrinter(&out, test.style).Print("Service shop/audit", test.d)
		got := out.String()
		if test.style == Detail {
			_, got, _ = strings.Cut(got, "\n")
		}
		if got != test.want {
			t.Errorf("%s:\n%q\nwant\n%q", test.style, got, test.want)
		}
	}
}

func TestDataIsShown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, data, want string }{
		{"nothing", "", ""},
		{"text", "a\r\nb", "a\nb"},
		{"bytes", "\xff\x00", "/wA="},
		{"long text is cut between characters", strings.Repeat("é", maxShown), strings.Repeat("é", maxShown/2-1) + "\n… 4096 bytes more"},
	} {
		if got := shown([]byte(test.data)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestTheCommandServesUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	cmd := Command()
	cmd.SetArgs([]string{"--listen", "127.0.0.1:0", "--output", "json"})
	cmd.SetOut(writer)
	cmd.SetErr(io.Discard)
	ended := make(chan error)
	go func() { ended <- cmd.ExecuteContext(ctx); _ = writer.Close() }()

	lines := bufio.NewScanner(reader)
	lines.Scan()
	url, ok := strings.CutPrefix(lines.Text(), "ready: ")
	if !ok {
		t.Fatalf("the first line is %q", lines.Text())
	}
	scanned := make(chan bool)
	go func() { scanned <- lines.Scan() }()
	post(t, url, "{}", headers("x"))
	<-scanned
	var line struct{ Event struct{ ID string } }
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Event.ID != "x" {
		t.Errorf("the second line is %q: %v", lines.Text(), err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--status", "42"}, {"--output", "xml"}, {"--listen", "nowhere"}} {
		cmd := Command()
		cmd.SilenceErrors = true
		cmd.SetArgs(args)
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		if err := cmd.ExecuteContext(context.Background()); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
