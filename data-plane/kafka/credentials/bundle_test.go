package credentials

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"knative.dev/eventing-kafka-go/proto/contract"
)

func TestABundleIsReadAsItWasWritten(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	a := Secret{"ns", "a", "1", map[string][]byte{"password": all, "empty": {}}}
	b := Secret{"ns", "b.c", "", map[string][]byte{}}
	content, err := Encode(Bundle{[]Secret{b, a}})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Encode(Bundle{[]Secret{a, b}}); err != nil || !bytes.Equal(content, again) {
		t.Errorf("the order of Secrets changes the content: %v", err)
	}
	bundle, err := Decode(content)
	if err != nil {
		t.Fatal(err)
	}
	want := Secrets{"ns/a": a.Data, "ns/b.c": b.Data}
	if got := bundle.ByName(); !got.Equal(want) || !want.Equal(got) {
		t.Errorf("got %v", got)
	}
	if got := bundle.Versions(); !maps.Equal(got, map[string]string{"ns/a": "1", "ns/b.c": ""}) {
		t.Errorf("versions %v", got)
	}
}

func TestNoSecretsAreOtherThanNone(t *testing.T) {
	content, err := Encode(Bundle{})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := Decode(content)
	if err != nil || bundle.ByName() == nil || bundle.ByName().Equal(nil) {
		t.Errorf("got %v, %v", bundle.ByName(), err)
	}
	one, other := Secrets{"a/b": {"k": []byte("v")}}, Secrets{"a/b": {"k": []byte("w")}}
	if one.Equal(other) || one.Equal(Secrets{}) || !one.Equal(Secrets{"a/b": {"k": []byte("v")}}) {
		t.Error("Equal does not compare values")
	}
}

func TestABundleThatFitsIntoNoSecretIsRefused(t *testing.T) {
	fits := Secret{"ns", "a", "1", map[string][]byte{"ca.crt": make([]byte, 700<<10)}}
	if _, err := Encode(Bundle{[]Secret{fits}}); err != nil {
		t.Error(err)
	}
	var tooLarge *TooLargeError
	second := Secret{"ns", "b", "1", fits.Data}
	if _, err := Encode(Bundle{[]Secret{fits, second}}); !errors.As(err, &tooLarge) || tooLarge.Size <= tooLarge.Limit {
		t.Errorf("got %v", err)
	}
}

func TestContentThatIsNoBundleIsRefused(t *testing.T) {
	good, err := Encode(Bundle{[]Secret{{"ns", "a", "1", map[string][]byte{"password": []byte("secret-password")}}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"nothing":               "",
		"torn":                  string(good[:len(good)-1]),
		"twice":                 string(good) + string(good),
		"another format":        strings.Replace(string(good), `"format":1`, `"format":2`, 1),
		"no format":             `{"secrets":[]}`,
		"no JSON":               "password: secret-password",
		"no base64":             `{"format":1,"secrets":[{"namespace":"n","name":"a","data":{"password":"%%"}}]}`,
		"a Secret without name": `{"format":1,"secrets":[{"namespace":"n","data":{}}]}`,
		"a Secret twice":        `{"format":1,"secrets":[{"namespace":"n","name":"a"},{"namespace":"n","name":"a"}]}`,
	} {
		if _, err := Decode([]byte(content)); !errors.Is(err, ErrDamaged) || strings.Contains(err.Error(), "secret-password") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnlyWhatAContractNeedsIsCollected(t *testing.T) {
	single := func(name string) *contract.Resource {
		return &contract.Resource{Auth: &contract.Resource_AuthSecret{AuthSecret: reference(name)}}
	}
	multi := func(protocol contract.Protocol, refs ...*contract.SecretReference) *contract.Resource {
		return &contract.Resource{Auth: &contract.Resource_MultiAuthSecret{
			MultiAuthSecret: &contract.MultiSecretReference{Protocol: protocol, References: refs}}}
	}
	type keys = map[contract.SecretField]string
	c := &contract.Contract{Resources: []*contract.Resource{
		{}, single("one"), single("one"), single("gone"),
		multi(contract.Protocol_PLAINTEXT, keysOfSecret("unused", keys{contract.SecretField_USER: "u"})),
		multi(contract.Protocol_SASL_SSL, keysOfSecret("two", keys{contract.SecretField_USER: "u"}),
			keysOfSecret("two", keys{contract.SecretField_PASSWORD: "p"}), keysOfSecret("one", keys{contract.SecretField_CA_CRT: "own"})),
	}}
	asked := 0
	bundle := Collect(c, func(namespace, name string) (Secret, bool) {
		asked++
		data := values{"user": "1", "u": "2", "p": "3", "own": "4", "unrelated": "5"}
		return Secret{namespace, name, "v-" + name, data.data()}, name != "gone"
	})
	want := Secrets{"ns/one": values{"user": "1", "own": "4"}.data(), "ns/two": values{"u": "2", "p": "3"}.data()}
	if got := bundle.ByName(); !got.Equal(want) || asked != 3 {
		t.Errorf("asked %d times and got %v", asked, got)
	}
	if versions := slices.Sorted(maps.Values(bundle.Versions())); !slices.Equal(versions, []string{"v-one", "v-two"}) {
		t.Errorf("versions %v", versions)
	}
}

// FuzzDecode holds that what is read can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"format":1,"secrets":[{"namespace":"n","name":"a","version":"1","data":{"password":"eA=="}}]}`))
	f.Add([]byte(`{"format":1,"secrets":null}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		bundle, err := Decode(content)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			return
		}
		encoded, err := Encode(bundle)
		if err != nil {
			return // larger than it was, by its escapes
		}
		if again, err := Decode(encoded); err != nil || !again.ByName().Equal(bundle.ByName()) {
			t.Errorf("%v, %v", again, err)
		}
	})
}
