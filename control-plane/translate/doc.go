// Package translate turns API objects and what was resolved about them into entries of the contract, and owns the
// names of what belongs to an object: topics, consumer groups, Services and addresses.
//
// Everything here is a pure function of its arguments: no I/O, no clock, no goroutine, no state, and no argument is
// changed. kn-kafka dev and the reconcilers run the same functions, so that a manifest means the same to both. All
// functions are safe for concurrent use.
//
// An error of one Trigger or subscriber never touches the others, nor where events enter: it comes back as an [Error]
// beside the entry, and [KeepWorking] carries over what ran before.
package translate
