package display

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

// Command returns kn-kafka display.
func Command() *cobra.Command {
	switches := DefaultSwitches()
	listen, style := "127.0.0.1:8888", string(Detail)
	cmd := &cobra.Command{
		Use:   "display",
		Short: "Show the CloudEvents that arrive over HTTP",
		Long: "Display takes CloudEvents over HTTP, shows them and answers as the flags say. The query of an address overrides\n" +
			"the flags of the same names for its requests, e.g. http://127.0.0.1:8888/?status=503 or /?fail-first=2.",
		Example: "  kn-kafka display --listen 127.0.0.1:0\n  kn-kafka display --delay 200ms --fail-every 10\n  kn-kafka display --reply order.confirmed",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch Style(style) {
			case Line, Detail, JSON:
			default:
				return fmt.Errorf("--output %q: expected %s, %s or %s", style, Line, Detail, JSON)
			}
			if err := switches.check(); err != nil {
				return fmt.Errorf("--%w", err)
			}
			cmd.SilenceUsage = true
			return run(cmd, listen, switches, Style(style))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", listen, "address to listen at; port 0 picks a free one")
	cmd.Flags().StringVarP(&style, "output", "o", style, "what is shown of an event: line, detail or json")
	switches.Register(cmd.Flags())
	return cmd
}

func run(cmd *cobra.Command, listen string, switches Switches, style Style) error {
	listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	printer := NewPrinter(cmd.OutOrStdout(), style)
	var count atomic.Int64
	handler := New(switches, func(d Delivery) { count.Add(1); printer.Print("", d) })
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "ready: http://%s\n", listener.Addr())
	err = Serve(cmd.Context(), listener, handler)
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%d requests were shown\n", count.Load())
	return err
}

// shutdownTime is how long requests under way are waited for.
const shutdownTime = 5 * time.Second

// Serve serves HTTP until the context ends and then waits for the requests under way, for a moment.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	var group errgroup.Group
	stopped := make(chan struct{})
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-stopped: // serving failed by itself
		}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if server.Shutdown(limited) != nil {
			return server.Close()
		}
		return nil
	})
	err := server.Serve(listener)
	close(stopped)
	if waited := group.Wait(); errors.Is(err, http.ErrServerClosed) {
		return waited
	}
	return fmt.Errorf("serve at %s: %w", listener.Addr(), err)
}
