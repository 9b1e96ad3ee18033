package properties

import (
	"errors"
	"slices"
	"strings"
)

// login looks at what belongs together after all keys were read.
func (k *kafkaSettings) login(f *file) {
	if (k.fallback["user.crt"] == "") == (k.fallback["user.key"] == "") {
		return
	}
	pair := []string{"ssl.keystore.certificate.chain", "ssl.keystore.key"}
	f.warnings = slices.DeleteFunc(f.warnings, func(w Warning) bool { return slices.Contains(pair, w.Key) })
	for _, key := range pair {
		if f.has(key) {
			f.key = key
			f.warn("ignored: ssl.keystore.certificate.chain and ssl.keystore.key need each other")
		}
	}
	delete(k.fallback, "user.crt")
	delete(k.fallback, "user.key")
}

// jaas reads sasl.jaas.config: user name and password of Kafka's own login modules, role and region of that of AWS. They
// complete a Secret (SEC-13). One that cannot be read is none: without it the Secret decides, as it does in any case.
func jaas[C any](of func(*C) *kafkaSettings) rule[C] {
	return func(f *file, c *C, value string) error {
		module, options, err := parseJAAS(value)
		if err != nil {
			f.warn("ignored: expected is " + err.Error())
			return nil //nolint:nilerr // one that cannot be read is none
		}
		k := of(c)
		take := func(option, secretKey string) {
			if options[option] != "" {
				k.complete(secretKey, options[option])
			}
		}
		switch module[strings.LastIndexByte(module, '.')+1:] {
		case "PlainLoginModule", "ScramLoginModule":
			take("username", "user")
			take("password", "password")
			f.warn(secretFirst + " as user and password")
		case "IAMLoginModule":
			k.complete("tokenProvider", "MSKAccessTokenProvider")
			if options["awsRoleArn"] != "" {
				k.complete("tokenProvider", "MSKRoleAccessTokenProvider")
			}
			take("awsRoleArn", "roleARN")
			take("awsStsRegion", "awsRegion")
			f.warn(secretFirst + " as tokenProvider, roleARN and awsRegion")
		case "OAuthBearerLoginModule":
			f.warn("ignored: " + tokenKeys)
		case "Krb5LoginModule":
			f.warn("ignored: " + securityPrefixes["sasl.kerberos."])
		default:
			f.warn("ignored: " + ownCode + "; " + secretDecides)
		}
		return nil
	}
}

// errJAAS never holds what was read: it may be a password.
var errJAAS = errors.New("one login module, its control flag, options as name=\"value\", and a semicolon")

// parseJAAS reads "MODULE FLAG name=value name="value" … ;".
func parseJAAS(text string) (module string, options map[string]string, err error) {
	words, err := jaasWords(text)
	if err != nil || len(words) < 2 {
		return "", nil, errJAAS
	}
	options = map[string]string{}
	for _, word := range words[2:] {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return "", nil, errJAAS
		}
		options[name] = value
	}
	return words[0], options, nil
}

// jaasWords splits at white space outside of quotes, of which it takes the quotes and backslashes away, up to the
// semicolon.
func jaasWords(text string) (words []string, err error) {
	var word strings.Builder
	quoted, inWord := byte(0), false
	end := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted != 0 && c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
		case quoted != 0 && c == quoted:
			quoted = 0
		case quoted != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quoted, inWord = c, true
		case c == ';':
			end()
			if strings.TrimSpace(text[i+1:]) != "" {
				return nil, errJAAS
			}
			return words, nil
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			end()
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	return nil, errJAAS // no semicolon
}
