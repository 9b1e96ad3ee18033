// Package serving says in conditions how far an object's entry has come: into the contract, and into the pods that serve
// it.
//
// It compares the entry that an object has now, by its content hash, with the contract that was written and with what
// pods report. It writes nothing but conditions and keeps no state; all functions may be used by any goroutine.
//
// An object that was served stays so while its entry is the same, a pod runs it, and no pod runs another one: a pod that
// starts or a consumer group between two assignments takes nothing from its users. An entry that changes is served when
// every ready pod runs the new one.
package serving

import (
	"cmp"
	"fmt"

	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/apis"

	"knative.dev/eventing-kafka-go/control-plane/apis/conditions"
	"knative.dev/eventing-kafka-go/control-plane/contractmap"
	"knative.dev/eventing-kafka-go/control-plane/dataplane"
	"knative.dev/eventing-kafka-go/control-plane/rollout"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Reasons of conditions that say that an entry is not served.
const (
	// ReasonRefused: the contract does not take the entry.
	ReasonRefused = "EntryRefused"
	// ReasonInvalid: there is no entry, because the object cannot be translated.
	ReasonInvalid = "EntryInvalid"
	// ReasonWaiting: the entry is on its way into the contract.
	ReasonWaiting = "WaitingForContract"
	// ReasonUnreadable: the contract cannot be read.
	ReasonUnreadable = "ContractUnreadable"
	// ReasonRejected: a pod cannot serve the entry.
	ReasonRejected = "EntryRejected"
	// ReasonProbe: pods have not acknowledged the entry.
	ReasonProbe = "ProbeStatus"
)

// Checker looks into contracts and asks pods.
type Checker struct {
	Contracts *contractmap.Reader
	Rollout   *rollout.Tracker
}

// State is how far an entry has come.
type State struct {
	Status corev1.ConditionStatus
	// Reason and Message say why it is not served; "" when it is.
	Reason, Message string
}

// Served is true when pods serve the entry.
func (s State) Served() bool { return s.Status == corev1.ConditionTrue }

func unknown(reason, message string) State { return State{corev1.ConditionUnknown, reason, message} }

func failed(reason, message string) State { return State{corev1.ConditionFalse, reason, message} }

var served = State{Status: corev1.ConditionTrue}

// Ingress marks ConfigMapUpdated and ProbeSucceeded for the ingress of a resource. It returns whether pods serve it, so that
// an address may be published (ST-06).
func (c Checker) Ingress(d dataplane.DataPlane, who rollout.Object, r *contract.Resource, m apis.ConditionManager) bool {
	r = asWritten(d, r)
	hash := contract.IngressHash(r)
	if s := c.written(d, r.GetUid(), hash, (*contractmap.Snapshot).Route); !s.Served() {
		mark(m, conditions.ConfigMapUpdated, s)
		m.MarkUnknown(conditions.ProbeSucceeded, ReasonProbe, "status: NotReady, %s", s.Message)
		return false
	}
	conditions.MarkConfigMapUpdated(m, d.Namespace, d.ContractName)
	pods := c.Rollout.Route(d, who, r.GetUid(), hash)
	s := judge(pods, m.GetCondition(conditions.ProbeSucceeded).IsTrue())
	if s.Served() {
		m.MarkTrue(conditions.ProbeSucceeded)
		return true
	}
	s.Message = fmt.Sprintf("status: %s, %s", cmp.Or(pods.Probe, rollout.NotReady), s.Message)
	mark(m, conditions.ProbeSucceeded, s)
	return false
}

// Egress says how far an egress of a resource has come. was says that it was served when it was asked about last.
func (c Checker) Egress(d dataplane.DataPlane, who rollout.Object, r *contract.Resource, e *contract.Egress, was bool) State {
	r, e = asWritten(d, r), asWritten(d, e)
	hash := contract.EgressHash(r, e)
	if s := c.written(d, e.GetUid(), hash, (*contractmap.Snapshot).Group); !s.Served() {
		return s
	}
	return judge(c.Rollout.Group(d, who, e.GetUid(), hash), was)
}

// Released says whether neither the contract nor a pod has anything under the uids any more, and what still has.
func (c Checker) Released(d dataplane.DataPlane, who rollout.Object, uids ...string) (released bool, waiting string) {
	s, err := c.Contracts.Get(d)
	if err != nil {
		return false, err.Error()
	}
	for _, uid := range uids {
		if s.Has(uid) {
			return false, "it is still in the contract " + d.Key()
		}
		if state := c.Rollout.Gone(d, who, uid); !state.Done {
			return false, state.Message
		}
	}
	return true, ""
}

// asWritten is an entry as the contract of a data plane has it.
func asWritten[M proto.Message](d dataplane.DataPlane, m M) M {
	if d.Format != contract.FormatJSON {
		return m
	}
	return contract.WithoutOwnFields(m)
}

// written says whether the contract has the entry under a uid.
func (c Checker) written(d dataplane.DataPlane, uid, hash string, of func(*contractmap.Snapshot, string) (string, bool)) State {
	s, err := c.Contracts.Get(d)
	if err != nil {
		return unknown(ReasonUnreadable, err.Error())
	}
	if why, ok := s.Refused[uid]; ok {
		return failed(ReasonRefused, why)
	}
	if have, ok := of(s, uid); !ok || have != hash {
		return unknown(ReasonWaiting, "waiting for the contract in ConfigMap "+d.Key())
	}
	return served
}

// judge makes a state of what pods say.
func judge(s rollout.State, was bool) State {
	switch {
	case s.Done, was && s.Steady:
		return served
	case s.Rejected != "":
		return failed(ReasonRejected, s.Message)
	}
	return unknown(ReasonProbe, s.Message)
}

func mark(m apis.ConditionManager, t apis.ConditionType, s State) {
	if s.Status == corev1.ConditionFalse {
		m.MarkFalse(t, s.Reason, "%s", s.Message)
		return
	}
	m.MarkUnknown(t, s.Reason, "%s", s.Message)
}
