package contractfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// restore loads the last-good file if nothing runs yet. It reports whether anything runs.
func (s *Source) restore() bool {
	if s.State().Current != nil {
		return true
	}
	if s.o.LastGood == "" || s.restored {
		return false
	}
	s.restored = true
	next, err := readLastGood(s.o.LastGood)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		s.o.Log.Warn("The last good contract cannot be used", "path", s.o.LastGood, "error", err)
		return false
	}
	return s.load(next)
}

func readLastGood(path string) (Snapshot, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Snapshot{}, err
	}
	if len(b) == 0 {
		return Snapshot{}, fmt.Errorf("%w: no bytes", contract.ErrDamaged)
	}
	c, format, err := contract.Decode(b)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{Contract: c, Format: format, Bytes: len(b), FromLastGood: true}, nil
}

// keep writes a contract to the last-good file. It runs after apply, so that the disk delays no change and a contract
// that brings the process down is not kept.
func (s *Source) keep(c *contract.Contract, format contract.Format, raw []byte) {
	if s.o.LastGood == "" || len(raw) == 0 { // no bytes: there is nothing to go back to
		return
	}
	if format != contract.FormatZstd { // the others have no checksum; too large a contract is kept as it came
		if b, err := contract.Encode(c, contract.FormatZstd); err == nil {
			raw = b
		}
	}
	text := ""
	if err := replaceFile(s.o.LastGood, raw); err != nil {
		text = err.Error()
		s.o.Log.Warn("The contract is not kept for a restart", "error", err)
	}
	s.mu.Lock()
	s.state.LastGoodError = text
	s.mu.Unlock()
}

// replaceFile writes the file such that a crash leaves either the old content or the new one. There is one writer, so
// the temporary name is fixed and leaves nothing behind that the next call does not overwrite.
func replaceFile(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return os.Rename(tmp, path)
}
