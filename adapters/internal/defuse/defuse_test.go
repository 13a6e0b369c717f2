package defuse_test

import (
	"strings"
	"testing"

	"parley/adapters/internal/defuse"
)

func TestFormula_IsTextInASpreadsheetAndIsReadAsItWas(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"=cmd|' /C calc'!A0", "=1+1", "=HYPERLINK(\"http://x\")", "+1+cmd|x", "-2+3+cmd|' /C calc'!A0", "@SUM(1+9)*cmd|' /C calc'!A0", "\t=1+1", "  =A1"} {
		got := defuse.Formula(s)
		if got == s || strings.IndexAny(got, "=+-@\t \r") == 0 {
			t.Errorf("%q is still a formula: %q", s, got)
		}
		if back := defuse.MeantFormula(got); back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	}
}

func TestFormula_LeavesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "a = b", "- a list (of one)", "-5 degrees", "+49 30 123", "@alice look", "== heading ==", "---", "=====", "\u200bzero width", "1=1", "text\n=cmd"} {
		if got := defuse.Formula(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
		if got := defuse.MeantFormula(s); got != s {
			t.Errorf("%q is read as %q", s, got)
		}
	}
}

func TestSign_IsPartedAndReadAsItWas(t *testing.T) {
	t.Parallel()
	d := defuse.NewSign(`\{`, `[{%]`)
	for in, want := range map[string]string{
		"a {{b}} {% c %}": "a {|{b}} {|% c %}", "{ {": "{ {", "{{{": "{|{|{", "{{{{{": "{|{|{|{|{", "none": "none",
	} {
		got := d.Text(in)
		if shown := strings.ReplaceAll(got, "\u200b", "|"); shown != want {
			t.Errorf("%q became %q, want %q", in, shown, want)
		}
		if back := d.Meant(got); back != in {
			t.Errorf("%q came back as %q", in, back)
		}
	}
}
