package logging

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// shipped is the form of the file that installations have.
const shipped = `<configuration>
  <appender name="jsonConsoleAppender" class="ch.qos.logback.core.ConsoleAppender">
    <encoder class="net.logstash.logback.encoder.LogstashEncoder"/>
  </appender>
  <appender name="async" class="ch.qos.logback.classic.AsyncAppender">
    <neverBlock>true</neverBlock><maxFlushTime>1000</maxFlushTime><appender-ref ref="jsonConsoleAppender"/>
  </appender>
  <root level="INFO"><appender-ref ref="async"/></root>
</configuration>`

func TestLevelsOfAFile(t *testing.T) {
	for name, row := range map[string]struct {
		content    string
		own, kafka slog.Level
		warnings   int
	}{
		"as it is shipped":                 {shipped, slog.LevelInfo, slog.LevelInfo, 0},
		"another root":                     {`<configuration><root level="debug"/></configuration>`, slog.LevelDebug, slog.LevelDebug, 0},
		"no root":                          {`<configuration/>`, slog.LevelWarn, slog.LevelWarn, 0},
		"a variable with a default":        {`<configuration><root level="${LEVEL:-ERROR}"/></configuration>`, slog.LevelError, slog.LevelError, 0},
		"a logger of this project":         {`<configuration><logger name="dev.knative.eventing.kafka.broker" level="TRACE"/><root level="WARN"/></configuration>`, slog.LevelDebug, slog.LevelWarn, 0},
		"a package around it":              {`<configuration><logger name="dev" level="ERROR"/><root level="WARN"/></configuration>`, slog.LevelError, slog.LevelWarn, 0},
		"Kafka's clients":                  {`<configuration><logger name="org.apache" level="OFF"/><logger name="org.apache.kafka.clients" level="ERROR"/><root level="INFO"/></configuration>`, slog.LevelInfo, off, 0},
		"a logger that only looks alike":   {`<configuration><logger name="dev.kna" level="ERROR"/><root level="INFO"/></configuration>`, slog.LevelInfo, slog.LevelInfo, 0},
		"what has no effect is warned of":  {`<configuration><turboFilter class="x"/><appender class="file"/><root level="INFO"/></configuration>`, slog.LevelInfo, slog.LevelInfo, 2},
		"a logger that inherits its level": {`<configuration><logger name="dev.knative" level="INHERITED"/><root level="ERROR"/></configuration>`, slog.LevelError, slog.LevelError, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l, warnings, err := Parse([]byte(row.content), slog.LevelWarn)
			if err != nil || len(warnings) != row.warnings {
				t.Fatal(warnings, err)
			}
			if own, kafka := l.of(ours), l.of("org.apache.kafka"); own != row.own || kafka != row.kafka {
				t.Errorf("own %v, Kafka %v; want %v, %v", own, kafka, row.own, row.kafka)
			}
		})
	}
	for _, content := range []string{"", "<configuration>", `<configuration><root level="LOUD"/></configuration>`} {
		if _, _, err := Parse([]byte(content), 0); err == nil {
			t.Errorf("%q can be used", content)
		}
	}
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestLevelsChangeWithTheFile(t *testing.T) {
	var out buffer
	h := New(&out, slog.LevelInfo, map[string]string{"org.apache.kafka": "Kafka client: "})
	log := slog.New(h).With("pod", "p")
	path := filepath.Join(t.TempDir(), "config.xml")
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		if err := h.Watch(ctx, path, slog.LevelInfo); err != nil {
			t.Error(err)
		}
	})
	write := func(content string) {
		if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	eventually := func(what string, holds func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %s", what, out.String())
			}
		}
	}
	log.Debug("too early")
	write(`<configuration><logger name="org.apache.kafka" level="ERROR"/><root level="DEBUG"/></configuration>`)
	eventually("debugging", func() bool { log.Debug("in time"); return strings.Contains(out.String(), "in time") })
	log.Warn("Kafka client: too soft")
	log.Error("Kafka client: loud")
	write("<broken")
	eventually("a broken file is told of", func() bool { return strings.Contains(out.String(), "not used") })
	log.Debug("still there")
	cancel()
	watching.Wait()
	got := out.String()
	for text, want := range map[string]bool{
		"too early": false, "too soft": false, `"msg":"Kafka client: loud"`: true, "still there": true, `"pod":"p"`: true,
	} {
		if strings.Contains(got, text) != want {
			t.Errorf("%q: %v in\n%s", text, !want, got)
		}
	}
}
