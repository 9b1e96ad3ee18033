package filter

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"knative.dev/eventing-kafka-go/data-plane/cloudevent"
	"knative.dev/eventing-kafka-go/proto/contract"
)

func cesqlFilter(expression string) *contract.DialectedFilter {
	return &contract.DialectedFilter{Filter: &contract.DialectedFilter_Cesql{Cesql: &contract.CESQL{Expression: expression}}}
}

// sealed is a correlation id as RequestReply makes it.
func sealed(t *testing.T, id string, key []byte, n int) string {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s:%s:%d", id, base64.URLEncoding.EncodeToString(gcm.Seal(nonce, nonce, []byte(id), nil)), n)
}

// TestRepliesFindTheirRequest is EG-09.
func TestRepliesFindTheirRequest(t *testing.T) {
	old, key, other := []byte("0123456789abcdef"), []byte("abcdef0123456789"), []byte("ABCDEF0123456789")
	keys := func(secret string) map[string][]byte {
		return map[string]map[string][]byte{
			"rr-keys": {"ns.rr.1": old, "ns.rr.2": key, "ns.other.1": other, "broken": []byte("x"), "ns.rr.bad": []byte("short")},
		}[secret]
	}
	good := sealed(t, "id-1", key, 4)
	for name, row := range map[string]struct {
		id, expression string
		want           bool
	}{
		"a reply to this pod's request":          {good, `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 1, 3)`, true},
		"the name in lower case":                 {good, `kn_verify_correlation_id(replyid, 'rr', 'ns', 'rr-keys', 1, 3)`, true},
		"a request made before the key changed":  {sealed(t, "id-1", old, 4), `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 1, 3)`, true},
		"one of another pod":                     {good, `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 0, 3)`, false},
		"no pods":                                {good, `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 0, 0)`, false},
		"the key of another RequestReply":        {sealed(t, "id-1", other, 4), `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 1, 3)`, false},
		"another Secret":                         {good, `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "none", 1, 3)`, false},
		"an id that somebody made up":            {"id-2" + good[4:], `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 1, 3)`, false},
		"two parts":                              {"a:b", `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 0, 1)`, false},
		"no number":                              {"a:b:c", `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 0, 1)`, false},
		"no base64":                              {"a:!:0", `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 0, 1)`, false},
		"too short":                              {"a:YWJj:0", `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 0, 1)`, false},
		"no reply at all":                        {"", `KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 0, 1)`, false},
		"beside another condition":               {good, `type = 't' AND KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 1, 3)`, true},
		"beside another condition that is false": {good, `type = 'u' AND KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "rr-keys", 1, 3)`, false},
	} {
		match, err := CompileWith(keys, nil, []*contract.DialectedFilter{cesqlFilter(row.expression)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		e := &cloudevent.Event{SpecVersion: "1.0", ID: "1", Source: "/s", Type: "t"}
		if row.id != "" {
			e.SetExtension("replyid", row.id, cloudevent.KindString)
		}
		if got := match(e); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	match, err := Compile(nil, []*contract.DialectedFilter{cesqlFilter(`KN_VERIFY_CORRELATION_ID(id, "rr", "ns", "rr-keys", 0, 1)`)})
	if err != nil || match(&cloudevent.Event{ID: good}) {
		t.Errorf("without keys: %v", err)
	}
}

func TestSecretsOfExpressionsAreFound(t *testing.T) {
	filters := []*contract.DialectedFilter{
		cesqlFilter(`KN_VERIFY_CORRELATION_ID(replyid, "rr", "ns", "b", 0, 1)`),
		{Filter: &contract.DialectedFilter_Any{Any: &contract.Any{Filters: []*contract.DialectedFilter{
			cesqlFilter(`type = 'x' OR kn_verify_correlation_id (CONCAT(a, "),("), 'r,r', "n\"s", 'a', 0, 1) OR KN_VERIFY_CORRELATION_ID(x, "r", "n", "b", 1, 1)`),
			cesqlFilter(`KN_VERIFY_CORRELATION_ID(x, "r", "n", type, 1, 1) OR KN_VERIFY_CORRELATION_ID(x, "y"`),
		}}}},
		{Filter: &contract.DialectedFilter_Not{Not: &contract.Not{Filter: cesqlFilter(`KN_VERIFY_CORRELATION_ID(x, "r", "n", "c", 1, 1)`)}}},
		{Filter: &contract.DialectedFilter_All{All: &contract.All{}}}, {},
	}
	if got := KeySecrets(filters); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("found %q", got)
	}
}
