package richtext

import (
	"regexp"
	"strings"
)

var (
	wikiHead  = regexp.MustCompile(`^ {0,3}(h[1-6]|bq)\. +(.*)$`)
	wikiItem  = regexp.MustCompile(`^ {0,3}([*#]{1,16}|-) +(.*)$`)
	wikiRule  = regexp.MustCompile(`^-{4,5}[ \t]*$`)
	wikiFence = regexp.MustCompile(`^\{(code|noformat)(?::([^{}\n]*))?\}(.*)$`)
	wikiBox   = regexp.MustCompile(`^\{(quote|panel)(?::([^{}\n]*))?\}(.*)$`)
)

// FromWiki reads Jira's wiki text.
func FromWiki(s string) Doc {
	s = clean(s)
	if len(s) > maxInput {
		return FromPlain(s)
	}
	return Doc{Blocks: normalBlocks(wikiBlocks(strings.Split(s, "\n"), 0), 0)}
}

func wikiBlocks(lines []string, depth int) []Node {
	var out []Node
	var open []string
	flush := func() {
		if len(open) > 0 {
			out = append(out, Node{Kind: Paragraph, Children: wikiInlines(strings.Join(open, "\n"), 0)})
			open = nil
		}
	}
	for i := 0; i < len(lines); {
		block, n := wikiBlock(lines[i:], depth)
		if n == 0 {
			if strings.TrimSpace(lines[i]) == "" {
				flush()
			} else {
				open = append(open, lines[i])
			}
			i++
			continue
		}
		flush()
		out = append(out, block...)
		i += n
	}
	flush()
	return out
}

// wikiBlock reads the block that lines begin with, and how many it took; 0 for a
// paragraph's line.
func wikiBlock(lines []string, depth int) ([]Node, int) {
	line := lines[0]
	if m := wikiFence.FindStringSubmatch(line); m != nil {
		if n, size := wikiFenced(lines, m); size > 0 {
			return []Node{n}, size
		}
		return nil, 0
	}
	if m := wikiBox.FindStringSubmatch(line); m != nil && depth < maxDepth {
		if inner, size := wikiInner(lines, "{"+m[1]+"}", m[3]); size > 0 {
			return []Node{{Kind: Quote, Children: append(wikiTitle(m[2]), wikiBlocks(inner, depth+1)...)}}, size
		}
		return nil, 0
	}
	if m := wikiHead.FindStringSubmatch(line); m != nil {
		n := Node{Kind: Paragraph, Children: wikiInlines(m[2], 0)}
		if m[1] == "bq" {
			return []Node{{Kind: Quote, Children: []Node{n}}}, 1
		}
		n.Kind, n.Level = Heading, int(m[1][1]-'0')
		return []Node{n}, 1
	}
	switch {
	case wikiRule.MatchString(line):
		return []Node{{Kind: Rule}}, 1
	case wikiItem.MatchString(line):
		n := run(lines, func(l string) bool { return wikiGoesOn(l) || wikiItem.MatchString(l) })
		return wikiList(lines[:n]), n
	case strings.HasPrefix(line, "|") && strings.HasSuffix(strings.TrimRight(line, " "), "|") && len(line) > 1:
		n := run(lines, func(l string) bool {
			return strings.HasPrefix(l, "|") && strings.HasSuffix(strings.TrimRight(l, " "), "|")
		})
		return []Node{wikiTable(lines[:n])}, n
	}
	return nil, 0
}

// wikiTitle is what stands above a panel.
func wikiTitle(options string) []Node {
	for option := range strings.SplitSeq(options, "|") {
		if title, ok := strings.CutPrefix(option, "title="); ok {
			return []Node{{Kind: Paragraph, Children: []Node{{Kind: Strong, Children: textLines(title)}}}}
		}
	}
	return nil
}

// wikiGoesOn tells whether a line belongs to the item before it.
func wikiGoesOn(l string) bool {
	return strings.TrimSpace(l) != "" && !wikiHead.MatchString(l) && !wikiRule.MatchString(l) && !strings.HasPrefix(l, "|") &&
		!wikiFence.MatchString(l) && !wikiBox.MatchString(l)
}

// wikiInner are the lines up to the closing mark; 0 if nothing closes.
func wikiInner(lines []string, mark, first string) ([]string, int) {
	if before, after, ok := strings.Cut(first, mark); ok {
		if strings.TrimSpace(after) == "" {
			return []string{before}, 1
		}
		return nil, 0
	}
	var inner []string
	if first != "" {
		inner = append(inner, first)
	}
	for i, l := range lines[1:] {
		before, after, ok := strings.Cut(l, mark)
		if !ok {
			inner = append(inner, l)
			continue
		}
		if strings.TrimSpace(after) != "" {
			return nil, 0
		}
		if before != "" {
			inner = append(inner, before)
		}
		return inner, i + 2
	}
	return nil, 0
}

func wikiFenced(lines, m []string) (Node, int) {
	inner, size := wikiInner(lines, "{"+m[1]+"}", m[3])
	n := Node{Kind: CodeBlock, Text: strings.Join(inner, "\n")}
	for part := range strings.SplitSeq(m[2], "|") {
		name, value, has := strings.Cut(part, "=")
		switch {
		case !has && m[1] == "code":
			n.Lang = name
		case has && name == "language":
			n.Lang = value
		case has && name == "title" && size > 0:
			n.Text = value + "\n" + n.Text
		}
	}
	return n, size
}

func wikiList(lines []string) []Node {
	var entries []wikiEntry
	for _, l := range lines {
		if m := wikiItem.FindStringSubmatch(l); m != nil {
			entries = append(entries, wikiEntry{strings.ReplaceAll(m[1], "-", "*"), m[2]})
		} else {
			entries[len(entries)-1].text += "\n" + l
		}
	}
	return wikiLevel(entries, 1)
}

type wikiEntry struct{ prefix, text string }

// wikiLevel makes lists of the entries of one level and those below them.
func wikiLevel(entries []wikiEntry, level int) []Node {
	var lists []Node
	for i := 0; i < len(entries); {
		end := i + 1
		for end < len(entries) && len(entries[end].prefix) > level {
			end++
		}
		e := entries[i]
		item, next := Node{Kind: Item}, i
		if len(e.prefix) <= level {
			item, next = wikiItemOf(e.text), i+1
		}
		if next < end {
			item.Children = append(item.Children, wikiLevel(entries[next:end], level+1)...)
		}
		ordered := e.prefix[min(level, len(e.prefix))-1] == '#'
		if last := len(lists) - 1; last >= 0 && lists[last].Ordered == ordered {
			lists[last].Children = append(lists[last].Children, item)
		} else {
			lists = append(lists, Node{Kind: List, Ordered: ordered, Children: []Node{item}})
		}
		i = end
	}
	return lists
}

func wikiItemOf(text string) Node {
	item := Node{Kind: Item}
	for box, task := range map[string]Task{`\[ ] `: Open, `\[x] `: Done, "[ ] ": Open, "[x] ": Done} {
		if rest, ok := strings.CutPrefix(text, box); ok {
			item.Task, text = task, rest
			break
		}
	}
	item.Children = []Node{{Kind: Paragraph, Children: wikiInlines(text, 0)}}
	return item
}

func wikiTable(lines []string) Node {
	table := Node{Kind: Table}
	for i, l := range lines {
		l = strings.TrimRight(l, " ")
		row := Node{Kind: Row, Header: i == 0 && strings.HasPrefix(l, "||")}
		for _, cell := range wikiCells(l) {
			row.Children = append(row.Children, Node{Kind: Cell, Children: wikiInlines(strings.TrimSpace(cell), 0)})
		}
		table.Children = append(table.Children, row)
	}
	return table
}

// wikiCells splits a row at its bars, but not at those within a link or a picture, or
// behind a backslash.
func wikiCells(l string) []string {
	var cells []string
	var b strings.Builder
	depth := 0
	for i := 1; i < len(l); i++ {
		switch c := l[i]; {
		case c == '\\' && i+1 < len(l):
			b.WriteString(l[i : i+2])
			i++
		case c == '|' && depth == 0:
			if b.Len() > 0 {
				cells = append(cells, b.String())
			}
			b.Reset()
		case c == '!' && wikiImage.MatchString(l[i:]) && !wordRune(lastRune(l[:i])):
			picture := wikiImage.FindString(l[i:])
			b.WriteString(picture)
			i += len(picture) - 1
		default:
			if c == '[' {
				depth++
			} else if c == ']' && depth > 0 {
				depth--
			}
			b.WriteByte(c)
		}
	}
	if b.Len() > 0 {
		cells = append(cells, b.String())
	}
	return cells
}
