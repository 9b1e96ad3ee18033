package dev

import (
	"maps"
	"path/filepath"

	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/deploy"
	"knative.dev/eventing-kafka-go/control-plane/cmd/kn-kafka/dev/resolve"
	"knative.dev/eventing-kafka-go/data-plane/plane"
)

// settingsMounts are the files of settings that the data plane watches, each exchanged by itself.
type settingsMounts struct {
	mounts  map[string]*deploy.Mount
	written map[string]string
}

// newSettingsMounts makes all files, empty: that is what no ConfigMap says.
func newSettingsMounts(dir string) (*settingsMounts, error) {
	s := &settingsMounts{mounts: map[string]*deploy.Mount{}, written: map[string]string{}}
	for _, name := range resolve.SettingsFiles() {
		mount, err := deploy.NewMount(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if err := mount.Write(name, nil); err != nil {
			return nil, err
		}
		s.mounts[name] = mount
	}
	return s, nil
}

// write brings the files to what the ConfigMaps say.
func (s *settingsMounts) write(contents map[string]string) error {
	for name, mount := range s.mounts {
		if contents[name] == s.written[name] {
			continue
		}
		if err := mount.Write(name, []byte(contents[name])); err != nil {
			return err
		}
		s.written[name] = contents[name]
	}
	return nil
}

func (s *settingsMounts) path(name string) string { return s.mounts[name].Path(name) }

// paths are the files as a data plane takes them.
func (s *settingsMounts) paths() (plane.SettingsPaths, map[string]string) {
	kinds := resolve.ConsumerFiles()
	general := plane.SettingsPaths{
		Producer: s.path(resolve.ProducerFile), Consumer: s.path(kinds[""]),
		WebClient: s.path(resolve.WebClientFile), HTTPServer: s.path(resolve.HTTPServerFile),
	}
	consumers := maps.Clone(kinds)
	delete(consumers, "")
	for kind, name := range consumers {
		consumers[kind] = s.path(name)
	}
	return general, consumers
}
