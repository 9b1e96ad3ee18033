package contract

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
)

func TestTheGoldenContractHasNoProblems(t *testing.T) {
	for _, p := range Validate(full(t)) {
		t.Errorf("resource %q egress %q: %v", p.ResourceUID, p.EgressUID, p.Err)
	}
	if len(Validate(nil)) > 0 {
		t.Error("no contract has problems")
	}
}

// Each row makes one mistake in a contract of the resources "a" (ingress, egresses "a1", "a2") and "b" (ingress,
// egress "b1"); exactly that entry is a problem.
func TestValidate(t *testing.T) {
	const resource, ingress, egress = ScopeResource, ScopeIngress, ScopeEgress
	for _, tt := range []struct {
		name    string
		mistake func(r *Resource, e *Egress) // of resource "b" and egress "b1"
		scope   Scope
		want    string
	}{
		{"a resource without uid", func(r *Resource, _ *Egress) { r.Uid = "" }, resource, "uid: empty"},
		{"a uid that is there already", func(r *Resource, _ *Egress) { r.Uid = "a" }, resource, `"a" is already`},
		{"no topic", func(r *Resource, _ *Egress) { r.Topics = nil }, resource, "topics: none"},
		{"an empty topic", func(r *Resource, _ *Egress) { r.Topics[0] = "" }, resource, "topics[0]: empty"},
		{"several topics with an ingress", func(r *Resource, _ *Egress) { r.Topics = []string{"x", "y"} }, ingress, "2, an ingress takes exactly one"},
		{"no servers", func(r *Resource, _ *Egress) { r.BootstrapServers = " " }, resource, "bootstrapServers: empty"},
		{"servers with a gap", func(r *Resource, _ *Egress) { r.BootstrapServers = "k:1, ,l:2" }, resource, "empty entry"},
		{"an unknown policy for invalid records", func(r *Resource, _ *Egress) { r.InvalidRecords = 7 }, resource, "InvalidRecords 7 is not known"},
		{"a Secret without a name", func(r *Resource, _ *Egress) {
			r.Auth = &Resource_AuthSecret{AuthSecret: &Reference{Namespace: "n"}}
		}, resource, `authSecret: names no Secret (namespace "n", name "")`},
		{"a Secret that is absent", func(r *Resource, _ *Egress) { r.Auth = &Resource_AuthSecret{} }, resource, "authSecret"},
		{"an unknown protocol", func(r *Resource, _ *Egress) {
			r.Auth = &Resource_MultiAuthSecret{MultiAuthSecret: &MultiSecretReference{Protocol: 9}}
		}, resource, "multiAuthSecret.protocol: Protocol 9 is not known"},
		{"an unknown field of a Secret", func(r *Resource, _ *Egress) {
			r.Auth = multi(&SecretReference{Reference: &Reference{Namespace: "n", Name: "s"}, KeyFieldReferences: []*KeyFieldReference{{SecretKey: "k", Field: 99}}})
		}, resource, "SecretField 99"},
		{"a field without a key", func(r *Resource, _ *Egress) {
			r.Auth = multi(&SecretReference{Reference: &Reference{Namespace: "n", Name: "s"}, KeyFieldReferences: []*KeyFieldReference{{Field: SecretField_USER}}})
		}, resource, "secretKey of USER: empty"},
		{"keys of no Secret", func(r *Resource, _ *Egress) { r.Auth = multi(&SecretReference{}) }, resource, "references[0]: names no Secret"},
		{"an override that is no extension", func(r *Resource, _ *Egress) {
			r.CloudEventOverrides = &CloudEventOverrides{Extensions: map[string]string{"a-b": "c"}}
		}, resource, `"a-b" is not the name of an extension`},

		{"an unknown content mode", func(r *Resource, _ *Egress) { r.Ingress.ContentMode = 7 }, ingress, "ContentMode 7 is not known"},
		{"an unknown key fallback", func(r *Resource, _ *Egress) { r.Ingress.KeyFallback = 7 }, ingress, "KeyFallback 7 is not known"},
		{"neither path nor host", func(r *Resource, _ *Egress) { r.Ingress.Path = "" }, ingress, "no way to reach it"},
		{"the root as the only path", func(r *Resource, _ *Egress) { r.Ingress.Path = "/" }, ingress, "no way to reach it"},
		{"a path without a slash", func(r *Resource, _ *Egress) { r.Ingress.Path = "n/b" }, ingress, "does not begin with a slash"},
		{"a path that is taken", func(r *Resource, _ *Egress) { r.Ingress.Path = "/n/a" }, ingress, `"/n/a" is already taken by the resource "a"`},
		{"a further path that is taken", func(r *Resource, _ *Egress) { r.Ingress.Paths = []string{"/n/a"} }, ingress, "already taken"},
		{"a host that is taken", func(r *Resource, _ *Egress) { r.Ingress.Host = "A.n.svc." }, ingress, `"a.n.svc" is already taken`},
		{"a token matcher of no kind", func(r *Resource, _ *Egress) {
			r.Ingress.EventPolicies = []*EventPolicy{{TokenMatchers: []*TokenMatcher{{}}}}
		}, ingress, "eventPolicies[0].tokenMatchers[0]"},
		{"a policy with a filter of an unknown dialect", func(r *Resource, _ *Egress) {
			r.Ingress.EventPolicies = []*EventPolicy{{Filters: []*DialectedFilter{unknownDialect()}}}
		}, ingress, "eventPolicies[0].filters[0]: no dialect"},

		{"an egress without uid", func(_ *Resource, e *Egress) { e.Uid = "" }, egress, "uid: empty"},
		{"an egress's uid that is there already", func(_ *Resource, e *Egress) { e.Uid = "a2" }, egress, `"a2" is already`},
		{"no group", func(_ *Resource, e *Egress) { e.ConsumerGroup = "" }, egress, "consumerGroup: empty"},
		{"no destination", func(_ *Resource, e *Egress) { e.Destination = "" }, egress, "destination: empty"},
		{"a relative destination", func(_ *Resource, e *Egress) { e.Destination = "/x" }, egress, `"/x" is not an absolute http`},
		{"a destination of another scheme", func(_ *Resource, e *Egress) { e.Destination = "ftp://x" }, egress, "not an absolute http"},
		{"a destination without a host", func(_ *Resource, e *Egress) { e.Destination = "http://:80/" }, egress, "not an absolute http"},
		{"a destination that cannot be parsed", func(_ *Resource, e *Egress) { e.Destination = "http://[::1" }, egress, "destination: parse"},
		{"a relative reply", func(_ *Resource, e *Egress) { e.ReplyStrategy = &Egress_ReplyUrl{ReplyUrl: "x"} }, egress, `replyUrl: "x"`},
		{"an empty reply", func(_ *Resource, e *Egress) { e.ReplyStrategy = &Egress_ReplyUrl{} }, egress, "replyUrl: empty"},
		{"an unknown order", func(_ *Resource, e *Egress) { e.DeliveryOrder = 5 }, egress, "DeliveryOrder 5"},
		{"an unknown scope of the order", func(_ *Resource, e *Egress) { e.OrderScope = 5 }, egress, "OrderScope 5"},
		{"an unknown key type", func(_ *Resource, e *Egress) { e.KeyType = -1 }, egress, "KeyType -1"},
		{"negative replicas", func(_ *Resource, e *Egress) { e.VReplicas = -1 }, egress, "vReplicas: -1"},
		{"negative partitions", func(_ *Resource, e *Egress) { e.InitialPartitions = map[string]int32{"t": -1} }, egress, `initialPartitions["t"]: -1`},
		{"more deliveries always than at most", func(_ *Resource, e *Egress) { e.Pace = &Pace{MinConcurrency: 3, MaxConcurrency: 2} }, egress, "minConcurrency 3 is above maxConcurrency 2"},
		{"a relative dead letter sink", func(_ *Resource, e *Egress) { e.EgressConfig = &EgressConfig{DeadLetter: "x"} }, egress, `egressConfig.deadLetter: "x"`},
		{"an unknown backoff", func(_ *Resource, e *Egress) { e.EgressConfig = &EgressConfig{BackoffPolicy: 3} }, egress, "BackoffPolicy 3"},
		{"an unknown form", func(_ *Resource, e *Egress) { e.EgressConfig = &EgressConfig{Format: "xml"} }, egress, `"xml" is neither`},
		{"an inherited dead letter sink", func(r *Resource, _ *Egress) { r.EgressConfig = &EgressConfig{DeadLetter: "x"} }, egress, "egressConfig of the resource.deadLetter"},
		{"a filter of an unknown dialect", filterOf(unknownDialect()), egress, "dialectedFilter[0]: no dialect"},
		{"no filter where one was announced", filterOf(nil), egress, "dialectedFilter[0]: no dialect"},
		{"not without a filter", filterOf(&DialectedFilter{Filter: &DialectedFilter_Not{Not: &Not{}}}), egress, "[0].not: no filter"},
		{"cesql without an expression", filterOf(&DialectedFilter{Filter: &DialectedFilter_Cesql{}}), egress, "[0].cesql: no expression"},
		{"an unknown dialect deep inside", filterOf(&DialectedFilter{Filter: &DialectedFilter_All{All: &All{Filters: []*DialectedFilter{
			{Filter: &DialectedFilter_Any{Any: &Any{Filters: []*DialectedFilter{
				{Filter: &DialectedFilter_Not{Not: &Not{Filter: unknownDialect()}}}}}}}}}}}), egress, "[0].all[0].any[0].not: no dialect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			b := c.Resources[1]
			tt.mistake(b, b.Egresses[0])
			before := proto.CloneOf(c)
			got := Validate(c)
			if !proto.Equal(c, before) {
				t.Error("the contract was changed")
			}
			if len(got) != 1 {
				t.Fatalf("%d problems: %v", len(got), got)
			}
			p := got[0]
			if p.Scope != tt.scope || p.Resource != b || p.ResourceUID != b.Uid || (p.Scope == egress) != (p.Egress == b.Egresses[0]) ||
				(p.Scope == egress && p.EgressUID != b.Egresses[0].Uid) {
				t.Errorf("it is about %+v", p)
			}
			wantRef := b.Reference
			if tt.scope == egress {
				wantRef = b.Egresses[0].Reference
			}
			if p.Reference != wantRef {
				t.Errorf("it refers to %v", p.Reference)
			}
			if !strings.Contains(p.Err.Error(), tt.want) {
				t.Errorf("it says %q, want %q", p.Err, tt.want)
			}
		})
	}
}

func TestWhatIsNoProblem(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(r *Resource, e *Egress)
	}{
		{"several topics without an ingress", func(r *Resource, _ *Egress) { r.Ingress, r.Topics = nil, []string{"x", "y"} }},
		{"a host and no path", func(r *Resource, _ *Egress) { r.Ingress.Path, r.Ingress.Host = "", "h" }},
		{"a host and the root as path, which is no route", func(r *Resource, _ *Egress) { r.Ingress.Path, r.Ingress.Host = "/", "h" }},
		{"only further paths", func(r *Resource, _ *Egress) { r.Ingress.Path, r.Ingress.Paths = "", []string{"/x"} }},
		{"its own path twice", func(r *Resource, _ *Egress) { r.Ingress.Paths = []string{r.Ingress.Path} }},
		{"an empty filter", filterOf(&DialectedFilter{})},
		{"a wrong delivery of the resource that no egress uses", func(r *Resource, e *Egress) {
			r.EgressConfig, e.EgressConfig = &EgressConfig{DeadLetter: "x"}, &EgressConfig{}
		}},
		{"a group that another egress has too", func(_ *Resource, e *Egress) { e.ConsumerGroup = "group-a1" }},
		{"no reference", func(r *Resource, e *Egress) { r.Reference, e.Reference = nil, nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			tt.change(c.Resources[1], c.Resources[1].Egresses[0])
			for _, p := range Validate(c) {
				t.Error(p.Err)
			}
		})
	}
}

func TestSeveralMistakesAreSaidTogether(t *testing.T) {
	c := valid()
	e := c.Resources[1].Egresses[0]
	e.ConsumerGroup, e.Destination = "", "x"
	c.Resources[0].BootstrapServers, c.Resources[0].Ingress = "", &Ingress{}
	var got []string
	for _, p := range Validate(c) {
		got = append(got, p.Err.Error())
	}
	want := []string{
		"bootstrapServers: empty",
		`ingress: path "" and host "" leave no way to reach it`,
		"consumerGroup: empty\ndestination: \"x\" is not an absolute http or https URL",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAProblemOfASubscriptionRefersToIt(t *testing.T) {
	c := valid()
	e := c.Resources[1].Egresses[0]
	e.Destination, e.Subscription = "", &Reference{Name: "sub"}
	if p := Validate(c); len(p) != 1 || p[0].Reference != e.Subscription {
		t.Errorf("got %v", p)
	}
}

func multi(refs ...*SecretReference) *Resource_MultiAuthSecret {
	return &Resource_MultiAuthSecret{MultiAuthSecret: &MultiSecretReference{References: refs}}
}

func filterOf(f *DialectedFilter) func(*Resource, *Egress) {
	return func(_ *Resource, e *Egress) { e.DialectedFilter = []*DialectedFilter{f} }
}

// unknownDialect is a filter as a newer writer could send it: a member of the oneof that this schema does not have.
func unknownDialect() *DialectedFilter {
	f := &DialectedFilter{}
	f.ProtoReflect().SetUnknown([]byte{0x42, 0x00}) // field 8
	return f
}

func valid() *Contract {
	return &Contract{Resources: []*Resource{
		{Uid: "a", Topics: []string{"ta"}, BootstrapServers: "k:9092", Reference: &Reference{Name: "a"},
			Ingress:  &Ingress{Path: "/n/a", Host: "a.n.svc"},
			Egresses: []*Egress{validEgress("a1"), validEgress("a2")}},
		{Uid: "b", Topics: []string{"tb"}, BootstrapServers: "k:9092,l:9092", Reference: &Reference{Name: "b"},
			Ingress: &Ingress{Path: "/n/b"}, Egresses: []*Egress{validEgress("b1")}},
	}}
}

func validEgress(uid string) *Egress {
	return &Egress{Uid: uid, ConsumerGroup: "group-" + uid, Destination: "https://[::1]:8443/x?y", Reference: &Reference{Name: uid}}
}
