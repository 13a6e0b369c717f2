package richtext

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSpan bounds how far a mark may be from its end, so that text full of
// marks takes time in proportion to its length.
const maxSpan = 1000

// match is a piece of Textile found at the start of a string.
type match struct {
	kind    Kind
	content string // inner markup, or literal text for Code, Text and Raw
	url     string
	size    int // of the whole piece
}

var textileMarks = []struct {
	mark string
	kind Kind
}{
	{"**", Strong},
	{"*", Strong},
	{"-", Strike},
	{"__", Emphasis},
	{"_", Emphasis},
	{"+", Insert},
	{"^", Super},
	{"~", Sub},
}

// textileMark is the mark that the writer uses for a kind.
func textileMark(k Kind) string {
	switch k {
	case Strong:
		return "*"
	case Emphasis:
		return "_"
	case Strike:
		return "-"
	case Insert:
		return "+"
	case Super:
		return "^"
	case Sub:
		return "~"
	}
	return ""
}

// matchTextile finds what starts at s, which stands behind prev.
func matchTextile(s string, prev rune) (match, bool) {
	free := prev == '\n' || spaceRune(prev) || prev == '(' || prev == '>'
	switch s[0] {
	case '*', '-', '_', '+', '^', '~':
		if free {
			return matchSpan(s)
		}
	case '%':
		if free {
			return matchStyled(s)
		}
	case '@':
		if !wordChar(prev) {
			return matchCode(s)
		}
	case '"':
		return matchLink(s)
	case '!':
		if prev == '\n' || spaceRune(prev) || prev == '>' {
			return matchImage(s)
		}
	case '<':
		return matchTag(s)
	case '=':
		if prev == '\n' || spaceRune(prev) {
			return matchVerbatim(s)
		}
	}
	return match{}, false
}

func window(s string) string {
	if len(s) <= maxSpan {
		return s
	}
	return s[:maxSpan]
}

func matchSpan(s string) (match, bool) {
	for _, m := range textileMarks {
		if !strings.HasPrefix(s, m.mark) || strings.HasPrefix(s, "--") {
			continue
		}
		if end := spanEnd(s, m.mark); end > 0 {
			return match{kind: m.kind, content: s[len(m.mark):end], size: end + len(m.mark)}, true
		}
	}
	return match{}, false
}

// spanEnd is where the closing mark is: behind no space, before no word.
func spanEnd(s, mark string) int {
	w := window(s)
	start := len(mark)
	if start >= len(w) || spaceRune(firstRune(w[start:])) {
		return 0
	}
	_, size := utf8.DecodeRuneInString(w[start:])
	for j := start + size; j < len(w); {
		k := strings.Index(w[j:], mark)
		if k < 0 {
			return 0
		}
		j += k
		content := w[start:j]
		after := s[j+len(mark):]
		if !spaceRune(lastRune(content)) && !strings.HasPrefix(w[j:], "--") && spanCloses(after) &&
			(utf8.RuneCountInString(content) > 1 || wordChar(firstRune(content))) {
			return j
		}
		j += len(mark)
	}
	return 0
}

func spanCloses(after string) bool {
	r := firstRune(after)
	return after == "" || spaceRune(r) || punctRune(r)
}

func wordChar(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

var styledPattern = regexp.MustCompile(`^%(?:\{[^{}"\n]{1,200}\}|\([^()"\n]{1,100}\))+`)

// matchStyled takes the colour off %{color:red}words%.
func matchStyled(s string) (match, bool) {
	style := styledPattern.FindString(window(s))
	if style == "" {
		return match{}, false
	}
	end := spanEnd("%"+s[len(style):], "%")
	if end == 0 {
		return match{}, false
	}
	end += len(style) - 1
	return match{content: s[len(style):end], size: end + 1}, true
}

func matchCode(s string) (match, bool) {
	w := window(s)
	for j := 2; j < len(w) && w[j] != '\n'; j++ {
		if w[j] == '@' && w[1] != '\n' && !wordChar(firstRune(s[j+1:])) {
			return match{kind: Code, content: s[1:j], size: j + 1}, true
		}
	}
	return match{}, false
}

var (
	linkTarget   = regexp.MustCompile(`^(?:/|[a-zA-Z]{1,20}://|www\.|mailto:)[\p{L}\p{N}_/][^\s<]+`)
	urlTail      = regexp.MustCompile(`[^\p{L}\p{N}_=/;()\-]+$`)
	imagePattern = regexp.MustCompile(`^!([<>=]?)([^\s(!"]{1,500}?)(?:\(([^()\n]{1,200})\))?!`)
	hrefPattern  = regexp.MustCompile(`^:((?:/|https?://)[^\s<]{1,500})`)
)

func trimURL(u string) string {
	u = u[:len(u)-len(urlTail.FindString(u))]
	if strings.HasSuffix(u, ")") && strings.Count(u, "(") < strings.Count(u, ")") {
		u = strings.TrimSuffix(u, ")")
		u = u[:len(u)-len(urlTail.FindString(u))]
	}
	return u
}

func matchLink(s string) (match, bool) {
	end := strings.IndexAny(window(s[1:]), "\"\n") + 1
	if end < 2 || !strings.HasPrefix(s[end:], `":`) {
		return match{}, false
	}
	label, rest := s[1:end], s[end+2:]
	u := trimURL(linkTarget.FindString(rest[:min(len(rest), 2*maxSpan)]))
	size := end + 2 + len(u)
	if u == "" || strings.HasSuffix(u, ":") {
		return match{}, false
	}
	if strings.HasPrefix(u, "www.") {
		u = "http://" + u
	}
	return match{kind: Link, content: label, url: u, size: size}, true
}

func matchImage(s string) (match, bool) {
	m := imagePattern.FindStringSubmatch(window(s))
	if m == nil {
		return match{}, false
	}
	found := match{kind: Image, content: m[3], url: m[2], size: len(m[0])}
	if h := hrefPattern.FindStringSubmatch(s[len(m[0]):]); h != nil {
		href := trimURL(h[1])
		if href != "" {
			found.kind, found.size = Link, found.size+1+len(href)
			found.content, found.url = s[:len(m[0])], href
		}
	}
	return found, true
}

var tagPattern = regexp.MustCompile(`(?is)^<(code|kbd|notextile)\b[^>\n]{0,100}>(.*?)</(code|kbd|notextile)>`)

func matchTag(s string) (match, bool) {
	if strings.HasPrefix(s, "<!--") {
		if end := strings.Index(s[:min(len(s), 4*maxSpan)], "-->"); end > 0 {
			return match{kind: Raw, content: s[:end+3], size: end + 3}, true
		}
		return match{}, false
	}
	if len(s) < 6 || !strings.ContainsRune("cCkKnN", rune(s[1])) {
		return match{}, false
	}
	m := tagPattern.FindStringSubmatch(window(s))
	if m == nil || !strings.EqualFold(m[1], m[3]) {
		return match{}, false
	}
	found := match{kind: Code, content: m[2], size: len(m[0])}
	if strings.EqualFold(m[1], "notextile") {
		found.kind = Text
	}
	return found, true
}

var verbatimPattern = regexp.MustCompile(`^==([^=\n][^\n]*?)==(?:\s|$)`)

func matchVerbatim(s string) (match, bool) {
	m := verbatimPattern.FindStringSubmatch(window(s))
	if m == nil {
		return match{}, false
	}
	return match{kind: Text, content: m[1], size: len(m[1]) + 4}, true
}

// textileInlines reads inline Textile.
func textileInlines(s string, depth int) []Node {
	var out []Node
	prev, start := '\n', 0
	flush := func(end int) {
		out = append(out, textLines(entities(s[start:end]))...)
	}
	for i := 0; i < len(s); {
		if depth < maxDepth && strings.IndexByte(`*-_+^~%@"!<=`, s[i]) >= 0 {
			if m, ok := matchTextile(s[i:], prev); ok {
				flush(i)
				out = append(out, m.nodes(depth)...)
				i += m.size
				start, prev = i, rune(s[i-1])
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		prev = r
		i += size
	}
	flush(len(s))
	return out
}

func (m match) nodes(depth int) []Node {
	switch m.kind {
	case 0:
		return textileInlines(m.content, depth+1)
	case Text:
		return textLines(m.content)
	case Code:
		return []Node{{Kind: Code, Text: entities(m.content)}}
	case Raw:
		return []Node{{Kind: Raw, Text: m.content}}
	case Image:
		url := entities(m.url)
		if name, ok := unescapeName(url); ok && live(url) && strings.Contains(name, ".") {
			return []Node{pictureOf(name, entities(m.content))}
		}
		return []Node{{Kind: Image, URL: url, Text: entities(m.content)}}
	case Link:
		return []Node{{Kind: Link, URL: entities(m.url), Children: textileInlines(m.content, depth+1)}}
	}
	return []Node{{Kind: m.kind, Children: textileInlines(m.content, depth+1)}}
}

var anyEntity = regexp.MustCompile(entityPattern.String()[1:])

func entities(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return anyEntity.ReplaceAllStringFunc(s, func(e string) string { return clean(html.UnescapeString(e)) })
}
