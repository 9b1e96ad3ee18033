// Package admission defaults, validates and converts the objects of this project for the API server, and checks Brokers
// of our classes beyond core's rules.
//
// What the rules are is said by the types in control-plane/apis; this package says which kinds are asked for, under which
// paths, and with which flags. It must not do what needs another object: an admission that waits for something stops
// every writer. Its controllers keep the webhook configurations and the conversion of the CRDs up to date, and are safe
// for concurrent use.
package admission
