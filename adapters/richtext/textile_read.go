package richtext

import (
	"regexp"
	"strings"
)

// FromTextile reads Textile as Redmine understands it.
func FromTextile(s string) Doc {
	s = clean(s)
	if len(s) > maxInput {
		return FromPlain(s)
	}
	var out []Node
	for _, part := range splitPre(s) {
		if part.Kind == CodeBlock {
			out = append(out, part)
		} else {
			out = append(out, textileBlocks(strings.Split(strings.ReplaceAll(part.Text, "\t", "    "), "\n"), 0)...)
		}
	}
	return Doc{Blocks: normalBlocks(out, 0)}
}

var (
	preOpen   = regexp.MustCompile(`(?i)<pre\b[^>\n]*>`)
	preClose  = regexp.MustCompile(`(?i)</pre\s*>`)
	codeOpen  = regexp.MustCompile(`(?is)^\s*<code(?:\s+class=["']([^"'\n]{0,50})["'])?[^>\n]*>`)
	codeClose = regexp.MustCompile(`(?i)</code\s*>\s*$`)
)

// splitPre cuts s into code blocks and the text between.
func splitPre(s string) []Node {
	var out []Node
	for {
		open := preOpen.FindStringIndex(s)
		if open == nil {
			return append(out, Node{Text: s})
		}
		out = append(out, Node{Text: s[:open[0]]})
		body := s[open[1]:]
		s = ""
		if end := preClose.FindStringIndex(body); end != nil {
			body, s = body[:end[0]], body[end[1]:]
		}
		code := Node{Kind: CodeBlock}
		if m := codeOpen.FindStringSubmatch(body); m != nil {
			code.Lang = m[1]
			body = codeClose.ReplaceAllString(body[len(m[0]):], "")
		}
		code.Text = strings.ReplaceAll(strings.TrimPrefix(body, "\n"), "<\u200b", "<")
		out = append(out, code)
	}
}

var (
	textileHead  = regexp.MustCompile(`^(h[1-6]|bq|p)(?:\([^()\n]{1,50}\)|\{[^{}\n]{1,100}\}|\[[a-z_-]{1,20}\]|[<>=()]{1,4}){0,4}\.(?::(\S{1,200}))? (.*)$`)
	textileItem  = regexp.MustCompile(`^([*#]{1,16}) (.*)$`)
	textileRule  = regexp.MustCompile(`^ ?(?:(?:- ?){3,}|(?:_ ?){3,}|(?:\*){3,} ?)$`)
	textileTable = regexp.MustCompile(`^table[^|\n]{0,100}\. ?$`)
)

func textileBlocks(lines []string, depth int) []Node {
	var out []Node
	for i := 0; i < len(lines); {
		if strings.TrimSpace(lines[i]) == "" {
			i++
			continue
		}
		if strings.HasPrefix(lines[i], ">") {
			n := run(lines[i:], func(l string) bool { return strings.HasPrefix(l, ">") })
			out = append(out, textileQuote(lines[i:i+n], depth))
			i += n
			continue
		}
		n := run(lines[i:], func(l string) bool { return strings.TrimSpace(l) != "" && !strings.HasPrefix(l, ">") })
		out = append(out, textileBlock(lines[i:i+n])...)
		i += n
	}
	return out
}

func run(lines []string, keep func(string) bool) int {
	for i, l := range lines {
		if !keep(l) {
			return i
		}
	}
	return len(lines)
}

func textileQuote(lines []string, depth int) Node {
	inner := make([]string, len(lines))
	for i, l := range lines {
		inner[i] = strings.TrimPrefix(l[1:], " ")
	}
	if depth >= maxDepth {
		return Node{Kind: Quote, Children: []Node{{Kind: Paragraph, Children: textileInlines(strings.Join(inner, "\n"), 0)}}}
	}
	return Node{Kind: Quote, Children: textileBlocks(inner, depth+1)}
}

// textileBlock reads lines without an empty one among them.
func textileBlock(lines []string) []Node {
	if len(lines) == 1 && textileRule.MatchString(lines[0]) {
		return []Node{{Kind: Rule}}
	}
	if m := textileHead.FindStringSubmatch(lines[0]); m != nil {
		text := strings.Join(append([]string{m[3]}, lines[1:]...), "\n")
		if m[2] != "" {
			text += " (" + m[2] + ")"
		}
		n := Node{Kind: Paragraph, Children: textileInlines(text, 0)}
		switch {
		case m[1] == "bq":
			n = Node{Kind: Quote, Children: []Node{n}}
		case m[1] != "p":
			n.Kind, n.Level = Heading, int(m[1][1]-'0')
		}
		return []Node{n}
	}
	for i, l := range lines {
		var special []Node
		switch {
		case textileItem.MatchString(l):
			special = textileList(lines[i:])
		case strings.HasPrefix(l, "|"):
			special = textileRows(lines[i:])
		case textileTable.MatchString(l) && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|"):
			special = textileRows(lines[i+1:])
		}
		if special == nil {
			continue
		}
		if i == 0 {
			return special
		}
		return append(textileParagraph(lines[:i]), special...)
	}
	return textileParagraph(lines)
}

func textileParagraph(lines []string) []Node {
	return []Node{{Kind: Paragraph, Children: textileInlines(strings.Join(lines, "\n"), 0)}}
}

// textileList reads items; a line that starts none belongs to the one before.
func textileList(lines []string) []Node {
	type entry struct {
		prefix, text string
	}
	var entries []entry
	for _, l := range lines {
		if m := textileItem.FindStringSubmatch(l); m != nil {
			entries = append(entries, entry{m[1], m[2]})
		} else {
			entries[len(entries)-1].text += "\n" + l
		}
	}
	var build func(level int, from, to int) []Node
	build = func(level, from, to int) []Node {
		var lists []Node
		for i := from; i < to; {
			end := i + 1
			for end < to && len(entries[end].prefix) > level {
				end++
			}
			e := entries[i]
			ordered := e.prefix[min(level, len(e.prefix))-1] == '#'
			item := Node{Kind: Item}
			next := i
			if len(e.prefix) <= level {
				item = textileEntry(e.text)
				next = i + 1
			}
			if next < end {
				item.Children = append(item.Children, build(level+1, next, end)...)
			}
			if last := len(lists) - 1; last >= 0 && lists[last].Ordered == ordered {
				lists[last].Children = append(lists[last].Children, item)
			} else {
				lists = append(lists, Node{Kind: List, Ordered: ordered, Children: []Node{item}})
			}
			i = end
		}
		return lists
	}
	return build(1, 0, len(entries))
}

func textileEntry(text string) Node {
	item := Node{Kind: Item}
	switch {
	case strings.HasPrefix(text, "[ ] "):
		item.Task, text = Open, text[4:]
	case strings.HasPrefix(text, "[x] "), strings.HasPrefix(text, "[X] "):
		item.Task, text = Done, text[4:]
	}
	item.Children = []Node{{Kind: Paragraph, Children: textileInlines(text, 0)}}
	return item
}

var cellMods = regexp.MustCompile(`^(_?)(?:\\\d{1,3}|/\d{1,3}|[<>=^~-]|\([^()\n]{1,50}\)|\{[^{}\n]{1,100}\}){0,6}\. ?`)

// textileRows reads a table, or nothing if the lines are none to the end.
func textileRows(lines []string) []Node {
	if !strings.HasSuffix(strings.TrimRight(lines[len(lines)-1], " "), "|") {
		return nil
	}
	table := Node{Kind: Table}
	row := ""
	for _, l := range lines {
		l = strings.TrimRight(l, " ")
		if row += l; !strings.HasSuffix(l, "|") || row == "|" {
			row += "\n"
			continue
		}
		table.Children = append(table.Children, textileRow(row))
		row = ""
	}
	return []Node{table}
}

func textileRow(s string) Node {
	row := Node{Kind: Row, Header: true}
	if !strings.HasPrefix(s, "|") {
		s = "|" + s
	}
	for _, cell := range strings.Split(s[1:len(s)-1], "|") {
		m := cellMods.FindStringSubmatch(cell)
		if m == nil || m[1] == "" {
			row.Header = false
		}
		if m != nil {
			cell = cell[len(m[0]):]
		}
		row.Children = append(row.Children, Node{Kind: Cell, Children: textileInlines(strings.TrimSpace(cell), 0)})
	}
	return row
}
