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

func TestLine_IsTextInASpreadsheetAndIsReadAsItWas(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"=cmd|' /C calc'!A0", "=1+1", "= 1+1", "==HYPERLINK(A1)", "\t=1+1", "\r=1+1", "  =A1", "＝1+1",
		"+1+cmd|x", "-2+3+cmd|' /C calc'!A0", "-cmd|' /C calc'!A0", "@SUM(1+9)*cmd|' /C calc'!A0", "＠SUM(1)",
		"- HYPERLINK(\"http://x\")", "+-+SUM (1)", "\t+SUM(1)", "+'\\\\host\\[b.xls]a'!A1", "+49-SUM(1)", "+(1)+WEBSERVICE(A1)",
	} {
		got := defuse.Line(s)
		if want := "\u200b" + s; got != want {
			t.Errorf("%q is written as %q, want %q", s, got, want)
		}
		if back := defuse.MeantFormula(got); back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	}
}

func TestLine_LeavesNumbersAndWords(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "a = b", "1=1", "=", "====", "-5", "-5.50 EUR (net)", "+3", "+49 30 123456", "+49 (0)30 123456", "+49 (0)30/123456-0 Mobile (work)",
		"+1 (555) 123-4567", "+49-30-123", "-5 degrees (really)", "- a point", "--- done", "@alice look!", "@alice thanks!!", "-", "@", "+1", "\tindented", "\u200bzero width",
	} {
		if got := defuse.Line(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
		if got := defuse.MeantFormula(s); got != s {
			t.Errorf("%q is read as %q", s, got)
		}
	}
}

// What somebody wrote with the character in it comes back too, and so does what another
// rule parted.
func TestFormula_IsReadAsItWasWhateverItHeld(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"\u200b=1+1", "\u200b\u200b=1+1", "\u200b-5", "\u200b\t@x", "=\u200b1", "-5"} {
		for name, write := range map[string]func(string) string{"Line": defuse.Line, "Formula": defuse.Formula} {
			if back := defuse.MeantFormula(write(s)); back != s {
				t.Errorf("%s: %q came back as %q", name, s, back)
			}
		}
	}
	if got := defuse.MeantFormula("\u200b+49 (0)30 123456"); got != "+49 (0)30 123456" {
		t.Errorf("a number that was parted is read as %q", got)
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
