package richtext

import (
	"html"
	"regexp"
	"strings"
)

// address takes spaces and control characters out of a link's address.
func address(u string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ReplaceAll(strings.TrimSpace(u), " ", "%20"))
}

// textLines makes inlines of literal text.
func textLines(s string) []Node {
	var out []Node
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out = append(out, Node{Kind: Break})
		}
		if line != "" {
			out = append(out, Node{Kind: Text, Text: line})
		}
	}
	return out
}

// tagKinds are the HTML tags that Markdown writers use for what it lacks.
func tagKind(tag string) Kind {
	switch tag {
	case "ins", "u":
		return Insert
	case "sup":
		return Super
	case "sub":
		return Sub
	}
	return 0
}

var (
	openTag  = regexp.MustCompile(`^<([a-z]+)>$`)
	breakTag = regexp.MustCompile(`^<br\s*/?>$`)
)

// pairTags turns <ins>…</ins> and the like into nodes, and <br> into breaks.
func pairTags(nodes []Node) []Node {
	var out []Node
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		if n.Kind != Raw {
			out = append(out, n)
			continue
		}
		if breakTag.MatchString(n.Text) {
			out = append(out, Node{Kind: Break})
			continue
		}
		m := openTag.FindStringSubmatch(n.Text)
		if m == nil || tagKind(m[1]) == 0 {
			out = append(out, n)
			continue
		}
		end := closing(nodes[i+1:], "</"+m[1]+">")
		if end < 0 {
			out = append(out, n)
			continue
		}
		out = append(out, Node{Kind: tagKind(m[1]), Children: pairTags(nodes[i+1 : i+1+end])})
		i += end + 1
	}
	return out
}

func closing(nodes []Node, tag string) int {
	for i, n := range nodes {
		if n.Kind == Raw && n.Text == tag {
			return i
		}
	}
	return -1
}

var entityPattern = regexp.MustCompile(`^&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// unescape resolves backslashes and entities.
func unescape(s string) string {
	if !strings.ContainsAny(s, `\&`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && isPunct(s[i+1]):
			i++
			b.WriteByte(s[i])
		case s[i] == '&':
			if m := entityPattern.FindString(s[i:]); m != "" {
				b.WriteString(clean(html.UnescapeString(m)))
				i += len(m) - 1
				continue
			}
			b.WriteByte('&')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isPunct(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}
