// Command webhook defaults, validates and converts the objects of Knative Eventing for Apache Kafka for the API server.
//
// It keeps its own certificate, in the Secret kafka-webhook-eventing-certs (WEBHOOK_SECRET_NAME), and writes it, the
// paths and the rules into the webhook configurations and CRDs. SYSTEM_NAMESPACE is required; WEBHOOK_NAME (default
// kafka-webhook-eventing) is also the name of its Service, WEBHOOK_PORT is 8443 unless set. Health is what the webhook's
// own port answers to a kubelet, so there is no other port for it.
package main

import (
	"fmt"
	"os"

	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/signals"
	"knative.dev/pkg/webhook"
	"knative.dev/pkg/webhook/certificates"

	"knative.dev/eventing-kafka-go/control-plane/admission"
	"knative.dev/eventing-kafka-go/control-plane/environment"
)

func main() {
	if err := environment.CheckSystemNamespace(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "webhook:", err)
		os.Exit(1)
	}
	name := environment.Or("WEBHOOK_NAME", "kafka-webhook-eventing")
	ctx := webhook.WithOptions(signals.NewContext(), webhook.Options{
		ServiceName: name,
		Port:        webhook.PortFromEnv(8443),
		SecretName:  webhook.SecretNameFromEnv("kafka-webhook-eventing-certs"),
	})
	sharedmain.MainWithContext(sharedmain.WithHealthProbesDisabled(ctx), name,
		certificates.NewController,
		admission.NewDefaulting,
		admission.NewValidation,
		admission.NewConversion,
	)
}
