package properties

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// forEver is the time limit that stands for none.
const forEver = 10 * 365 * 24 * time.Hour

// WebClient is how events are sent to subscribers.
type WebClient struct {
	// IdleTimeout is how long a connection without requests is kept, ConnectTimeout how long making one may take.
	IdleTimeout, ConnectTimeout time.Duration
	// MaxPoolSize is how many connections to one host there may be; 0: as many as requests.
	MaxPoolSize int
}

// HTTPServer is how requests are received.
type HTTPServer struct {
	// IdleTimeout is how long a connection is kept between two requests.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds the header of a request, MaxLineBytes its first line; 0: as the server has it.
	MaxHeaderBytes, MaxLineBytes int
	// NoClearHTTP2 refuses HTTP/2 without TLS.
	NoClearHTTP2 bool
}

// Words of warnings of these two files.
const (
	fixedInClient = "it cannot be chosen; idleTimeout, connectTimeout and maxPoolSize can"
	fixedInServer = "it cannot be chosen; idleTimeout, maxHeaderSize, maxInitialLineLength and http2ClearTextEnabled can"
)

// ReadWebClient returns base with the values of an HTTP client's file, whose keys are those of Vert.x' WebClientOptions.
// Warnings and errors are as in [Producer].
func ReadWebClient(base WebClient, name string, content []byte) (WebClient, []Warning, error) {
	type s = WebClient
	rules := map[string]rule[s]{
		"idleTimeout":    seconds(func(c *s, d time.Duration) { c.IdleTimeout = d }),
		"maxPoolSize":    whole(" of connections", 1, math.MaxInt32, func(c *s, n int) { c.MaxPoolSize = n }),
		"connectTimeout": whole(" of milliseconds", 1, math.MaxInt32, func(c *s, n int) { c.ConnectTimeout = time.Duration(n) * time.Millisecond }),
	}
	for _, key := range []string{
		"http2MaxPoolSize", "keepAlive", "keepAliveTimeout", "pipelining", "pipeliningLimit", "tryUseCompression",
		"decompressionSupported", "maxWaitQueueSize", "protocolVersion", "userAgent", "userAgentEnabled", "followRedirects",
		"maxRedirects", "verifyHost", "trustAll", "ssl", "tcpKeepAlive", "tcpNoDelay", "logActivity", "tracingPolicy", "shared", "name",
	} {
		rules[key] = ignored[s](fixedInClient)
	}
	f, err := read(name, content, rules, &base)
	if err != nil {
		return WebClient{}, nil, err
	}
	return base, f.warnings, nil
}

// ReadHTTPServer returns base with the values of an HTTP server's file, whose keys are those of Vert.x'
// HttpServerOptions. Warnings and errors are as in [Producer].
func ReadHTTPServer(base HTTPServer, name string, content []byte) (HTTPServer, []Warning, error) {
	type s = HTTPServer
	rules := map[string]rule[s]{
		"idleTimeout":           seconds(func(c *s, d time.Duration) { c.IdleTimeout = d }),
		"maxHeaderSize":         whole(" of bytes", 512, 1<<20, func(c *s, n int) { c.MaxHeaderBytes = n }),
		"maxInitialLineLength":  whole(" of bytes", 256, 1<<20, func(c *s, n int) { c.MaxLineBytes = n }),
		"http2ClearTextEnabled": flag(func(c *s, on bool) { c.NoClearHTTP2 = !on }),
	}
	for key, instead := range map[string]string{
		"port": "INGRESS_PORT and INGRESS_TLS_PORT of the environment choose the ports", "host": "all addresses are listened on",
		"ssl": "the TLS port opens when a certificate is mounted",
	} {
		rules[key] = ignored[s](instead)
	}
	for _, key := range []string{
		"acceptBacklog", "compressionSupported", "compressionLevel", "decompressionSupported", "handle100ContinueAutomatically",
		"maxChunkSize", "maxFormAttributeSize", "tcpKeepAlive", "tcpNoDelay", "tcpFastOpen", "reuseAddress", "reusePort",
		"useAlpn", "logActivity", "tracingPolicy", "initialSettings", "http2ConnectionWindowSize", "readIdleTimeout", "writeIdleTimeout",
	} {
		rules[key] = ignored[s](fixedInServer)
	}
	f, err := read(name, content, rules, &base)
	if err != nil {
		return HTTPServer{}, nil, err
	}
	return base, f.warnings, nil
}

// whole is for whole numbers, which may be written with a fraction of zero as the Java data plane has them.
func whole[C any](what string, low, high int, set func(*C, int)) rule[C] {
	return func(_ *file, c *C, value string) error {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || n != math.Trunc(n) || n < float64(low) || n > float64(high) {
			return errors.New("a whole number" + what + " from " + strconv.Itoa(low) + " to " + strconv.Itoa(high))
		}
		set(c, int(n))
		return nil
	}
}

// seconds is for time limits in seconds, of which 0 is none.
func seconds[C any](set func(*C, time.Duration)) rule[C] {
	return whole(" of seconds; 0: no limit;", 0, math.MaxInt32, func(c *C, n int) {
		d := time.Duration(n) * time.Second
		if n == 0 || d > forEver {
			d = forEver
		}
		set(c, d)
	})
}
