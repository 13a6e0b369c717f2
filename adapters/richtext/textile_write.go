package richtext

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Textile writes Textile as Redmine understands it.
func (d Doc) Textile() string {
	return settled(d, func(d Doc) string { return strings.Trim(textileJoin(numbersAsText(d.Blocks)), "\n") }, FromTextile)
}

// numbersAsText writes the numbers of lists that do not begin with 1, or have an item without words, which
// Textile and wiki text cannot say: "12. May" is as often a date as a list, and another number would be
// another date.
func numbersAsText(nodes []Node) []Node {
	out := make([]Node, 0, len(nodes))
	for _, n := range nodes {
		if n.Kind != List && n.Kind != Item && n.Kind != Quote {
			out = append(out, n)
			continue
		}
		n.Children = numbersAsText(n.Children)
		hollow := slices.ContainsFunc(n.Children, func(item Node) bool { return len(item.Children) == 0 })
		if n.Kind != List || n.Offset == 0 && !(n.Ordered && hollow) {
			out = append(out, n)
			continue
		}
		for i, item := range n.Children {
			number := Node{Kind: Text, Text: strconv.Itoa(n.Offset+i+1) + ". " + map[Task]string{Open: "[ ] ", Done: "[x] "}[item.Task]}
			if len(item.Children) == 0 || item.Children[0].Kind != Paragraph {
				item.Children = append([]Node{{Kind: Paragraph}}, item.Children...)
			}
			first := &item.Children[0]
			first.Children = normalLine(append([]Node{number}, first.Children...))
			out = append(out, item.Children...)
		}
	}
	return out
}

func textileJoin(nodes []Node) string {
	var parts []string
	for _, n := range nodes {
		parts = append(parts, textileParts(n)...)
	}
	return strings.Join(parts, "\n\n")
}

// textileParts writes a block; what Textile cannot nest comes out beside it.
func textileParts(n Node) []string {
	switch n.Kind {
	case Paragraph:
		return []string{textileLines(n.Children)}
	case Heading:
		return []string{fmt.Sprintf("h%d. %s", min(max(n.Level, 1), 6), unclassed(textileText(n.Children, '\n', "")))}
	case List:
		return textileListParts(n, "")
	case CodeBlock:
		return []string{textilePre(n)}
	case Quote:
		var parts []string
		for _, group := range splitCode(n.Children) {
			if group[0].Kind == CodeBlock {
				parts = append(parts, textilePre(group[0]))
				continue
			}
			parts = append(parts, regroup(group)...)
		}
		return parts
	case Table:
		return []string{textileTableText(n)}
	case Rule:
		return []string{"---"}
	}
	if strings.HasPrefix(n.Text, "<!--") && strings.Index(n.Text, "-->") == len(n.Text)-3 {
		return []string{n.Text}
	}
	return []string{textileLines(normalLine(textLines(n.Text)))}
}

// splitCode cuts blocks so that each code block stands alone: inside a quote
// Textile would show the quote's marks in it.
func splitCode(nodes []Node) [][]Node {
	var out [][]Node
	for _, n := range nodes {
		last := len(out) - 1
		if n.Kind == CodeBlock || last < 0 || out[last][0].Kind == CodeBlock {
			out = append(out, []Node{n})
		} else {
			out[last] = append(out[last], n)
		}
	}
	return out
}

// regroup quotes what can be quoted and leaves code that was deeper outside.
func regroup(nodes []Node) []string {
	var parts []string
	var quoted []string
	flush := func() {
		if len(quoted) > 0 {
			parts = append(parts, indent(strings.Join(quoted, "\n\n"), "> ", "> "))
			quoted = nil
		}
	}
	for _, n := range nodes {
		for _, p := range textileParts(n) {
			if strings.HasPrefix(p, "<pre>") {
				flush()
				parts = append(parts, p)
			} else {
				quoted = append(quoted, p)
			}
		}
	}
	flush()
	return parts
}

var offTags = regexp.MustCompile(`(?i)<(/?(?:code|pre|kbd|notextile))`)

func textilePre(n Node) string {
	text := offTags.ReplaceAllString(n.Text, "<\u200b$1")
	if n.Lang != "" {
		return "<pre><code class=\"" + n.Lang + "\">\n" + text + "\n</code></pre>"
	}
	return "<pre>\n" + text + "\n</pre>"
}

// textileListParts writes a list under prefix; blocks that an item cannot hold
// follow it, and the list goes on behind them.
func textileListParts(n Node, prefix string) []string {
	if n.Ordered {
		prefix += "#"
	} else {
		prefix += "*"
	}
	var parts []string
	var lines []string
	flush := func() {
		if len(lines) > 0 {
			parts = append(parts, strings.Join(lines, "\n"))
			lines = nil
		}
	}
	for _, item := range n.Children {
		box := map[Task]string{Open: "[ ] ", Done: "[x] "}[item.Task]
		begun := false
		for _, c := range item.Children {
			switch {
			case c.Kind == Paragraph && !begun:
				lines = append(lines, prefix+" "+box+listText(c.Children, box == ""))
				begun = true
			case c.Kind == Paragraph && len(lines) > 0:
				lines = append(lines, textileLines(c.Children))
			case c.Kind == List && len(prefix) < maxDepth:
				sub := textileListParts(c, prefix)
				lines = append(lines, sub[:min(1, len(sub))]...)
				if len(sub) > 1 {
					flush()
					parts = append(parts, sub[1:]...)
				}
				begun = true
			default:
				flush()
				parts = append(parts, textileParts(c)...)
				begun = true
			}
		}
		if !begun && box != "" {
			lines = append(lines, prefix+" "+strings.TrimSpace(box))
		}
	}
	flush()
	return parts
}

func listText(nodes []Node, guard bool) string {
	s := textileLines(nodes)
	if guard && boxStart.MatchString(s) {
		s = "&#91;" + s[1:]
	}
	return s
}

func textileTableText(n Node) string {
	rows := make([]string, 0, len(n.Children))
	for _, row := range n.Children {
		var b strings.Builder
		b.WriteByte('|')
		for _, cell := range row.Children {
			if row.Header {
				b.WriteString("_.")
			}
			text := strings.ReplaceAll(textileText(cell.Children, '\n', ""), "|", "&#124;")
			b.WriteString(" " + text + " |")
		}
		rows = append(rows, b.String())
	}
	return strings.Join(rows, "\n")
}

var textileStart = regexp.MustCompile(`^(?:(?:h[1-6]|bq|p|fn\d+|table)[^ \n]{0,200}\.|[*#]+ |>|\|)`)

// textileLines writes a paragraph, whose lines must not start like a block.
func textileLines(nodes []Node) string {
	lines := strings.Split(textileText(nodes, '\n', ""), "\n")
	for i, l := range lines {
		if textileStart.MatchString(l) || textileRule.MatchString(l) {
			lines[i] = entity(l[0]) + l[1:]
		}
	}
	return strings.Join(lines, "\n")
}

func entity(c byte) string { return fmt.Sprintf("&#%d;", c) }

// unclassed keeps a leading bracket from being read as a class or a style.
func unclassed(s string) string {
	if s != "" && strings.IndexByte("({[<>=", s[0]) >= 0 {
		return entity(s[0]) + s[1:]
	}
	return s
}

// textileText writes inlines that stand between prev and rest. It goes from
// the end to the start, since whether a character is a mark depends on what
// follows.
func textileText(nodes []Node, prev rune, rest string) string {
	parts := make([]string, 0, len(nodes))
	for i := len(nodes) - 1; i >= 0; i-- {
		before := prev
		if i > 0 {
			before = textileEnd(nodes[i-1])
		}
		s := textileInline(nodes[i], before, rest)
		if i > 0 && nodes[i-1].Kind == Image && strings.HasPrefix(s, ":") && !live(strings.TrimLeft(s, ":")) {
			s = entity(':') + s[1:] // elsewhere it would be where the picture leads
		}
		parts = append(parts, s)
		rest = window(s + rest)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "")
}

// textileEnd is the last character of n as written, as far as marks care.
func textileEnd(n Node) rune {
	switch n.Kind {
	case Text:
		return lastRune(n.Text)
	case Break:
		return '\n'
	case Raw:
		return '-'
	}
	return 'x'
}

func textileInline(n Node, prev rune, rest string) string {
	switch n.Kind {
	case Text:
		return textileEscape(n.Text, prev, rest)
	case Break:
		return "\n"
	case Code:
		if s := "@" + codeEntities(n.Text) + "@"; exact(s, prev, rest) {
			return s
		}
		if s := "<code>" + codeEntities(n.Text) + "</code>"; exact(s, prev, rest) {
			return s
		}
		return textileEscape(n.Text, prev, rest)
	case Raw:
		if strings.HasPrefix(n.Text, "<!--") && exact(n.Text, prev, rest) {
			return n.Text
		}
		return textileEscape(n.Text, prev, rest)
	case Image:
		if !live(n.URL) {
			return textileText(normalPicture(n), prev, rest)
		}
		return textileImage(n, prev, rest)
	case Link:
		if !live(n.URL) {
			return textileText(unarmed(n.Children, n.URL), prev, rest)
		}
		return textileLink(n, prev, rest)
	}
	mark := textileMark(n.Kind)
	if s := mark + unclassed(textileText(n.Children, '\n', mark)) + mark; exact(s, prev, rest) {
		return s
	}
	return textileText(n.Children, prev, rest)
}

// exact tells whether a reader takes s, between prev and rest, for one piece.
func exact(s string, prev rune, rest string) bool {
	m, ok := matchTextile(s+rest, prev)
	return ok && m.size == len(s)
}

func codeEntities(s string) string { return anyEntity.ReplaceAllStringFunc(s, escapeAmp) }

func escapeAmp(e string) string { return "&amp;" + e[1:] }

// textileFile writes a picture that is a file of the issue by its name, as Redmine finds it
// (parse_inline_attachments of its ApplicationHelper).
func textileFile(n Node, name string, prev rune, rest string) string {
	s := "!" + escapeName(name) + "!"
	if n.Text != name {
		s = "!" + escapeName(name) + "(" + codeEntities(strings.Map(noParen, n.Text)) + ")!"
	}
	if m, ok := matchTextile(s+rest, prev); ok && m.size == len(s) && m.kind == Image && sameNode(m.nodes(0), n) {
		return s
	}
	return textileEscape(wordsOfAttachment(n), prev, rest)
}

func textileImage(n Node, prev rune, rest string) string {
	if name, ok := AttachmentName(n.URL); ok {
		return textileFile(n, name, prev, rest)
	}
	s := "!" + codeEntities(n.URL) + "!"
	if n.Text != "" {
		s = "!" + codeEntities(n.URL) + "(" + codeEntities(strings.Map(noParen, n.Text)) + ")!"
	}
	if m, ok := matchTextile(s+rest, prev); ok && m.size == len(s) && entities(m.url) == n.URL {
		return s
	}
	return textileEscape(strings.TrimSpace(n.Text+" ("+n.URL+")"), prev, rest)
}

func noParen(r rune) rune {
	switch r {
	case '(':
		return '['
	case ')':
		return ']'
	case '\n':
		return ' '
	}
	return r
}

func textileLink(n Node, prev rune, rest string) string {
	if isAttachment(n) {
		return textileEscape(wordsOfAttachment(n), prev, rest)
	}
	if bareLink(n) {
		if prev == '\n' || spaceRune(prev) || prev == '(' {
			if urlPrefix(n.URL+rest) == len(n.URL) {
				return n.URL
			}
		}
	} else if len(n.Children) == 1 && n.Children[0].Kind == Image {
		if s := textileImage(n.Children[0], prev, rest) + ":" + codeEntities(n.URL); exact(s, prev, rest) {
			return s
		}
	}
	label := strings.ReplaceAll(textileText(n.Children, '\n', `"`), `"`, "&#34;")
	if s := `"` + label + `":` + codeEntities(n.URL); exact(s, prev, rest) {
		return s
	} else if exact(s, prev, " "+rest) {
		return s + " "
	}
	if bareLink(n) {
		return textileEscape(n.URL, prev, rest)
	}
	tail := textileEscape(" ("+n.URL+")", 'x', rest)
	return textileText(n.Children, prev, window(tail+rest)) + tail
}

// textileEscape writes literal text: a character that would start markup
// becomes an entity.
func textileEscape(s string, prev rune, rest string) string {
	full := s + rest
	quotes := hasLink(full) || armedLink(full)
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '&' && entityPattern.MatchString(full[i:]):
			b.WriteString("&amp;")
		case r == '{' && strings.HasPrefix(full[i:], "{{"):
			// A macro would run in Redmine.
			b.WriteString("&#123;")
		case r == '<' && (offTags.MatchString(prefixOf(full[i:])) || strings.HasPrefix(full[i:], "<!--")):
			b.WriteString("&lt;")
		case r == '"' && quotes:
			// Escaping one quote may make another one start a link.
			b.WriteString("&#34;")
		case r < 0x80 && strings.IndexByte(`*-_+^~%@!=`, byte(r)) >= 0 && marks(full[i:], prev), r == '!' && armedPicture(full[i:]):
			b.WriteString(entity(byte(r)))
		default:
			b.WriteRune(r)
		}
		prev = r
	}
	return b.String()
}

func hasLink(s string) bool {
	for i := range len(s) {
		if s[i] == '"' {
			if _, ok := matchLink(s[i:]); ok {
				return true
			}
		}
	}
	return false
}

var (
	anyLink    = regexp.MustCompile(`"[^"\n]+":(\S+)`)
	anyPicture = regexp.MustCompile(`^!([^!\s]+?)(?:\([^()\n]*\))?!(?::(\S+))?`)
)

// armedLink and armedPicture tell whether words could be taken for what leads to a dangerous address by a
// reader of Textile that is less careful than Redmine's.
func armedLink(s string) bool {
	if !strings.Contains(s, `":`) {
		return false
	}
	for _, m := range anyLink.FindAllStringSubmatch(window(s), -1) {
		if !live(m[1]) {
			return true
		}
	}
	return false
}

func armedPicture(s string) bool {
	m := anyPicture.FindStringSubmatch(window(s))
	return m != nil && !(live(m[1]) && live(m[2]))
}

func prefixOf(s string) string { return s[:min(len(s), 12)] }

func marks(s string, prev rune) bool {
	_, ok := matchTextile(s, prev)
	return ok
}
