package contractfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
	"knative.dev/eventing-kafka-go/proto/contract"
)

// mount writes credentials the way that a kubelet exchanges the files of a Secret: as a new folder behind "..data".
func mount(t *testing.T, dir, version string, content []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(dir, "..v"+version), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "..v"+version, credentials.File), content, 0o600))
	must(t, os.Symlink("..v"+version, filepath.Join(dir, "..next")))
	must(t, os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data")))
	if err := os.Symlink(filepath.Join("..data", credentials.File), filepath.Join(dir, credentials.File)); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
}

// bundle is one Secret of that version with a password.
func bundle(t *testing.T, version, password string) []byte {
	t.Helper()
	content, err := credentials.Encode(credentials.Bundle{Secrets: []credentials.Secret{
		{Namespace: "ns", Name: "kafka", Version: version, Data: map[string][]byte{"password": []byte(password)}},
	}})
	must(t, err)
	return content
}

func withCredentials(t *testing.T, content []byte) Options {
	t.Helper()
	o := paths(t, content)
	o.CredentialsDir = t.TempDir()
	return o
}

func (r *reading) wantPassword(c *contract.Contract, version, password string) {
	r.t.Helper()
	s := r.want(c)
	if got := string(s.Credentials["ns/kafka"]["password"]); got != password || s.CredentialVersions["ns/kafka"] != version {
		r.t.Fatalf("applied with password %q of version %q", got, s.CredentialVersions["ns/kafka"])
	}
}

func TestTheFirstSnapshotHasTheMountedCredentials(t *testing.T) {
	c := numbered(1, 1)
	o := withCredentials(t, zstd(t, c))
	mount(t, o.CredentialsDir, "1", bundle(t, "1", "first"))
	r := read(t, o)
	r.wantPassword(c, "1", "first")
	if st := r.State(); st.CredentialLoads != 1 || st.CredentialsError != "" {
		t.Errorf("state %+v", st)
	}
}

func TestAChangeOfEitherIsAppliedWithTheLatestOfTheOther(t *testing.T) {
	first, second := numbered(1, 1), numbered(2, 2)
	o := withCredentials(t, zstd(t, first))
	r := read(t, o)
	if s := r.want(first); s.Credentials != nil {
		t.Errorf("credentials %v before any are mounted", s.Credentials)
	}
	mount(t, o.CredentialsDir, "1", bundle(t, "1", "first"))
	r.wantPassword(first, "1", "first")
	mount(t, o.CredentialsDir, "2", bundle(t, "2", "second"))
	r.wantPassword(first, "2", "second")
	replace(t, o.Path, zstd(t, second))
	r.wantPassword(second, "2", "second")
	mount(t, o.CredentialsDir, "3", bundle(t, "3", "third"))
	r.wantPassword(second, "3", "third")
	if st := r.until("counted", func(st State) bool { return st.CredentialLoads == 3 }); st.Loads != 2 || st.Current.CredentialVersions["ns/kafka"] != "3" {
		t.Errorf("state %+v", st)
	}
}

func TestCredentialsThatComeBeforeTheContractWaitForIt(t *testing.T) {
	o := withCredentials(t, nil)
	mount(t, o.CredentialsDir, "1", bundle(t, "1", "first"))
	r := read(t, o)
	r.until("loaded", func(st State) bool { return st.CredentialLoads == 1 })
	c := numbered(1, 1)
	replace(t, o.Path, zstd(t, c))
	r.wantPassword(c, "1", "first")
}

func TestDamagedOrMissingCredentialsLeaveTheLastOnesInUse(t *testing.T) {
	c := numbered(1, 1)
	o := withCredentials(t, zstd(t, c))
	mount(t, o.CredentialsDir, "1", bundle(t, "1", "first"))
	r := read(t, o)
	r.wantPassword(c, "1", "first")

	torn := bundle(t, "2", "the-second-password")
	mount(t, o.CredentialsDir, "2", torn[:len(torn)-3])
	st := r.until("refused", func(st State) bool { return st.CredentialsError != "" })
	if !strings.Contains(st.CredentialsError, credentials.ErrDamaged.Error()) || st.Stale ||
		!strings.Contains(st.LastError, "mounted credentials: ") || st.LastErrorAt.IsZero() {
		t.Errorf("state %+v", st)
	}
	must(t, os.Remove(filepath.Join(o.CredentialsDir, "..data")))
	r.until("missing", func(st State) bool { return strings.Contains(st.CredentialsError, "no such file") })
	replace(t, o.Path, zstd(t, numbered(2, 2)))
	r.wantPassword(numbered(2, 2), "1", "first")

	mount(t, o.CredentialsDir, "3", bundle(t, "3", "third"))
	r.wantPassword(numbered(2, 2), "3", "third")
	r.until("good again", func(st State) bool { return st.CredentialsError == "" })
	for _, password := range []string{"first", "the-second-password", "third"} {
		if strings.Contains(r.log.String(), password) {
			t.Errorf("the log holds the password %q", password)
		}
	}
}

func TestNoCredentialsAreNoError(t *testing.T) {
	c := numbered(1, 1)
	r := read(t, withCredentials(t, zstd(t, c)))
	r.want(c)
	r.stop()
	if st := r.State(); st.CredentialsError != "" || st.CredentialLoads != 0 {
		t.Errorf("state %+v", st)
	}
}

func TestTheSameCredentialsInAnotherFileAreNoChange(t *testing.T) {
	c := numbered(1, 1)
	o := withCredentials(t, zstd(t, c))
	mount(t, o.CredentialsDir, "1", bundle(t, "1", "first"))
	r := read(t, o)
	r.wantPassword(c, "1", "first")
	mount(t, o.CredentialsDir, "2", append(bundle(t, "1", "first"), '\n'))
	mount(t, o.CredentialsDir, "3", bundle(t, "3", "third")) // read after it, or instead
	r.wantPassword(c, "3", "third")
}

func TestCredentialsOfTheLastGoodContractAreThoseThatAreMounted(t *testing.T) {
	c := numbered(1, 1)
	o := withCredentials(t, nil)
	must(t, os.MkdirAll(filepath.Dir(o.LastGood), 0o755))
	must(t, os.WriteFile(o.LastGood, zstd(t, c), 0o600))
	mount(t, o.CredentialsDir, "1", bundle(t, "1", "first"))
	before := time.Now()
	r := read(t, o)
	r.wantPassword(c, "1", "first")
	if st := r.until("taken", func(st State) bool { return st.Current != nil }); !st.Current.FromLastGood || st.Current.LoadedAt.Before(before) {
		t.Errorf("state %+v", st)
	}
	kept, err := os.ReadFile(o.LastGood)
	must(t, err)
	if strings.Contains(string(kept), "first") {
		t.Error("a password is in the file of the last good contract")
	}
}
