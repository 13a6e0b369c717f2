package zendesk

import (
	"strings"
	"testing"
)

func TestText_AsksForNoPlaceholder(t *testing.T) {
	t.Parallel()
	for _, md := range []string{"{{ticket.requester.email}}", "`{{current_user.email}}`", "a {% assign x = 1 %}", "{{{dc.secret}}}", "[{{ticket.id}}](https://x.example/{{ticket.id}})"} {
		html := fromMarkdown(md)
		if strings.Contains(html, "{{") || strings.Contains(html, "{%") {
			t.Errorf("%q asks for something in %q", md, html)
		}
		c := comment{HTML: html}
		if back := c.toMarkdown(); strings.ContainsRune(back, '\u200b') || fromMarkdown(back) != html {
			t.Errorf("%q came back as %q by way of %q", md, back, html)
		}
	}
}
