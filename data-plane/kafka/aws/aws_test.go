package aws

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func environment(pairs ...string) func(string) string {
	all := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return all[name] }
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The example of "Signature Version 4 signing process" in AWS's documentation.
func TestTheSignatureOfTheDocumentedExample(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	keys := Keys{AccessKey: "AKIDEXAMPLE", SecretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	sign(r, nil, keys, "us-east-1", "iam", time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
	want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, " +
		"Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("got %s", got)
	}
}

// fakeSTS answers as STS does, and checks signatures by making them again.
func fakeSTS(t *testing.T, requests *atomic.Int32, life time.Duration) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("Version") != "2011-06-15" || r.Method != http.MethodPost || r.URL.Path != "/" {
			t.Errorf("%s %s %q", r.Method, r.URL, body)
		}
		action := form.Get("Action")
		refused := ""
		switch {
		case action == "AssumeRole":
			refused = wrongSignature(t, r, body)
		case form.Get("WebIdentityToken") != "token-of-the-pod":
			refused = "InvalidIdentityToken"
		}
		if form.Get("RoleArn") == "arn:denied" {
			refused = "AccessDenied"
		}
		if refused != "" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code>`+
				`<Message>not allowed</Message></Error><RequestId>1</RequestId></ErrorResponse>`, refused)
			return
		}
		fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>`+
			`<Credentials><AccessKeyId>%[2]s</AccessKeyId><SecretAccessKey>secret of %[2]s</SecretAccessKey><SessionToken>session of %[2]s</SessionToken>`+
			`<Expiration>%[3]s</Expiration></Credentials></%[1]sResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></%[1]sResponse>`,
			action, form.Get("RoleArn")+"/"+form.Get("RoleSessionName"), time.Now().Add(life).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	return server
}

func wrongSignature(t *testing.T, r *http.Request, body []byte) string {
	t.Helper()
	authorization := r.Header.Get("Authorization")
	access, _, _ := strings.Cut(strings.TrimPrefix(authorization, algorithm+" Credential="), "/2")
	secrets := map[string]string{"AKID": "secret", "arn:pod/" + SessionName: "secret of arn:pod/" + SessionName}
	again := httptest.NewRequest(r.Method, "http://"+r.Host+"/", nil)
	again.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	at, err := time.Parse(timeFormat, r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Error(err)
	}
	sign(again, body, Keys{AccessKey: access, SecretKey: secrets[access], SessionToken: r.Header.Get("X-Amz-Security-Token")}, "eu-west-1", "sts", at)
	if again.Header.Get("Authorization") != authorization {
		return "SignatureDoesNotMatch"
	}
	return ""
}

func TestWhoseKeys(t *testing.T) { // SEC-12
	var requests atomic.Int32
	sts := fakeSTS(t, &requests, time.Hour)
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "token-of-the-pod" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"AccessKeyId":"of the agent","SecretAccessKey":"s","Token":"t","Expiration":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(agent.Close)
	machine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("X-Aws-Ec2-Metadata-Token")
		switch {
		case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") != "":
			fmt.Fprint(w, "session")
		case token == "session" && r.URL.Path == "/latest/meta-data/iam/security-credentials/":
			fmt.Fprint(w, "node-role\n")
		case token == "session" && r.URL.Path == "/latest/meta-data/iam/security-credentials/node-role":
			fmt.Fprintf(w, `{"Code":"Success","AccessKeyId":"of the machine","SecretAccessKey":"s","Token":"t","Expiration":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(machine.Close)
	token := write(t, "token-of-the-pod\n")
	keys := []string{"AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "secret", "AWS_SESSION_TOKEN", "session"}
	web := []string{"AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_ARN", "arn:pod", "AWS_ENDPOINT_URL_STS", sts.URL}
	for _, test := range []struct {
		name, role string
		env        []string
		want       string // the access key
		err        string
	}{
		{name: "the access key of the environment", env: append(keys, web...), want: "AKID"},
		{name: "a role with the access key of the environment", role: "arn:r", env: append(keys, "AWS_ENDPOINT_URL_STS", sts.URL), want: "arn:r/knative-eventing"},
		{name: "a web identity", env: web, want: "arn:pod/knative-eventing"},
		{name: "a role with a web identity", role: "arn:r", env: web, want: "arn:r/knative-eventing"},
		{name: "the identity of a pod", env: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token}, want: "of the agent"},
		{name: "the machine", env: []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.URL}, want: "of the machine"},
		{name: "a role that may not be assumed", role: "arn:denied", env: append(keys, "AWS_ENDPOINT_URL_STS", sts.URL), err: "AssumeRole: AccessDenied: not allowed"},
		{name: "another secret key", role: "arn:r", env: []string{"AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "other", "AWS_ENDPOINT_URL_STS", sts.URL}, err: "SignatureDoesNotMatch"},
		{name: "an agent that is not of this machine", env: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/"}, err: "neither https"},
		{name: "an agent that refuses", env: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.URL}, err: "answered 401"},
		{name: "a token that is not there", env: []string{"AWS_WEB_IDENTITY_TOKEN_FILE", token + "x", "AWS_ROLE_ARN", "arn:pod"}, err: "web identity"},
		{name: "nothing at all", env: []string{"AWS_EC2_METADATA_DISABLED", "true"}, err: "no access key, web identity, profile or identity of a pod"},
		{name: "a machine without a role", env: []string{"AWS_EC2_METADATA_SERVICE_ENDPOINT", agent.URL}, err: "that of the machine: answered 401"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := New(Config{Region: "eu-west-1", Role: test.role, Env: environment(test.env...)}).Keys(t.Context())
			if test.err == "" && (err != nil || got.AccessKey != test.want || got.SecretKey == "" || got.SessionToken == "") {
				t.Errorf("got %q, %v", got.AccessKey, err)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "token-of")) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestKeysAreKeptUntilShortlyBeforeTheyEnd(t *testing.T) {
	for life, want := range map[time.Duration]int32{time.Hour: 1, time.Minute: 3} {
		var requests atomic.Int32
		sts := fakeSTS(t, &requests, life)
		source := New(Config{Region: "eu-west-1", Role: "arn:r", Env: environment("AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "secret",
			"AWS_ENDPOINT_URL_STS", sts.URL)})
		for range 3 {
			if _, err := source.Keys(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if requests.Load() != want {
			t.Errorf("keys that live %v were asked for %d times", life, requests.Load())
		}
		sts.Close()
		if keys, err := source.Keys(t.Context()); err != nil || keys.AccessKey == "" {
			t.Errorf("keys that are still valid are not used while STS is away: %v", err)
		}
	}
}
