package zendesk

import (
	"regexp"
	"strings"

	"parley/adapters/internal/defuse"
	"parley/adapters/richtext"
)

var markerText = regexp.MustCompile(`^[a-z2-7]{16}$`)

// invisible stands where Zendesk takes no empty text.
const invisible = "\u200b"

// placeholder is what Zendesk replaces by data of the ticket and of who writes it, or
// takes for an instruction of Liquid ("Using placeholders", "Understanding Liquid
// markup" of Zendesk help): foreign text must not ask for either.
var placeholder = defuse.NewSign(`\{`, `[{%]`)

func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// toMarkdown reads the text of a comment.
func (c *comment) toMarkdown() string {
	md := lines(c.Body)
	if strings.TrimSpace(c.HTML) != "" {
		md = refer(lines(richtext.HTMLToMarkdown(placeholder.Meant(c.HTML))), c.Files)
	}
	if strings.Trim(md, " \t\n\u00a0"+invisible) == "" || md == "&nbsp;" {
		return ""
	}
	return md
}

// fromMarkdown writes the text of a comment, which Zendesk takes as HTML and never
// empty.
func fromMarkdown(md string) string {
	html := placeholder.Text(richtext.MarkdownToHTML(lines(md)))
	if strings.TrimSpace(html) == "" {
		return "<p>" + invisible + "</p>"
	}
	return html
}
