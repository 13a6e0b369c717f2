package richtext

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

const wikiMarks = "*_-+^~"

func wikiKind(c byte) Kind {
	switch c {
	case '*':
		return Strong
	case '_':
		return Emphasis
	case '-':
		return Strike
	case '+':
		return Insert
	case '^':
		return Super
	}
	return Sub
}

func wikiMark(k Kind) string {
	for i := range len(wikiMarks) {
		if wikiKind(wikiMarks[i]) == k {
			return wikiMarks[i : i+1]
		}
	}
	return ""
}

var (
	wikiCode  = regexp.MustCompile(`^\{\{(?:\{\}([^{}\n]+)\{\}|([^{}\n]+))\}\}`)
	wikiLink  = regexp.MustCompile(`^\[((?:[^\[\]|\n\\]|\\.)*)\|([^\[\]|\n ]+)\]`)
	wikiBare  = regexp.MustCompile(`^\[([a-z]{2,10}:[^\[\]|\n ]+)\]`)
	wikiName  = regexp.MustCompile(`^\[~([^\[\]|\n]+)\]`)
	wikiFile  = regexp.MustCompile(`^\[(?:((?:[^\[\]|\n\\]|\\.)*)\|)?\^([^\[\]|\n]+)\]`)
	wikiImage = regexp.MustCompile(`^!([^!|\n ]+|[^!|\n ][^!|\n]*\.[A-Za-z0-9]{1,5})(?:\|([^!\n]*))?!`)
	wikiAlt   = regexp.MustCompile(`(?:^|,)alt=(.*?)(?:,(?:width|height|align|border|title|vspace|hspace|bordercolor)=[^,]*)*$`)
	wikiColor = regexp.MustCompile(`^\{color(?::[^{}\n]{1,40})?\}`)
)

// matchWiki tells what markup s begins with, after prev.
func matchWiki(s string, prev rune) (match, bool) {
	if s == "" {
		return match{}, false
	}
	short := window(s)
	switch s[0] {
	case '{':
		if m := wikiCode.FindStringSubmatch(short); m != nil {
			return match{kind: Code, content: m[1] + m[2], size: len(m[0])}, true
		}
		if m, ok := matchWikiBraced(short); ok {
			return m, true
		}
		if m := wikiColor.FindString(short); m != "" {
			return match{kind: Text, size: len(m)}, true
		}
	case '[':
		return matchWikiLink(short)
	case '!':
		m := wikiImage.FindStringSubmatch(short)
		if m == nil || wordRune(prev) {
			return match{}, false
		}
		alt := ""
		if words := wikiAlt.FindStringSubmatch(m[2]); words != nil {
			alt = words[1]
		}
		return match{kind: Image, url: m[1], content: alt, size: len(m[0])}, true
	case '*', '_', '-', '+', '^', '~':
		return matchWikiSpan(short, prev)
	}
	return match{}, false
}

func matchWikiLink(s string) (match, bool) {
	if m := wikiLink.FindStringSubmatch(s); m != nil && safeURL(entities(m[2])) {
		return match{kind: Link, content: m[1], url: m[2], size: len(m[0])}, true
	}
	if m := wikiBare.FindStringSubmatch(s); m != nil && safeURL(entities(m[1])) {
		return match{kind: Link, url: m[1], size: len(m[0])}, true
	}
	if m := wikiName.FindStringSubmatch(s); m != nil {
		// A mention: a name that calls nobody elsewhere.
		return match{kind: Text, content: m[1], size: len(m[0])}, true
	}
	if m := wikiFile.FindStringSubmatch(s); m != nil {
		return match{kind: Link, content: m[1], url: AttachmentURL(entities(m[2])), size: len(m[0])}, true
	}
	return match{}, false
}

// matchWikiSpan: a mark opens before a word and closes behind one, in one line.
func matchWikiSpan(s string, prev rune) (match, bool) {
	if wordRune(prev) || prev == rune(s[0]) || len(s) < 3 || s[1] == s[0] || spaceRune(firstRune(s[1:])) {
		return match{}, false
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\n':
			return match{}, false
		case s[i] == '\\':
			i++
		case s[i] == s[0] && i > 1 && !spaceRune(lastRune(s[:i])) && !wordRune(firstRune(s[i+1:])) && (i+1 == len(s) || s[i+1] != s[0]):
			return match{kind: wikiKind(s[0]), content: s[1:i], size: i + 1}, true
		}
	}
	return match{}, false
}

// matchWikiBraced: a mark in braces stands within a word too, as Jira's editor writes it.
func matchWikiBraced(s string) (match, bool) {
	const size = len("{*}")
	if len(s) < size || s[size-1] != '}' || strings.IndexByte(wikiMarks, s[1]) < 0 {
		return match{}, false
	}
	mark := s[:size]
	for i := size; i < len(s) && s[i] != '\n'; i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.HasPrefix(s[i:], mark):
			content := s[size:i]
			ok := content != "" && !spaceRune(firstRune(content)) && !spaceRune(lastRune(content))
			return match{kind: wikiKind(mark[1]), content: content, size: i + size}, ok
		}
	}
	return match{}, false
}

// wikiInlines reads inline wiki text.
func wikiInlines(s string, depth int) []Node {
	var out []Node
	var plain strings.Builder
	flush := func() {
		out = append(out, textLines(entities(plain.String()))...)
		plain.Reset()
	}
	prev := '\n'
	for i := 0; i < len(s); {
		if s[i] == '\\' && i+1 < len(s) {
			flush()
			if s[i+1] == '\\' {
				out = append(out, Node{Kind: Break})
				prev, i = '\n', i+2
				continue
			}
			if isPunct(s[i+1]) {
				out = append(out, Node{Kind: Text, Text: s[i+1 : i+2]})
				prev, i = rune(s[i+1]), i+2
				continue
			}
		}
		if depth < maxDepth {
			if m, ok := matchWiki(s[i:], prev); ok {
				flush()
				out = append(out, m.wikiNodes(depth)...)
				i += m.size
				prev = rune(s[i-1])
				continue
			}
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		plain.WriteString(s[i : i+size])
		prev, i = r, i+size
	}
	flush()
	return out
}

func (m match) wikiNodes(depth int) []Node {
	switch m.kind {
	case Text:
		if m.content == "" {
			return nil
		}
		return textLines(m.content)
	case Code:
		return []Node{{Kind: Code, Text: entities(m.content)}}
	case Image:
		url := entities(m.url)
		if name, ok := unescapeName(strings.ReplaceAll(url, "%", "%25")); ok && live(url) {
			return []Node{pictureOf(name, entities(m.content))}
		}
		return []Node{{Kind: Image, URL: url, Text: entities(m.content)}}
	case Link:
		url := entities(m.url)
		if name, ok := AttachmentName(url); ok && m.content == "" {
			return []Node{linkTo(name, "")}
		}
		if m.content == "" {
			return []Node{{Kind: Link, URL: url, Children: []Node{{Kind: Text, Text: url}}}}
		}
		return []Node{{Kind: Link, URL: url, Children: wikiInlines(m.content, depth+1)}}
	}
	return []Node{{Kind: m.kind, Children: wikiInlines(m.content, depth+1)}}
}
