package config_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/desk"
	"parley/node/config"
)

const templated = `# ours
node: {name: acme}
tracker: {kind: desk, url: "http://127.0.0.1:1", settings: {token: "${secret:t}"}}
connections:
  globex: # the first
    template: customer@1
    vars: {label: c-1}   # theirs

log: {level: info}
`

func templateHome(t *testing.T) (file string, o config.Options) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"templates/customer/template.yaml":   "version: 1\nvars: {label: {required: true}, size: {type: number, default: 20}}\n",
		"templates/customer/outgoing.parley": "", "templates/customer/incoming.parley": "", "templates/customer/scope.parley": "true",
		"parley.yaml": templated,
	} {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "parley.yaml"), config.Options{Kinds: []adapters.Kind{desk.Kind()}}
}

// TestTemplate_FillsAConnectionAndShowsWhatWasWritten: what the template brings is there
// for the node, and not in what `config show` writes.
func TestTemplate_FillsAConnectionAndShowsWhatWasWritten(t *testing.T) {
	t.Parallel()
	file, o := templateHome(t)
	cfg, err := config.Load(file, o)
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Connections["globex"]
	if c.Out != filepath.FromSlash("templates/customer/outgoing.parley") || c.Scope != "true" || c.Vars["size"] != 20 || c.Vars["label"] != "c-1" {
		t.Errorf("got %+v", c)
	}
	var shown bytes.Buffer
	if err := cfg.Show(&shown); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(shown.String(), "outgoing.parley") || strings.Contains(shown.String(), "size") || !strings.Contains(shown.String(), "template: customer@1") {
		t.Errorf("shown: %s", shown.String())
	}
}

// TestEdit_AddsConnectionsAndLeavesTheRestAsItWas: comments and all; what would not load
// is not written.
func TestEdit_AddsConnectionsAndLeavesTheRestAsItWas(t *testing.T) {
	t.Parallel()
	file, o := templateHome(t)
	add := func(vars map[string]any) error {
		return config.Edit(file, o, func(text []byte) ([]byte, error) {
			return config.WithConnections(text, []config.Entry{{Name: "007", Connection: config.Connection{Template: "customer@1", Vars: vars}}})
		}, nil)
	}
	if err := add(map[string]any{"lable": "x"}); err == nil || !strings.Contains(err.Error(), "no such variable") {
		t.Errorf("a connection that does not load: %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != templated {
		t.Errorf("it was written: %s", text)
	}
	if err := add(map[string]any{"label": "yes: #no"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.Index(templated, "\nlog:")
	if !strings.HasPrefix(string(text), templated[:cut]) || !strings.HasSuffix(string(text), templated[cut:]) {
		t.Errorf("the rest is not as it was: %s", text)
	}
	cfg, err := config.Load(file, o)
	if err != nil || cfg.Connections["007"].Vars["label"] != "yes: #no" {
		t.Errorf("read back: %v %+v", err, cfg)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".parley.yaml.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
