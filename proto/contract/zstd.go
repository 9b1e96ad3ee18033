package contract

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

const (
	zstdMagic = "\x28\xb5\x2f\xfd"
	// zstdEmpty is the frame of an empty message, with its checksum. The encoder would leave the checksum out.
	zstdEmpty = zstdMagic + "\x24\x00\x01\x00\x00\x99\xe9\xd8\x51"
)

// compress returns b as one zstd frame with a content checksum. Contracts are repetitive: at the fastest level they are
// within 4 to 15 % of what the slowest reaches, for a tenth of the time and memory. The slowest is for those that would
// not fit otherwise.
func compress(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return []byte(zstdEmpty), nil
	}
	frame, err := compressAt(b, zstd.SpeedFastest)
	if err == nil && len(frame) > MaxBytes {
		return compressAt(b, zstd.SpeedBestCompression)
	}
	return frame, err
}

func compressAt(b []byte, level zstd.EncoderLevel) ([]byte, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderLevel(level), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	return enc.EncodeAll(b, nil), enc.Close()
}

// decompress is the inverse of compress. It insists on exactly one frame with a checksum, as anything else is the
// trace of a torn or damaged file.
func decompress(b []byte) ([]byte, error) {
	if err := checkFrame(b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxDecodedBytes))
	if err != nil {
		return nil, fmt.Errorf("start zstd: %w", err)
	}
	defer dec.Close()
	out, err := dec.DecodeAll(b, nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, &TooLargeError{Size: MaxDecodedBytes + 1, Limit: MaxDecodedBytes}
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return out, nil
}

const (
	blockHeaderBytes = 3
	checksumBytes    = 4
	blockRLE         = 1 // type of a block of one repeated byte, whose size field is not its length
)

// checkFrame walks over the block headers and compares where the frame ends with where b ends.
func checkFrame(b []byte) error {
	var h zstd.Header
	if err := h.Decode(b); err != nil {
		return fmt.Errorf("frame header: %w", err)
	}
	if !h.HasCheckSum {
		return errors.New("zstd frame without a checksum")
	}
	rest := b[h.HeaderSize:]
	for last := false; !last; {
		if len(rest) < blockHeaderBytes {
			return fmt.Errorf("cut off at %d bytes", len(b))
		}
		v := uint32(rest[0]) | uint32(rest[1])<<8 | uint32(rest[2])<<16
		size := int(v >> 3)
		if v>>1&3 == blockRLE {
			size = 1
		}
		if rest = rest[blockHeaderBytes:]; len(rest) < size {
			return fmt.Errorf("cut off at %d bytes", len(b))
		}
		last, rest = v&1 == 1, rest[size:]
	}
	if len(rest) < checksumBytes {
		return fmt.Errorf("cut off at %d bytes", len(b))
	}
	if n := len(rest) - checksumBytes; n > 0 {
		return fmt.Errorf("%d bytes behind the end", n)
	}
	return nil
}
