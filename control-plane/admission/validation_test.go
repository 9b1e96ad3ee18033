package admission

import (
	"testing"

	authv1 "k8s.io/api/authentication/v1"
)

const failed = "validation failed: "

func TestValidationOfNewObjects(t *testing.T) {
	for _, tt := range []struct {
		name, kind, change, want string
	}{
		{"a channel", "channel", `{}`, ""},
		{"a channel in v1", "channel v1", `{}`, ""},
		{"a source", "source", `{}`, ""},
		{"a source in v1", "source v1", `{}`, ""},
		{"a sink", "sink", `{}`, ""},
		{"a reset", "reset", `{}`, ""},
		{"a broker", "broker", `{}`, ""},

		{"partitions (CH-08)", "channel", `{spec: {numPartitions: -1}}`, failed + "invalid value: -1: spec.numPartitions"},
		{"partitions in v1 (CH-08)", "channel v1", `{spec: {numPartitions: -1}}`, failed + "invalid value: -1: spec.numPartitions"},
		{"replicas (CH-09)", "channel", `{spec: {replicationFactor: -1}}`, failed + "invalid value: -1: spec.replicationFactor"},
		{"retention (CH-10)", "channel", `{spec: {retentionDuration: -PT1H}}`,
			failed + "invalid value: -PT1H: spec.retentionDuration\nexpected a duration that is not negative: -PT1H"},
		{"a subscriber without URI (CH-12)", "channel", `{spec: {subscribers: [{uid: u}]}}`,
			failed + "missing field(s): spec.subscribable.subscriber[0].replyURI, spec.subscribable.subscriber[0].subscriberURI\n" +
				"expected at least one of, got none"},
		{"anyone may create subscribers (CH-13)", "channel", `{spec: {subscribers: [{uid: u, subscriberUri: http://a}]}}`, ""},
		{"scope (CH-16)", "channel", `{metadata: {annotations: {eventing.knative.dev/scope: x}}}`,
			failed + "invalid value: x: metadata.annotations[eventing.knative.dev/scope]\nexpected either 'cluster' or 'namespace'"},
		{"order scope (TR-04)", "channel", `{metadata: {annotations: {kafka.eventing.knative.dev/delivery.order.scope: x}}}`,
			failed + "invalid value: x: metadata.annotations[kafka.eventing.knative.dev/delivery.order.scope]\n" +
				`expected "partition" or "key", got "x"`},
		{"an unknown field (WH-05)", "channel", `{spec: {partitions: 1}}`,
			`decoding request failed: cannot decode incoming new object: json: unknown field "partitions"`},

		{"no topic (SK-03)", "sink", `{spec: {topic: ""}}`, failed + "invalid value: : spec.topic\nexpected the name of a topic"},
		{"no servers (SK-04)", "sink", `{spec: {bootstrapServers: []}}`,
			failed + "invalid value: []: spec.bootstrapServers\nexpected at least one server"},
		{"partitions of a sink (SK-05)", "sink", `{spec: {numPartitions: 0}}`, failed + "invalid value: 0: spec.numPartitions"},
		{"replicas of a sink (SK-05)", "sink", `{spec: {replicationFactor: 0}}`, failed + "invalid value: 0: spec.replicationFactor"},
		{"content mode (SK-06)", "sink", `{spec: {contentMode: batch}}`,
			failed + "invalid value: batch: spec.contentMode\nexpected binary or structured"},
		{"a Secret without a name (SK-07)", "sink", `{spec: {auth: {secret: {ref: {}}}}}`, failed + "invalid value: : spec.auth.secret.ref.name"},

		{"no servers and no topics (SRC-05)", "source", `{spec: {bootstrapServers: [], topics: []}}`,
			failed + "missing field(s): spec.bootstrapServers, spec.topics"},
		{"negative consumers (SRC-07)", "source", `{spec: {consumers: -1}}`, failed + "invalid value: -1: spec.consumers"},
		{"offset (SRC-08)", "source v1", `{spec: {initialOffset: middle}}`,
			failed + "invalid value: middle: spec.initialOffset\nexpected earliest or latest"},
		{"order (SRC-09)", "source", `{spec: {ordering: fifo}}`, failed + "invalid value: fifo: spec.ordering\nexpected ordered or unordered"},
		{"no sink (SRC-13)", "source", `{spec: {sink: null}}`,
			failed + "expected at least one, got none: spec.sink.ref, spec.sink.uri"},
		{"a sink in another namespace (SRC-13)", "source",
			`{spec: {sink: {uri: null, ref: {apiVersion: v1, kind: Service, name: svc, namespace: other}}}}`, ""},
		{"key type (SRC-15)", "source", `{metadata: {labels: {kafkasources.sources.knative.dev/key-type: uuid}}}`,
			failed + "invalid value: uuid: metadata.labels[kafkasources.sources.knative.dev/key-type]\n" +
				`expected string, int, float or byte-array, got "uuid"`},

		{"a time (RO-03)", "reset", `{spec: {offset: {time: noon}}}`,
			failed + "invalid value: noon: spec.offset.time\nexpected earliest, latest or a time as in RFC 3339"},
		{"a future time (RO-03)", "reset", `{spec: {offset: {time: "9999-01-01T00:00:00Z"}}}`,
			failed + "invalid value: 9999-01-01T00:00:00Z: spec.offset.time\nexpected a time that is not in the future"},
		{"a kind (RO-04)", "reset", `{spec: {ref: {kind: Channel}}}`,
			failed + "invalid value: Channel: spec.ref.kind\nexpected Subscription, Trigger or KafkaSource"},
		{"another namespace (RO-04)", "reset", `{spec: {ref: {namespace: other}}}`,
			failed + "mismatched namespaces: spec.ref.namespace\n" + `parent namespace: "ns" does not match ref: "other"`},

		{"a broker's configuration in a Secret (BR-02)", "broker", `{spec: {config: {kind: Secret, name: s}}}`,
			failed + "invalid value: Secret: spec.config.kind\nexpected ConfigMap"},
		{"a namespaced broker's configuration elsewhere (BR-02)", "broker",
			`{metadata: {annotations: {eventing.knative.dev/broker.class: KafkaNamespaced}}, spec: {config: {kind: configmap, namespace: other}}}`,
			failed + "invalid value: other: spec.config.namespace\nexpected the namespace of the Broker, ns"},
		{"a broker of another class (BR-02)", "broker",
			`{metadata: {annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker}}, spec: {config: {kind: Secret}}}`, ""},
		{"the delivery of a broker is core's, also when it would make core panic (BR-02)", "broker", `{spec: {delivery: {backoffDelay: "-"}}}`, ""},
		{"a broker with fields of a later core (BR-02)", "broker", `{spec: {ofTomorrow: 1}, status: {ofTomorrow: 1}}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, start(t, NewValidation, nil).Admit(t.Context(), request(t, object(t, tt.kind, tt.change), nil)), tt.want)
		})
	}
}

func TestValidationOfDelivery(t *testing.T) {
	off := map[string]string{"delivery-timeout": "disabled"}
	on := map[string]string{"delivery-retryafter": "enabled"}
	for _, tt := range []struct {
		name, delivery string
		flags          map[string]string
		want           string
	}{
		{"all of it", `{retry: 3, timeout: PT1S, backoffPolicy: linear, backoffDelay: PT1S, format: json}`, nil, ""},
		{"dead letters in another namespace", `{deadLetterSink: {ref: {apiVersion: v1, kind: Service, name: svc, namespace: other}}}`, nil, ""},
		{"retry", `{retry: -1}`, nil, "invalid value: -1: spec.delivery.retry"},
		{"timeout", `{timeout: PT0S}`, nil, "invalid value: PT0S: spec.delivery.timeout"},
		{"timeout without its flag", `{timeout: PT1S}`, off, "must not set the field(s): spec.delivery.timeout"},
		{"policy", `{backoffPolicy: random}`, nil, "invalid value: random: spec.delivery.backoffPolicy"},
		{"delay", `{backoffDelay: 1s}`, nil, "invalid value: 1s: spec.delivery.backoffDelay\nexpected 'P' period mark at the start: 1s"},
		{"a delay that makes core panic", `{backoffDelay: "-"}`, nil, "invalid value: -: spec.delivery.backoffDelay\nexpected 'P' period mark after the sign: -"},
		{"another that makes core panic", `{timeout: "+"}`, nil, "invalid value: +: spec.delivery.timeout\nexpected 'P' period mark after the sign: +"},
		{"format", `{format: xml}`, nil, "invalid value: xml: spec.delivery.format"},
		{"retryAfterMax without its flag", `{retryAfterMax: PT1S}`, nil, "must not set the field(s): spec.delivery.retryAfterMax"},
		{"retryAfterMax", `{retryAfterMax: PT1S}`, on, ""},
		{"negative retryAfterMax", `{retryAfterMax: -PT1S}`, on, "invalid value: -PT1S: spec.delivery.retryAfterMax"},
		{"an unknown field", `{ofTomorrow: 1}`, nil, `json: unknown field "ofTomorrow"`},
	} {
		for _, kind := range []string{"channel", "channel v1", "source", "source v1"} {
			t.Run(tt.name+" of a "+kind+" (WH-08)", func(t *testing.T) {
				want := tt.want
				switch {
				case want != "" && tt.name == "an unknown field":
					want = "decoding request failed: cannot decode incoming new object: " + want
				case want != "":
					want = failed + want
				}
				now := object(t, kind, "{spec: {delivery: "+tt.delivery+"}}")
				check(t, start(t, NewValidation, tt.flags).Admit(t.Context(), request(t, now, nil)), want)
			})
		}
	}
}

func TestValidationOfChanges(t *testing.T) {
	const immutable = failed + "Immutable fields changed (-old +new): spec\n"
	for _, tt := range []struct {
		name, kind, old, now, user, want string
	}{
		{"nothing", "channel", `{}`, `{}`, "", ""},
		{"partitions (CH-11)", "channel", `{}`, `{spec: {numPartitions: 2}}`, "",
			immutable + "{v1beta1.KafkaChannelSpec}.NumPartitions:\n\t-: \"1\"\n\t+: \"2\"\n"},
		{"replicas in v1 (CH-11)", "channel v1", `{}`, `{spec: {replicationFactor: 2}}`, "",
			immutable + "{v1beta1.KafkaChannelSpec}.ReplicationFactor:\n\t-: \"1\"\n\t+: \"2\"\n"},
		{"retention (CH-11)", "channel", `{}`, `{spec: {retentionDuration: PT1H}}`, "",
			immutable + "{v1beta1.KafkaChannelSpec}.RetentionDuration:\n\t-: \"PT168H\"\n\t+: \"PT1H\"\n"},
		{"retention of an object that is older than the field (CH-11)", "channel", `{spec: {retentionDuration: null}}`, `{}`, "", ""},
		{"subscribers by core (CH-13)", "channel", `{}`, `{spec: {subscribers: [{uid: u, subscriberUri: http://a}]}}`,
			"system:serviceaccount:mine:eventing-controller", ""},
		{"delivery that was wrong before (CH-14)", "channel", `{spec: {delivery: {retry: -1}}}`,
			`{spec: {delivery: {retry: -1}}, metadata: {finalizers: [f]}}`, "", ""},

		{"topic (SK-08)", "sink", `{}`, `{spec: {topic: u}}`, "", failed + "Immutable field updated: spec.topic"},
		{"partitions and replicas of a sink (SK-08)", "sink", `{}`, `{spec: {numPartitions: 1, replicationFactor: 1}}`, "",
			failed + "Immutable field updated: spec.numPartitions, spec.replicationFactor"},
		{"servers of a sink (SK-04)", "sink", `{}`, `{spec: {bootstrapServers: [other:9092]}}`, "", ""},

		{"consumer group (SRC-06)", "source", `{}`, `{spec: {consumerGroup: h}}`, "",
			immutable + "{v1beta1.immutable}.ConsumerGroup:\n\t-: \"g\"\n\t+: \"h\"\n"},
		{"topics of a source", "source v1", `{}`, `{spec: {topics: [t, u]}}`, "", ""},
		{"a key type that was wrong before (SRC-15)", "source", `{metadata: {labels: {kafkasources.sources.knative.dev/key-type: uuid}}}`,
			`{metadata: {labels: {kafkasources.sources.knative.dev/key-type: uuid}, finalizers: [f]}}`, "", ""},

		{"the time of a reset (RO-03)", "reset", `{}`, `{spec: {offset: {time: latest}}}`, "",
			immutable + "{v1alpha1.ResetOffsetSpec}.Offset.Time:\n\t-: \"earliest\"\n\t+: \"latest\"\n"},

		{"a broker's configuration that was wrong before (BR-02)", "broker", `{spec: {config: {kind: Secret}}}`,
			`{spec: {config: {kind: Secret}}, metadata: {finalizers: [f]}}`, "", ""},
		{"a broker's configuration (BR-02)", "broker", `{}`, `{spec: {config: {kind: Secret}}}`, "",
			failed + "invalid value: Secret: spec.config.kind\nexpected ConfigMap"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(t, object(t, tt.kind, tt.now), object(t, tt.kind, tt.old))
			r.UserInfo = authv1.UserInfo{Username: tt.user}
			check(t, start(t, NewValidation, nil).Admit(t.Context(), r), tt.want)
		})
	}
}

// Only core's Subscription controller, in the namespace that this program runs in, changes subscribers.
func TestSubscribersAreNobodysElse(t *testing.T) {
	now, old := object(t, "channel", `{spec: {subscribers: [{uid: u, subscriberUri: http://a}]}}`), object(t, "channel")
	for _, user := range []string{"me", "system:serviceaccount:knative-eventing:eventing-controller", "system:serviceaccount:mine:other"} {
		r := request(t, now, old)
		r.UserInfo.Username = user
		response := start(t, NewValidation, nil).Admit(t.Context(), r)
		if response.Allowed {
			t.Fatalf("%s may change subscribers (CH-13)", user)
		}
		want := failed + "Channel.Spec.Subscribers changed by user " + user + " which was not the " +
			"system:serviceaccount:mine:eventing-controller service account: spec.subscribers\n"
		if got := response.Result.Message; len(got) <= len(want) || got[:len(want)] != want {
			t.Errorf("got %q (CH-13)", got)
		}
	}
}

func TestAnAdministratorAllowsOtherNamespaces(t *testing.T) {
	elsewhere := object(t, "reset", `{spec: {ref: {namespace: other}}}`)
	flags := map[string]string{CrossNamespaceResetOffset: "Enabled"}
	check(t, start(t, NewValidation, flags).Admit(t.Context(), request(t, elsewhere, nil)), "") // RO-04
}

// A status is written by a controller, whatever the rules say about the rest of the object by now.
func TestAStatusIsAlwaysTaken(t *testing.T) {
	wrong := `{spec: {delivery: {retry: -1}}}`
	r := request(t, object(t, "source", wrong, `{status: {conditions: []}}`), object(t, "source", wrong))
	r.SubResource = "status"
	check(t, start(t, NewValidation, nil).Admit(t.Context(), r), "")
}
