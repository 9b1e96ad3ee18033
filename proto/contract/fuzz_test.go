package contract

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// seeds are the golden contract in every format and what tells formats apart.
func seeds(f *testing.F) {
	for name := range goldenFiles {
		f.Add(readTestdata(f, name))
	}
	for _, s := range []string{"", "{}", zstdMagic, zstdEmpty, "\x28\xb5\x2f\xfd\x24\xff", "\x12\x00", "\x08\x07", `{"resources":[{"uid":"a"}]}`} {
		f.Add([]byte(s))
	}
}

// FuzzDecode: no input brings the reader down or is refused without a reason that callers can tell apart; what is
// accepted can be checked, and written in every format and read again as what it was.
func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, _, err := Decode(b)
		if err != nil {
			var large *TooLargeError
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) && !errors.As(err, &large) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		Validate(c)
		for _, format := range formats {
			roundTrip(t, c, format)
		}
	})
}

func roundTrip(t *testing.T, c *Contract, format Format) {
	b, err := Encode(c, format)
	if err != nil {
		var large *TooLargeError
		if !errors.As(err, &large) {
			t.Fatalf("%s: %v", format, err)
		}
		return
	}
	got, gotFormat, err := Decode(b)
	if err != nil {
		t.Fatalf("%s cannot be read: %v", format, err)
	}
	if gotFormat != format && len(b) > 0 {
		t.Errorf("%s is read as %s", format, gotFormat)
	}
	want := asWritten(c, format)
	if !proto.Equal(got, want) || !Equivalent(got, want) || Hash(got) != Hash(want) {
		t.Errorf("%s is read as\n%s\nwant\n%s", format, prototext.Format(got), prototext.Format(want))
	}
	again, err := Encode(got, format)
	if err != nil || string(again) != string(b) {
		t.Errorf("%s is written again as other bytes, %v", format, err)
	}
}
