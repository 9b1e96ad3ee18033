package kafka

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := newLogger(slog.New(slog.NewTextHandler(&out, nil)))
		if log.Level() != kgo.LogLevelWarn {
			t.Errorf("kgo shall prepare messages of level %v", log.Level())
		}
		lines := func() int { return strings.Count(out.String(), "\n") }
		for range 3 {
			log.Log(kgo.LogLevelWarn, "unable to dial", "broker", 1)
			log.Log(kgo.LogLevelError, "unable to join", "group", "g")
			log.Log(kgo.LogLevelInfo, "dialing")
		}
		if lines() != 2 || !strings.Contains(out.String(), `level=WARN msg="Kafka client: unable to dial" broker=1`) {
			t.Errorf("each warning once was expected:\n%s", out.String())
		}
		time.Sleep(repeatInterval)
		log.Log(kgo.LogLevelWarn, "unable to dial", "broker", 1)
		if lines() != 3 {
			t.Errorf("a minute later it is worth saying again:\n%s", out.String())
		}
	})
	debugging := newLogger(slog.New(slog.NewTextHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if debugging.Level() != kgo.LogLevelDebug {
		t.Errorf("kgo shall prepare messages of level %v when debugging", debugging.Level())
	}
}
