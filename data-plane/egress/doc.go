// Package egress runs the consumer groups of a contract: it fetches records, puts them into lanes, has them delivered,
// and commits what is finished. It takes no HTTP requests and decides nothing about retries or dead letters (package
// delivery does).
//
// Concurrency: Apply and Close are called by one goroutine. Each group has one goroutine that polls, and starts one
// for each delivery that may run at the same time; all state of a group is guarded by its one mutex, which is never
// held over I/O or a call into the Kafka client.
package egress
