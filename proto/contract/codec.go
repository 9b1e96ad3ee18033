package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Format is how a contract is written as bytes. Readers tell the formats apart by themselves.
type Format string

const (
	// FormatZstd is FormatProtobuf in one zstd frame with a content checksum. It is the default: the smallest, and the
	// only one of which a damaged or half-written copy is always recognised.
	FormatZstd Format = "protobuf-zstd"
	// FormatProtobuf is the plain binary encoding. A copy that was cut between two resources reads as a shorter contract.
	FormatProtobuf Format = "protobuf"
	// FormatJSON holds only the fields that eventing-kafka-broker knows; it is what its data plane reads.
	FormatJSON Format = "json"
)

// ParseFormat returns the format of that name; the empty name is the default.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case "":
		return FormatZstd, nil
	case FormatZstd, FormatProtobuf, FormatJSON:
		return f, nil
	}
	return "", fmt.Errorf("contract format %q is not one of %s, %s and %s", s, FormatZstd, FormatProtobuf, FormatJSON)
}

const (
	// MaxBytes is the size up to which a contract is written. A ConfigMap holds 1 MiB; the margin is for its
	// annotations and for whatever else is put beside the contract.
	MaxBytes = 1<<20 - 16<<10
	// MaxDecodedBytes bounds what a contract may take up once decompressed, so that a small file cannot fill the memory.
	MaxDecodedBytes = 64 << 20
	// SchemaVersion is the highest Contract.requiredVersion that this build can run.
	SchemaVersion = 1
)

var (
	// ErrDamaged means that the bytes are no contract: cut off, overwritten or of another kind. Reading again later may
	// help; until then the contract loaded before is the better one.
	ErrDamaged = errors.New("damaged contract")
	// ErrNewer means that the contract was written for a newer build, which says that leaving out what this build does
	// not know would be wrong. The contract loaded before stays in force until this process is upgraded.
	ErrNewer = errors.New("contract of a newer version")
)

// TooLargeError says that a contract does not fit into where it is kept.
type TooLargeError struct {
	Size, Limit int    // bytes
	Format      Format // what it was encoded as; "" when it is too large in every format
}

// Error names the size, the limit and a way out.
func (e *TooLargeError) Error() string {
	hint := "use fewer resources, or Brokers of class KafkaNamespaced, which have contracts of their own"
	if e.Format == FormatJSON || e.Format == FormatProtobuf {
		hint = fmt.Sprintf("use the contract format %s, which is several times smaller", FormatZstd)
	}
	if e.Format == "" {
		return fmt.Sprintf("contract of %d bytes exceeds the limit of %d: %s", e.Size, e.Limit, hint)
	}
	return fmt.Sprintf("contract of %d bytes as %s exceeds the limit of %d: %s", e.Size, e.Format, e.Limit, hint)
}

// Encode returns the contract as bytes; equal contracts give equal bytes. A *TooLargeError is returned for more than
// MaxBytes. FormatJSON leaves out every field of this project's own (see WithoutOwnFields).
func Encode(c *Contract, f Format) ([]byte, error) {
	f, err := ParseFormat(string(f))
	if err != nil {
		return nil, err
	}
	var b []byte
	if f == FormatJSON {
		b, err = encodeJSON(c)
	} else {
		b, err = encodeBinary(c)
	}
	if err == nil && f == FormatZstd {
		b, err = compress(b)
	}
	if err != nil {
		return nil, fmt.Errorf("encode contract: %w", err)
	}
	if len(b) > MaxBytes {
		return nil, &TooLargeError{Size: len(b), Limit: MaxBytes, Format: f}
	}
	return b, nil
}

// Decode reads a contract in any of the formats and says which one it was. No bytes are an empty contract in
// FormatProtobuf. Fields that this build does not know are ignored. Errors wrap ErrDamaged or ErrNewer, or are a
// *TooLargeError.
func Decode(b []byte) (*Contract, Format, error) {
	c, f, err := decode(b)
	if err != nil {
		return nil, f, err
	}
	if v := c.GetRequiredVersion(); v > SchemaVersion {
		return nil, f, fmt.Errorf("%w: it asks for %d, this build knows %d: upgrade the data plane", ErrNewer, v, SchemaVersion)
	}
	return c, f, nil
}

func decode(b []byte) (*Contract, Format, error) {
	switch f := formatOf(b); f {
	case FormatJSON:
		c, err := decodeJSON(b)
		return c, f, err
	case FormatZstd:
		raw, err := decompress(b)
		if err != nil {
			return nil, f, err
		}
		c, err := decodeBinary(raw)
		return c, f, err
	default:
		c, err := decodeBinary(b)
		return c, f, err
	}
}

// formatOf tells the formats apart. Neither white space, nor a brace, nor the magic number can begin a contract in
// plain binary: they would be fields that it does not have.
func formatOf(b []byte) Format {
	if bytes.HasPrefix(b, []byte(zstdMagic)) {
		return FormatZstd
	}
	if t := bytes.TrimLeft(b, " \t\r\n"); len(t) > 0 && t[0] == '{' {
		return FormatJSON
	}
	return FormatProtobuf
}

func encodeBinary(c *Contract) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
	if err != nil {
		return nil, blame(c, err)
	}
	if len(b) > MaxDecodedBytes {
		return nil, &TooLargeError{Size: len(b), Limit: MaxDecodedBytes}
	}
	return b, nil
}

func decodeBinary(b []byte) (*Contract, error) {
	if len(b) > MaxDecodedBytes {
		return nil, &TooLargeError{Size: len(b), Limit: MaxDecodedBytes}
	}
	c := &Contract{}
	if err := proto.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	// A file of another kind can pass for a message of unknown fields. Later versions of the schema add top-level
	// fields only from firstOwnField.
	for u := c.ProtoReflect().GetUnknown(); len(u) > 0; {
		num, _, n := protowire.ConsumeField(u)
		if n < 0 || num < firstOwnField {
			return nil, fmt.Errorf("%w: unknown field %d, this is not a contract", ErrDamaged, num)
		}
		u = u[n:]
	}
	return c, nil
}

// encodeJSON writes compact JSON: the encoder of protobuf varies its white space on purpose.
func encodeJSON(c *Contract) ([]byte, error) {
	b, err := protojson.Marshal(WithoutOwnFields(c))
	if err != nil {
		return nil, blame(c, err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func decodeJSON(b []byte) (*Contract, error) {
	if len(b) > MaxDecodedBytes {
		return nil, &TooLargeError{Size: len(b), Limit: MaxDecodedBytes}
	}
	c := &Contract{}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return c, nil
}

// blame adds to an encoding error which resource it is about.
func blame(c *Contract, err error) error {
	for _, r := range c.GetResources() {
		if _, e := proto.Marshal(r); e != nil {
			return fmt.Errorf("resource %q: %w", r.GetUid(), e)
		}
	}
	return err
}
