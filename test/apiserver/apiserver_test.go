// Package apiserver shows this project on a real API server: programs of the control plane, as processes with the rights
// that they have in a cluster, against kube-apiserver and etcd on the loopback (package env), with data planes as the
// processes that pods would run (package kubelet), all of it together as package system.
// hack/apiserver-test.sh runs it; elsewhere its tests are skipped.
package apiserver

import (
	"testing"

	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/test/apiserver/env"
	"knative.dev/eventing-kafka-go/test/apiserver/system"
)

// All tests share an API server and a webhook. The first expects that no controller was there before. Each leaves
// nothing that a controller would find, but kinds, which are last.
func TestControlPlane(t *testing.T) {
	e := env.Start(t)
	webhook := e.StartWebhook(t)
	t.Run("versions that are stored", func(t *testing.T) { storedVersions(t, e) })
	t.Run("the controller keeps contracts", func(t *testing.T) { keeps(t, e) })
	t.Run("an installation", func(t *testing.T) { installed(t, e) })
	t.Run("the webhook is away", func(t *testing.T) { withoutWebhook(t, e, webhook) })
	e.StartWebhook(t)
	t.Run("kinds", func(t *testing.T) { kinds(t, e) })
}

// installed is about objects while a whole installation runs.
func installed(t *testing.T, e *env.Env) {
	s := system.Start(t, e, dataplane.Kinds()...)
	t.Run("objects are served", func(t *testing.T) { served(t, s) })
	t.Run("the API server is away", func(t *testing.T) { cleanly(t, s, reconnected) })
	t.Run("the controller is killed", func(t *testing.T) { cleanly(t, s, killed) })
	t.Run("two replicas", func(t *testing.T) { cleanly(t, s, replicas) })
	t.Run("many Triggers", func(t *testing.T) { cleanly(t, s, many) })
}
