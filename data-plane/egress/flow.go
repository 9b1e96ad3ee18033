package egress

// flow bounds what one partition may hold in memory, with hysteresis: from high on it is paused, from low on resumed.
// Low is half of high, which kafka.FetchWait counts on: what is left lasts about as long as the pause did.
type flow struct {
	highRecords, lowRecords int
	highBytes, lowBytes     int
}

func defaultFlow() flow {
	return flow{highRecords: 1024, lowRecords: 512, highBytes: 1 << 20, lowBytes: 512 << 10}
}

func (f flow) full(p *partition) bool {
	return p.buffered >= f.highRecords || p.bytes >= f.highBytes
}

func (f flow) roomy(p *partition) bool {
	return p.buffered <= f.lowRecords && p.bytes <= f.lowBytes
}

// pause stops the fetching of partitions that are full. The goroutine that polls calls it before a rebalance may go on.
func (g *group) pause(full []*partition) {
	for _, p := range full {
		g.client.PauseFetchPartitions(map[string][]int32{p.topic: {p.partition}})
	}
	// A delivery may have made room meanwhile, when the partition was not paused at the client yet.
	for _, p := range full {
		g.mu.Lock()
		again := !p.paused && p.state == active
		g.mu.Unlock()
		if again {
			g.resume(p)
		}
	}
}

// resume lets a partition be fetched again.
func (g *group) resume(p *partition) {
	g.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.partition}})
}

// adjustWait lets fetches wait long again when no partition is paused any more. While one is, they return soon, so that
// what is resumed does not wait for a long poll; that begins in accept, before the pause. The mutex is held, so that a
// pause and a resumption cannot overtake each other.
func (g *group) adjustWait() {
	for _, p := range g.partitions {
		if p.paused && p.problem == "" && p.state == active {
			return
		}
	}
	g.wait.SetPaused(false)
}
