package autoscale

import (
	"fmt"

	duckv1 "knative.dev/pkg/apis/duck/v1"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/entries"
)

// Policy is how the group of an object with annotations is scaled: by them, and by defaults where they say nothing. Without
// any annotation it is scaled where everything is.
func Policy(annotations map[string]string, defaults annotation.Autoscaling, everything bool) (annotation.Autoscaling, error) {
	if !everything && !annotation.Autoscales(annotations) {
		return annotation.Autoscaling{Class: annotation.AutoscalingDisabled}, nil
	}
	p, key, err := annotation.AutoscalingOf(annotations, defaults)
	if err != nil {
		return p, fmt.Errorf("%s: %w", annotation.Path(key), err)
	}
	return p, nil
}

// Record writes into a status how many members the group under a key shall have (entries.MembersStatusAnnotation), or
// nothing when it is not scaled. otherwise is how many it has while nothing is recorded.
func (s *Scaler) Record(status *duckv1.Status, key string, g Group, p annotation.Autoscaling, otherwise int32) error {
	members, err := entries.Members(status)
	if err != nil {
		return err
	}
	if p.Disabled() {
		s.Forget(g.UID)
		delete(members, key)
		entries.SetMembers(status, members)
		return nil
	}
	has, ok := members[key]
	if !ok {
		has = otherwise
	}
	if members == nil {
		members = map[string]int32{}
	}
	members[key] = s.Members(g, p, has)
	entries.SetMembers(status, members)
	return nil
}
