package richtext

import (
	"html"
	"strings"
	"sync"
	"unicode"

	"github.com/microcosm-cc/bluemonday"
	xhtml "golang.org/x/net/html"
)

// live tells whether a link or a picture may lead to an address: to one of the web's, or to one without
// scheme, which belongs to the tracker itself. All others (javascript:, data:, vbscript:, whatever comes)
// are kept as words, for the scheme is read as the most forgiving browser reads it: without the characters
// that nobody sees, with entities resolved.
func live(u string) bool {
	return liveAs(u) && liveAs(html.UnescapeString(u))
}

func liveAs(u string) bool {
	u = strings.Map(func(r rune) rune {
		if r <= ' ' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, u)
	end := strings.IndexAny(u, ":/?#")
	if end < 0 || u[end] != ':' {
		return true
	}
	switch strings.ToLower(u[:end]) {
	case "http", "https", "ftp", "mailto":
		return true
	}
	_, ok := AttachmentName(u)
	return ok
}

// unarmed is what stands for a link or a picture that leads where nothing may: its words, and behind them
// the address as code, of which no tracker makes a link.
func unarmed(label []Node, u string) []Node {
	out := append([]Node(nil), label...)
	if len(out) > 0 {
		out = append(out, Node{Kind: Text, Text: " "})
	}
	return append(out, Node{Kind: Code, Text: address(u)})
}

// tagPolicy are the tags that Markdown may keep.
var tagPolicy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.UGCPolicy()
	p.RequireNoFollowOnLinks(false)
	p.AllowURLSchemes("http", "https", "ftp", "mailto")
	p.AllowElements("kbd", "ins", "u")
	return p
})

// harmless tells whether HTML within Markdown may stand as it is: whoever sanitises it takes nothing from
// it. An end tag alone harms nobody.
func harmless(raw string) bool {
	before, ok := tags(raw)
	after, _ := tags(tagPolicy().Sanitize(raw))
	return ok && before == after
}

// tags are the tags of a piece of HTML in one spelling; not ok if something else than tags, words and
// comments is in it.
func tags(raw string) (string, bool) {
	var b strings.Builder
	z := xhtml.NewTokenizer(strings.NewReader(raw))
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			return b.String(), true
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			token := z.Token()
			token.Type = xhtml.StartTagToken
			b.WriteString(token.String())
		case xhtml.DoctypeToken:
			return "", false
		}
	}
}
