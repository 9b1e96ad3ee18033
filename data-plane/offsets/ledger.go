package offsets

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"
)

// Ledger is what the commit metadata of a partition says beside the committed offset: which offsets above it are
// finished, and how often the others were tried. The zero value says nothing.
type Ledger struct {
	// Base is the committed offset that the ledger was written with.
	Base int64
	// Horizon is where knowledge ends: from Base to below it every offset that is not listed is finished.
	Horizon int64
	// Unfinished are ascending. From Horizon on only those that were tried are listed, and nothing is known of others.
	Unfinished []Unfinished
}

// Unfinished is an offset that is not finished.
type Unfinished struct {
	// Offset in the partition.
	Offset int64
	// Attempts to deliver it that were answered, or failed; one that is under way is none of them.
	Attempts int
	// Status is the last answer of the subscriber once it is not called again for this event, 0 otherwise, or if that
	// was no answer, or if there was no room to keep it.
	Status int
}

// Reading is what became of the metadata of a committed offset.
type Reading uint8

// Readings. Only Read brings a ledger; with each of the others everything from the committed offset on is delivered.
const (
	// Read is a ledger of ours for this offset.
	Read Reading = iota
	// None is empty metadata: there is nothing to say beside the offset.
	None
	// Foreign is text of another program. Clients write their member id by default, so this is no fault.
	Foreign
	// Newer is a ledger in a version that this program does not know.
	Newer
	// Moved is a ledger that was written with another offset: a tool has copied it.
	Moved
	// Corrupt is a ledger that is damaged.
	Corrupt
)

func (r Reading) String() string {
	return [...]string{"read", "none", "foreign", "newer", "moved", "corrupt"}[r]
}

// The text of a ledger: mark, then in base64 (without padding) version, kind, base, length of the known range, the
// statuses, unfinished offsets, and a CRC-32 of all that. Numbers are unsigned varints.
//
//	statuses   their number, then each; attempts name a status by its place, from 1
//	kindList   for each unfinished offset: gap<<1 | tried; tried ones: the attempts. The gap is the distance to the one
//	           before it, the first one's to the base, less one for all others
//	kindBits   a bit for each offset of the known range, lowest first, 1 for unfinished; then a list as above of those
//	           that were tried
//	attempts   number<<1 | ended; ended ones: the place of their status
const (
	mark     = "knl:"
	version  = 1
	kindList = 0
	kindBits = 1

	checkBytes  = 4
	maxStatuses = 127 // so that a place is one byte
	maxTracked  = 1 << 16
	maxOffset   = 1<<62 - 1 // so that twice a gap is a number; no partition gets there
)

var (
	encoding = base64.RawStdEncoding
	checks   = crc32.IEEETable
)

// Budget is how many characters metadata may have where a broker is set as by default.
const Budget = 4096

// RetryCap is how many offsets of a partition may have been tried and be unfinished, so that their attempts always fit
// into a budget of characters. It counts on fewer than 64 attempts each and on a million offsets above the prefix; with
// more than that, the attempts at the farthest are forgotten.
func RetryCap(budget int) int {
	const (
		fixed = 160 // header, check, and the long gaps that there can be
		each  = 3
	)
	return max(minRetryCap, (payload(budget)-fixed)/each)
}

// minRetryCap holds where a broker takes no metadata: attempts are lost there, deliveries must go on.
const minRetryCap = 100

// payload is how many bytes fit into a budget of characters.
func payload(budget int) int { return max(0, budget-len(mark)) * 3 / 4 }

// Encode returns the ledger as text of at most budget characters, "" if it says nothing. Where it does not fit, Horizon
// is lowered, which costs deliveries that were finished; then statuses are left out, then the attempts at the farthest
// offsets. cut is true if so.
func (l Ledger) Encode(budget int) (text string, cut bool) {
	l = l.trim()
	if l.says() == 0 {
		return "", false
	}
	room := payload(budget) - checkBytes
	e := encoder{base: l.Base}
	if e.size(l) <= room {
		return e.text(l), false
	}
	if l = e.fit(l, room).trim(); l.says() == 0 || e.size(l) > room {
		return "", true
	}
	return e.text(l), true
}

// trim lowers the horizon to the end of what is finished: what was not tried above that need not be listed.
func (l Ledger) trim() Ledger {
	known := l.below(l.Horizon)
	end := len(known)
	for end > 0 && known[end-1].Offset == l.Horizon-1 {
		end--
		l.Horizon--
	}
	return l.lower(l.Horizon)
}

// below are the unfinished offsets below one.
func (l Ledger) below(offset int64) []Unfinished {
	low, high := 0, len(l.Unfinished)
	for low < high {
		if middle := int(uint(low+high) >> 1); l.Unfinished[middle].Offset < offset {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return l.Unfinished[:low]
}

// lower is the ledger with a horizon that is not higher than its own.
func (l Ledger) lower(horizon int64) Ledger {
	known := l.below(horizon)
	kept := known[:len(known):len(known)]
	for _, u := range l.Unfinished[len(known):] {
		if u.Attempts > 0 {
			kept = append(kept, u)
		}
	}
	return Ledger{Base: l.Base, Horizon: horizon, Unfinished: kept}
}

// says is how much there is in the ledger: finished offsets, and offsets that were tried.
func (l Ledger) says() int64 {
	n := l.Horizon - l.Base - int64(len(l.below(l.Horizon)))
	for _, u := range l.Unfinished {
		if u.Attempts > 0 {
			n++
		}
	}
	return n
}

// encoder writes ledgers of one base.
type encoder struct {
	base int64
	buf  []byte
}

// fit makes a ledger smaller until it has room.
func (e *encoder) fit(l Ledger, room int) Ledger {
	// The farthest horizon that fits is at an unfinished offset, or there is none.
	known := l.below(l.Horizon)
	low, high := 0, len(known)
	for low < high {
		if middle := int(uint(low+high+1) >> 1); e.size(l.lower(known[middle-1].Offset)) <= room {
			low = middle
		} else {
			high = middle - 1
		}
	}
	if low > 0 {
		return l.lower(known[low-1].Offset)
	}
	l = l.lower(l.Base)
	tried := append([]Unfinished(nil), l.Unfinished...)
	for i := range tried {
		tried[i].Status = 0
	}
	l.Unfinished = tried
	for len(l.Unfinished) > 0 && e.size(l) > room {
		l.Unfinished = l.Unfinished[:len(l.Unfinished)-max(1, len(l.Unfinished)/64)]
	}
	return l
}

// size is the number of bytes of a ledger without its check.
func (e *encoder) size(l Ledger) int {
	e.encode(l)
	return len(e.buf)
}

func (e *encoder) text(l Ledger) string {
	e.encode(l)
	return string(seal(e.buf))
}

// seal makes a text of a body.
func seal(body []byte) []byte {
	body = binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, checks))
	text := make([]byte, len(mark)+encoding.EncodedLen(len(body)))
	copy(text, mark)
	encoding.Encode(text[len(mark):], body)
	return text
}

// encode writes the ledger into the buffer, as list or bits, whichever is shorter.
func (e *encoder) encode(l Ledger) {
	places, statuses := placesOf(l.Unfinished)
	e.header(l, kindList, statuses)
	start := len(e.buf)
	e.list(l.Unfinished, places)
	bits := (l.Horizon - l.Base + 7) / 8
	if bits >= int64(len(e.buf)-start) {
		return
	}
	list := append([]byte(nil), e.buf...)
	e.header(l, kindBits, statuses)
	e.bits(l, int(bits))
	e.list(l.triedOnly(), places)
	if len(e.buf) >= len(list) {
		e.buf = append(e.buf[:0], list...)
	}
}

func (e *encoder) header(l Ledger, kind byte, statuses []int) {
	e.buf = append(e.buf[:0], version, kind)
	e.buf = binary.AppendUvarint(e.buf, uint64(l.Base))
	e.buf = binary.AppendUvarint(e.buf, uint64(l.Horizon-l.Base))
	e.buf = append(e.buf, byte(len(statuses)))
	for _, s := range statuses {
		e.buf = binary.AppendUvarint(e.buf, uint64(s))
	}
}

// list writes offsets; those without attempts only where the reader is to learn of them from the list.
func (e *encoder) list(offsets []Unfinished, places map[int]byte) {
	expected := e.base
	for _, u := range offsets {
		gap := uint64(u.Offset-expected) << 1
		expected = u.Offset + 1
		if u.Attempts == 0 {
			e.buf = binary.AppendUvarint(e.buf, gap)
			continue
		}
		e.buf = binary.AppendUvarint(e.buf, gap|1)
		attempts := uint64(u.Attempts) << 1
		if place := places[u.Status]; place > 0 {
			e.buf = append(binary.AppendUvarint(e.buf, attempts|1), place)
		} else {
			e.buf = binary.AppendUvarint(e.buf, attempts)
		}
	}
}

func (e *encoder) bits(l Ledger, length int) {
	start := len(e.buf)
	e.buf = append(e.buf, make([]byte, length)...)
	for _, u := range l.below(l.Horizon) {
		at := u.Offset - l.Base
		e.buf[start+int(at/8)] |= 1 << (at % 8)
	}
}

func (l Ledger) triedOnly() []Unfinished {
	var tried []Unfinished
	for _, u := range l.Unfinished {
		if u.Attempts > 0 {
			tried = append(tried, u)
		}
	}
	return tried
}

// placesOf numbers the statuses that occur, from 1.
func placesOf(offsets []Unfinished) (places map[int]byte, statuses []int) {
	for _, u := range offsets {
		if u.Status <= 0 || u.Attempts == 0 || places[u.Status] > 0 || len(statuses) == maxStatuses {
			continue
		}
		if places == nil {
			places = map[int]byte{}
		}
		statuses = append(statuses, u.Status)
		places[u.Status] = byte(len(statuses))
	}
	return places, statuses
}

// Decode reads the metadata of a committed offset. The ledger is zero unless the reading is Read.
func Decode(committed int64, metadata string) (Ledger, Reading) {
	if metadata == "" {
		return Ledger{}, None
	}
	text, ours := strings.CutPrefix(metadata, mark)
	if !ours {
		return Ledger{}, Foreign
	}
	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) < 2+checkBytes {
		return Ledger{}, Corrupt
	}
	body := raw[:len(raw)-checkBytes]
	if crc32.Checksum(body, checks) != binary.LittleEndian.Uint32(raw[len(body):]) {
		return Ledger{}, Corrupt
	}
	if body[0] != version || body[1] > kindBits {
		return Ledger{}, Newer
	}
	d := decoder{rest: body[2:]}
	l := d.ledger(body[1])
	switch {
	case d.failed || len(d.rest) > 0:
		return Ledger{}, Corrupt
	case l.Base != committed:
		return Ledger{}, Moved
	}
	return l, Read
}

// decoder takes a ledger apart; failed is set by the first thing that cannot be.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || v > math.MaxInt64 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) ledger(kind byte) Ledger {
	base := int64(d.number())
	length := d.number()
	statuses := make([]int, min(d.number(), maxStatuses))
	for i := range statuses {
		statuses[i] = int(d.number() & math.MaxInt32)
	}
	if d.failed || base > maxOffset || length > uint64(maxOffset-base) {
		d.failed = true
		return Ledger{}
	}
	l := Ledger{Base: base, Horizon: base + int64(length)}
	if kind == kindBits {
		l.Unfinished = d.bits(base, length)
	}
	listed := d.list(base, statuses)
	if kind == kindList {
		l.Unfinished = listed
	} else {
		d.merge(&l, listed)
	}
	return l
}

func (d *decoder) bits(base int64, length uint64) []Unfinished {
	size := length/8 + min(length%8, 1)
	if size > uint64(len(d.rest)) {
		d.failed, d.rest = true, nil
		return nil
	}
	var found []Unfinished
	for i := range int64(length) {
		if d.rest[i/8]&(1<<(i%8)) != 0 {
			found = append(found, Unfinished{Offset: base + i})
		}
	}
	d.rest = d.rest[size:]
	return found
}

func (d *decoder) list(base int64, statuses []int) []Unfinished {
	var found []Unfinished
	expected := base
	for len(d.rest) > 0 && !d.failed {
		v := d.number()
		gap := int64(v >> 1)
		if gap > maxOffset-expected || len(found) == maxTracked {
			d.failed = true
			break
		}
		u := Unfinished{Offset: expected + gap}
		expected = u.Offset + 1
		if v&1 == 1 {
			d.attempts(&u, statuses)
		}
		found = append(found, u)
	}
	return found
}

func (d *decoder) attempts(u *Unfinished, statuses []int) {
	v := d.number()
	u.Attempts = int(min(v>>1, math.MaxInt32))
	if u.Attempts == 0 {
		d.failed = true // tried and yet not: nobody writes that
		return
	}
	if v&1 == 0 {
		return
	}
	place := d.number()
	if place == 0 || place > uint64(len(statuses)) {
		d.failed = true
		return
	}
	u.Status = statuses[place-1]
}

// merge puts the attempts of a list to the offsets that the bits have told, and those above the horizon behind them.
func (d *decoder) merge(l *Ledger, listed []Unfinished) {
	known := l.Unfinished
	for _, u := range listed {
		if u.Offset >= l.Horizon {
			l.Unfinished = append(l.Unfinished, u)
			continue
		}
		for len(known) > 0 && known[0].Offset < u.Offset {
			known = known[1:]
		}
		if len(known) == 0 || known[0].Offset != u.Offset {
			d.failed = true
			return
		}
		known[0] = u
	}
}
