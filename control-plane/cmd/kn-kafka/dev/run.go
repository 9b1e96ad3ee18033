package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/deploy"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/display"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/control-plane/translate"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
	"knative.dev/eventing-kafka-go/data-plane/plane"
)

const (
	contractFile = "data"
	// grace is how long requests and deliveries under way may take at the end.
	grace = 10 * time.Second
)

// session is everything that one run opens, closed in the opposite order.
type session struct {
	o       options
	log     *slog.Logger
	account *account
	closers []func() error
}

func (s *session) onClose(f func() error) { s.closers = append(s.closers, f) }

func (s *session) close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	return errors.Join(errs...)
}

// run runs the manifests until the context ends or, with --once, until what was expected has arrived.
func run(ctx context.Context, o options, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	input, err := readStdin(o.paths, stdin)
	if err != nil {
		return err
	}
	if err := checkPaths(o.paths); err != nil {
		return err
	}
	s := &session{o: o, account: newAccount(stdout), log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	defer func() { err = errors.Join(err, s.close()) }()
	check, err := newCheck(o)
	if err != nil {
		return err
	}
	l, err := s.open(ctx, input, check)
	if errors.Is(err, context.Canceled) {
		return nil // interrupted while waiting for Kafka
	}
	if err != nil {
		return err
	}
	return s.work(ctx, l, check)
}

// work runs the loop and what goes with it.
func (s *session) work(ctx context.Context, l *loop, check *check) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	changed := make(chan struct{}, 1)
	group.Go(func() error { return l.watch(ctx, changed) })
	group.Go(func() error { return l.tick(ctx) })
	group.Go(func() error {
		return l.run(ctx, changed, func() error {
			s.account.say("\nready: %s", l.address)
			if check == nil {
				return nil
			}
			verify := check.prepare(l)
			group.Go(func() error {
				defer stop()
				return verify(ctx)
			})
			return nil
		})
	})
	err := group.Wait()
	s.account.say("ending: what is under way is finished")
	return err
}

// open starts everything in order.
func (s *session) open(ctx context.Context, input []byte, check *check) (*loop, error) {
	data, err := s.openData()
	if err != nil {
		return nil, err
	}
	l := &loop{o: s.o, account: s.account, state: statePath(data)}
	l.reading = manifest.Options{Recursive: s.o.recursive, Stdin: input, Namespace: s.o.namespace, Kinds: manifest.Supported()}
	if l.inventory, err = inventory.Open(l.state, l.reading.Kinds); err != nil {
		return nil, err
	}
	if l.cluster, err = s.openKafka(ctx, data); err != nil {
		return nil, err
	}
	printer := display.NewPrinter(s.account, s.o.events)
	l.displays = newDisplays(func(id manifest.ID, d display.Delivery) {
		s.account.tellDelivery(printer, id.String(), d)
		check.received(id, d)
	})
	s.onClose(l.displays.close)
	if l.mount, err = deploy.NewMount(filepath.Join(data, "contract")); err != nil {
		return nil, err
	}
	if l.secrets, err = deploy.NewMount(filepath.Join(data, "credentials")); err != nil {
		return nil, err
	}
	s.onClose(l.secrets.Remove)
	if l.settings, err = newSettingsMounts(filepath.Join(data, "settings")); err != nil {
		return nil, err
	}
	// As in a cluster the file is there before the data plane, and empty before the control plane.
	if err := l.mount.Write(contractFile, nil); err != nil {
		return nil, err
	}
	pool := kafkaadmin.NewPool(s.log)
	s.onClose(func() error { pool.Close(); return nil })
	l.deployer = deploy.New(deploy.Options{
		Inventory: l.inventory, Pool: pool, Servers: l.cluster.servers, Retention: l.cluster.retention,
		ParkingTopic:  translate.DefaultParkingTopic,
		CreateMissing: l.cluster.embedded != nil, Format: s.o.format, Write: l.write,
	})
	if l.plane, err = s.openPlane(ctx, l); err != nil {
		return nil, err
	}
	l.address = "http://" + reachable(l.plane.IngressAddr())
	s.account.say("  manifests  %s", strings.Join(s.o.paths, ", "))
	s.account.say("  status     http://%s/", reachable(l.plane.StatusAddr()))
	return l, nil
}

// openData makes the folder of the run.
func (s *session) openData() (string, error) {
	s.account.say("kn-kafka dev: for development only")
	if s.o.data == "" {
		dir, err := os.MkdirTemp("", "kn-kafka-dev-")
		if err != nil {
			return "", fmt.Errorf("make a folder for data: %w", err)
		}
		s.onClose(func() error { return removeAll(dir) })
		s.account.say("  data       %s, removed at the end (--data keeps it)", dir)
		return dir, nil
	}
	if err := os.MkdirAll(s.o.data, 0o700); err != nil {
		return "", fmt.Errorf("make the folder for data: %w", err)
	}
	unlock, err := lock(filepath.Join(s.o.data, "lock"))
	if err != nil {
		return "", fmt.Errorf("--data %s: %w", s.o.data, err)
	}
	s.onClose(unlock)
	s.account.say("  data       %s, kept", s.o.data)
	return s.o.data, nil
}

// removeAll removes a folder. The embedded Kafka may still write for a request that it took before it was closed.
func removeAll(dir string) (err error) {
	for range 50 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("remove data: %w", err)
}

func (s *session) openKafka(ctx context.Context, data string) (*cluster, error) {
	c, err := openCluster(s.o.kafka, data)
	if err != nil {
		return nil, err
	}
	s.onClose(func() error { c.close(); return nil })
	s.account.say("  Kafka      %s", c)
	last := ""
	return c, c.reach(ctx, func(err error) {
		if err.Error() != last {
			last = err.Error()
			s.account.say("waiting: %s", last)
		}
	})
}

// openPlane starts the data plane. It ends only when the session closes, after the loop and before the displays and
// Kafka, so that what is under way can be finished.
func (s *session) openPlane(ctx context.Context, l *loop) (*plane.Plane, error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	settings, consumers := l.settings.paths()
	p, err := plane.Start(ctx, plane.Config{
		Ingress: true, Egress: true, ContractPath: l.mount.Path(contractFile), CredentialsPath: l.secrets.Path(""),
		IngressAddress: s.o.listen, StatusAddress: s.o.status,
		Producer: kafka.DefaultProducerConfig(), Consumer: kafka.DefaultConsumerConfig(),
		Settings: settings, KindConsumers: consumers, ShutdownGrace: grace, Version: version(), Log: s.log,
	})
	if err != nil {
		stop()
		return nil, err
	}
	s.onClose(func() error { stop(); return p.Wait() })
	return p, nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// reachable is an address that a client on this machine can use.
func reachable(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address.String()
}

// checkPaths refuses paths that are not there: later they may come and go.
func checkPaths(paths []string) error {
	for _, path := range paths {
		if path == manifest.Stdin {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("manifests: %w", err)
		}
	}
	return nil
}
