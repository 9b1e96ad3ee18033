package contract

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	kafkacredentials "knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// rounds bounds how often a change whose credentials do not fit is passed over for those that come after it.
const rounds = 8

// fit encodes the contract that has these resources. When it is too large, what runs stays as it is, what was removed is
// gone, and of the changes as many are taken as fit, the small ones first: so the one that is too large for everybody
// stops nobody else. Why others are not taken is in refused, by uid.
func fit(before *contract.Contract, resources []*contract.Resource, encode func([]*contract.Resource) (desired, error)) (desired, error) {
	want, err := encode(resources)
	if !isTooLarge(err) && !isTooManyCredentials(err) {
		return want, err
	}
	p := newPacking(before, resources)
	for from, round := 0, 1; ; round++ {
		taken, refusal, err := p.most(from, encode)
		if err != nil {
			return desired{}, err
		}
		if taken == len(p.changes) {
			break
		}
		p.refuse(taken, refusal)
		if from = taken + 1; isTooLarge(refusal) || round == rounds { // what comes next is larger
			for ; from < len(p.changes); from++ {
				p.refuse(from, refusal)
			}
			break
		}
	}
	if want, err = encode(p.with(len(p.changes))); err != nil {
		return desired{}, err
	}
	want.refused = p.refused
	return want, nil
}

func isTooManyCredentials(err error) bool {
	var large *kafkacredentials.TooLargeError
	return errors.As(err, &large)
}

// packing is a contract that does not fit as a whole.
type packing struct {
	resources []*contract.Resource
	before    map[string]*contract.Resource
	egresses  map[string]*contract.Egress // of before
	changes   []change
	refused   map[string]string
}

// change is one that an entry asks for: a resource without its egresses, or an egress.
type change struct {
	uid  string
	of   string // the uid of the resource
	rank int    // 0: a resource, 1: an egress
	size int    // bytes before compression
}

func newPacking(before *contract.Contract, resources []*contract.Resource) *packing {
	p := &packing{
		resources: resources, before: map[string]*contract.Resource{}, egresses: map[string]*contract.Egress{}, refused: map[string]string{},
	}
	for _, r := range before.GetResources() {
		p.before[r.GetUid()] = r
		for _, e := range r.GetEgresses() {
			p.egresses[e.GetUid()] = e
		}
	}
	for _, r := range resources {
		size := proto.Size(shell(r, nil))
		was, known := p.before[r.GetUid()]
		if !known || !proto.Equal(shell(was, nil), shell(r, nil)) {
			p.changes = append(p.changes, change{r.GetUid(), r.GetUid(), 0, size})
		}
		for _, e := range r.GetEgresses() {
			if was, ok := p.egresses[e.GetUid()]; ok && proto.Equal(was, e) {
				continue
			}
			c := change{e.GetUid(), r.GetUid(), 1, proto.Size(e)}
			if !known {
				c.size = max(c.size, size) // it cannot come before its resource
			}
			p.changes = append(p.changes, c)
		}
	}
	slices.SortFunc(p.changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.rank, b.rank), cmp.Compare(a.uid, b.uid))
	})
	return p
}

// most returns how many changes fit, from those that were decided before on, and what the next one fails by.
func (p *packing) most(decided int, encode func([]*contract.Resource) (desired, error)) (taken int, refusal, err error) {
	low, high := decided, len(p.changes)
	if _, err := encode(p.with(low)); err != nil {
		return 0, nil, fmt.Errorf("what runs already does not fit any more: %w", err)
	}
	for low < high {
		middle := (low + high + 1) / 2
		_, err := encode(p.with(middle))
		switch {
		case err == nil:
			low = middle
		case isTooLarge(err), isTooManyCredentials(err):
			high, refusal = middle-1, err
		default:
			return 0, nil, err
		}
	}
	return low, refusal, nil
}

// refuse writes down why a change is not taken. The text is the same as long as nothing makes room.
func (p *packing) refuse(i int, err error) {
	why := fmt.Sprintf("the contract is full: %d bytes fit into its ConfigMap", contract.MaxBytes)
	if isTooManyCredentials(err) {
		why = fmt.Sprintf("the credentials of the data plane are full: %d bytes fit into their Secret", kafkacredentials.MaxBytes)
	}
	c := p.changes[i]
	_, resource := p.before[c.uid]
	_, egress := p.egresses[c.uid]
	if c.rank == 0 && resource || c.rank == 1 && egress {
		why += "; what ran before this change goes on"
	}
	p.refused[c.uid] = why
}

// with returns the resources with the first changes that are not refused.
func (p *packing) with(first int) []*contract.Resource {
	type key struct {
		uid  string
		rank int
	}
	pending := make(map[key]bool, len(p.changes))
	for i, c := range p.changes {
		if _, refused := p.refused[c.uid]; refused || i >= first {
			pending[key{c.uid, c.rank}] = true
		}
	}
	out := make([]*contract.Resource, 0, len(p.resources))
	for _, r := range p.resources {
		of := r
		if pending[key{r.GetUid(), 0}] {
			if of = p.before[r.GetUid()]; of == nil {
				continue
			}
		}
		egresses := make([]*contract.Egress, 0, len(r.GetEgresses()))
		for _, e := range r.GetEgresses() {
			if pending[key{e.GetUid(), 1}] {
				if e = p.egresses[e.GetUid()]; e == nil {
					continue
				}
			}
			egresses = append(egresses, e)
		}
		of = shell(of, egresses)
		of.ContentHash = contract.ResourceHash(of)
		out = append(out, of)
	}
	return out
}

// shell returns a resource with other egresses and without a hash; the rest is shared.
func shell(r *contract.Resource, egresses []*contract.Egress) *contract.Resource {
	out := &contract.Resource{}
	m := out.ProtoReflect()
	r.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		m.Set(f, v)
		return true
	})
	out.Egresses, out.ContentHash = egresses, ""
	return out
}
