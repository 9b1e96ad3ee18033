package kafka

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestAMissingRightIsNamed(t *testing.T) { // SEC-34
	other := errors.New("something else")
	for _, test := range []struct {
		err            error
		onTopic, group string
		want           string
	}{
		{kerr.TopicAuthorizationFailed, "Write", "", "Write on the topic"},
		{fmt.Errorf("wrapped: %w", kerr.GroupAuthorizationFailed), "Read", "Read", "Read on the consumer group"},
		{kerr.ClusterAuthorizationFailed, "Write", "", "IdempotentWrite on the cluster"},
		{kerr.GroupAuthorizationFailed, "Write", "", ""},
		{kerr.ClusterAuthorizationFailed, "Read", "Read", ""},
		{other, "Write", "Read", ""},
		{nil, "Write", "Read", ""},
	} {
		got := Needs(test.err, test.onTopic, test.group)
		if test.want == "" && got != test.err { //nolint:errorlint // the very same one
			t.Errorf("%v became %v", test.err, got)
		}
		if test.want != "" && (!errors.Is(got, test.err) || !strings.HasSuffix(got.Error(), "; the user needs the right "+test.want)) {
			t.Errorf("%v: got %v", test.err, got)
		}
	}
}
