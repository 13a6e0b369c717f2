package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/adapters"
	"parley/node/config"
)

// kinds are two adapters to test with.
var kinds = []adapters.Kind{
	{Name: "desk", Title: "Desk"},
	{
		Name: "redmine", Title: "Redmine",
		Settings: []adapters.Setting{
			{Name: "api_key", Help: "the account's API key", Required: true, Secret: true},
			{Name: "format", Help: "how texts are written", Default: "textile", Choices: []string{"textile", "markdown"}},
			{Name: "proxy", Help: "a proxy\nto go through", Secret: true},
		},
	},
	{Name: "hooked", Title: "Hooked", Settings: []adapters.Setting{{Name: adapters.SettingHookSecret, Help: "signs webhooks", Secret: true}}},
}

// minimal is the shortest file that loads.
const minimal = "node: {name: acme}\ntracker: {kind: desk}\n"

// write puts files into a folder and returns the path of parley.yaml.
func write(t *testing.T, text string, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append(files, "parley.yaml") {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "parley.yaml")
}

// load loads text; files are there too, with any contents.
func load(t *testing.T, text string, files ...string) (*config.Config, error) {
	t.Helper()
	return config.Load(write(t, text, files...), config.Options{Kinds: kinds})
}

// lines cuts an error's text into lines without the file's folder.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(err.Error()) {
		if _, rest, ok := strings.Cut(line, "/parley.yaml:"); ok {
			line = rest
		}
		out = append(out, strings.TrimRight(line, "\n"))
	}
	return out
}
