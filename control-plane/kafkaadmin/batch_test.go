package kafkaadmin

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
)

// counted counts requests of kinds.
func counted(cluster *kafkatest.Cluster, keys ...kmsg.Key) map[kmsg.Key]*atomic.Int32 {
	counts := map[kmsg.Key]*atomic.Int32{}
	for _, key := range keys {
		count := &atomic.Int32{}
		counts[key] = count
		cluster.Fake().ControlKey(key.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.Fake().KeepControl()
			count.Add(1)
			return nil, nil, false
		})
	}
	return counts
}

func TestGroupsThatComeTogetherAreAskedAboutTogether(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 2)
	cluster.CreateTopic(t, "u", 1)
	admin := newAdmin(t, cluster)
	counts := counted(cluster, kmsg.Metadata, kmsg.FindCoordinator, kmsg.OffsetFetch, kmsg.ListOffsets)
	var all batch
	err := admin.with(testContext(t), func(c *client) error {
		all = nil
		for i := range 50 {
			want := GroupStart{Group: fmt.Sprint("g", i), Topics: []string{"t", "u"}, Start: Latest}
			switch i {
			case 47:
				want.Topics = []string{"none"}
			case 48:
				want.Start = Earliest
			case 49:
				want.Group = "g0" // of another object
			}
			all = append(all, &asked{group: &group{client: c, GroupStart: want}})
		}
		all.do(testContext(t), c)
		return all[0].err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range all {
		if failed := a.err != nil; failed != (i == 47) || !failed && len(a.starts) != 3 {
			t.Errorf("group %d: %v, %v", i, a.starts, a.err)
		}
	}
	// The client asks for metadata too, and g0 is asked about twice.
	for key, most := range map[kmsg.Key]int32{kmsg.Metadata: 4, kmsg.FindCoordinator: 2, kmsg.OffsetFetch: 2, kmsg.ListOffsets: 2} {
		if got := counts[key].Load(); got > most {
			t.Errorf("%d requests %s for 50 groups", got, key.Name())
		}
	}
}

func TestManyGroupsAreStartedAtATime(t *testing.T) {
	cluster := kafkatest.Start(t)
	cluster.CreateTopic(t, "t", 3)
	admin := newAdmin(t, cluster)
	var all sync.WaitGroup
	failed := make([]error, 60)
	for i := range failed {
		all.Go(func() {
			got, err := admin.EnsureGroupStart(testContext(t), fmt.Sprint("g", i), []string{"t"}, Latest)
			if err == nil && !maps.Equal(got, map[string]int32{"t": 3}) {
				err = fmt.Errorf("started %v", got)
			}
			failed[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Error(err)
	}
}
