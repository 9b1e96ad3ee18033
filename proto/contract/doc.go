// Package contract is what the control plane asks of a data plane: the messages of contract.proto, their encoding,
// and the checks that a reader makes before it trusts an entry. It does no I/O and keeps no state; every function may
// be called from any goroutine.
package contract
