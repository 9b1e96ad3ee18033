package kafka

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/aws"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/data-plane/kafka/kafkatest"
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
			RoleARN:       credentials.Place{Secret: "ns/kafka", Key: "roleARN"},
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

func TestWhatCannotBeDoneForMSKNamesTheSecret(t *testing.T) {
	keys := environment("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY", "secret-of-the-key", "AWS_REGION", "no/region")
	for _, test := range []struct {
		name     string
		settings *credentials.Settings
		env      func(string) string
		want     []string
	}{
		{"a role that is none", mskSettings(credentials.MSKRoleAccessToken, "eu-west-1"), keys, []string{"ns/kafka", "roleARN", "not the ARN of a role"}},
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

// bearer returns the token with which a mechanism authenticates.
func bearer(t *testing.T, m sasl.Mechanism) (string, error) {
	t.Helper()
	_, message, err := m.Authenticate(t.Context(), "broker:9094")
	if err != nil {
		return "", err
	}
	_, token, ok := strings.Cut(string(message), "auth=Bearer ")
	if !ok {
		t.Fatalf("authenticated by %q", message)
	}
	token, _, _ = strings.Cut(token, "\x01")
	return token, nil
}

func TestARoleOfMSKIsAssumedAndSigns(t *testing.T) { // SEC-12
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("RoleArn") != "arn:aws:iam::1:role/r" || r.PostForm.Get("RoleSessionName") != "knative-eventing" {
			t.Errorf("%v, %v", r.PostForm, err)
		}
		fmt.Fprintf(w, "<R><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"+
			"<SessionToken>session</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></R>",
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(sts.Close)
	settings := mskSettings(credentials.MSKRoleAccessToken, "eu-west-1")
	settings.RoleARN = "arn:aws:iam::1:role/r"
	mechanism, err := mskMechanism(settings, environment("AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "k", "AWS_ENDPOINT_URL_STS", sts.URL))
	if err != nil {
		t.Fatal(err)
	}
	token, err := bearer(t, mechanism)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || !strings.Contains(string(signed), "X-Amz-Credential=ASIA%2F") || !strings.Contains(string(signed), "X-Amz-Security-Token=session") {
		t.Errorf("%s, %v", signed, err)
	}
}

func TestTokensOfAnEndpoint(t *testing.T) { // SEC-14
	var asked, down, life atomic.Int32
	life.Store(3600)
	endpoint := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		user, password, _ := r.BasicAuth()
		if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("scope") != "kafka write" {
			t.Errorf("%v, %v", r.PostForm, err)
		}
		w.Header().Set("Content-Type", "application/json")
		if user != "me" || password != "secret-of-the-client" || down.Load() > 0 {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"secret-of-the-client"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":%d}`, n, life.Load())
	}))
	t.Cleanup(endpoint.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: endpoint.Certificate().Raw})
	data := secretData("protocol", "SASL_SSL", "sasl.mechanism", "OAUTHBEARER", "tokenProvider", "ClientCredentialsTokenProvider",
		"tokenEndpoint", endpoint.URL+"/token", "tokenEndpoint.ca.crt", string(authority), "clientId", "me", "clientSecret", "secret-of-the-client",
		"scope", "kafka write", "saslExtensions", "logicalCluster=lkc-1")

	mechanism := connect(t, "a:1", data).Security.mechanism
	for range 3 {
		if token, err := bearer(t, mechanism); err != nil || token != "token-1" {
			t.Errorf("%q, %v", token, err)
		}
	}
	down.Store(1)
	if token, err := bearer(t, mechanism); err != nil || token != "token-1" {
		t.Errorf("while the endpoint is away: %q, %v", token, err)
	}
	if _, message, err := mechanism.Authenticate(t.Context(), "b:1"); err != nil || !strings.Contains(string(message), "logicalCluster=lkc-1") {
		t.Errorf("%q, %v", message, err)
	}
	_, err := bearer(t, connect(t, "a:1", data).Security.mechanism)
	if err == nil || !strings.Contains(err.Error(), "401 invalid_client") || strings.Contains(err.Error(), "secret-of") {
		t.Errorf("refused: %v", err)
	}
	down.Store(0)
	life.Store(0) // says nothing of its end
	asked.Store(10)
	mechanism = connect(t, "a:1", data).Security.mechanism
	for _, want := range []string{"token-11", "token-12"} {
		if token, err := bearer(t, mechanism); err != nil || token != want {
			t.Errorf("%q, %v", token, err)
		}
	}
	if connect(t, "a:1", data).Key() == connect(t, "a:1", with(data, "clientSecret", "other")).Key() {
		t.Error("another client secret makes no other connection")
	}
	_, err = bearer(t, connect(t, "a:1", with(data, "tokenEndpoint.ca.crt", string(kafkatest.NewAuthority(t).CA))).Security.mechanism)
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an endpoint that is not trusted: %v", err)
	}
}
