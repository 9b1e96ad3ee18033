package server

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/net/http2"
)

// Settings can be changed while the server runs. A zero value means the default.
type Settings struct {
	// IdleTimeout is how long a connection is kept between two requests. Default 5 min.
	IdleTimeout time.Duration
	// AnswerTimeout is how long a request waits for Kafka before it is answered with 503; the event may be written
	// nevertheless. It should exceed the producer's time limit, which knows why. Default 125 s.
	AnswerTimeout time.Duration
	// MaxHeaderBytes bounds the header of a request, MaxLineBytes its first line (IN-05). Default 8 KiB and 4 KiB.
	MaxHeaderBytes, MaxLineBytes int
	// NoClearHTTP2 refuses HTTP/2 without TLS.
	NoClearHTTP2 bool
}

func (s Settings) withDefaults() Settings {
	s.IdleTimeout = cmp.Or(s.IdleTimeout, 5*time.Minute)
	s.AnswerTimeout = cmp.Or(s.AnswerTimeout, 125*time.Second)
	s.MaxHeaderBytes = cmp.Or(s.MaxHeaderBytes, 8<<10)
	s.MaxLineBytes = cmp.Or(s.MaxLineBytes, 4<<10)
	return s
}

// settings are those of connections that begin now, and what is made of them. They never change.
type settings struct {
	Settings
	h2     *http2.Server
	h2base *http.Server // holds what HTTP/2 connections have in common; it never listens
}

// maxStreams bounds the requests that one HTTP/2 connection has at a time, and so what resetting them at once can cost:
// their handlers may outlive them until Kafka has answered.
const maxStreams = 250

// Configure changes the settings of connections that begin from now on. The time limit of answers holds for all.
func (s *Server) Configure(o Settings) error {
	next := &settings{Settings: o.withDefaults()}
	next.h2 = &http2.Server{
		IdleTimeout: next.IdleTimeout, WriteByteTimeout: s.options.WriteTimeout, MaxConcurrentStreams: maxStreams,
	}
	next.h2base = &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		MaxHeaderBytes:    next.MaxHeaderBytes,
		ReadHeaderTimeout: s.options.HeaderTimeout,
		// What peers do wrong is nothing that whoever runs this could act on.
		ErrorLog: slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
	}
	if err := http2.ConfigureServer(next.h2base, next.h2); err != nil {
		return fmt.Errorf("configure HTTP/2: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bases = append(s.bases, next.h2base) // connections of each have to hear of the end
	s.settings.Store(next)
	return nil
}
