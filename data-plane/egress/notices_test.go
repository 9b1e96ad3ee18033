package egress

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"knative.dev/eventing-kafka-go/data-plane/delivery"
)

func TestWhatPeopleShouldKnowIsLoggedOnceASecondWithItsNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := notices{log: slog.New(slog.NewTextHandler(&out, nil))}
		j := &delivery.Job{Record: &kgo.Record{Topic: "events", Partition: 3, Offset: 7}}
		lost := delivery.Next{Outcome: delivery.Lost, Err: errors.New("answered 400")}
		for range 5 {
			n.tell(j, lost)
		}
		n.tell(j, delivery.Next{Outcome: delivery.Delivered})
		n.tell(j, delivery.Next{Outcome: delivery.Pending, Wait: time.Second, Err: errors.New("answered 503")})
		time.Sleep(noticeInterval)
		n.tell(j, lost)
		n.tell(j, delivery.Next{Outcome: delivery.Pending, Held: true, Wait: time.Minute, Err: errors.New("answered 503")})
		n.tell(j, delivery.Next{Outcome: delivery.Delivered, NoReply: true})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		want := []string{
			"level=WARN msg=\"event lost: its delivery failed and there is no dead letter sink\" topic=events partition=3 offset=7 events=1 reason=\"answered 400\"",
			"event lost: its delivery failed and there is no dead letter sink\" topic=events partition=3 offset=7 events=5 reason=\"answered 400\"",
			"event held: nothing takes it, it is tried again\" topic=events partition=3 offset=7 events=1 reason=\"answered 503\"",
			"level=INFO msg=\"answer with a body that is no CloudEvent taken for no reply\" topic=events partition=3 offset=7 events=1",
		}
		if len(lines) != len(want) {
			t.Fatalf("got %d lines:\n%s", len(lines), out.String())
		}
		for i, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %d: %s\nwant …%s", i, lines[i], w)
			}
		}
	})
}
