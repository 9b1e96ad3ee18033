package filter

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/cloudevents/sdk-go/sql/v2/function"
	"github.com/cloudevents/sdk-go/sql/v2/runtime"
	"github.com/cloudevents/sdk-go/v2/event"

	"knative.dev/eventing-kafka-go/proto/contract"
)

// verifyCorrelationID is what RequestReply objects of Knative Eventing put into the filters of their Triggers (EG-09):
//
//	KN_VERIFY_CORRELATION_ID(correlationId, name, namespace, secretName, podIdx, replicaCount)
const verifyCorrelationID = "KN_VERIFY_CORRELATION_ID"

// defineFunctions tells the library the functions that are Knative's; it keeps them for the whole process.
var defineFunctions = sync.OnceValue(func() error {
	err := runtime.AddFunction(function.NewFunction(verifyCorrelationID,
		[]cesql.Type{cesql.StringType, cesql.StringType, cesql.StringType, cesql.StringType, cesql.IntegerType, cesql.IntegerType},
		nil, cesql.BooleanType,
		func(e event.Event, args []any) (any, error) {
			v, ok := e.Context.(*view)
			if !ok || v.keys == nil {
				return false, nil
			}
			c := correlation{
				id: args[0].(string), name: args[1].(string), namespace: args[2].(string), //nolint:forcetypeassert // as declared
				pod: args[4].(int32), replicas: args[5].(int32), //nolint:forcetypeassert // as declared
			}
			return c.holds(v.keys(args[3].(string))), nil //nolint:forcetypeassert // as declared
		}))
	if err != nil {
		return fmt.Errorf("define %s: %w", verifyCorrelationID, err)
	}
	return nil
})

// correlation is the id of a request that a reply names, and which of the request's pods waits for replies here.
type correlation struct {
	id, name, namespace string
	pod, replicas       int32
}

// holds says whether the request was made by the pod, with one of the keys of its RequestReply. The id has three parts: that
// of the event that was the request, the same encrypted, and a number that chooses the pod.
func (c correlation) holds(keys map[string][]byte) bool {
	parts := strings.Split(c.id, ":")
	if len(parts) != 3 || c.replicas <= 0 {
		return false
	}
	n, err := strconv.ParseInt(parts[2], 10, 32)
	if err != nil || int32(n)%c.replicas != c.pod {
		return false
	}
	sealed, err := base64.URLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	prefix := c.namespace + "." + c.name + "."
	for name, key := range keys {
		if strings.HasPrefix(name, prefix) && unseal(key, sealed) == parts[0] {
			return true
		}
	}
	return false
}

// unseal decrypts what AES-GCM has encrypted, its nonce first; "" if the key is another.
func unseal(key, sealed []byte) string {
	block, err := aes.NewCipher(key)
	if err != nil {
		return ""
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil || len(sealed) <= gcm.NonceSize() {
		return ""
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
	if err != nil {
		return ""
	}
	return string(plain)
}

// KeySecrets returns the names of the Secrets that filters need keys of, sorted, none twice. Names that an expression computes
// from the event are left out.
func KeySecrets(filters []*contract.DialectedFilter) []string {
	var names []string
	for _, f := range filters {
		switch d := f.GetFilter().(type) {
		case *contract.DialectedFilter_All:
			names = append(names, KeySecrets(d.All.GetFilters())...)
		case *contract.DialectedFilter_Any:
			names = append(names, KeySecrets(d.Any.GetFilters())...)
		case *contract.DialectedFilter_Not:
			names = append(names, KeySecrets([]*contract.DialectedFilter{d.Not.GetFilter()})...)
		case *contract.DialectedFilter_Cesql:
			names = append(names, namedSecrets(d.Cesql.GetExpression())...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// namedSecrets finds the fourth arguments of the function in the text of an expression: the library does not show what it
// has parsed.
func namedSecrets(expression string) []string {
	var names []string
	for upper := strings.ToUpper(expression); ; {
		at := strings.Index(upper, verifyCorrelationID)
		if at < 0 {
			return names
		}
		upper, expression = upper[at+len(verifyCorrelationID):], expression[at+len(verifyCorrelationID):]
		rest, called := strings.CutPrefix(strings.TrimLeft(expression, " \t\r\n"), "(")
		if args := arguments(rest); called && len(args) >= 4 {
			if name := unquoted(args[3]); name != "" {
				names = append(names, name)
			}
		}
	}
}

// arguments splits the arguments of a call, from behind its bracket, at the commas that belong to it.
func arguments(s string) (args []string) {
	open, start := 0, 0
	for i, c := range unquotedBytes(s) {
		switch {
		case c == '(':
			open++
		case c == ')' && open == 0:
			return append(args, s[start:i])
		case c == ')':
			open--
		case c == ',' && open == 0:
			args, start = append(args, s[start:i]), i+1
		}
	}
	return nil // the bracket is not closed
}

// unquoted returns the text of a literal, "" if it is none. Names of Secrets need no escapes.
func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != '\'' && s[0] != '"' || s[len(s)-1] != s[0] || strings.ContainsRune(s[1:len(s)-1], rune(s[0])) {
		return ""
	}
	return s[1 : len(s)-1]
}
