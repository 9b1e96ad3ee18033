package deploy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/inventory"
	"knative.dev/eventing-kafka-go/data-plane/kafka"
)

const (
	// leaveTries is how often a group is tried that still has members: they may have deliveries to finish.
	leaveTries = 60
	// cleanTries is how often anything else is tried.
	cleanTries = 5
)

// Clean takes away what belonged to the removed objects: groups first, then topics that were created for them. It is
// called when the contract without them runs. again says that something has to be tried once more; notes say what was
// done or left behind.
func (d *Deployer) Clean(ctx context.Context) (notes []string, again bool) {
	used := d.used()
	removed := d.Inventory.Removed()
	if len(removed) > 0 && d.admin == nil { // of an earlier run, and nothing runs in this one
		admin, err := d.Pool.Admin(kafka.Connection{Servers: d.Servers})
		if err != nil {
			return []string{err.Error()}, false
		}
		d.admin = admin
	}
	slices.SortStableFunc(removed, func(a, b inventory.Removed) int { return len(a.Record.Created) - len(b.Record.Created) }) // topics last
	for _, r := range removed {
		name := r.Name
		done, err := d.clean(ctx, r.Record, used)
		notes = append(notes, done...)
		if err == nil {
			d.Inventory.Forget(name)
			delete(d.tries, name)
			continue
		}
		d.tries[name]++
		limit := cleanTries
		if errors.Is(err, kerr.NonEmptyGroup) {
			limit = leaveTries
		}
		if d.tries[name] < limit {
			again = true
			continue
		}
		notes = append(notes, fmt.Sprintf("left behind: %v", err))
		d.Inventory.Forget(name)
		delete(d.tries, name)
	}
	return notes, again
}

// used are the topics and groups of the contract in force.
func (d *Deployer) used() map[string]bool {
	used := map[string]bool{}
	for _, r := range d.current.GetResources() {
		for _, topic := range r.GetTopics() {
			used["topic "+topic] = true
		}
		for _, e := range r.GetEgresses() {
			used["group "+e.GetConsumerGroup()] = true
		}
	}
	return used
}

func (d *Deployer) clean(ctx context.Context, record *inventory.Record, used map[string]bool) (notes []string, err error) {
	groups := record.Groups
	if record.Group != "" {
		groups = append(slices.Clone(groups), record.Group)
	}
	for _, group := range groups {
		if used["group "+group] {
			continue
		}
		if err := d.admin.DeleteGroup(ctx, group); err != nil {
			return notes, err
		}
	}
	if record.Topic != "" && !slices.Contains(record.Created, record.Topic) {
		notes = append(notes, fmt.Sprintf("topic %s is kept: it was not created here", record.Topic))
	}
	for _, topic := range record.Created {
		if used["topic "+topic] {
			continue
		}
		if err := d.admin.DeleteTopic(ctx, topic); err != nil {
			return notes, err
		}
		notes = append(notes, fmt.Sprintf("topic %s was deleted with its object", topic))
	}
	return notes, nil
}

var subscriberField = regexp.MustCompile(`^spec\.subscribers\[\d+\]\.?`)

// ownField is the field of a Subscription that core copies to a field of spec.subscribers.
func ownField(field string) string {
	rest := subscriberField.ReplaceAllString(field, "")
	if rest == field {
		return field
	}
	for from, to := range map[string]string{"subscriberUri": "spec.subscriber", "replyUri": "spec.reply", "delivery": "spec.delivery"} {
		if after, ok := strings.CutPrefix(rest, from); ok {
			return to + after
		}
	}
	return ""
}
