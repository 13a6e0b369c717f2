package richtext_test

import (
	"regexp"
	"strings"
	"testing"

	"parley/adapters/richtext"
)

// calls are what calls a person in each format; a name behind an @ in Markdown, Textile and plain
// text is for the adapters of the trackers that act on it.
var calls = map[string]*regexp.Regexp{
	"wiki": regexp.MustCompile(`(^|[^\\])\[~`), "adf": regexp.MustCompile(`"type":"mention"`), "html": regexp.MustCompile(`data-vss-mention|user-hover|data-user`),
}

// TestMention_IsANameThatCallsNobodyInAnyFormat: neither what was a mention where it was read, nor
// words that look like one.
func TestMention_IsANameThatCallsNobodyInAnyFormat(t *testing.T) {
	t.Parallel()
	texts := []document{{name: "words", from: six()[0], source: `[~alice] [~accountid:5b1] <a href="#" data-vss-mention="version:2.0,x">@Alice</a> @<3b5f0c34-4aec-4bf4-8708-1d36f0dbc468>`}}
	for _, d := range corpus(t) {
		if strings.Contains(d.name, "mentions") {
			texts = append(texts, d)
		}
	}
	for _, d := range texts {
		for _, to := range six() {
			out := to.write(d.read())
			if p := calls[to.name]; p != nil && p.MatchString(strings.ReplaceAll(out, "&lt;a href=&#34;#&#34; data-vss-mention", "")) {
				t.Errorf("%s calls somebody in %s: %q", d.name, to.name, out)
			}
		}
	}
	for _, c := range []struct{ name, in string }{{"wiki", "[~alice]"}, {"adf", `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"5","text":"@alice"}}]}]}`}, {"html", `<a href="#" data-vss-mention="version:2.0,x">@alice</a>`}} {
		for _, from := range six() {
			if from.name == c.name && from.read(c.in).Markdown() != "alice" {
				t.Errorf("%s: %q is read as %q", c.name, c.in, from.read(c.in).Markdown())
			}
		}
	}
	if got := richtext.MarkdownToWiki("[~alice]"); strings.HasPrefix(got, "[~") {
		t.Errorf("words became a mention: %q", got)
	}
}
