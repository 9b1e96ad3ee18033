// Package e2e follows what users do on a real cluster: this project installed from its release files beside Knative
// Eventing and a real Kafka, objects applied, events sent and received by pods. hack/e2e.sh runs it; without the build
// tag e2e it is empty.
//
// Stand-ins: cert-manager and trust-manager are not there, and neither is Knative Serving: subscribers are Services.
package e2e
