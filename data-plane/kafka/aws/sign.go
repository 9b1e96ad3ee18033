package aws

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
)

// sign adds the headers of Signature Version 4, see "Create a signed AWS API request" of the IAM user guide. The path of
// the request is "/", all of its headers are signed.
func sign(r *http.Request, body []byte, keys Keys, region, service string, now time.Time) {
	date := now.UTC().Format(timeFormat)
	r.Header.Set("X-Amz-Date", date)
	if keys.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", keys.SessionToken)
	}
	headers := map[string]string{"host": r.URL.Host}
	for name := range r.Header {
		headers[strings.ToLower(name)] = strings.TrimSpace(r.Header.Get(name))
	}
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n/\n" + strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20") + "\n")
	for _, name := range names {
		canonical.WriteString(name + ":" + headers[name] + "\n")
	}
	signed := strings.Join(names, ";")
	canonical.WriteString("\n" + signed + "\n" + digest(body))

	scope := date[:8] + "/" + region + "/" + service + "/aws4_request"
	key := []byte("AWS4" + keys.SecretKey)
	for _, part := range []string{date[:8], region, service, "aws4_request"} {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, algorithm+"\n"+date+"\n"+scope+"\n"+digest([]byte(canonical.String()))))
	r.Header.Set("Authorization", algorithm+" Credential="+keys.AccessKey+"/"+scope+", SignedHeaders="+signed+", Signature="+signature)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
