package kafka

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// repeatInterval is how long a message of one client is not repeated; a cluster that is away is reported by kgo at each
// try of each client.
const repeatInterval = time.Minute

// LogPrefix begins what Kafka clients log.
const LogPrefix = "Kafka client: "

// Logger makes a client log to log: its warnings and errors as warnings, each message at most once a minute, the rest
// for debugging.
func Logger(log *slog.Logger) kgo.Opt { return kgo.WithLogger(newLogger(log)) }

func newLogger(log *slog.Logger) *logger {
	level := kgo.LogLevelWarn
	// Asked once: kgo asks for the level at every request. The context carries nothing, there is none to pass on.
	if log.Enabled(context.Background(), slog.LevelDebug) {
		level = kgo.LogLevelDebug
	}
	return &logger{log: log, level: level, last: map[string]time.Time{}}
}

type logger struct {
	log   *slog.Logger
	level kgo.LogLevel

	mu   sync.Mutex
	last map[string]time.Time // kgo's messages are constants, so there are few
}

func (l *logger) Level() kgo.LogLevel { return l.level }

func (l *logger) Log(level kgo.LogLevel, message string, keyvals ...any) {
	if level <= kgo.LogLevelWarn && !l.repeated(message) {
		l.log.Warn(LogPrefix+message, keyvals...)
		return
	}
	l.log.Debug(LogPrefix+message, keyvals...)
}

// repeated reports whether the message was logged in the last interval, and notes it if not.
func (l *logger) repeated(message string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if last, ok := l.last[message]; ok && now.Sub(last) < repeatInterval {
		return true
	}
	l.last[message] = now
	return false
}
