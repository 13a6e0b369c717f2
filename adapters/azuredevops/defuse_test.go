package azuredevops

import (
	"strings"
	"testing"
)

func TestText_CallsAndLinksNobody(t *testing.T) {
	t.Parallel()
	const person = "@<3b5f0c34-4aec-4bf4-8708-1d36f0dbc468>"
	for _, md := range []string{person + " look", "**" + person + "** Fixes #12 and !34", "<a href=\"#\" data-vss-mention=\"version:2.0,x\">@x</a>"} {
		for _, format := range []string{"", formatMarkdown} {
			raw := fromMarkdown(md, format)
			if strings.Contains(raw, person) || strings.Contains(raw, "#12") && format != "" || strings.Contains(raw, "<a href=\"#\"") && format == "" {
				t.Errorf("%q %s: %q calls or links", format, md, raw)
			}
			if said := commentText(md, "", format); said != raw {
				t.Errorf("%q %s: a comment says %q", format, md, said)
			}
			if back := toMarkdown(raw, format); strings.ContainsRune(back, '\u200b') || format != "" && back != md {
				t.Errorf("%q %s: came back as %q", format, md, back)
			}
		}
	}
	if got := fromMarkdown("`#12` and `if !0`", formatMarkdown); got != "`#12` and `if !0`" {
		t.Errorf("code is changed: %q", got)
	}
}
