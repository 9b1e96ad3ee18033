package witness_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/e2e/witness"
)

// call speaks to a witness and decodes what it says.
func call(t *testing.T, method, url string, body, into any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	q, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, url, response.Status)
	}
	if into != nil {
		if err := json.NewDecoder(response.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
	}
}

func TestItAnswersAsPlannedAndSaysWhatItSaw(t *testing.T) {
	server := httptest.NewServer(witness.Handler())
	defer server.Close()
	call(t, http.MethodPut, server.URL+"/plan/a", witness.Plan{Codes: []int{503}, Reply: &witness.Event{ID: "re-", Type: "reply"}}, nil)

	order := witness.Order{URL: server.URL + "/to/a", Events: []witness.Event{
		{ID: "1", Type: "x", Data: "text"}, {ID: "1", Type: "x", Extensions: map[string]string{"subject": "s"}},
	}}
	var answers []witness.Answer
	call(t, http.MethodPost, server.URL+"/send", order, &answers)
	if len(answers) != 2 || answers[0].Code != 503 || answers[1].Code != 200 {
		t.Fatalf("answers %+v", answers)
	}
	var seen []witness.Delivery
	call(t, http.MethodGet, server.URL+"/seen/a", nil, &seen)
	if len(seen) != 2 || seen[0].Code != 503 || seen[0].Body != "text" || seen[1].ID() != "1" || seen[1].Headers["ce-subject"] != "s" {
		t.Fatalf("saw %+v", seen)
	}
}

func TestAStructuredEventIsOneObject(t *testing.T) {
	server := httptest.NewServer(witness.Handler())
	defer server.Close()
	order := witness.Order{URL: server.URL + "/to/a", Structured: true, Events: []witness.Event{{ID: "1", Type: "x", Data: `{"n":1}`}}}
	call(t, http.MethodPost, server.URL+"/send", order, nil)
	var seen []witness.Delivery
	call(t, http.MethodGet, server.URL+"/seen/a", nil, &seen)
	const want = `{"data":{"n":1},"datacontenttype":"application/json","id":"1","source":"/e2e/witness","specversion":"1.0","type":"x"}`
	if len(seen) != 1 || seen[0].Body != want || seen[0].Headers["content-type"] != "application/cloudevents+json" {
		t.Fatalf("saw %+v", seen)
	}
}

func TestALoadSendsAgainWhatWasNotAccepted(t *testing.T) {
	server := httptest.NewServer(witness.Handler())
	defer server.Close()
	call(t, http.MethodPut, server.URL+"/plan/a", witness.Plan{Codes: []int{503}}, nil)
	call(t, http.MethodPut, server.URL+"/load/l", witness.Load{URL: server.URL + "/to/a", Senders: 2, Interval: time.Millisecond}, nil)
	var ledger witness.Ledger
	for end := time.Now().Add(time.Minute); len(ledger.Accepted) != 2 || slices.Min(ledger.Accepted) == 0; {
		call(t, http.MethodGet, server.URL+"/load/l", nil, &ledger)
		if time.Now().After(end) {
			t.Fatalf("nothing was accepted: %+v", ledger)
		}
	}
	call(t, http.MethodDelete, server.URL+"/load/l", nil, &ledger)
	var seen []witness.Delivery
	call(t, http.MethodGet, server.URL+"/seen/a", nil, &seen)
	accepted := ledger.Accepted[0] + ledger.Accepted[1]
	// Every event was refused once; each of two senders may have been ended between the two answers to one.
	refused := ledger.Refused["503 "]
	if refused < accepted || refused > accepted+2 || len(seen) != accepted+refused {
		t.Errorf("%d accepted, %v refused, %d seen", accepted, ledger.Refused, len(seen))
	}
}
