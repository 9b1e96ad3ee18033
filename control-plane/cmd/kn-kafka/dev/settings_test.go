package dev

import (
	"net/http"
	"strings"
	"testing"
)

func TestTheDataPlanesConfigMapsAreItsSettings(t *testing.T) { // CFG-12, CFG-13, CFG-18
	t.Parallel()
	s := newSubscriber(t)
	config := func(entries string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-kafka-broker-data-plane, namespace: knative-eventing}\ndata:\n" + entries
	}
	f := newFolder(t, "broker.yaml", broker("b")+trigger("t", "b", uri(s), ""), "config.yaml", config("  config-kafka-broker-producer.properties: |\n    max.request.size=2000\n    no.such.key=1\n"))
	r := start(t, "-f", f.dir)
	large := func(q *http.Request) { q.Header.Set("ce-large", strings.Repeat("x", 5000)) }
	eventually(t, "the limit of the file counts", func() bool {
		status, _ := r.post("/default/b", "large", large)
		return status >= 400
	})
	if !r.printed("no.such.key") {
		t.Error("nothing is said about a key that is unknown")
	}
	f.write("config.yaml", config("  config-kafka-broker-producer.properties: |\n    max.request.size=9000\n"))
	eventually(t, "a change counts", func() bool { status, _ := r.post("/default/b", "larger", large); return status == http.StatusAccepted })
	f.remove("config.yaml")
	r.accepts("/default/b", "1")
	eventually(t, "the event arrives", func() bool { return s.count("1") == 1 })
}
