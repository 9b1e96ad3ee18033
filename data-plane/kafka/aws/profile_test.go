package aws

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const sharedConfig = `# of the machine
[default]
role_arn = arn:default
source_profile = keys

[ profile   keys ]
aws_access_key_id = OLD
aws_secret_access_key = old
s3 =
  aws_access_key_id = nested
region = eu-west-3
[profile pod]
role_arn=arn:r
web_identity_token_file=TOKEN
role_session_name = mine
[profile own]
role_arn = arn:r
source_profile = own
aws_access_key_id = AKID
aws_secret_access_key = secret
[profile env]
role_arn = arn:r
credential_source = Environment
[profile nothing]
region = eu-west-3
[profile loop]
role_arn = arn:r
source_profile = loop2
[profile loop2]
role_arn = arn:r
source_profile = loop
[profile orphan]
role_arn = arn:r
source_profile = nobody
[profile process]
credential_process = /bin/keys --password very-secret
[profile denied]
role_arn = arn:denied
source_profile = keys
[section]
aws_access_key_id = not of a profile
`

const sharedCredentials = "[keys]\r\naws_access_key_id = AKID\r\naws_secret_access_key = secret\r\n; end\n[session]\naws_access_key_id=AKID\naws_secret_access_key=secret\naws_session_token=a=b==\n"

func TestKeysOfAProfile(t *testing.T) { // SEC-12: where AWS's own clients look
	var requests atomic.Int32
	sts := fakeSTS(t, &requests, time.Hour)
	nobody := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(nobody.Close)
	home := t.TempDir()
	token := write(t, "token-of-the-pod\n")
	for name, content := range map[string]string{"config": strings.ReplaceAll(sharedConfig, "TOKEN", token), "credentials": sharedCredentials} {
		if err := os.MkdirAll(filepath.Join(home, ".aws"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, ".aws", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys := []string{"AWS_ACCESS_KEY_ID", "AKID", "AWS_SECRET_ACCESS_KEY", "secret"}
	for _, test := range []struct {
		name, role string
		env        []string
		want       string // the access key
		token      string
		err        string
	}{
		{name: "the default profile takes a role with the keys of another", want: "arn:default/knative-eventing"},
		{name: "keys of the file for credentials win", env: []string{"AWS_PROFILE", "keys"}, want: "AKID"},
		{name: "a session", env: []string{"AWS_DEFAULT_PROFILE", "session"}, want: "AKID", token: "a=b=="},
		{name: "a role of a Secret with the keys of a profile", role: "arn:s", env: []string{"AWS_PROFILE", "keys"}, want: "arn:s/knative-eventing"},
		{name: "a web identity", env: []string{"AWS_PROFILE", "pod"}, want: "arn:r/mine"},
		{name: "its own keys", env: []string{"AWS_PROFILE", "own"}, want: "arn:r/knative-eventing"},
		{name: "the environment's keys", env: append(keys, "AWS_PROFILE", "env"), want: "arn:r/knative-eventing"},
		{name: "keys of the environment win where no profile is named", env: keys, want: "AKID"},
		{name: "a profile that is named wins over them", env: append(keys, "AWS_PROFILE", "own"), want: "arn:r/knative-eventing"},
		{name: "other files", env: []string{"AWS_CONFIG_FILE", filepath.Join(home, "none"), "AWS_SHARED_CREDENTIALS_FILE",
			filepath.Join(home, ".aws", "credentials"), "AWS_PROFILE", "keys"}, want: "AKID"},
		{name: "a profile that is not there", env: []string{"AWS_PROFILE", "other"}, err: `profile "other", which AWS_PROFILE names, has no keys`},
		{name: "a profile without keys", env: []string{"AWS_PROFILE", "nothing"}, err: `profile "nothing", which AWS_PROFILE names, has no keys`},
		{name: "a section that is no profile", env: []string{"AWS_PROFILE", "section"}, err: "has no keys"},
		{name: "a circle", env: []string{"AWS_PROFILE", "loop"}, err: "too many profiles"},
		{name: "a source that is not there", env: []string{"AWS_PROFILE", "orphan"}, err: `its source_profile "nobody" has no keys`},
		{name: "a program", env: []string{"AWS_PROFILE", "process"}, err: "credential_process and sign-on by browsers are not supported"},
		{name: "a role that may not be assumed", env: []string{"AWS_PROFILE", "denied"}, err: "AccessDenied"},
		{name: "files without the default profile", env: []string{"HOME", t.TempDir(), "AWS_EC2_METADATA_SERVICE_ENDPOINT", nobody.URL}, err: "that of the machine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := environment(append([]string{"HOME", home, "AWS_ENDPOINT_URL_STS", sts.URL}, test.env...)...)
			got, err := New(Config{Region: "eu-west-1", Role: test.role, Env: env}).Keys(t.Context())
			if test.err == "" && (err != nil || got.AccessKey != test.want || got.SecretKey == "" || test.token != "" && got.SessionToken != test.token) {
				t.Errorf("got %q, %q, %v", got.AccessKey, got.SessionToken, err)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("got %v", err)
			}
		})
	}
}
