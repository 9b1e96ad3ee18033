package cluster

import (
	"sync"
	"testing"
)

// Restart ends Kafka and starts it again on the same data and port; it returns when Kafka answers again. The test is
// skipped where that cannot be done.
func (c *Cluster) Restart(tb testing.TB) {
	tb.Helper()
	switch {
	case c.fake != nil:
		c.fake.restart(tb)
	case c.script != nil:
		c.script.run(tb, "restart")
	default:
		tb.Skip("Kafka can only be restarted where hack/kafka.sh has started it: set KAFKA_DIR")
	}
}

// Crash is Restart with kill -9: Kafka has no time to write anything. The fake can only be closed.
func (c *Cluster) Crash(tb testing.TB) {
	tb.Helper()
	if c.script != nil {
		c.script.run(tb, "kill")
	}
	c.Restart(tb)
}

// Freeze stops Kafka in its tracks: its connections stay open, new ones are made and nothing is answered. thaw lets it
// go on; the end of the test does too. The test is skipped where that cannot be done.
func (c *Cluster) Freeze(tb testing.TB) (thaw func()) {
	tb.Helper()
	switch {
	case c.fake != nil:
		c.fake.gate.freeze()
		thaw = c.fake.gate.thaw
	case c.script != nil:
		c.script.run(tb, "freeze")
		thaw = sync.OnceFunc(func() { c.script.run(tb, "thaw") })
	default:
		tb.Skip("Kafka can only be frozen where hack/kafka.sh has started it: set KAFKA_DIR")
	}
	tb.Cleanup(thaw)
	return thaw
}
