package config_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/config"
)

// gated loads a configuration with one connection that has these keys.
func gated(t *testing.T, keys, rest string) (*config.Config, error) {
	t.Helper()
	return load(t, minimal+"connections:\n  globex: {scope: 'true', out: o, in: i, "+keys+"}\n"+rest, "o", "i")
}

// TestGate_AnEmptyListOfFilesIsNone, and stays one when the configuration is shown and
// read again: without the key it would be the default, which lets more pass.
func TestGate_AnEmptyListOfFilesIsNone(t *testing.T) {
	t.Parallel()
	for _, shown := range []bool{false, true} {
		c, err := gated(t, "gate: {unscanned: []}, accept: {attachments: []}", "")
		if err != nil {
			t.Fatal(err)
		}
		if shown {
			var text bytes.Buffer
			if err := c.Show(&text); err != nil {
				t.Fatal(err)
			}
			if c, err = load(t, text.String(), "o", "i"); err != nil {
				t.Fatal(err)
			}
		}
		con := c.Connections["globex"]
		if con.Gate.Unscanned == nil || len(con.Gate.Unscanned) != 0 || con.Accept.Attachments == nil || len(con.Accept.Attachments) != 0 {
			t.Errorf("shown %t: %#v, %#v", shown, con.Gate.Unscanned, con.Accept.Attachments)
		}
	}
}

// TestGate_AnEmptyListThatMeansAnythingIsRefused: who writes fields: [] means none.
func TestGate_AnEmptyListThatMeansAnythingIsRefused(t *testing.T) {
	t.Parallel()
	for key, keys := range map[string]string{
		"gate.fields": "gate: {fields: []}", "accept.projects": "accept: {projects: []}", "accept.types": "accept: {types: []}", "accept.fields": "accept: {fields: []}",
	} {
		if _, err := gated(t, keys, ""); err == nil || !strings.Contains(err.Error(), "connections.globex."+key) || !strings.Contains(err.Error(), "empty") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestGate_OneThatHasANameServesSeveralConnections: what it is stands once, and a
// connection that names it has all of it.
func TestGate_OneThatHasANameServesSeveralConnections(t *testing.T) {
	t.Parallel()
	c, err := gated(t, "gate: standard", "  initech: {scope: 'true', out: o, in: i, gate: standard}\n  umbrella: {scope: 'true', out: o, in: i}\n"+
		"gates:\n  standard: {fields: [summary], detect: {email: mask}, unscanned: [], hold: 60s, restricted: true}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := c.Gates["standard"]
	for _, name := range []string{"globex", "initech"} {
		got := c.Connections[name].Gate
		if got.Name != "standard" || !got.Restricted || !slices.Equal(got.Fields, []string{"summary"}) || got.Unscanned == nil {
			t.Errorf("%s has %+v", name, got)
		}
		got.Name = ""
		if diff := cmp.Diff(want, got, equal); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := c.Connections["umbrella"].Gate; got.Fields != nil || got.Restricted {
		t.Errorf("who names none has %+v", got)
	}
	var text bytes.Buffer
	if err := c.Show(&text); err != nil {
		t.Fatal(err)
	}
	again, err := load(t, text.String(), "o", "i")
	if err != nil {
		t.Fatalf("%v in\n%s", err, text.String())
	}
	if diff := cmp.Diff(c.Connections, again.Connections, equal); diff != "" {
		t.Errorf("shown and read again:\n%s\n%s", diff, text.String())
	}
}

// TestGate_ANameThatIsNotThereIsNoGate, and neither is a half one.
func TestGate_ANameThatIsNotThereIsNoGate(t *testing.T) {
	t.Parallel()
	for _, one := range []struct{ keys, rest, want string }{
		{"gate: standrad", "gates: {standard: {fields: [summary]}}\n", "did you mean standard"},
		{"gate: standard", "", "there is no gate"},
		{"gate: standard", "gates: {standard: {fields: []}}\n", "gates.standard.fields"},
		{"gate: standard", "gates: {standard: other, other: {}}\n", "gates.standard"},
		{"gate: [a]", "", "want keys with values"},
	} {
		if _, err := gated(t, one.keys, one.rest); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s %s: %v, want %q", one.keys, one.rest, err, one.want)
		}
	}
}
