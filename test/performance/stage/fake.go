package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
)

// FakeCommand is the first argument by which a program that uses this package is asked to be the fake broker. It then
// calls ServeFake with the second.
const FakeCommand = "fake-kafka"

// startFake runs a fake broker as a process of its own, so that what it costs is told from the rest.
func (b *Broker) startFake(ctx context.Context, s *Stage) error {
	folder := filepath.Join(s.Folder, "fake-kafka")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	child, log, err := s.start("fake-kafka", nil, s.Self, FakeCommand, folder)
	if err != nil {
		return err
	}
	err = Until(ctx, pollEvery, startLimit, "start the fake broker", func() bool {
		address, err := os.ReadFile(filepath.Join(folder, "address"))
		b.Servers = []string{string(address)}
		return err == nil
	}, child.Ended)
	if err != nil {
		return fmt.Errorf("%w: %s", err, tail(log))
	}
	b.Label, b.pids = "kfake, as this machine cannot run Apache Kafka", []int{child.PID()}
	return nil
}

// ServeFake is a fake broker with its data in a folder, where it leaves its address in the file "address". It serves
// until ctx ends.
func ServeFake(ctx context.Context, folder string) error {
	data := filepath.Join(folder, "data")
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(data), kfake.SleepOutOfOrder())
	if err != nil {
		return err
	}
	defer cluster.Close()
	path := filepath.Join(folder, "address")
	if err := os.WriteFile(path+".new", []byte(cluster.ListenAddrs()[0]), 0o600); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
