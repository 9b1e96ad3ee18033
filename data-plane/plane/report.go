package plane

import (
	"runtime"
	"runtime/metrics"

	"knative.dev/eventing-kafka-go/data-plane/contractfile"
	"knative.dev/eventing-kafka-go/data-plane/status"
	"knative.dev/eventing-kafka-go/data-plane/telemetry"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// Report is the state of the whole plane.
func (p *Plane) Report() status.Report {
	state := p.source.State()
	r := status.Report{
		Version: p.config.Version, Started: p.started,
		Contract: contractReport(state), Process: processReport(), Settings: p.settingsReport(),
	}
	if p.config.Ingress {
		r.Roles = append(r.Roles, "ingress")
		r.Routes = p.ingress.Status()
	}
	if p.config.Egress {
		r.Roles = append(r.Roles, "egress")
		r.Groups = p.egress.Status()
		r.Process.EventBytes, r.Process.EventBudget = p.events.Used(), p.events.Total()
		if err := p.egress.Alive(); err != nil {
			r.NotAliveReason = err.Error()
		}
	}
	r.Ready = state.Current != nil
	if !r.Ready {
		r.NotReadyReason = "no contract was loaded yet"
		if state.LastError != "" {
			r.NotReadyReason += ": " + state.LastError
		}
	}
	return r
}

func contractReport(s contractfile.State) status.Contract {
	c := status.Contract{
		LastGood: s.Stale, LastError: s.LastError, LastErrorAt: s.LastErrorAt,
		LastGoodError: s.LastGoodError, CredentialsError: s.CredentialsError,
	}
	if s.Current == nil {
		return c
	}
	c.Generation, c.Hash, c.Format = s.Current.Contract.GetGeneration(), s.Current.Hash, string(s.Current.Format)
	c.Bytes, c.LoadedAt = s.Current.Bytes, s.Current.LoadedAt
	c.CredentialVersions = s.Current.CredentialVersions
	for _, problem := range s.Current.Problems {
		c.Rejected = append(c.Rejected, rejected(problem))
	}
	return c
}

func rejected(p contract.Problem) status.Rejected {
	return status.Rejected{
		UID: p.ResourceUID, EgressUID: p.EgressUID, Reason: p.Err.Error(),
		Kind: p.Reference.GetKind(), Namespace: p.Reference.GetNamespace(), Name: p.Reference.GetName(),
	}
}

func processReport() status.Process {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(heap)
	return status.Process{
		Goroutines: runtime.NumGoroutine(), HeapBytes: heap[0].Value.Uint64(),
		RSSBytes: residentBytes(), CPUSeconds: cpuSeconds(),
	}
}

// gauges are read at each scrape.
func (p *Plane) gauges() telemetry.ProcessGauges {
	s := p.source.State()
	g := telemetry.ProcessGauges{ContractLastGood: s.Stale, CertificateEnds: p.certificateEnds(s)}
	for _, setting := range p.settingsReport() {
		g.RejectedSettings += setting.Rejected
	}
	if p.events != nil {
		g.BufferedBytes, g.BudgetBytes = p.events.Used(), p.events.Total()
	}
	if s.Current != nil {
		g.ContractGeneration, g.ContractBytes = s.Current.Contract.GetGeneration(), int64(s.Current.Bytes)
		g.ContractLoadedAt, g.RejectedEntries = s.Current.LoadedAt, int64(len(s.Current.Problems))
	}
	return g
}
