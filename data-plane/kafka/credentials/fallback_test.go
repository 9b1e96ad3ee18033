package credentials

import (
	"maps"
	"strings"
	"testing"
)

func TestAFallbackCompletesASecretAndNeverChangesIt(t *testing.T) { // SEC-10, SEC-13
	all := Fallback{"ca.crt": "F-ca", "user.crt": "F-crt", "user.key": "F-key", "user": "F-user", "password": "F-password",
		"tokenProvider": MSKRoleAccessToken, "roleARN": "F-role", "awsRegion": "F-region"}
	for _, test := range []struct {
		name, secret, want string // keys and values; only what is added is in want
	}{
		{"the older format says by its keys what it wants", "user=u password=p", ""},
		{"plain text needs nothing", "protocol=PLAINTEXT", ""},
		{"TLS gets authority and certificate", "protocol=SSL", "ca.crt=F-ca user.crt=F-crt user.key=F-key"},
		{"a Secret that declines a certificate gets none", "protocol=SSL user.skip=true", "ca.crt=F-ca"},
		{"a certificate is not mixed with the key of another", "protocol=SSL ca.crt=c user.crt=c", ""},
		{"SASL gets user and password", "protocol=SASL_PLAINTEXT", "user=F-user password=F-password"},
		{"a user is not mixed with the password of another", "protocol=SASL_PLAINTEXT user=u", ""},
		{"tokens get what they need", "protocol=SASL_PLAINTEXT sasl.mechanism=OAUTHBEARER",
			"tokenProvider=" + MSKRoleAccessToken + " roleARN=F-role awsRegion=F-region"},
		{"a role and region that are missing", "protocol=SASL_PLAINTEXT sasl.mechanism=OAUTHBEARER tokenProvider=" + MSKRoleAccessToken,
			"roleARN=F-role awsRegion=F-region"},
		{"a complete Secret", "protocol=SASL_PLAINTEXT sasl.mechanism=OAUTHBEARER tokenProvider=x roleARN=r awsRegion=a", ""},
	} {
		secret := parseData(test.secret)
		before := len(secret)
		given := Secrets{"ns/kafka": secret, "ns/other": {}}
		got := all.Complete(given)["ns/kafka"]
		want := parseData(test.want)
		maps.Copy(want, secret)
		if !(Secrets{"": got}).Equal(Secrets{"": want}) {
			t.Errorf("%s: %q", test.name, got)
		}
		if len(secret) != before {
			t.Errorf("%s: the Secret itself was changed", test.name)
		}
	}
	if (Fallback)(nil).Complete(nil) != nil {
		t.Error("credentials came out of nothing")
	}
}

func parseData(text string) map[string][]byte {
	data := map[string][]byte{}
	for pair := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(pair, "=")
		data[key] = []byte(value)
	}
	return data
}
