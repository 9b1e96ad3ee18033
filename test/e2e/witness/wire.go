// Package witness is both ends of what end-to-end tests send, as a pod: it sends events when it is told to, receives
// events under names, answers them as it is told, and says what it saw. Server is what runs in the pod, and the types of
// this file are what is said between it and a test.
//
// It keeps everything in memory and knows nothing of Kubernetes and Kafka. Its handlers run at the same time; each of
// its parts has a lock of its own.
package witness

import "time"

// Event is a CloudEvent to be sent.
type Event struct {
	ID         string            `json:"id"`
	Type       string            `json:"type"`
	Source     string            `json:"source,omitempty"`
	Extensions map[string]string `json:"extensions,omitempty"` // subject too
	Data       string            `json:"data,omitempty"`
}

// Order asks for events to be sent to an address, one after the other.
type Order struct {
	URL        string  `json:"url"`
	Events     []Event `json:"events"`
	Structured bool    `json:"structured,omitempty"`
	Credentials
}

// Credentials are what a sender trusts and shows.
type Credentials struct {
	CA    string `json:"ca,omitempty"`    // certificates in PEM of the only authorities that are trusted; "" for those of the system
	Token string `json:"token,omitempty"` // shown as a bearer token
}

// Identity is with what a witness serves HTTPS, in PEM.
type Identity struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// Answer is what an event was answered with. Code is 0 where there was no answer, and Reason says why.
type Answer struct {
	ID     string        `json:"id"`
	Code   int           `json:"code"`
	Reason string        `json:"reason,omitempty"`
	Took   time.Duration `json:"took"`
}

// Load asks for events until it is ended: Senders at a time, each one every Interval unless it waits for an answer.
// Ids are NAME-SENDER-NUMBER, and NAME-SENDER is the partition key, so that each sender's events have an order.
type Load struct {
	URL      string        `json:"url"`
	Senders  int           `json:"senders"`
	Interval time.Duration `json:"interval"`
	Credentials
}

// Ledger is what became of a load.
type Ledger struct {
	// Accepted counts the events of each sender that were answered 202; their numbers are 0 to Accepted-1 as a sender
	// goes on to the next number only then.
	Accepted []int `json:"accepted"`
	// Refused counts other answers, and failures by their text.
	Refused map[string]int `json:"refused"`
	Longest time.Duration  `json:"longest"`
}

// Plan says how a name answers events. The zero plan answers 202.
type Plan struct {
	// Codes are the answers to the first attempts of each event, by its id; later ones have Code.
	Codes []int `json:"codes,omitempty"`
	Code  int   `json:"code,omitempty"`
	// Reply is sent with every 2xx, with the id of the event that it answers.
	Reply *Event        `json:"reply,omitempty"`
	Delay time.Duration `json:"delay,omitempty"`
	Body  string        `json:"body,omitempty"` // where there is no reply
}

// Delivery is an event as it came.
type Delivery struct {
	Headers map[string]string `json:"headers"` // names in lower case; :path and :scheme too
	Body    string            `json:"body"`
	Code    int               `json:"code"` // that it was answered
	At      time.Time         `json:"at"`
}

// ID returns the id of an event in binary mode.
func (d Delivery) ID() string { return d.Headers["ce-id"] }
