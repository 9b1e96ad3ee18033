package aws

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// assume returns the keys of a role (AssumeRole of STS), as a profile describes it.
func (s *Source) assume(ctx context.Context, keys Keys, role map[string]string) (Keys, error) {
	form := url.Values{"Action": {"AssumeRole"}, "RoleArn": {role["role_arn"]}, "RoleSessionName": {cmp.Or(role["role_session_name"], SessionName)}}
	if role["external_id"] != "" {
		form.Set("ExternalId", role["external_id"])
	}
	return s.sts(ctx, form, &keys)
}

// webIdentity returns the keys of the role that the token of a ServiceAccount stands for (AssumeRoleWithWebIdentity of
// STS), which the kubelet renews in its file.
func (s *Source) webIdentity(ctx context.Context, file, role, session string) (Keys, error) {
	token, err := os.ReadFile(file)
	if err != nil {
		return Keys{}, fmt.Errorf("AWS: read the web identity: %w", err)
	}
	return s.sts(ctx, url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {role}, "RoleSessionName": {session},
		"WebIdentityToken": {strings.TrimSpace(string(token))},
	}, nil)
}

// answer is what STS sends: credentials in an element that is named after the action, or an error.
type answer struct {
	Results []struct {
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string `xml:"SecretAccessKey"`
			SessionToken    string `xml:"SessionToken"`
			Expiration      time.Time
		}
		Code, Message string
	} `xml:",any"`
}

// sts asks STS, signed with the keys if there are any.
func (s *Source) sts(ctx context.Context, form url.Values, keys *Keys) (Keys, error) {
	form.Set("Version", "2011-06-15")
	action, region := form.Get("Action"), s.config.Region
	endpoint := cmp.Or(s.config.Env("AWS_ENDPOINT_URL_STS"), "https://sts."+region+"."+Domain(region))
	body := []byte(form.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return Keys{}, fmt.Errorf("AWS: %s: %w", action, err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if keys != nil {
		sign(request, body, *keys, region, "sts", time.Now())
	}
	content, status, err := do(s.proxied, request)
	if err != nil {
		return Keys{}, fmt.Errorf("AWS: %s: %w", action, err)
	}
	var a answer
	if err := xml.Unmarshal(content, &a); err != nil {
		return Keys{}, fmt.Errorf("AWS: %s: answered %d without what was expected", action, status)
	}
	for _, r := range a.Results {
		if status == http.StatusOK && r.Credentials.AccessKeyID != "" {
			c := r.Credentials
			return Keys{AccessKey: c.AccessKeyID, SecretKey: c.SecretAccessKey, SessionToken: c.SessionToken, Expires: c.Expiration}, nil
		}
		if r.Code != "" {
			return Keys{}, fmt.Errorf("AWS: %s: %s: %.300s", action, r.Code, r.Message)
		}
	}
	return Keys{}, fmt.Errorf("AWS: %s: answered %d without credentials", action, status)
}
