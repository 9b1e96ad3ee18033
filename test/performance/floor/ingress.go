package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/valyala/fasthttp"
)

// maxBody is more than Kafka takes by default, so that Kafka refuses.
const maxBody = 2 << 20

type ingress struct {
	client *kgo.Client
	topics atomic.Pointer[map[string]string]
	idle   sync.Pool // *pending
}

// pending is a request that waits for its record's acknowledgement. Body and header values of the record are the
// request's own bytes, which stay as they are until the handler returns.
type pending struct {
	record  kgo.Record
	headers []kgo.RecordHeader
	acked   chan error
	promise func(*kgo.Record, error)
}

// runIngress serves the routes on listener until ctx ends.
func runIngress(ctx context.Context, servers []string, path string, listener net.Listener) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(servers...),
		kgo.ProducerLinger(0),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MetadataMinAge(250*time.Millisecond),
		kgo.DisableClientMetrics(),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	in := &ingress{client: client, idle: sync.Pool{New: func() any { return newPending() }}}
	in.topics.Store(&map[string]string{})
	server := fasthttp.Server{
		Handler:                       in.serve,
		MaxRequestBodySize:            maxBody,
		Concurrency:                   1 << 16,
		DisableHeaderNamesNormalizing: true,
		DisablePreParseMultipartForm:  true,
		NoDefaultServerHeader:         true,
		NoDefaultDate:                 true,
		NoDefaultContentType:          true,
		CloseOnShutdown:               true,
	}
	failed := make(chan error, 2)
	go func() {
		failed <- watchRoutes(ctx, path, func(r routes) { in.topics.Store(&r.ingress) })
	}()
	go func() { failed <- server.Serve(listener) }()
	err = <-failed
	return errors.Join(err, server.Shutdown())
}

func newPending() *pending {
	p := &pending{acked: make(chan error, 1)}
	p.promise = func(_ *kgo.Record, err error) { p.acked <- err }
	return p
}

func (in *ingress) serve(ctx *fasthttp.RequestCtx) {
	topic, found := (*in.topics.Load())[string(ctx.Request.Header.RequestURI())]
	if !found {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	p := in.idle.Get().(*pending)
	defer in.idle.Put(p)
	var key []byte
	if p.headers, key = appendHeaders(p.headers[:0], &ctx.Request.Header); p.headers == nil {
		ctx.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	p.record = kgo.Record{Topic: topic, Key: key, Value: ctx.Request.Body(), Headers: p.headers}
	// Never the request's context: one record that is given up fails all that wait for its partition.
	in.client.Produce(context.Background(), &p.record, p.promise)
	if err := <-p.acked; err != nil {
		ctx.Error(err.Error(), fasthttp.StatusServiceUnavailable)
		return
	}
	ctx.SetStatusCode(fasthttp.StatusAccepted)
}

// appendHeaders turns the header of a binary CloudEvent into that of its record, and finds the record's key. It
// returns nil for anything else.
func appendHeaders(dst []kgo.RecordHeader, h *fasthttp.RequestHeader) (headers []kgo.RecordHeader, key []byte) {
	found := false
	for name, value := range h.All() {
		if len(name) > 3 && name[0]|0x20 == 'c' && name[1]|0x20 == 'e' && name[2] == '-' {
			known := recordName(name)
			found = found || known == "ce_specversion"
			if known == "ce_partitionkey" {
				key = value
			}
			dst = append(dst, kgo.RecordHeader{Key: known, Value: value})
		}
	}
	if !found {
		return nil, nil
	}
	if value := h.ContentType(); len(value) > 0 {
		dst = append(dst, kgo.RecordHeader{Key: "content-type", Value: value})
	}
	return dst, key
}
