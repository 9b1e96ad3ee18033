package migrate

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// run runs the command with a cluster whose API answers like this.
func run(t *testing.T, answer http.HandlerFunc, arguments ...string) (string, error) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c}}], clusters: [{name: c, cluster: {server: '" + server.URL + "'}}]}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := Command()
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append([]string{"--kubeconfig", file}, arguments...))
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestAClusterWithoutAnythingOlder(t *testing.T) {
	out, err := run(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
	})
	for _, want := range []string{"consolidated-channel\n  nothing to do: there is no consolidated KafkaChannel", "legacy-source\n  nothing to do: nothing is left of the KafkaSource of eventing-kafka", "leftovers\n  nothing to do: nothing is left of an earlier release"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, %s", err, out)
		}
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	out, err := run(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"you may not","code":403}`))
	})
	if err == nil || !strings.Contains(err.Error(), "you may not") {
		t.Errorf("%v, %s", err, out)
	}
	if _, err := run(t, nil, "--context", "none"); err == nil || !strings.Contains(err.Error(), `context "none" does not exist`) {
		t.Errorf("%v", err)
	}
}
