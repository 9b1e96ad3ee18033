package dev

import (
	"context"
	"fmt"
	"net"
	"sync"

	"golang.org/x/sync/errgroup"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/display"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/manifest"
)

// displays are the built-in displays, one for each object that is referred to and has no map. Each has a port of its
// own, because a reference may come with a path.
type displays struct {
	received func(manifest.ID, display.Delivery)
	stop     context.CancelFunc
	ctx      context.Context //nolint:containedctx // of the servers, ended by close
	group    *errgroup.Group

	mu        sync.Mutex // guards what follows
	addresses map[manifest.ID]string
}

// newDisplays returns displays that end with close alone: deliveries go on while the data plane ends.
func newDisplays(received func(manifest.ID, display.Delivery)) *displays {
	d := &displays{received: received, addresses: map[manifest.ID]string{}}
	// They outlive the context of the program by the time that the data plane needs to end.
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	d.group, d.ctx = errgroup.WithContext(ctx)
	return d
}

// address returns the URL of the display of an object, which is started when it is first asked for.
func (d *displays) address(id manifest.ID) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if address, ok := d.addresses[id]; ok {
		return address, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(d.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start the built-in display of %s: %w", id, err)
	}
	handler := display.New(display.DefaultSwitches(), func(delivery display.Delivery) { d.received(id, delivery) })
	d.group.Go(func() error { return display.Serve(d.ctx, listener, handler) })
	d.addresses[id] = "http://" + listener.Addr().String()
	return d.addresses[id], nil
}

// close ends the displays.
func (d *displays) close() error {
	d.stop()
	return d.group.Wait()
}
