//go:build e2e

package e2e

import (
	"os"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/test/e2e/world"
)

// Another version is applied over this one, and this one again, while events go through. Their images are the same, so the
// programs' own side of an upgrade is test/upgrade's.
func TestUpgradeAndBackUnderLoad(t *testing.T) {
	w := world.Start(t)
	next := os.Getenv("E2E_NEXT")
	if next == "" {
		t.Skip("no other version: hack/e2e.sh makes the files of one")
	}
	s := w.Space(t, "upgrade")
	l := loaded(t, s, 10*time.Millisecond)
	for _, to := range []struct{ file, version string }{{next, "99.0.0"}, {world.File("eventing-kafka.yaml"), "devel"}} {
		began := time.Now()
		w.Install(t, to.file)
		world.Since(t, "another version applied to all pods ready", began)
		for _, app := range []string{"kafka-controller", "kafka-webhook-eventing", "kafka-broker-receiver", "kafka-source-dispatcher"} {
			for _, pod := range pods(t, w, app) {
				if have := pod.Labels["app.kubernetes.io/version"]; have != to.version && pod.DeletionTimestamp == nil {
					t.Errorf("pod %s is of version %s, not %s", pod.Name, have, to.version)
				}
			}
		}
		s.Make(t, trigger("after-"+to.version, "b", s.To("after-"+to.version), ""))
		s.Ready(t, kindTrigger, "after-"+to.version)
		s.Await(t, "after-"+to.version, 1)
	}
	l.account(t, s)
}
