// Package telemetry counts what the data plane does and serves it in the text format of Prometheus.
//
// It owns the handles that the event path writes to, the names, labels and buckets of the metrics, and the bound on how
// many event types get series of their own. It must not know Kafka, HTTP requests or the contract: whoever builds a route
// or a group asks for a handle once, and passes it plain numbers from then on.
//
// Handles are safe for any number of goroutines. Recording an event is a few atomic additions; nothing is summed, named
// or allocated before somebody scrapes.
package telemetry
