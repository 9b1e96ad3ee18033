package ingress

import (
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func at(path, host string, more ...string) func(*contract.Resource) {
	return func(r *contract.Resource) {
		r.Ingress.Path, r.Ingress.Host, r.Ingress.Paths = path, host, more
	}
}

func TestRequestsFindTheirRoute(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	i.Apply(contractOf(
		resource("a", at("/ns/a", "", "/broker/ns/a")),
		resource("channel", at("/ns/orders", "Orders-kn-channel.ns.svc.cluster.local.")),
		resource("root", at("/", "root.example.com")),
		resource("slash", at("/ns/slash/", "")),
		resource("plain", at("", "plain")),
	), nil)
	for name, row := range map[string]struct {
		target, host, topic string
	}{
		"a path is compared as it stands (IN-20)":                   {"/ns/a", "x", "topic-a"},
		"one trailing slash does not matter (IN-20)":                {"/ns/a/", "x", "topic-a"},
		"two trailing slashes do (IN-20)":                           {"/ns/a//", "x", ""},
		"the contract's path may have a trailing slash":             {"/ns/slash", "x", "topic-slash"},
		"the query does not matter (IN-20)":                         {"/ns/a?x=/y", "x", "topic-a"},
		"a slash before the query does not matter (IN-20)":          {"/ns/a/?x=y", "x", "topic-a"},
		"percent-encoding is not undone (IN-20)":                    {"/ns%2Fa", "x", ""},
		"case of a path matters (IN-20)":                            {"/NS/a", "x", ""},
		"a prefix is another path (IN-20)":                          {"/ns/a/b", "x", ""},
		"a leading slash more is another path (IN-20)":              {"//ns/a", "x", ""},
		"further paths lead to the same resource":                   {"/broker/ns/a", "x", "topic-a"},
		"a host takes any path (IN-21)":                             {"/what/ever", "orders-kn-channel.ns.svc.cluster.local", "topic-channel"},
		"a host takes the root (IN-21)":                             {"/", "orders-kn-channel.ns.svc.cluster.local", "topic-channel"},
		"a path wins over a host (IN-22)":                           {"/ns/a", "orders-kn-channel.ns.svc.cluster.local", "topic-a"},
		"case of a host does not matter (IN-24)":                    {"/", "ORDERS-kn-channel.NS.svc.Cluster.local", "topic-channel"},
		"a port does not matter (IN-24)":                            {"/", "orders-kn-channel.ns.svc.cluster.local:80", "topic-channel"},
		"a trailing dot does not matter (IN-24)":                    {"/", "orders-kn-channel.ns.svc.cluster.local.", "topic-channel"},
		"neither do both (IN-24)":                                   {"/", "orders-kn-channel.ns.svc.cluster.local.:8080", "topic-channel"},
		"name.namespace is the channel's host (IN-24)":              {"/", "orders-kn-channel.ns", "topic-channel"},
		"name.namespace.svc is the channel's host (IN-24)":          {"/", "orders-kn-channel.ns.svc:80", "topic-channel"},
		"the name alone is not (IN-24)":                             {"/", "orders-kn-channel", ""},
		"another namespace is another host":                         {"/", "orders-kn-channel.ns2.svc.cluster.local", ""},
		"the path / is not registered (IN-22)":                      {"/", "x", ""},
		"its resource is found by host (IN-22)":                     {"/", "root.example.com", "topic-root"},
		"a host that is no service has no short forms":              {"/", "root.example", ""},
		"a host of one label is a host":                             {"/x", "plain", "topic-plain"},
		"an absolute target is taken apart":                         {"http://x/ns/a?y", "z", "topic-a"},
		"the host of an absolute target wins":                       {"http://plain:80/x", "z", "topic-plain"},
		"an absolute target may have no path":                       {"http://plain", "z", "topic-plain"},
		"a target without a path leaves the host to decide":         {"*", "plain", "topic-plain"},
		"a host longer than any name is unknown and does not panic": {"/x", strings.Repeat("h", 5000), ""},
		"an empty host is unknown":                                  {"/x", "", ""},
		"an IPv6 host is unknown and does not panic":                {"/x", "[::1]:80", ""},
	} {
		t.Run(name, func(t *testing.T) {
			kafka.written = nil
			a := send(t, i, call{target: row.target, host: row.host})
			if row.topic == "" {
				if a.Status != 404 || a.Reason == "" || len(kafka.written) != 0 {
					t.Fatalf("answer %+v, %d records; want 404 with a reason (IN-10)", a, len(kafka.written))
				}
				return
			}
			if a.Status != 202 || len(kafka.written) != 1 || kafka.written[0].Topic != row.topic {
				t.Fatalf("answer %+v, records %v; want 202 and topic %s", a, kafka.written, row.topic)
			}
		})
	}
}

func TestHostKeyOfAnyHost(t *testing.T) {
	for host, want := range map[string]string{
		"": "", "A": "a", "a:80": "a", "a.:80": "a", "a.": "a", "[::1]": "[::1]", "[::1]:8080": "[::1]", ":80": "", ".": "",
	} {
		if got := string(hostKey(nil, host)); got != want {
			t.Errorf("hostKey(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestAnEntryThatCannotBeServedAnswers503AndLeavesTheOthersAlone(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*contract.Resource)
		reason string
	}{
		"it asks for an audience (CT-33)": {func(r *contract.Resource) { r.Ingress.Audience = "aud" }, "audience"},
		"its Secret is not there (IN-19)": {func(r *contract.Resource) {
			r.Auth = &contract.Resource_AuthSecret{AuthSecret: &contract.Reference{Namespace: "ns", Name: "secret"}}
		}, "ns/secret"},
		"it has no topic":           {func(r *contract.Resource) { r.Topics = nil }, "topics"},
		"it has two topics (CT-17)": {func(r *contract.Resource) { r.Topics = []string{"a", "b"} }, "topics"},
		"it has no servers":         {func(r *contract.Resource) { r.BootstrapServers = "" }, "bootstrapServers"},
		"its content mode is unknown": {func(r *contract.Resource) {
			r.Ingress.ContentMode = 7
		}, "contentMode"},
		"its uid is another's": {func(r *contract.Resource) { r.Uid = "good" }, "good"},
	} {
		t.Run(name, func(t *testing.T) {
			kafka := &cluster{}
			i := start(t, kafka)
			i.Apply(contractOf(resource("good"), resource("a", row.change)), nil)
			a := send(t, i, call{})
			if a.Status != 503 || !strings.Contains(a.Reason, row.reason) || strings.Contains(a.Reason, "\n") {
				t.Errorf("answer %+v, want 503 with a reason about %q in one line", a, row.reason)
			}
			if a := send(t, i, call{target: "/ns/good"}); a.Status != 202 {
				t.Errorf("the other resource answers %+v", a)
			}
			routes := i.Status()
			if len(routes) != 2 || !strings.Contains(routes[1].Problem, row.reason) || routes[0].Problem != "" {
				t.Errorf("status %+v", routes)
			}
		})
	}
}

func TestAPlaceThatTwoResourcesClaimIsRefusedWithTheWaysToEach(t *testing.T) {
	kafka := &cluster{}
	i := start(t, kafka)
	i.Apply(contractOf(
		resource("a", at("/default/x", "", "/broker/default/x")),
		resource("b", at("/default/x", "x-kn-channel.default.svc.cluster.local", "/channel/default/x")),
		resource("c", at("/default/y", "X-kn-channel.default.svc.other.domain")),
	), nil)
	a := send(t, i, call{target: "/default/x"})
	for _, part := range []string{
		"Broker ns/a", "/broker/default/x", "Broker ns/b", "/channel/default/x", "host x-kn-channel.default.svc.cluster.local",
	} {
		if a.Status != 503 || !strings.Contains(a.Reason, part) {
			t.Errorf("answer %+v, want 503 that names %q", a, part)
		}
	}
	if len(kafka.written) != 0 {
		t.Fatal("an ambiguous request was written")
	}
	for target, host := range map[string]string{
		"/broker/default/x":  "x",
		"/channel/default/x": "x",
		"/default/y":         "x",
		"/":                  "x-kn-channel.default.svc.cluster.local",
		"/z":                 "x-kn-channel.default.svc.other.domain",
	} {
		if a := send(t, i, call{target: target, host: host}); a.Status != 202 {
			t.Errorf("%s %s: answer %+v, want 202", target, host, a)
		}
	}
	if a := send(t, i, call{target: "/", host: "x-kn-channel.default"}); a.Status != 503 {
		t.Errorf("a short host that two share: %+v, want 503", a)
	}
	for n, r := range i.Status() {
		if !strings.Contains(r.Problem, "claimed by more than one resource") {
			t.Errorf("status %d does not tell: %+v", n, r)
		}
	}
}

func TestAResourceMayNameOnePlaceTwice(t *testing.T) {
	i := start(t, &cluster{})
	i.Apply(contractOf(resource("a", at("/ns/a", "", "/ns/a/", "/ns/a"))), nil)
	if a := send(t, i, call{}); a.Status != 202 || i.Status()[0].Problem != "" {
		t.Fatalf("answer %+v, status %+v", a, i.Status())
	}
}

func TestAResourceWithoutIngressHasNoRoute(t *testing.T) {
	i := start(t, &cluster{})
	i.Apply(contractOf(resource("a", func(r *contract.Resource) { r.Ingress = nil })), nil)
	if a := send(t, i, call{}); a.Status != 404 || len(i.Status()) != 0 {
		t.Fatalf("answer %+v, status %+v", a, i.Status())
	}
}
