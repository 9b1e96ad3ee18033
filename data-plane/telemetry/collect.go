package telemetry

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opencensus.io/metric/metricdata"
)

// producer reads a Registry as OpenCensus metrics.
type producer struct{ registry *Registry }

// Read is called at every scrape. It holds no lock while it asks others for their state.
func (p producer) Read() []*metricdata.Metric {
	ingresses, egresses, clients := p.registry.handles()
	f := newFamilies()
	for _, i := range ingresses {
		i.collect(f)
	}
	var flying [operations]int64
	for _, e := range egresses {
		e.collect(f)
		for op := range flying {
			flying[op] += e.inFlight[op].Load()
		}
	}
	if len(egresses) > 0 {
		collectInFlight(f, flying)
	}
	for _, c := range clients {
		c.collect(f)
	}
	if observe := p.registry.process.Load(); observe != nil {
		(*observe)().collect(f)
	}
	return f.order
}

func (r *Registry) handles() ([]*Ingress, []*Egress, []*KafkaClients) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.ingresses)), slices.Collect(maps.Values(r.egresses)), slices.Clone(r.clients)
}

// object returns the labels that name the object; more holds those that come after them.
func (l *Labels) object(more ...label) []label {
	if l.Kind == "" {
		return more
	}
	kind := "kn." + strings.ToLower(l.Kind)
	return append([]label{{kind + ".name", l.Name}, {kind + ".namespace", l.Namespace}}, more...)
}

func (i *Ingress) collect(f *families) {
	l := i.labels.Load()
	i.types.each(func(s *typeSeries) { s.collect(f, l.object()) })
	if observe := i.observe.Load(); observe != nil {
		(*observe)().collect(f, l.object())
	}
}

func (g IngressGauges) collect(f *families, resource []label) {
	f.gauge(ingressPending, float64(g.PendingBytes), resource...)
	f.gauge(ingressRefusing, flag(g.Refusing), resource...)
	if !g.LastErrorAt.IsZero() {
		f.latest(ingressLastError, seconds(g.LastErrorAt), resource...)
	}
}

// collect adds the latencies of one event type; resource holds the labels of what was measured.
func (s *typeSeries) collect(f *families, resource []label) {
	tagged := append(slices.Clip(resource), s.label())
	f.latency(processLatency, &s.process, tagged...)
	for _, c := range *s.codes.Load() {
		f.latency(dispatchLatency, &c.latency, append(slices.Clip(tagged), label{labelCode, codeText(c.code)})...)
	}
}

// label names the event type. Prometheus takes UTF-8 only; what comes from a header can be anything.
func (s *typeSeries) label() label { return label{labelType, strings.ToValidUTF8(s.name, "\uFFFD")} }

// codeText is the label value of a status code; without an HTTP response there is no label (OBS-10).
func codeText(code int) string {
	switch code {
	case 0:
		return ""
	case codeOther:
		return typeOther
	}
	return strconv.Itoa(code)
}

func (e *Egress) collect(f *families) {
	l := e.labels.Load()
	resource := l.object(label{labelGroup, l.Name})
	e.types.each(func(s *typeSeries) { s.collect(f, resource) })
	e.discards.each(func(s *typeSeries) {
		f.counter(discardedEvents, s.events.Load(), append(slices.Clip(resource), s.label())...)
	})
	if n := e.skipped.Load(); n > 0 {
		f.counter(skippedOffsets, n, append(slices.Clip(resource), label{labelType, typeOffsetSkipping})...)
	}
	e.collectQueues(f)

	group := append(slices.Clip(resource), label{labelGroupID, l.Group})
	e.Counts().collect(f, group)
	if observe := e.observe.Load(); observe != nil {
		(*observe)().collect(f, group)
	}
}

func (c EgressCounts) collect(f *families, group []label) {
	for _, outcome := range []struct {
		name string
		n    uint64
	}{
		{"delivered", c.Delivered}, {"filtered", c.Filtered}, {"dead_lettered", c.DeadLettered}, {"lost", c.Lost},
		{"parked", c.Parked}, {"discarded", c.Discarded},
	} {
		f.counter(egressEvents, outcome.n, append(slices.Clip(group), label{labelOutcome, outcome.name})...)
	}
	f.counter(egressRetries, c.Retried, group...)
	f.counter(egressReplies, c.Replied, group...)
	f.counter(egressNoReplies, c.NoReplies, group...)
	c.collectLedgers(f, group)
}

// collectLedgers adds what there is to say; most groups have nothing.
func (c EgressCounts) collectLedgers(f *families, group []label) {
	for _, outcome := range []struct {
		name string
		n    uint64
	}{{"read", c.LedgersRead}, {"ignored", c.LedgersIgnored}, {"cut", c.LedgersCut}} {
		if outcome.n > 0 {
			f.counter(egressLedgers, outcome.n, append(slices.Clip(group), label{labelOutcome, outcome.name})...)
		}
	}
	for _, what := range []struct {
		name string
		n    uint64
	}{{"partition", c.RebuiltPartitions}, {"group", c.RebuiltGroups}} {
		if what.n > 0 {
			f.counter(egressRebuilt, what.n, append(slices.Clip(group), label{labelOutcome, what.name})...)
		}
	}
	if c.AlreadyFinished > 0 {
		f.counter(egressSpared, c.AlreadyFinished, group...)
	}
	if c.Expired > 0 {
		f.counter(egressExpired, c.Expired, group...)
	}
}

func (g EgressGauges) collect(f *families, group []label) {
	f.gauge(egressLagRecords, float64(g.LagRecords), group...)
	f.latest(egressLagSeconds, g.Lag.Seconds(), group...)
	f.latest(egressOldest, g.OldestUnfinished.Seconds(), group...)
	f.gauge(egressInFlight, float64(g.InFlight), group...)
	f.gauge(egressWaiting, float64(g.Waiting), group...)
	f.gauge(egressBuffered, float64(g.BufferedBytes), group...)
	f.gauge(egressWindow, float64(g.Window), group...)
	f.gauge(egressRate, g.Rate, group...)
	f.gauge(egressBreaker, flag(g.BreakerOpen), group...)
	f.gauge(egressHalted, flag(g.Halted), group...)
	f.gauge(egressPartitions, float64(g.Partitions), group...)
	if !g.LastErrorAt.IsZero() {
		f.latest(egressLastError, seconds(g.LastErrorAt), group...)
	}
}

// collectInFlight adds up all egresses (OBS-04); each egress has a gauge of its own beside it.
func collectInFlight(f *families, flying [operations]int64) {
	for op, labels := range map[Operation][]label{
		OpSubscriber: {{labelOperation, "send"}, {labelOpType, "send"}, {labelDestination, "subscriber"}},
		OpDeadLetter: {{labelOperation, "send"}, {labelOpType, "send"}, {labelDestination, "deadLetterSink"}},
		OpReply:      {{labelOperation, "reply"}, {labelOpType, "send"}},
	} {
		f.gauge(inFlight, float64(flying[op]), labels...)
	}
}

func (g ProcessGauges) collect(f *families) {
	f.gauge(processBuffered, float64(g.BufferedBytes))
	f.gauge(processBudget, float64(g.BudgetBytes))
	f.gauge(contractGeneration, float64(g.ContractGeneration))
	f.gauge(contractBytes, float64(g.ContractBytes))
	f.gauge(contractRejected, float64(g.RejectedEntries))
	f.counter(settingsRejected, g.RejectedSettings)
	for _, c := range g.CertificateEnds {
		f.latest(certificateEnds, seconds(c.At), label{labelUse, c.Use})
	}
	f.gauge(contractLastGood, flag(g.ContractLastGood))
	if !g.ContractLoadedAt.IsZero() {
		f.latest(contractLoaded, seconds(g.ContractLoadedAt))
	}
}

// flag is 1 for true.
func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
