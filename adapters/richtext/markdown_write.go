package richtext

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Markdown writes GitHub-flavoured Markdown.
func (d Doc) Markdown() string {
	return settled(d, func(d Doc) string {
		return strings.TrimRight(markdownWriter{}.blocks(d.Blocks, false), "\n")
	}, FromMarkdown)
}

type markdownWriter struct {
	table bool // inside a table cell: no newlines, | is escaped
	link  bool // inside a link's label
}

func (w markdownWriter) blocks(nodes []Node, tight bool) string {
	var b strings.Builder
	alternate := false
	for i, n := range nodes {
		if i > 0 {
			b.WriteByte('\n')
			if !tight || n.Kind != List || nodes[i-1].Kind != Paragraph {
				b.WriteByte('\n')
			}
		}
		// Two lists side by side would become one: change the bullet.
		alternate = i > 0 && n.Kind == List && nodes[i-1].Kind == List && nodes[i-1].Ordered == n.Ordered && !alternate
		b.WriteString(w.block(n, alternate))
	}
	return b.String()
}

func (w markdownWriter) block(n Node, alternate bool) string {
	switch n.Kind {
	case Paragraph:
		return w.lines(n.Children)
	case Heading:
		s := w.inlines(n.Children, ' ', '\n')
		if strings.HasSuffix(s, "#") {
			s = strings.TrimSuffix(s, "#") + `\#`
		}
		return strings.Repeat("#", min(max(n.Level, 1), 6)) + " " + s
	case List:
		return w.list(n, alternate)
	case CodeBlock:
		return fenced(n)
	case Quote:
		return indent(w.blocks(n.Children, false), "> ", "> ")
	case Table:
		return w.tableRows(n)
	case Rule:
		return "___"
	}
	return n.Text
}

func fenced(n Node) string {
	fence := "```"
	for strings.Contains(n.Text, fence) {
		fence += "`"
	}
	s := fence + n.Lang + "\n"
	if n.Text != "" {
		s += n.Text + "\n"
	}
	return s + fence
}

func (w markdownWriter) list(n Node, alternate bool) string {
	tight := true
	for _, item := range n.Children {
		for i, c := range item.Children {
			// Only a list that begins with 1 may follow a paragraph without an empty line (CommonMark, "List items").
			if i > 1 || i == 1 && (c.Kind != List || c.Offset != 0 || item.Children[0].Kind != Paragraph) {
				tight = false
			}
		}
	}
	var b strings.Builder
	for i, item := range n.Children {
		if i > 0 {
			b.WriteByte('\n')
			if !tight {
				b.WriteByte('\n')
			}
		}
		bullet := "- "
		if alternate {
			bullet = "* "
		}
		if n.Ordered {
			bullet = strconv.Itoa(n.Offset+i+1) + ". "
			if alternate {
				bullet = strconv.Itoa(n.Offset+i+1) + ") "
			}
		}
		body := w.blocks(item.Children, tight)
		box := map[Task]string{Open: "[ ] ", Done: "[x] "}[item.Task]
		if box != "" && (len(item.Children) == 0 || item.Children[0].Kind != Paragraph) {
			box = ""
		}
		b.WriteString(strings.TrimRight(indent(box+body, bullet, strings.Repeat(" ", len(bullet))), " "))
	}
	return b.String()
}

// indent puts first before the first line and rest before the others.
func indent(s, first, rest string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		prefix := rest
		if i == 0 {
			prefix = first
		}
		if line == "" {
			prefix = strings.TrimRight(prefix, " ")
		}
		lines[i] = prefix + line
	}
	return strings.Join(lines, "\n")
}

func (w markdownWriter) tableRows(n Node) string {
	w.table = true
	var b strings.Builder
	row := func(cells []Node) {
		b.WriteByte('|')
		for _, c := range cells {
			b.WriteString(" " + w.inlines(c.Children, ' ', ' ') + " |")
		}
		b.WriteByte('\n')
	}
	rows := n.Children
	width := len(rows[0].Children)
	if rows[0].Header {
		row(rows[0].Children)
		rows = rows[1:]
	} else {
		row(make([]Node, width))
	}
	b.WriteString("|" + strings.Repeat(" --- |", width) + "\n")
	for _, r := range rows {
		row(r.Children)
	}
	return strings.TrimRight(b.String(), "\n")
}

var (
	lineStart = regexp.MustCompile(`^(?:#{1,6}(?: |$)|>|[-+*](?: |$)|=+ *$|-+ *$|[-:| ]*-[-:| ]*$)`)
	lineOrder = regexp.MustCompile(`^([0-9]{1,9})([.)])( |$)`)
	boxStart  = regexp.MustCompile(`^\[[ xX]\]`)
)

// lines writes a paragraph, whose lines must not start like another block.
func (w markdownWriter) lines(nodes []Node) string {
	lines := strings.Split(w.inlines(nodes, '\n', '\n'), "\n")
	for i, line := range lines {
		switch {
		case lineOrder.MatchString(line):
			lines[i] = lineOrder.ReplaceAllString(line, `$1\$2$3`)
		case i == 0 && boxStart.MatchString(line) && nodes[0].Kind != Text:
			// A link whose label looks like the box of a task.
			lines[i] = fmt.Sprintf("[&#%d;%s", line[1], line[2:])
		case lineStart.MatchString(line), i == 0 && boxStart.MatchString(line):
			lines[i] = `\` + line
		}
	}
	return strings.Join(lines, "\n")
}

// inlines writes nodes that stand between the characters before and after.
func (w markdownWriter) inlines(nodes []Node, before, after rune) string {
	var b strings.Builder
	for i, n := range nodes {
		prev, next := before, after
		if b.Len() > 0 {
			prev = lastRune(b.String()[max(0, b.Len()-4):])
		}
		if i+1 < len(nodes) {
			next = w.starts(nodes[i+1])
		}
		b.WriteString(w.inline(n, prev, next))
	}
	return b.String()
}

// starts is the character that n will start with, as far as flanking cares.
func (w markdownWriter) starts(n Node) rune {
	switch n.Kind {
	case Text:
		return firstRune(n.Text)
	case Break:
		return '\n'
	case Link:
		if bareLink(n) {
			return '<'
		}
		return '['
	case Image:
		return '!'
	case Code:
		return '`'
	case Raw:
		return firstRune(n.Text)
	case Emphasis, Strong:
		return '*'
	}
	return '<'
}

func (w markdownWriter) inline(n Node, prev, next rune) string {
	switch n.Kind {
	case Text:
		return w.text(n.Text, prev, next)
	case Break:
		if w.table {
			return "<br>"
		}
		return "\n"
	case Code:
		return w.code(n.Text)
	case Link:
		if !live(n.URL) {
			return w.inlines(unarmed(n.Children, n.URL), prev, next)
		}
		return w.linked(n, prev, next)
	case Image:
		if n.URL == "" {
			return w.text(n.Text, prev, next)
		}
		if !live(n.URL) {
			return w.inlines(normalPicture(n), prev, next)
		}
		inner := w
		inner.link = true
		return "![" + inner.text(n.Text, '[', ']') + "](" + destination(n.URL, w.table) + ")"
	case Raw:
		if w.table {
			return strings.ReplaceAll(strings.ReplaceAll(n.Text, "\n", " "), "|", `\|`)
		}
		return n.Text
	case Emphasis:
		if wordRune(prev) || wordRune(next) || prev == '_' || next == '_' {
			return w.span("*", n, prev, next)
		}
		return w.span("_", n, prev, next)
	case Strong:
		return w.span("**", n, prev, next)
	case Strike:
		return w.span("~~", n, prev, next)
	case Insert:
		return "<ins>" + w.inlines(n.Children, '>', '<') + "</ins>"
	case Super:
		return "<sup>" + w.inlines(n.Children, '>', '<') + "</sup>"
	case Sub:
		return "<sub>" + w.inlines(n.Children, '>', '<') + "</sub>"
	}
	return w.inlines(n.Children, prev, next)
}

// span puts mark around, or leaves it out where Markdown would not take it for
// emphasis: words come before looks.
func (w markdownWriter) span(mark string, n Node, prev, next rune) string {
	m := rune(mark[0])
	inner := w.inlines(n.Children, m, m)
	first, last := firstRune(inner), lastRune(inner)
	opens := !spaceRune(first) && (!punctRune(first) || spaceRune(prev) || punctRune(prev))
	closes := !spaceRune(last) && (!punctRune(last) || spaceRune(next) || punctRune(next))
	if inner == "" || !opens || !closes || first == m || last == m || prev == m || next == m {
		return w.inlines(n.Children, prev, next)
	}
	return mark + inner + mark
}

func (w markdownWriter) linked(n Node, prev, next rune) string {
	if bareLink(n) && !strings.ContainsAny(n.URL, "<> \\") && urlPrefix(n.URL) == len(n.URL) {
		free := prev == '\n' || prev == ' ' || prev == '('
		if free && (next == '\n' || next == ' ') && !(w.table && strings.Contains(n.URL, "|")) {
			return n.URL
		}
		return "<" + n.URL + ">"
	}
	inner := w
	inner.link = true
	return "[" + inner.inlines(n.Children, '[', ']') + "](" + destination(n.URL, w.table) + ")"
}

func destination(u string, table bool) string {
	if _, ok := AttachmentName(u); ok {
		return u // as it stands where it is looked for
	}
	var b strings.Builder
	for _, r := range u {
		switch {
		case r == '<' || r == '>' || r == '\\' || r == '(' || r == ')' || r == '*' || r == '_' || r == '`' || r == '~':
			b.WriteByte('\\')
		case r == '|' && table:
			b.WriteByte('\\')
		case r == '&':
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (w markdownWriter) code(s string) string {
	fence := "`"
	for hasRun(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	if w.table {
		s = strings.ReplaceAll(s, "|", `\|`)
	}
	return fence + s + fence
}

// hasRun tells whether s has a run of backticks of just this length.
func hasRun(s, fence string) bool {
	for _, run := range strings.FieldsFunc(s, func(r rune) bool { return r != '`' }) {
		if run == fence {
			return true
		}
	}
	return false
}

// text writes literal text, with a backslash only where one is needed.
func (w markdownWriter) text(s string, prev, next rune) string {
	if !strings.ContainsAny(s, "\\`*_~<>&[]!|:#") {
		return s
	}
	var b strings.Builder
	p := prev
	for i, r := range s {
		rest := s[i+utf8.RuneLen(r):]
		n := next
		if rest != "" {
			n = firstRune(rest)
		}
		if w.escapes(r, p, n, s[i:]) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		p = r
	}
	return b.String()
}

// escapes tells whether r, at the start of rest, needs a backslash.
func (w markdownWriter) escapes(r, prev, next rune, rest string) bool {
	last := len(rest) == utf8.RuneLen(r)
	switch r {
	case '`':
		return true
	case '\\':
		return next == '\n' || next < 0x80 && isPunct(byte(next)) || last
	case '*', '~':
		return !(spaceRune(prev) && spaceRune(next))
	case '_':
		return !(spaceRune(prev) && spaceRune(next)) && !(wordRune(prev) && wordRune(next))
	case '<':
		return last || next == '/' || next == '!' || next == '?' || next < 0x80 && unicode.IsLetter(next)
	case '&':
		return last || entityPattern.MatchString(rest)
	case '[':
		return w.link
	case ']':
		return w.link || next == '(' || next == ':' || next == '['
	case '!':
		return next == '['
	case '|':
		return w.table
	}
	return false
}

func spaceRune(r rune) bool { return unicode.IsSpace(r) || r == '\u00a0' }

func punctRune(r rune) bool {
	return r < 0x80 && r > 0 && isPunct(byte(r)) || unicode.IsPunct(r) || unicode.IsSymbol(r)
}

func wordRune(r rune) bool { return !spaceRune(r) && !punctRune(r) }
