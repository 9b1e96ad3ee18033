// Package chaos runs several data planes against a real Apache Kafka under load while processes are killed, frozen,
// replaced, added and removed and Kafka is restarted, and holds what their subscribers saw against what is promised:
//
//   - nothing that was answered 202 is lost;
//   - of a partition, or a key, nothing is finished for the first time after a later event;
//   - delivered again is at most what was in flight when something happened, and what was finished so shortly before that
//     no commit had it;
//   - an event has exactly as many attempts as its policy gives it, wherever they are made, and then its dead letter.
//
// The contract of every process stays as it is, so that no control plane helps. Each run is made twice, with the ledger
// and without, with the same schedule: the one without must deliver more events again, or nothing was shown.
//
//	hack/chaos.sh                         twice five minutes of it on a Kafka of its own; CHAOS_SECONDS=n another time, SEED=n others
//	KAFKA=HOST:PORT KAFKA_DIR=DIR go test ./test/chaos   on one that hack/kafka.sh has started
//
// The package has tests only. What is judged, and how, is in package account, whose own tests show that each of its
// judgements can fail.
package chaos
