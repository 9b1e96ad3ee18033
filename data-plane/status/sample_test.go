package status

import "time"

// noon is when the reports of these tests are made.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// sampleReport has one of everything: what works, what waits, what is broken, and texts that try to be markup.
func sampleReport() Report {
	return Report{
		Version: "v0.1.0", Started: noon.Add(-3*time.Hour - 12*time.Minute), Roles: []string{"ingress", "egress"}, Ready: true,
		Contract: Contract{
			Generation: 42, Hash: "9f86d081884c7d659a2feaa0c55ad015", Format: "protobuf-zstd", Bytes: 18_432,
			LoadedAt: noon.Add(-95 * time.Second), LastGood: true, LastError: "decode contract: checksum does not match",
			LastErrorAt: noon.Add(-4 * time.Second),
			Rejected: []Rejected{{
				UID: "r-9", EgressUID: "e-9", Kind: "trigger", Namespace: "shop", Name: "returns",
				Reason: `destination: parse "://x": missing protocol scheme`,
			}},
		},
		Routes: []Route{
			{
				UID: "r-1", Kind: "broker", Namespace: "shop", Name: "orders", Topic: "knative-broker-shop-orders",
				Host: "kafka-broker-ingress.knative-eventing.svc.cluster.local", Paths: []string{"/shop/orders", "/broker/shop/orders"},
				Accepted: 1_234_567, Answers: map[string]uint64{"400": 12, "503": 3}, LastError: "produce: leader not available",
				LastErrorAt: noon.Add(-20 * time.Minute), PendingBytes: 70_000,
			},
			{
				UID: "r-2", Kind: "kafkasink", Namespace: "shop", Name: "archive", Topic: "archive", Paths: []string{"/shop/archive"},
				Problem: "Secret shop/archive-auth is missing",
			},
			{
				UID: "r-3", Kind: "kafkachannel", Namespace: "shop", Name: "audit", Topic: "knative-messaging-kafka.shop.audit",
				Host: "audit-kn-channel.shop.svc.cluster.local", Paths: []string{"/shop/audit"}, Accepted: 98,
			},
		},
		Groups: []Group{
			{
				UID: "e-1", Kind: "trigger", Namespace: "shop", Name: "billing", Resource: "broker shop/orders",
				GroupID: "knative-trigger-shop-billing", Topics: []string{"knative-broker-shop-orders"},
				Destination: "http://billing.shop.svc.cluster.local/events", Order: "ordered", State: "running",
				Delivered: 812_345, Filtered: 422_222, InFlight: 10, Partitions: []Partition{
					{Topic: "knative-broker-shop-orders", Partition: 0, Committed: 123_456, Next: 123_460, End: 123_460, Lag: 4, Unfinished: 4},
					{Topic: "knative-broker-shop-orders", Partition: 1, Committed: 99_000, Next: 99_100, End: 101_250, Lag: 2250, Unfinished: 100, Paused: true,
						PausedReason: "as many events as it may hold are unfinished", Oldest: &Event{
							Offset: 99_000, Written: noon.Add(-90 * time.Second), State: "waiting", NextAttempt: noon.Add(8 * time.Second),
							To: "subscriber", Attempts: 3, Status: 503,
						}},
				},
				LagRecords: 2254, LagSeconds: 7.31, Buffered: 2_621_440, NextRetry: noon.Add(8 * time.Second), Window: 96, Rate: 12.5, RateLimited: true,
				Breaker: "half-open", Halted: "the subscriber is down",
			},
			{
				UID: "e-2", Kind: "trigger", Namespace: "shop", Name: "<script>alert(1)</script>", Resource: `broker shop/"orders"`,
				GroupID: "knative-trigger-shop-mail", Topics: []string{"knative-broker-shop-orders"},
				Destination: "http://mail.shop.svc/?a=1&b=<2>", Order: "unordered", State: "running", Delivered: 31_002, Retried: 77,
				DeadLettered: 4, Lost: 2, Parked: 3, Waiting: 6, Replied: 31_000, Discarded: 1,
				LastError: `POST http://mail.shop.svc/: 503 Service Unavailable: <b>"try later"</b>`, LastErrorAt: noon.Add(-31 * time.Second),
			},
			{
				UID: "e-3", Kind: "kafkachannel", Namespace: "shop", Name: "audit", Resource: "kafkachannel shop/audit", GroupID: "kafka.shop.audit.5f0c",
				Topics: []string{"knative-messaging-kafka.shop.audit"}, Destination: "http://archive.shop.svc.cluster.local", Order: "ordered",
				State: "stopped", Problem: "committed offset of partition 3 is missing",
			},
			{
				UID: "e-4", Kind: "kafkasource", Namespace: "shop", Name: "legacy", Resource: "kafkasource shop/legacy", GroupID: "legacy",
				Topics: []string{"legacy"}, Destination: "http://import.shop.svc.cluster.local", Order: "ordered",
				State: "elsewhere", PlacedOn: []string{"dispatcher-1", "dispatcher-4"},
			},
		},
		Process: Process{Goroutines: 143, HeapBytes: 48_800_000, RSSBytes: 91_300_000, CPUSeconds: 312.4},
	}
}
