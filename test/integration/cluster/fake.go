package cluster

import (
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// fake is a fake Kafka in the process of the test. Its data is in files, so that it can be started again on them.
type fake struct {
	dir  string
	port int // 0 until it is known
	gate gate
	run  *kfake.Cluster
}

func startFake(tb testing.TB) *fake {
	tb.Helper()
	// Not the test's own folder, whose removal fails while the fake still writes: see clear.
	dir, err := os.MkdirTemp("", "integration-kafka-") //nolint:usetesting // as said above
	if err != nil {
		tb.Fatal(err)
	}
	f := &fake{dir: dir}
	f.start(tb)
	_, port, err := net.SplitHostPort(f.address())
	if err != nil {
		tb.Fatal(err)
	}
	if f.port, err = strconv.Atoi(port); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		f.run.Close()
		f.clear(tb)
	})
	return f
}

func (f *fake) start(tb testing.TB) {
	tb.Helper()
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.DataDir(f.dir),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			return f.gate.listen(tb.Context(), network, address)
		}),
	}
	if f.port != 0 {
		options = append(options, kfake.Ports(f.port))
	}
	run, err := kfake.NewCluster(options...)
	if err != nil {
		tb.Fatalf("start fake Kafka: %v", err)
	}
	f.run = run
}

// restart closes all connections and begins again on the same data and port.
func (f *fake) restart(tb testing.TB) {
	tb.Helper()
	f.run.Close()
	f.start(tb)
}

func (f *fake) address() string { return f.run.ListenAddrs()[0] }

// clear removes the data. The fake may still write for a request that it had when it was closed, so removing once is
// not always enough.
func (f *fake) clear(tb testing.TB) {
	var err error
	for range 100 {
		if err = os.RemoveAll(f.dir); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	tb.Errorf("remove the data of the fake Kafka: %v", err)
}
