package servicenow

import "testing"

func TestText_IsNoFormula(t *testing.T) {
	t.Parallel()
	for _, md := range []string{"=cmd|' /C calc'!A0", "=1+1", "@SUM(1+9)*cmd|'x'!A0"} {
		raw := fromMarkdown(md)
		if raw[0] == '=' || raw[0] == '@' {
			t.Errorf("%q is a formula: %q", md, raw)
		}
		if back := toMarkdown(raw); fromMarkdown(back) != raw || []rune(back)[0] == '\u200b' {
			t.Errorf("%q came back as %q", md, back)
		}
	}
}
