package stage

import (
	"path/filepath"
	"strings"

	"knative.dev/eventing-kafka-go/proto/contract"
	"knative.dev/eventing-kafka-go/test/performance/report"
)

func planeSubject(binary string) Subject {
	var generation uint64
	return Subject{
		Who: report.Ours,
		command: func(role Role, _ []string, file, address, folder string) (command, error) {
			return planeCommand(binary, role, file, address, folder)
		},
		encode: func(w Work, servers []string) ([]byte, error) {
			generation = contract.NextGeneration(generation)
			return contract.Encode(contractOf(w, servers, generation), contract.FormatZstd)
		},
	}
}

// planeCommand is the command line and environment of the data plane.
func planeCommand(binary string, role Role, file, address, folder string) (command, error) {
	status, err := freeAddress()
	return command{
		path: binary,
		args: []string{string(role)},
		env: []string{
			"DATA_PLANE_CONFIG_FILE_PATH=" + file,
			"INGRESS_HOST=127.0.0.1",
			"INGRESS_PORT=" + portOf(address),
			"STATUS_ADDRESS=" + status,
			"METRICS_ADDRESS=none",
			"CONTRACT_LAST_GOOD_FILE_PATH=" + filepath.Join(folder, "last-good-"+string(role)),
			"LOG_LEVEL=warn",
		},
	}, err
}

// contractOf gives every path and every group a resource of its own, as channels with one subscription have.
func contractOf(w Work, servers []string, generation uint64) *contract.Contract {
	c := &contract.Contract{Generation: generation, Dispatchers: w.Dispatchers}
	resource := func(uid, topic string) *contract.Resource {
		r := &contract.Resource{
			Uid: uid, Topics: []string{topic}, BootstrapServers: strings.Join(servers, ","),
			Reference: &contract.Reference{
				Uuid: uid, Namespace: "bench", Name: uid, Kind: "KafkaChannel", GroupVersion: "messaging.knative.dev/v1beta1",
			},
		}
		c.Resources = append(c.Resources, r)
		return r
	}
	for _, in := range w.Ingress {
		resource("in-"+strings.ReplaceAll(in.Path, "/", "-"), in.Topic).Ingress = &contract.Ingress{Path: in.Path}
	}
	for _, e := range w.Egress {
		r := resource("out-"+e.Group, e.Topic)
		order := contract.DeliveryOrder_UNORDERED
		if e.Ordered {
			order = contract.DeliveryOrder_ORDERED
		}
		r.Egresses = []*contract.Egress{{
			ConsumerGroup: e.Group, Destination: e.URL, Uid: "egress-" + e.Group, DeliveryOrder: order,
			ReplyStrategy: &contract.Egress_DiscardReply{DiscardReply: &contract.Empty{}},
			Reference:     r.Reference,
		}}
		if e.ByKey {
			r.Egresses[0].DeliveryOrder, r.Egresses[0].OrderScope = contract.DeliveryOrder_ORDERED, contract.OrderScope_KEY_SCOPE
		}
		if e.Concurrency > 0 {
			r.Egresses[0].Pace = &contract.Pace{MaxConcurrency: e.Concurrency}
		}
		if e.Type != "" {
			r.Egresses[0].Filter = &contract.Filter{Attributes: map[string]string{"type": e.Type}}
		}
	}
	return c
}
