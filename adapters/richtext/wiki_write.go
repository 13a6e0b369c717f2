package richtext

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Wiki writes Jira's wiki text.
func (d Doc) Wiki() string {
	return settled(d, func(d Doc) string { return strings.Trim(wikiJoin(numbersAsText(d.Blocks), false), "\n") }, FromWiki)
}

func wikiJoin(nodes []Node, quoted bool) string {
	var parts []string
	for _, n := range nodes {
		parts = append(parts, wikiParts(n, quoted)...)
	}
	return strings.Join(parts, "\n\n")
}

// wikiParts writes a block; what wiki text cannot nest comes out beside it.
func wikiParts(n Node, quoted bool) []string {
	switch n.Kind {
	case Paragraph:
		return []string{wikiLines(n.Children)}
	case Heading:
		return []string{fmt.Sprintf("h%d. %s", min(max(n.Level, 1), 6), wikiText(n.Children, '\n', ""))}
	case List:
		return wikiListParts(n, "", quoted)
	case CodeBlock:
		return []string{wikiPre(n)}
	case Quote:
		if quoted {
			// A quote cannot stand in a quote.
			return []string{wikiLines(textLines(indent(plainBlocks(n.Children, "\n"), "> ", "> ")))}
		}
		return []string{"{quote}\n" + wikiJoin(n.Children, true) + "\n{quote}"}
	case Table:
		return []string{wikiRows(n)}
	case Rule:
		return []string{"----"}
	}
	return []string{wikiLines(normalLine(textLines(n.Text)))}
}

var wikiClosing = regexp.MustCompile(`\{(code|noformat|quote|panel)`)

func wikiPre(n Node) string {
	text := wikiClosing.ReplaceAllString(n.Text, "{\u200b$1")
	if n.Lang != "" {
		return "{code:" + n.Lang + "}\n" + text + "\n{code}"
	}
	return "{code}\n" + text + "\n{code}"
}

// wikiListParts writes a list under prefix; blocks that an item cannot hold follow
// it, and the list goes on behind them.
func wikiListParts(n Node, prefix string, quoted bool) []string {
	prefix += map[bool]string{true: "#", false: "*"}[n.Ordered]
	var parts, lines []string
	flush := func() {
		if len(lines) > 0 {
			parts, lines = append(parts, strings.Join(lines, "\n")), nil
		}
	}
	for _, item := range n.Children {
		box := map[Task]string{Open: `\[ ] `, Done: `\[x] `}[item.Task]
		begun := false
		for _, c := range item.Children {
			switch {
			case c.Kind == Paragraph && !begun:
				lines = append(lines, prefix+" "+box+wikiLines(c.Children))
			case c.Kind == Paragraph && len(lines) > 0:
				lines = append(lines, wikiLines(c.Children))
			case c.Kind == List && len(prefix) < maxDepth:
				sub := wikiListParts(c, prefix, quoted)
				lines = append(lines, sub[:min(1, len(sub))]...)
				if len(sub) > 1 {
					flush()
					parts = append(parts, sub[1:]...)
				}
			default:
				flush()
				parts = append(parts, wikiParts(c, quoted)...)
			}
			begun = true
		}
	}
	flush()
	return parts
}

func wikiRows(n Node) string {
	rows := make([]string, 0, len(n.Children))
	for _, row := range n.Children {
		bar := "|"
		if row.Header {
			bar = "||"
		}
		var b strings.Builder
		b.WriteString(bar)
		for _, cell := range row.Children {
			text := strings.ReplaceAll(wikiText(cell.Children, '\n', ""), "\n", `\\`)
			b.WriteString(" " + text + " " + bar)
		}
		rows = append(rows, b.String())
	}
	return strings.Join(rows, "\n")
}

var wikiStart = regexp.MustCompile(`^(h[1-6]|bq)\.`)

// wikiLines writes a paragraph, whose lines must not start like a block.
func wikiLines(nodes []Node) string {
	lines := strings.Split(wikiText(nodes, '\n', ""), "\n")
	for i, l := range lines {
		switch m := wikiStart.FindString(l); {
		case m != "":
			lines[i] = m[:len(m)-1] + "&#46;" + l[len(m):]
		case wikiItem.MatchString(l) || wikiRule.MatchString(l) || strings.HasPrefix(l, "|"):
			lines[i] = `\` + strings.TrimLeft(l, " ")
		}
	}
	return strings.Join(lines, "\n")
}

// wikiText writes inlines that stand between prev and rest, from the end to the
// start: whether a character is a mark depends on what follows.
func wikiText(nodes []Node, prev rune, rest string) string {
	parts := make([]string, 0, len(nodes))
	for i := len(nodes) - 1; i >= 0; i-- {
		before := prev
		if i > 0 {
			before = textileEnd(nodes[i-1])
		}
		s := wikiInline(nodes[i], before, rest)
		parts = append(parts, s)
		rest = window(s + rest)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "")
}

func wikiInline(n Node, prev rune, rest string) string {
	switch n.Kind {
	case Text, Raw:
		return wikiEscape(n.Text, prev)
	case Break:
		return "\n"
	case Code:
		if s := "{{" + codeEntities(n.Text) + "}}"; wikiExact(s, prev, rest) {
			return s
		}
		return wikiEscape(n.Text, prev)
	case Image:
		return wikiPicture(n, prev, rest)
	case Link:
		return wikiAnchor(n, prev, rest)
	}
	mark := wikiMark(n.Kind)
	if s := mark + wikiText(n.Children, rune(mark[0]), mark) + mark; wikiExact(s, prev, rest) {
		return s
	}
	mark = "{" + mark + "}"
	if s := mark + wikiText(n.Children, '}', mark) + mark; wikiExact(s, prev, rest) {
		return s
	}
	return wikiText(n.Children, prev, rest)
}

// wikiExact tells whether a reader takes s, between prev and rest, for one piece.
func wikiExact(s string, prev rune, rest string) bool {
	m, ok := matchWiki(s+rest, prev)
	return ok && m.size == len(s)
}

func wikiPicture(n Node, prev rune, rest string) string {
	url, words := n.URL, n.Text
	name, file := AttachmentName(url)
	if file {
		if url = name; words == name {
			words = ""
		}
	}
	s := "!" + codeEntities(url) + "!"
	if words != "" {
		s = "!" + codeEntities(url) + "|alt=" + codeEntities(words) + "!"
	}
	if m, ok := matchWiki(s+rest, prev); ok && m.size == len(s) && (file && !strings.Contains(name, ":") || !file && strings.Contains(url, ":") && safeURL(url)) && sameNode(m.wikiNodes(0), n) {
		return s
	}
	if file {
		return wikiEscape(wordsOfAttachment(n), prev)
	}
	return wikiEscape(strings.TrimSpace(n.Text+" ("+n.URL+")"), prev)
}

// sameNode tells whether a picture or the link to a file is read as it was.
func sameNode(read []Node, n Node) bool {
	return len(read) == 1 && read[0].Kind == n.Kind && read[0].URL == n.URL && read[0].Text == n.Text
}

// wikiFileLink is a link to a file of the issue.
func wikiFileLink(n Node, name string, prev rune, rest string) string {
	label := plainInlines(n.Children)
	s := "[^" + codeEntities(name) + "]"
	if label != name {
		s = "[" + wikiEscape(label, '[') + "|^" + codeEntities(name) + "]"
	}
	if m, ok := matchWiki(s+rest, prev); ok && m.size == len(s) && sameNode(m.wikiNodes(0), n) {
		return s
	}
	return wikiEscape(wordsOfAttachment(n), prev)
}

func wikiAnchor(n Node, prev rune, rest string) string {
	if name, ok := AttachmentName(n.URL); ok {
		return wikiFileLink(n, name, prev, rest)
	}
	if bareLink(n) && !wordRune(prev) && urlPrefix(n.URL+rest) == len(n.URL) && !strings.ContainsAny(n.URL, `*_-+^~{}[]!|\&`) {
		return n.URL
	}
	url := codeEntities(n.URL)
	if bareLink(n) {
		if s := "[" + url + "]"; wikiExact(s, prev, rest) {
			return s
		}
	}
	label := strings.ReplaceAll(wikiText(n.Children, '[', "|"), "\n", " ")
	if s := "[" + label + "|" + url + "]"; wikiExact(s, prev, rest) {
		return s
	}
	if bareLink(n) {
		return wikiEscape(n.URL, prev)
	}
	return wikiText(n.Children, prev, " (") + wikiEscape(" ("+n.URL+")", 'x')
}

// wikiEscape writes literal text: what could start or end markup gets a backslash,
// which itself becomes an entity.
func wikiEscape(s string, prev rune) string {
	var b strings.Builder
	for i, r := range s {
		next := firstRune(s[i+len(string(r)):])
		switch {
		case r == '\\':
			b.WriteString("&#92;")
		case r == '&' && entityPattern.MatchString(s[i:]):
			b.WriteString("&amp;")
		case strings.ContainsRune("{}[]|", r), r == '!' && !spaceRune(next), r == '?' && (next == '?' || prev == '?'):
			b.WriteByte('\\')
			b.WriteRune(r)
		case strings.ContainsRune(wikiMarks, r) && (!wordRune(prev) || !wordRune(next)) && (!spaceRune(prev) || !spaceRune(next)):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
		prev = r
	}
	return b.String()
}
