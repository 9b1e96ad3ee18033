package kafka

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sasl/aws"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

func environment(pairs ...string) func(string) string {
	all := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return all[name] }
}

func mskSettings(provider, region string) *credentials.Settings {
	return &credentials.Settings{Mechanism: credentials.OAuthBearer, TokenProvider: provider, AWSRegion: region,
		Source: credentials.Source{
			TokenProvider: credentials.Place{Secret: "ns/kafka", Key: "tokenProvider"},
			AWSRegion:     credentials.Place{Secret: "ns/kafka", Key: "awsRegion"},
		}}
}

func TestRegionOfMSK(t *testing.T) {
	both := environment("AWS_REGION", "eu-west-1", "AWS_DEFAULT_REGION", "eu-west-2")
	for _, test := range []struct {
		name, secret string
		env          func(string) string
		want         string
	}{
		{"the Secret wins", "eu-central-1", both, "eu-central-1"},
		{"then AWS_REGION", "", both, "eu-west-1"},
		{"then AWS_DEFAULT_REGION", "", environment("AWS_DEFAULT_REGION", "eu-west-2"), "eu-west-2"},
		{"last us-east-1", "", environment(), "us-east-1"},
	} {
		if got := regionOf(mskSettings(credentials.MSKAccessToken, test.secret), test.env); got != test.want {
			t.Errorf("%s: got %s", test.name, got)
		}
	}
}

func TestWhatThisBuildCannotDoForMSKNamesTheSecret(t *testing.T) {
	keys := environment("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY", "secret-of-the-key", "AWS_REGION", "no/region")
	for _, test := range []struct {
		name     string
		settings *credentials.Settings
		env      func(string) string
		want     []string
	}{
		{"roles", mskSettings(credentials.MSKRoleAccessToken, "eu-west-1"), keys, []string{"ns/kafka", "tokenProvider", "not supported by this build"}},
		{"no access key", mskSettings(credentials.MSKAccessToken, "eu-west-1"), environment(), []string{"ns/kafka", "tokenProvider", "AWS_ACCESS_KEY_ID"}},
		{"half an access key", mskSettings(credentials.MSKAccessToken, "eu-west-1"), environment("AWS_ACCESS_KEY_ID", "x"), []string{"AWS_SECRET_ACCESS_KEY"}},
		{"a region of the Secret that is none", mskSettings(credentials.MSKAccessToken, "evil.example.com/"), keys, []string{"ns/kafka", "awsRegion"}},
		{"a region of the environment that is none", mskSettings(credentials.MSKAccessToken, ""), keys, []string{"AWS_REGION"}},
	} {
		_, err := mskMechanism(test.settings, test.env)
		var secretError *SecretError
		if !errors.As(err, &secretError) {
			t.Errorf("%s: got %v", test.name, err)
			continue
		}
		for _, part := range test.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", test.name, err, part)
			}
		}
		if strings.Contains(err.Error(), "secret-of-the-key") || strings.Contains(err.Error(), "evil") {
			t.Errorf("%s: %q holds a value", test.name, err)
		}
	}
}

// The token is checked as its receiver does: the signature is computed again from the URL and the secret key.
func TestTokenOfMSKIsASignedURL(t *testing.T) {
	for _, session := range []string{"", "session+token/with=all"} {
		signer := aws.Auth{AccessKey: "AKIDEXAMPLE", SecretKey: "secret-of-the-key", SessionToken: session}.AsManagedStreamingIAMMechanism()
		token, err := mskToken(t.Context(), signer, "eu-west-1")
		if err != nil {
			t.Fatal(err)
		}
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := url.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		query := signed.Query()
		if signed.Scheme != "https" || signed.Host != "kafka.eu-west-1.amazonaws.com" || signed.Path != "/" ||
			query.Get("Action") != "kafka-cluster:Connect" || query.Get("X-Amz-Security-Token") != session ||
			query.Get("User-Agent") == "" || strings.Contains(string(text), "secret-of-the-key") {
			t.Errorf("the URL is %s", text)
		}
		date := query.Get("X-Amz-Date")
		scope := date[:8] + "/eu-west-1/kafka-cluster/aws4_request"
		if query.Get("X-Amz-Credential") != "AKIDEXAMPLE/"+scope {
			t.Errorf("credential %s", query.Get("X-Amz-Credential"))
		}
		signature := query.Get("X-Amz-Signature")
		query.Del("X-Amz-Signature")
		query.Del("User-Agent")
		canonical := "GET\n/\n" + strings.ReplaceAll(query.Encode(), "+", "%20") + "\nhost:" + signed.Host + "\n\nhost\n" +
			hex.EncodeToString(sum(nil))
		toSign := "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex.EncodeToString(sum([]byte(canonical)))
		key := []byte("AWS4secret-of-the-key")
		for _, part := range []string{date[:8], "eu-west-1", "kafka-cluster", "aws4_request"} {
			key = mac(key, part)
		}
		if want := hex.EncodeToString(mac(key, toSign)); signature != want {
			t.Errorf("session %q: signature %s, want %s", session, signature, want)
		}
	}
}

func sum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
