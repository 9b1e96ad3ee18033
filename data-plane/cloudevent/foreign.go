package cloudevent

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ForeignType is the type of events made of records that are no CloudEvents (EG-61).
const ForeignType = "dev.knative.kafka.event"

// KeyType is the type that a KafkaSource says record keys have (EG-67). Its values are those of the contract's enum.
type KeyType int32

// The key types.
const (
	KeyString    KeyType = 0
	KeyInteger   KeyType = 1 // 4 bytes, big-endian
	KeyDouble    KeyType = 2 // 4 or 8 bytes, big-endian
	KeyByteArray KeyType = 3
)

// ForeignSource is the source of the events that an object makes of records, without the topic (EG-61); plural is its kind,
// e.g. kafkasources.
func ForeignSource(namespace, plural, name string) string {
	return "/apis/v1/namespaces/" + namespace + "/" + plural + "/" + name
}

// FromForeignRecord makes an event of a record that is no CloudEvent, replacing what e was (EG-61..EG-68). source is that of
// [ForeignSource]. The result is valid whatever the record holds: bytes that are not UTF-8 become U+FFFD where text is
// needed, a null header is an empty one. Data aliases the record.
func FromForeignRecord(rec *kgo.Record, source string, key KeyType, e *Event) {
	e.Reset()
	partition, offset := strconv.Itoa(int(rec.Partition)), strconv.FormatInt(rec.Offset, 10)
	e.SpecVersion = V1
	e.ID = "partition:" + partition + "/offset:" + offset
	e.Source = source + "#" + rec.Topic
	e.Type = ForeignType
	e.Subject = "partition:" + partition + "#" + offset
	if t := rec.Timestamp.UTC(); t.Year() >= 0 && t.Year() <= 9999 {
		e.Time = t.Format(time.RFC3339Nano)
	}
	e.Data = rec.Value
	if v, kind, ok := keyText(rec.Key, key); ok {
		e.SetExtension(partitionKey, v, kind)
		e.SetExtension("key", v, kind)
	}
	var index map[string]int
	for i := range rec.Headers {
		h := &rec.Headers[i]
		if strings.EqualFold(h.Key, "content-type") {
			e.DataContentType = strings.ToLower(validText(h.Value))
			continue
		}
		e.put(Extension{Name: "kafkaheader" + reduced(h.Key), Value: validText(h.Value)}, &index)
	}
}

// keyText returns a record's key as the value of an extension. A key of a length that its type does not have is a string, an
// empty one is none.
func keyText(key []byte, t KeyType) (string, Kind, bool) {
	switch {
	case len(key) == 0:
		return "", KindString, false
	case t == KeyByteArray:
		return base64.StdEncoding.EncodeToString(key), KindBinary, true
	case t == KeyInteger && len(key) == 4:
		return strconv.Itoa(int(int32(binary.BigEndian.Uint32(key)))), KindInteger, true
	case t == KeyDouble && len(key) == 4:
		return floatText(float64(math.Float32frombits(binary.BigEndian.Uint32(key))), 32), KindString, true
	case t == KeyDouble && len(key) == 8:
		return floatText(math.Float64frombits(binary.BigEndian.Uint64(key)), 64), KindString, true
	}
	return validText(key), KindString, true
}

// floatText writes a number as Java does, which is what subscribers of KafkaSources have always seen: 1.0, 1.5E-5,
// Infinity. CloudEvents has no such type, so it is a string to everybody.
func floatText(f float64, bits int) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case abs != 0 && (abs < 1e-3 || abs >= 1e7):
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, bits), "E")
		n, _ := strconv.Atoi(exponent) // FormatFloat wrote it
		return withPoint(mantissa) + "E" + strconv.Itoa(n)
	}
	return withPoint(strconv.FormatFloat(f, 'f', -1, bits))
}

func withPoint(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	return s + ".0"
}

// reduced keeps the letters and digits of a header's name, in lower case (EG-64).
func reduced(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
}

// validText returns b as UTF-8, each byte that is none replaced by U+FFFD.
func validText(b []byte) string {
	if utf8.Valid(b) {
		return text(b)
	}
	return string([]rune(string(b)))
}
