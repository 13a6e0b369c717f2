package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/node/config"
)

// awkward are texts that YAML reads as something else when they stand there bare.
func awkward(t *rapid.T, what string) string {
	pieces := []string{
		"a", "ü", "世", " ", "  ", "#", " # ", ": ", ":", "'", `"`, `\`, "\\n", "{", "}", "[", "]", ",", "&a", "*a", "!", "|", ">", "%", "@", "`", "- ", "? ", "---", "true", "null", "~",
		"0x1f", "1e3", "012", "=", "<<", "${x}", "$", "\t", "\n", "\u00a0", "\u2028", "\ufeff", "😀",
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, what), "")
}

// TestSample_WhatIsAnsweredIsReadBack holds for whatever a person types at `parley init`: it means the same in the file.
func TestSample_WhatIsAnsweredIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		dir := t.TempDir()
		a := config.Answers{
			Name: rapid.StringMatching(`[a-z0-9-]{1,40}`).Draw(r, "name"), Dir: "d" + awkward(r, "dir"), Kind: kinds[1], URL: "https://tracker.example/" + rapid.StringMatching(`[a-z#:?&=0-9-]{0,20}`).Draw(r, "path"),
			Settings: map[string]string{"api_key": "${secret:tracker-api_key}"}, Connection: rapid.SampledFrom([]string{"globex", "on", "1", "null", "a-b", "-", "0x1f", "1e3"}).Draw(r, "connection"),
			Scope: "issue.summary != " + fmt.Sprintf("%q", awkward(r, "scope")), Vars: map[string]any{"label": awkward(r, "var"), "list": []any{awkward(r, "member"), true}},
			Projects: []string{"P" + awkward(r, "project")}, Tables: "tables",
		}
		text, err := config.Sample(a)
		if err != nil {
			r.Fatal(err)
		}
		c, err := loadFrom(dir, text, "filters/"+a.Connection+".out.parley", "filters/"+a.Connection+".in.parley", "tables/x", "tests/x")
		if err != nil {
			r.Fatalf("%v\nin:\n%s", err, text)
		}
		con := c.Connections[a.Connection]
		got := config.Answers{
			Name: c.Node.Name, Dir: c.Node.Dir, Kind: a.Kind, URL: c.Tracker.URL, Settings: c.Tracker.Settings, Connection: a.Connection, Scope: con.Scope, Vars: con.Vars,
			Projects: con.Accept.Projects, Tables: con.Tables,
		}
		if diff := cmp.Diff(a, got); diff != "" {
			r.Fatalf("read back differs (-want +got):\n%s\nin:\n%s", diff, text)
		}
		var shown strings.Builder
		if err := c.Show(&shown); err != nil {
			r.Fatal(err)
		}
		again, err := loadFrom(dir, shown.String())
		if err != nil {
			r.Fatalf("shown: %v\nin:\n%s", err, shown.String())
		}
		if diff := cmp.Diff(c, again, equal); diff != "" {
			r.Fatalf("shown differs (-want +got):\n%s\nin:\n%s", diff, shown.String())
		}
	})
}

// loadFrom writes parley.yaml and the files that it names into a folder, and loads it.
func loadFrom(dir, text string, files ...string) (*config.Config, error) {
	for _, name := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			return nil, err
		}
	}
	name := filepath.Join(dir, "parley.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.Load(name, config.Options{Kinds: kinds})
}

func TestPlain_IsWhatShowSaysForPrograms(t *testing.T) {
	t.Parallel()
	c, err := load(t, full, "f/globex.out", "f/globex.in")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := c.Plain()
	if err != nil {
		t.Fatal(err)
	}
	node, _ := plain["node"].(map[string]any)
	tracker, _ := plain["tracker"].(map[string]any)
	if node["name"] != c.Node.Name || tracker["kind"] != c.Tracker.Kind {
		t.Errorf("got %v", plain)
	}
	if filepath.Base(c.File()) != "parley.yaml" || filepath.Dir(c.File()) != c.Folder() {
		t.Errorf("the file is %q, its folder %q", c.File(), c.Folder())
	}
}

// TestLoad_RefusesWhatYAMLCanHide: a file must mean what it looks like.
func TestLoad_RefusesWhatYAMLCanHide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, says string }{
		{"anchor", "node: &n {name: acme}\ntracker: {kind: desk}\n", "anchor"},
		{"alias", "node: {name: &n acme}\ntracker: {kind: *n}\n", "a"},
		{"merge key", "node: {name: acme}\ntracker:\n  <<: {kind: desk}\n", "merge"},
		{"tag", "node: {name: !!str acme}\ntracker: {kind: desk}\n", "tag"},
		{"a key twice", "node: {name: acme}\nnode: {name: globex}\ntracker: {kind: desk}\n", "node"},
		{"two documents", minimal + "---\n" + minimal, "document"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error about %q", err, c.says)
			}
		})
	}
}

// TestLoad_EachProblemHasItsLineAndWhatToWrite holds the promise for every kind of problem that an admin meets most.
func TestLoad_EachProblemHasItsLineAndWhatToWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		line   int
		advice string
	}{
		{"node: {name: Acme}\ntracker: {kind: desk}\n", 1, "lower-case"},
		{"node: {name: acme}\ntracker:\n  kind: desk\n  poll: 10\n", 4, "90s"},
		{"node: {name: acme}\ntracker:\n  kind: dsk\n", 3, "desk"},
		{"node: {name: acme}\ntracker: {kind: desk}\nlisten: {nats: here}\n", 3, "host:port"},
		{"node: {name: acme}\ntracker: {kind: desk}\nlimits: {memory: 1MiB}\n", 3, "192MiB"},
		{"node: {name: acme}\ntracker: {kind: desk}\nlimits: {lanes: 0}\n", 3, "1 to 4096"},
		{"node: {name: acme}\ntracker: {kind: desk}\nlog: {level: wran}\n", 3, "did you mean warn"},
		{"node: {name: acme}\ntracker: {kind: desk}\nlog: {lvel: warn}\n", 3, "level"},
		{"node: {name: acme}\ntracker: {kind: desk}\nkeep: {events: 1h}\n", 3, "168h"},
	} {
		_, err := load(t, c.text)
		text := strings.Join(lines(err), "\n")
		if err == nil || !strings.HasPrefix(text, fmt.Sprintf("%d:", c.line)) || !strings.Contains(text, c.advice) {
			t.Errorf("%q: got %q, want line %d and the advice %q", c.text, text, c.line, c.advice)
		}
		// What stands behind a key may be a secret where nobody knows the key.
		shown := strings.Split(c.text, "\n")[c.line-1]
		if strings.Contains(text, "unknown key") {
			shown, _, _ = strings.Cut(shown, " ")
		}
		if !strings.Contains(text, fmt.Sprintf("%d | %s", c.line, shown)) {
			t.Errorf("%q: the line itself is not shown in %q", c.text, err)
		}
	}
}
