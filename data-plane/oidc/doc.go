// Package oidc checks the tokens that senders show, and keeps those that this process shows to subscribers.
//
// It owns what a token must be like (IN-47), which of its claims a policy admits (IN-48), and which token belongs to which
// identity. It must not fetch anything: keys come with the contract, tokens with a mounted folder, both from the control
// plane. Which events a policy admits is the filter package's, which answer a sender gets the ingress's.
//
// Issuers and Tokens may be used by any goroutine. A Policy never changes.
package oidc
