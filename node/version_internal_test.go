package node

import (
	"errors"
	"testing"
)

// TestVersion_IsNamedByMoreThanAnAuthorCanTry: whoever approves a version approves its
// content, so two must not be named alike; a store's older short names are still good.
func TestVersion_IsNamedByMoreThanAnAuthorCanTry(t *testing.T) {
	t.Parallel()
	v := version{Out: "replica.summary = issue.summary"}
	raw, err := v.content()
	if err != nil {
		t.Fatal(err)
	}
	name, err := v.id()
	if err != nil || len(name) != 32 {
		t.Fatalf("the name is %q, %v: want 128 bits", name, err)
	}
	changed := name[:12] + "0123456789abcdef0123"
	for asked, want := range map[string]bool{name: true, name[:12]: true, name[:11]: false, "": false, changed: false} {
		if got := bears(asked, raw); got != want {
			t.Errorf("bears(%q): got %t, want %t", asked, got, want)
		}
	}
	if !sameVersion(name, name[:12]) || sameVersion(name, changed) || sameVersion(name, "") || sameVersion("", "") {
		t.Error("a short name is the same version as the whole one, and nothing else is")
	}
}

// TestVersion_ShortNamesOfSeveralAreRefused: going back to the wrong one would let out
// what nobody meant.
func TestVersion_ShortNamesOfSeveralAreRefused(t *testing.T) {
	t.Parallel()
	const a, b, c = "0a1b2c3d4e5f60000000000000000000", "0a1b2c3d4e5f70000000000000000000", "ffffffffffff00000000000000000000"
	history := []published{{Version: a}, {Version: b}, {Version: c}, {Version: c}}
	for asked, want := range map[string]string{a: a, c[:12]: c, a[:13]: a, a[:12]: "", c[:11]: "", "": "", "files": ""} {
		got, err := whole(history, asked)
		if got != want || (want == "") != errors.Is(err, errNoVersion) {
			t.Errorf("whole(%q): got %q, %v, want %q", asked, got, err, want)
		}
	}
}
