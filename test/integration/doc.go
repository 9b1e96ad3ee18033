// Package integration runs whole data planes against a whole Kafka: what is promised to users must hold when processes
// are killed, Kafka goes away, contracts change and subscribers hang.
//
//	go test ./test/integration/...                     on a fake Kafka in the process of the tests
//	KAFKA=HOST:PORT go test ./test/integration/...     on a running Kafka; its topics and groups are left to it
//	hack/integration.sh                                on a real Kafka that is started for it
//
// With KAFKA_DIR, the folder of a Kafka that hack/kafka.sh has started, cases that restart or freeze Kafka run on a real
// one too; without it they are skipped there. Data planes are processes of the command, but where a case needs a setting
// that the command does not have. SEED=n makes the random choices of a run others.
//
// Every id that was answered 202 is in a ledger; at the end of a case each must be in Kafka and at every subscriber. How
// often events were delivered again, and how long things took, is printed and not judged.
//
// The package has tests only. It must not be imported, and its tests do not run in parallel: a real Kafka is shared.
package integration
