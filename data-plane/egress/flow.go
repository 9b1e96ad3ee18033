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

// pause stops the fetching of partitions that are full. From then on the client's fetches return soon, so that what
// is resumed does not wait for a long poll.
func (g *group) pause(full []*partition) {
	if len(full) == 0 {
		return
	}
	g.mu.Lock()
	g.pausedN += len(full)
	g.mu.Unlock()
	g.wait.SetPaused(true)
	for _, p := range full {
		g.client.PauseFetchPartitions(map[string][]int32{p.topic: {p.partition}})
	}
	// A delivery may have made room between the two locks, when the partition was not paused at the client yet.
	for _, p := range full {
		g.mu.Lock()
		again := !p.paused && p.state == active
		g.mu.Unlock()
		if again {
			g.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.partition}})
		}
	}
}

// resume lets a partition be fetched again.
func (g *group) resume(p *partition) {
	g.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.partition}})
	g.mu.Lock()
	g.pausedN--
	none := g.pausedN <= 0
	g.mu.Unlock()
	if none {
		g.wait.SetPaused(false)
	}
}
