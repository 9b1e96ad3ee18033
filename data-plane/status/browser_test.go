package status

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestABrowserKeepsThePageLive runs where a Chromium is installed: the page must fetch the report again by itself, under
// its own content security policy, and show how fast events go.
func TestABrowserKeepsThePageLive(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine")
	}
	if testing.Short() {
		t.Skip("a browser takes seconds")
	}
	var asked atomic.Uint64
	server := httptest.NewServer(Handler(func() Report {
		r := sampleReport()
		r.Routes[0].Accepted += 1000 * asked.Add(1)
		return r
	}, http.NotFoundHandler()))
	defer server.Close()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dom, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=9000", "--dump-dom", server.URL).Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	if asked.Load() < 3 {
		t.Errorf("the report was asked for %d times", asked.Load())
	}
	page := string(dom)
	if !strings.Contains(page, " · live</span>") {
		t.Errorf("the page is not live:\n%s", page)
	}
	if !regexp.MustCompile(`data-rate="r-1 accepted"[^>]*>[^<]*<small>\+[0-9,]+/s</small>`).MatchString(page) {
		t.Errorf("no rate of accepted events:\n%s", page)
	}
}
