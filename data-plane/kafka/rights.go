package kafka

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Needs adds to what Kafka refuses for want of a right which right that is: of the operation that was tried on a topic, or
// on a consumer group, as access control lists name them (SEC-34). Brokers do not say it. "" is for what was not tried;
// other errors stay as they are.
func Needs(err error, onTopic, onGroup string) error {
	var right string
	switch {
	case onTopic != "" && errors.Is(err, kerr.TopicAuthorizationFailed):
		right = onTopic + " on the topic"
	case onGroup != "" && errors.Is(err, kerr.GroupAuthorizationFailed):
		right = onGroup + " on the consumer group"
	case onTopic == "Write" && errors.Is(err, kerr.ClusterAuthorizationFailed): // brokers before 3.0
		right = "IdempotentWrite on the cluster"
	default:
		return err
	}
	return fmt.Errorf("%w; the user needs the right %s", err, right)
}
