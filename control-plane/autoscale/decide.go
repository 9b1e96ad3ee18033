package autoscale

import (
	"time"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
)

const (
	// sleepLimit is how long a group may be without members: Kafka forgets the offsets of one that had none for a week
	// (offsets.retention.minutes), and with them where it is. One that sleeps is woken up for a moment before that.
	sleepLimit = 12 * time.Hour
	// awake is how many members one that is woken up gets.
	awake = 1
)

// State is how many members a group shall have, and what is known about fewer.
type State struct {
	Members int32
	// lower is since when fewer would do, zero while they would not; most is how many were wanted at the most since.
	lower time.Time
	most  int32
	// asleep is since when there are none, zero while there are some.
	asleep time.Time
}

// Begin is the state of a group that has a number of members, of as many as are of use.
func Begin(p annotation.Autoscaling, now time.Time, members, partitions int32) State {
	return of(bounded(p, members, partitions), now)
}

func of(members int32, now time.Time) State {
	s := State{Members: members}
	if members == 0 {
		s.asleep = now
	}
	return s
}

// Next is the state after a look at what waits for the group, in records. More members come at once, fewer when they would
// have done for the whole cooldown.
func (s State) Next(p annotation.Autoscaling, now time.Time, lag int64, partitions int32) State {
	s = s.Within(p, now, partitions)
	wanted := bounded(p, needed(p, lag), partitions)
	switch {
	case wanted > s.Members:
		return of(wanted, now)
	case s.Members == 0 && now.Sub(s.asleep) >= sleepLimit:
		return of(awake, now)
	case wanted == s.Members:
		s.lower = time.Time{}
		return s
	case s.lower.IsZero():
		s.lower, s.most = now, wanted
	}
	s.most = max(s.most, wanted)
	if now.Sub(s.lower) >= p.Cooldown {
		return of(s.most, now)
	}
	return s
}

// Within is the state within bounds that may have changed.
func (s State) Within(p annotation.Autoscaling, now time.Time, partitions int32) State {
	if members := bounded(p, s.Members, partitions); members != s.Members {
		return of(members, now)
	}
	return s
}

// needed is one member for each threshold of records that wait, and none while no more wait than may wait for nobody.
func needed(p annotation.Autoscaling, lag int64) int32 {
	if lag <= p.Activation {
		return 0
	}
	return int32(min((lag+p.LagThreshold-1)/p.LagThreshold, int64(p.Max)))
}

// bounded keeps a number of members between minimum and maximum. More members than partitions would have nothing to do.
func bounded(p annotation.Autoscaling, members, partitions int32) int32 {
	members = min(max(members, p.Min), p.Max)
	if partitions > 0 {
		members = min(members, partitions)
	}
	return members
}
