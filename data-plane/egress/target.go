package egress

import (
	"knative.dev/eventing-kafka-go/data-plane/delivery"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/pace"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
)

// targetRef counts who uses a target: one that was replaced gives its connections back when its last delivery ends.
// users and retired are guarded by the group's mutex.
type targetRef struct {
	*delivery.Target
	pace        pace.Config
	destination string
	namespace   string // whose memory the events take
	stats       *telemetry.Egress
	producer    *kafka.Producer // nil where nothing is produced
	users       int
	retired     bool
}

// done ends one use. The group's mutex is held.
func (r *targetRef) done() {
	r.users--
	r.releaseIfLast()
}

// retire says that no new use begins. The group's mutex is held.
func (r *targetRef) retire() {
	r.retired = true
	r.releaseIfLast()
}

func (r *targetRef) releaseIfLast() {
	if r.retired && r.users == 0 {
		r.release()
	}
}

// release gives back what the target holds.
func (r *targetRef) release() {
	if r.Target != nil {
		r.Target.Release()
	}
	if r.producer != nil {
		r.producer.Release()
	}
}
