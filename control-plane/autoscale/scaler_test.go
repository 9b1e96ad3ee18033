package autoscale

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"knative.dev/eventing-kafka-go/control-plane/apis/annotation"
	"knative.dev/eventing-kafka-go/control-plane/kafkaadmin"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

// cluster is what is known of the lag at two Kafkas, and who was told that members have changed.
type cluster struct {
	mu     sync.Mutex
	lag    map[string]int64
	err    error
	asked  []string
	told   []string
	hung   chan struct{}
	admins map[string]*kafkaadmin.Admin
}

// newCluster makes admins outside of virtual time: they are never used.
func newCluster(t *testing.T) *cluster {
	pool := kafkaadmin.NewPool(slog.New(slog.DiscardHandler))
	t.Cleanup(pool.Close)
	c := &cluster{lag: map[string]int64{}, admins: map[string]*kafkaadmin.Admin{}}
	for _, name := range []string{"one", "two"} {
		admin, err := pool.Admin(kafka.Connection{Servers: []string{name + ":9092"}})
		if err != nil {
			t.Fatal(err)
		}
		c.admins[name] = admin
	}
	return c
}

func (c *cluster) look(ctx context.Context, admin *kafkaadmin.Admin, groups ...string) map[string]kafkaadmin.LagResult {
	if c.hung != nil && admin == c.admins["two"] {
		select {
		case <-c.hung:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(groups)
	c.asked = append(c.asked, strings.Join(groups, "+"))
	results := map[string]kafkaadmin.LagResult{}
	for _, g := range groups {
		results[g] = kafkaadmin.LagResult{GroupLag: kafkaadmin.GroupLag{Total: c.lag[g]}, Err: c.err}
	}
	return results
}

func (c *cluster) set(group string, lag int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lag[group], c.err = lag, err
}

// since returns what was asked and who was told since the last call.
func (c *cluster) since() (asked, told []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, told, c.asked, c.told = c.asked, c.told, nil, nil
	return asked, told
}

func (c *cluster) group(name, at string) Group {
	return Group{Kind: "Trigger", Object: types.NamespacedName{Namespace: "ns", Name: name}, UID: "uid-" + name, ID: name, Partitions: 10,
		Admin: func() (*kafkaadmin.Admin, error) { return c.admins[at], nil }}
}

func (c *cluster) start(t *testing.T) *Scaler {
	s := New(t.Context(), Options{Look: c.look, Log: slog.New(slog.DiscardHandler)})
	s.Notify("Trigger", func(id types.NamespacedName) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.told = append(c.told, id.String())
	})
	return s
}

// until lets virtual time pass, and what is due by then happen.
func until(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestAnObjectIsReconciledWhenItsGroupIsScaled(t *testing.T) {
	c, p := newCluster(t), annotation.DefaultAutoscaling()
	synctest.Test(t, func(t *testing.T) {
		s := c.start(t)
		g := c.group("a", "one")
		if got := s.Members(g, p, 1); got != 1 || s.Settling(g.UID) {
			t.Errorf("it has %d members before anything is known of it", got)
		}
		c.set("a", 250, nil)
		until(2 * time.Second)
		if _, told := c.since(); fmt.Sprint(told) != "[ns/a]" || s.Members(g, p, 1) != 3 || !s.Settling(g.UID) {
			t.Errorf("%q, %d members", told, s.Members(g, p, 1))
		}
		until(settling)
		if _, told := c.since(); len(told) > 0 || s.Settling(g.UID) {
			t.Errorf("told of nothing: %q", told)
		}
		c.set("a", 0, nil)
		until(p.Cooldown + 2*p.Polling)
		if _, told := c.since(); fmt.Sprint(told) != "[ns/a]" || s.Members(g, p, 3) != 0 {
			t.Errorf("%q, %d members with nothing to do", told, s.Members(g, p, 3))
		}
		s.Forget(g.UID)
		c.since()
		if until(time.Minute); s.Settling(g.UID) {
			t.Error("it is forgotten")
		}
		if asked, _ := c.since(); len(asked) > 0 {
			t.Errorf("asked about a group that is gone: %q", asked)
		}
	})
}

func TestKafkaIsAskedOnceForAllOfItsGroups(t *testing.T) {
	c, p := newCluster(t), annotation.DefaultAutoscaling()
	synctest.Test(t, func(t *testing.T) {
		s := c.start(t)
		for _, name := range []string{"a", "b"} {
			s.Members(c.group(name, "one"), p, 1)
			until(3 * time.Second)
		}
		s.Members(c.group("c", "two"), p, 1)
		until(p.Polling)
		c.since()
		until(p.Polling)
		asked, _ := c.since()
		if slices.Sort(asked); fmt.Sprint(asked) != "[a+b c]" {
			t.Errorf("in one interval: %q", asked)
		}
	})
}

func TestAKafkaThatDoesNotAnswerHoldsUpNobody(t *testing.T) {
	c, p := newCluster(t), annotation.DefaultAutoscaling()
	synctest.Test(t, func(t *testing.T) {
		c.hung = make(chan struct{})
		s := c.start(t)
		s.Members(c.group("a", "one"), p, 1)
		s.Members(c.group("b", "two"), p, 1)
		until(3 * p.Polling)
		if asked, _ := c.since(); len(asked) < 3 || slices.Contains(asked, "b") {
			t.Errorf("%q", asked)
		}
		close(c.hung)
		until(p.Polling)
		if asked, _ := c.since(); !slices.Contains(asked, "b") {
			t.Errorf("when it answers again: %q", asked)
		}
	})
}

func TestMembersStayWhileTheLagIsNotKnown(t *testing.T) {
	c, p := newCluster(t), annotation.DefaultAutoscaling()
	synctest.Test(t, func(t *testing.T) {
		s := c.start(t)
		for name, g := range map[string]Group{"Kafka says no": c.group("a", "one"), "it cannot be connected to": func() Group {
			g := c.group("b", "one")
			g.Admin = func() (*kafkaadmin.Admin, error) { return nil, errors.New("no Secret") }
			return g
		}()} {
			c.set(g.ID, 0, errors.New("no"))
			if s.Members(g, p, 4); true {
				until(10 * p.Polling)
			}
			if _, told := c.since(); len(told) > 0 || s.Members(g, p, 4) != 4 {
				t.Errorf("%s: %q, %d members", name, told, s.Members(g, p, 4))
			}
		}
		c.set("a", 1000, nil)
		until(2 * p.Polling)
		if got := s.Members(c.group("a", "one"), p, 4); got != 10 {
			t.Errorf("%d members when it is known again", got)
		}
	})
}

func TestGroupsThatNobodyAsksAboutAreDropped(t *testing.T) {
	c, p := newCluster(t), annotation.DefaultAutoscaling()
	synctest.Test(t, func(t *testing.T) {
		s := c.start(t)
		s.Members(c.group("a", "one"), p, 1)
		until(forget + time.Minute)
		c.since()
		until(time.Hour)
		if asked, _ := c.since(); len(asked) > 0 {
			t.Errorf("%q", asked)
		}
	})
}
