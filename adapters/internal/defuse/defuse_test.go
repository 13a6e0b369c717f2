package defuse_test

import (
	"strings"
	"testing"

	"parley/adapters/internal/defuse"
)

func TestFormula_IsTextInASpreadsheetAndIsReadAsItWas(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"=cmd|' /C calc'!A0", "=1+1", "=HYPERLINK(\"http://x\")", "＝1+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1+9)*cmd|' /C calc'!A0", "＠SUM(1)",
		"=1+1\n\nand words", "+'\\\\my host\\[b.xls]a'!A1", "+49-SUM(1)", "-A1 cmd|calc!A0", "@WEBSERVICE (\"http://x\")",
	} {
		if got, want := defuse.Formula(s), "\u200b"+s; got != want {
			t.Errorf("%q is written as %q, want %q", s, got, want)
		}
		if back := defuse.MeantFormula(defuse.Formula(s)); back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	}
}

// A list, a rule, code and what a sign marks stay what they are: the character stands in a
// paragraph of its own.
func TestFormula_LeavesMarkdownWhatItIs(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"- HYPERLINK(\"http://x\")\n- last", "+ cmd|' /C calc'!A0", "+1+cmd|x!A0", "---\nSUM(A1)", "\t=1+1", "    =1+1", "\n\n=1+1", " - SUM(1)", "@SUM(A1)@ is code", "+SUM(A1)+ is new", "-SUM(A1)- is gone",
	} {
		if got, want := defuse.Formula(s), "\u200b\n\n"+s; got != want {
			t.Errorf("%q is written as %q, want %q", s, got, want)
		}
		if back := defuse.MeantFormula(defuse.Formula(s)); back != s {
			t.Errorf("%q came back as %q", s, back)
		}
	}
}

func TestFormula_LeavesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "a = b", "- a list (of one)", "- one\n- two (or so)", "- [ ] open (soon)", "+ call foo() twice", "-5", "-5 degrees (really)", "-5.50 EUR (net)", "+49 30 123", "+49 (0)30 123456",
		"+49 (0)30/123456-0 Mobile (work)", "@alice look", "@alice look! It works", "@alice: see foo(x)", "== heading ==", "---", "---\n\ntext (more)", "-----Original Message-----\nFrom: A (b)", "-- \nAlice (mobile)",
		"=====", "=====\ntext", "> =1+1", "| =1+1 |", "`=1+1`", "\u200bzero width", "1=1", "text\n=cmd", "\ttext",
	} {
		if got := defuse.Formula(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
		if got := defuse.MeantFormula(s); got != s {
			t.Errorf("%q is read as %q", s, got)
		}
	}
}

// FuzzFormula: whatever a text begins with, it is read as it was, and behind one pass
// nothing begins as a formula does.
func FuzzFormula(f *testing.F) {
	for _, s := range []string{"=1+1", "- SUM(A1)", "\u200b=1", "\u200b\n\n=1", "\n\n@SUM(1)", "\u200b\u200b\n\n-1", "---\nf(x)", "＝1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, write := range map[string]func(string) string{"Formula": defuse.Formula, "Line": defuse.Line} {
			if name == "Line" && strings.Contains(s, "\n") {
				continue // of one line
			}
			once := write(s)
			if back := defuse.MeantFormula(once); back != s {
				t.Errorf("%s: %q came back as %q by way of %q", name, s, back, once)
			}
			if once != s && !strings.HasPrefix(once, "\u200b") {
				t.Errorf("%s: %q became %q", name, s, once)
			}
		}
	})
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
	for _, s := range []string{"\u200b=1+1", "\u200b\u200b=1+1", "\u200b-5", "\u200b\t@x", "=\u200b1", "-5", "\u200b\n\n=1", "\u200b\n\n- SUM(1)", "\n\n=1", "\u200b\u200b\n\n=1"} {
		for name, write := range map[string]func(string) string{"Line": defuse.Line, "Formula": defuse.Formula} {
			if back := defuse.MeantFormula(write(s)); back != s && (name == "Formula" || !strings.Contains(s, "\n")) {
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
