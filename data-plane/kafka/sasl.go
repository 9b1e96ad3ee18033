package kafka

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	kaws "github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"knative.dev/eventing-kafka-go/data-plane/kafka/aws"
	"knative.dev/eventing-kafka-go/data-plane/kafka/credentials"
)

// mechanismOf returns how to authenticate. The errors say what this build cannot do.
func mechanismOf(s *credentials.Settings) (sasl.Mechanism, error) {
	switch s.Mechanism {
	case credentials.Plain:
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case credentials.ScramSHA256:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case credentials.ScramSHA512:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	case credentials.OAuthBearer:
		if s.TokenProvider == credentials.ClientCredentials {
			return oauthMechanism(&s.OAuth), nil
		}
		return mskMechanism(s, os.Getenv)
	default:
		return nil, fmt.Errorf("SASL mechanism %s is not supported by this build", s.Mechanism)
	}
}

// mskMechanism authenticates at AWS MSK by OAUTHBEARER tokens, signed with the keys of the process or of a role that it
// assumes. Whether there are any shows when a connection is made.
func mskMechanism(s *credentials.Settings, env func(string) string) (sasl.Mechanism, error) {
	region := regionOf(s, env)
	switch {
	case isRegion(region):
	case region == s.AWSRegion:
		return nil, s.Source.AWSRegion.Wrong("not the name of a region: lower case letters, digits and hyphens")
	default:
		return nil, s.Source.TokenProvider.Wrong("AWS_REGION or AWS_DEFAULT_REGION of the environment does not name a region")
	}
	identity := aws.Config{Region: region, Env: env}
	if s.TokenProvider == credentials.MSKRoleAccessToken {
		if !strings.HasPrefix(s.RoleARN, "arn:") {
			return nil, s.Source.RoleARN.Wrong("not the ARN of a role")
		}
		identity.Role = s.RoleARN
	}
	source := aws.New(identity)
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		keys, err := source.Keys(ctx)
		if err != nil {
			return oauth.Auth{}, fmt.Errorf("token for MSK: %w", err)
		}
		signer := kaws.Auth{AccessKey: keys.AccessKey, SecretKey: keys.SecretKey, SessionToken: keys.SessionToken}
		token, err := mskToken(ctx, signer.AsManagedStreamingIAMMechanism(), region)
		return oauth.Auth{Token: token}, err
	}), nil
}

// regionOf is SEC-12's order.
func regionOf(s *credentials.Settings, env func(string) string) string {
	for _, region := range []string{s.AWSRegion, env("AWS_REGION"), env("AWS_DEFAULT_REGION")} {
		if region != "" {
			return region
		}
	}
	return "us-east-1"
}

// isRegion keeps anything else out of the name of a host.
func isRegion(region string) bool {
	for _, c := range region {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return region != ""
}

// signedParameters are the query of a signed URL as AWS writes it, by the names that the signer gives them.
var signedParameters = map[string]string{
	"action": "Action", "x-amz-algorithm": "X-Amz-Algorithm", "x-amz-credential": "X-Amz-Credential",
	"x-amz-date": "X-Amz-Date", "x-amz-expires": "X-Amz-Expires", "x-amz-security-token": "X-Amz-Security-Token",
	"x-amz-signedheaders": "X-Amz-SignedHeaders", "x-amz-signature": "X-Amz-Signature",
}

// mskToken returns an OAUTHBEARER token of MSK: a signed URL of the region's endpoint. kgo signs the same parameters for
// the mechanism AWS_MSK_IAM, for which the host is the broker's; given the endpoint as host, its signature is that of
// the token. That way the region is the one of the Secret also where it does not follow from the name of the broker.
func mskToken(ctx context.Context, signer sasl.Mechanism, region string) (string, error) {
	host := "kafka." + region + "." + aws.Domain(region)
	_, signed, err := signer.Authenticate(ctx, host+":443")
	if err != nil {
		return "", fmt.Errorf("sign a token for MSK: %w", err)
	}
	var parameters map[string]string
	if err := json.Unmarshal(signed, &parameters); err != nil {
		return "", errors.New("sign a token for MSK: the signature cannot be read")
	}
	query := url.Values{}
	for name, value := range parameters {
		if as, ok := signedParameters[name]; ok {
			query.Set(as, value)
		}
	}
	query.Set("User-Agent", ClientID+"/"+runtime.Version()) // MSK wants it; it is not signed
	endpoint := url.URL{Scheme: "https", Host: host, Path: "/", RawQuery: query.Encode()}
	return base64.RawURLEncoding.EncodeToString([]byte(endpoint.String())), nil
}
