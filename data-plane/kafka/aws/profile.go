package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxSources bounds how many profiles take each other's keys to assume a role.
const maxSources = 8

// profiles are the sections of the files that AWS's clients share, by name.
type profiles map[string]map[string]string

// profiles reads both files. One that is not there is empty; they are read each time keys are asked for, so that one that
// is exchanged takes effect.
func (s *Source) profiles() (profiles, error) {
	env, all := s.config.Env, profiles{}
	for _, file := range []struct{ path, standard, prefix string }{
		{env("AWS_CONFIG_FILE"), "config", "profile "},
		{env("AWS_SHARED_CREDENTIALS_FILE"), "credentials", ""}, // what both have is its
	} {
		path := file.path
		if path == "" && env("HOME") != "" {
			path = filepath.Join(env("HOME"), ".aws", file.standard)
		}
		if path == "" {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("AWS: read the shared file %s: %w", file.standard, err)
		}
		all.add(string(content), file.prefix)
	}
	return all, nil
}

// add reads sections. All but the one of the name default have a prefix in the file config.
func (p profiles) add(content, prefix string) {
	section := map[string]string{} // of what stands before the first: nobody's
	for line := range strings.Lines(content) {
		line = strings.TrimRight(line, " \t\r\n")
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			name = strings.Join(strings.Fields(name), " ")
			section = map[string]string{}
			if plain, ok := strings.CutPrefix(name, prefix); ok || name == "default" {
				if p[plain] == nil {
					p[plain] = map[string]string{}
				}
				section = p[plain]
			}
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || strings.TrimLeft(line, " \t") != line {
			continue // nested values are of settings that mean nothing here
		}
		section[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
}

// profile returns the keys of a profile; ok is false for one that says nothing about keys.
func (s *Source) profile(ctx context.Context, name string, all profiles, depth int) (keys Keys, ok bool, err error) {
	p := all[name]
	switch {
	case depth > maxSources:
		return Keys{}, false, fmt.Errorf("AWS: profile %q: too many profiles name each other by source_profile", name)
	case p["role_arn"] != "" && p["source_profile"] != name:
		keys, err = s.profileRole(ctx, name, all, depth)
	case p["aws_access_key_id"] != "" && p["aws_secret_access_key"] != "":
		keys = Keys{AccessKey: p["aws_access_key_id"], SecretKey: p["aws_secret_access_key"], SessionToken: p["aws_session_token"]}
		if p["role_arn"] != "" { // with its own keys
			keys, err = s.assume(ctx, keys, p)
		}
	case p["credential_process"] != "" || p["sso_session"] != "" || p["sso_start_url"] != "":
		return Keys{}, false, fmt.Errorf("AWS: profile %q: credential_process and sign-on by browsers are not supported", name)
	default:
		return Keys{}, false, nil
	}
	if err != nil {
		return Keys{}, false, fmt.Errorf("AWS: profile %q: %w", name, err)
	}
	return keys, true, nil
}

// profileRole returns the keys of the role of a profile.
func (s *Source) profileRole(ctx context.Context, name string, all profiles, depth int) (keys Keys, err error) {
	p := all[name]
	switch {
	case p["web_identity_token_file"] != "":
		return s.webIdentity(ctx, p["web_identity_token_file"], p["role_arn"], cmp.Or(p["role_session_name"], SessionName))
	case p["source_profile"] != "":
		var ok bool
		if keys, ok, err = s.profile(ctx, p["source_profile"], all, depth+1); err == nil && !ok {
			err = fmt.Errorf("its source_profile %q has no keys", p["source_profile"])
		}
	case p["credential_source"] == "Environment":
		if keys = s.environment(); keys.AccessKey == "" {
			err = errors.New("the environment has no access key")
		}
	case p["credential_source"] == "EcsContainer":
		keys, err = s.agent(ctx)
	case p["credential_source"] == "Ec2InstanceMetadata":
		keys, err = s.host(ctx)
	default:
		err = errors.New("role_arn needs source_profile, credential_source or web_identity_token_file")
	}
	if err != nil {
		return Keys{}, err
	}
	return s.assume(ctx, keys, p)
}
