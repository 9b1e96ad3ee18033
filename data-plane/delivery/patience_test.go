package delivery

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// paired is a patient connection and its other side.
func paired(t *testing.T) (*patient, net.Conn) {
	near, far := net.Pipe()
	t.Cleanup(func() { _ = errors.Join(near.Close(), far.Close()) })
	return &patient{Conn: near}, far
}

func TestADeadlineHoldsThoughThePollerKnowsAnEarlierOne(t *testing.T) { // EG-20
	for name, deadlines := range map[string][]time.Duration{ // one after the other, 900 ms apart; the last one counts
		"the first one":                    {time.Second},
		"a later one":                      {time.Second, 3 * time.Second},
		"one that is earlier again":        {time.Hour, 2 * time.Second},
		"one that was later and earlier":   {time.Second, time.Hour, 2 * time.Second},
		"one after the first is over":      {time.Second, 2 * time.Second, 4 * time.Second},
		"one that has come when it is set": {time.Second, -time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _ := paired(t)
				for i, after := range deadlines {
					if i > 0 {
						time.Sleep(900 * time.Millisecond)
					}
					if err := p.limit(time.Now().Add(after)); err != nil {
						t.Fatal(err)
					}
				}
				began, want := time.Now(), max(0, deadlines[len(deadlines)-1])
				_, err := p.Read(make([]byte, 1))
				if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took != want {
					t.Errorf("read failed with %v after %v, want after %v", err, took, want)
				}
				began = time.Now()
				if n, err := p.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 0 {
					t.Errorf("write of %d bytes ended with %v after %v", n, err, time.Since(began))
				}
			})
		})
	}
}

func TestWhatAnEarlierDeadlineInterruptsGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, far := paired(t)
		for _, after := range []time.Duration{time.Second, time.Minute} {
			if err := p.limit(time.Now().Add(after)); err != nil {
				t.Fatal(err)
			}
		}
		got := make(chan string, 1)
		go func() {
			first, rest := make([]byte, 2), make([]byte, 4)
			_, err := io.ReadFull(far, first)
			time.Sleep(10 * time.Second) // the poller's deadline passes while half of it is written
			_, err2 := io.ReadFull(far, rest)
			time.Sleep(10 * time.Second)
			_, err3 := far.Write([]byte("answer"))
			if err := errors.Join(err, err2, err3); err != nil {
				t.Error(err)
			}
			got <- string(first) + string(rest)
		}()
		if n, err := p.Write([]byte("events")); n != 6 || err != nil {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
		answer := make([]byte, 6)
		if _, err := io.ReadFull(p, answer); err != nil || string(answer) != "answer" || <-got != "events" {
			t.Errorf("read %q, %v", answer, err)
		}
	})
}
