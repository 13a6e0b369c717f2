package richtext

import (
	"regexp"
	"strings"
)

// normalBlocks brings blocks into the one form that all writers expect: no
// empty blocks, no empty or nested-alike inlines, text merged, addresses made
// links, spaces outside of emphasis, nothing nested too deep.
func normalBlocks(nodes []Node, depth int) []Node {
	var out []Node
	for _, n := range nodes {
		switch n.Kind {
		case Paragraph, Heading:
			n.Children = normalLine(n.Children)
			if len(n.Children) == 0 {
				continue
			}
			if n.Kind == Heading {
				n.Children = withoutBreaks(n.Children)
			}
		case Quote, Item:
			if depth >= maxDepth {
				out = append(out, flatten(n.Children)...)
				continue
			}
			n.Children = normalBlocks(n.Children, depth+1)
			if n.Kind == Quote && len(n.Children) == 0 {
				continue
			}
			n = boxed(n)
		case List:
			items := make([]Node, 0, len(n.Children))
			if depth >= maxDepth {
				out = append(out, flatten(n.Children)...)
				continue
			}
			for _, item := range n.Children {
				items = append(items, normalBlocks([]Node{item}, depth)...)
			}
			if n.Children = items; len(items) == 0 {
				continue
			}
		case Table:
			if columns(n) > maxColumns {
				out = append(out, flatten(n.Children)...)
				continue
			}
			if n = normalTable(n); len(n.Children) == 0 {
				continue
			}
		case CodeBlock:
			n.Text = strings.TrimRight(n.Text, "\n")
			n.Lang = word(n.Lang)
		case RawBlock:
			if n.Text = strings.Trim(n.Text, "\n"); strings.TrimSpace(n.Text) == "" {
				continue
			}
		}
		out = append(out, n)
	}
	return out
}

// boxed writes the box of an item that has no words beside it, which few formats can say.
func boxed(item Node) Node {
	if item.Task == NoTask || len(item.Children) > 0 && item.Children[0].Kind == Paragraph {
		return item
	}
	box := Node{Kind: Text, Text: map[Task]string{Open: "[ ]", Done: "[x]"}[item.Task]}
	item.Task = NoTask
	item.Children = append([]Node{{Kind: Paragraph, Children: []Node{box}}}, item.Children...)
	return item
}

// flatten keeps the words of what is nested too deep.
func flatten(nodes []Node) []Node {
	var out []Node
	for _, n := range nodes {
		switch n.Kind {
		case Quote, Item, List, Table, Row:
			out = append(out, flatten(n.Children)...)
		case Cell:
			out = append(out, normalBlocks([]Node{{Kind: Paragraph, Children: n.Children}}, 0)...)
		default:
			out = append(out, normalBlocks([]Node{n}, 0)...)
		}
	}
	return out
}

// maxColumns bounds tables: each row is filled up to the widest one, so that a wide row and many
// narrow ones would grow with the square of the input.
const maxColumns = 64

func columns(table Node) int {
	widest := 0
	for _, row := range table.Children {
		widest = max(widest, len(row.Children))
	}
	return widest
}

func normalTable(n Node) Node {
	rows, width := make([]Node, 0, len(n.Children)), columns(n)
	for _, row := range n.Children {
		cells := make([]Node, 0, len(row.Children))
		for _, cell := range row.Children {
			cells = append(cells, Node{Kind: Cell, Children: normalLine(cell.Children)})
		}
		rows = append(rows, Node{Kind: Row, Header: row.Header, Children: cells})
	}
	if width == 0 {
		return Node{}
	}
	for i := range rows {
		rows[i].Header = i == 0 && rows[i].Header
		for len(rows[i].Children) < width {
			rows[i].Children = append(rows[i].Children, Node{Kind: Cell})
		}
	}
	n.Children = rows
	return n
}

// normalLine trims a whole line of inlines and normalises it.
func normalLine(nodes []Node) []Node { return enclosed(trimLine(normalInlines(nodes, 0, 0))) }

func trimLine(nodes []Node) []Node {
	for len(nodes) > 0 && blank(nodes[0]) {
		nodes = nodes[1:]
	}
	for len(nodes) > 0 && blank(nodes[len(nodes)-1]) {
		nodes = nodes[:len(nodes)-1]
	}
	out := make([]Node, 0, len(nodes))
	for i, n := range nodes {
		if n.Kind == Text {
			if i == 0 || nodes[i-1].Kind == Break {
				n.Text = strings.TrimLeft(n.Text, " \t")
			}
			if i == len(nodes)-1 || nodes[i+1].Kind == Break {
				n.Text = strings.TrimRight(n.Text, " \t\u00a0")
			}
			if n.Text == "" {
				continue
			}
		}
		// An empty line inside a paragraph would end it.
		if n.Kind == Break && (len(out) == 0 || out[len(out)-1].Kind == Break) {
			continue
		}
		out = append(out, n)
	}
	return out
}

func blank(n Node) bool {
	return n.Kind == Break || n.Kind == Text && strings.Trim(n.Text, " \t\u00a0") == ""
}

// normalInlines merges text, drops what is empty, moves spaces and breaks at
// the ends of emphasis outside of it, and takes out emphasis within the same.
// within has a bit for each kind around.
func normalInlines(nodes []Node, within uint64, depth int) []Node {
	var out []Node
	add := func(n Node) {
		if last := len(out) - 1; n.Kind == Text && last >= 0 && out[last].Kind == Text {
			out[last].Text += n.Text
			return
		}
		out = append(out, n)
	}
	for _, n := range nodes {
		switch n.Kind {
		case Text:
			n.Text = strings.ReplaceAll(n.Text, "\t", " ")
			if n.Text != "" {
				add(n)
			}
		case Image:
			for _, c := range normalPicture(n) {
				add(c)
			}
		case Break:
			add(n)
		case Code:
			n.Text = strings.TrimSpace(strings.ReplaceAll(n.Text, "\n", " "))
			if n.Text != "" {
				add(n)
			}
		case Raw:
			if n.Text != "" {
				add(n)
			}
		case Link:
			for _, c := range normalLink(n, within, depth) {
				add(c)
			}
		default:
			for _, c := range normalSpan(n, within, depth) {
				add(c)
			}
		}
	}
	if within&(1<<Link) != 0 {
		return out
	}
	return linkify(pointOut(out))
}

func normalLink(n Node, within uint64, depth int) []Node {
	if within&(1<<Link) != 0 || depth >= maxDepth || n.URL == "" {
		return normalInlines(n.Children, within, depth+1)
	}
	if !live(n.URL) {
		label := normalInlines(n.Children, within, depth+1)
		if bareLink(Node{URL: n.URL, Children: label}) {
			label = nil
		}
		return unarmed(label, n.URL)
	}
	n.Children = trimLine(withoutBreaks(normalInlines(n.Children, within|1<<Link, depth+1)))
	name, file := AttachmentName(n.URL)
	switch {
	case file:
		return []Node{linkTo(name, plainInlines(n.Children))}
	case len(n.Children) == 0:
		n.Children = []Node{{Kind: Text, Text: n.URL}}
	}
	return []Node{n}
}

func normalPicture(n Node) []Node {
	var words []Node
	if n.Text != "" {
		words = []Node{{Kind: Text, Text: strings.ReplaceAll(n.Text, "\n", " ")}}
	}
	switch {
	case n.URL == "":
		return words
	case !live(n.URL):
		return unarmed(words, n.URL)
	}
	if name, ok := AttachmentName(n.URL); ok {
		return []Node{pictureOf(name, strings.ReplaceAll(n.Text, "\n", " "))}
	}
	return []Node{n}
}

func normalSpan(n Node, within uint64, depth int) []Node {
	bit := uint64(1) << n.Kind
	children := normalInlines(n.Children, within|bit, depth+1)
	if within&bit != 0 || depth >= maxDepth {
		return children
	}
	var before, after []Node
	for len(children) > 0 {
		c := children[0]
		if c.Kind == Break {
			before, children = append(before, c), children[1:]
			continue
		}
		trimmed := strings.TrimLeft(c.Text, spaces)
		if c.Kind != Text || trimmed == c.Text {
			break
		}
		before = append(before, Node{Kind: Text, Text: c.Text[:len(c.Text)-len(trimmed)]})
		if children[0].Text = trimmed; trimmed == "" {
			children = children[1:]
		}
	}
	for len(children) > 0 {
		c := children[len(children)-1]
		if c.Kind == Break {
			after, children = append([]Node{c}, after...), children[:len(children)-1]
			continue
		}
		trimmed := strings.TrimRight(c.Text, spaces)
		if c.Kind != Text || trimmed == c.Text {
			break
		}
		after = append([]Node{{Kind: Text, Text: c.Text[len(trimmed):]}}, after...)
		if children[len(children)-1].Text = trimmed; trimmed == "" {
			children = children[:len(children)-1]
		}
	}
	out := before
	if len(children) > 0 {
		n.Children = children
		out = append(out, n)
	}
	return append(out, after...)
}

// spaces are what Markdown takes for white space beside emphasis.
const spaces = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"

func withoutBreaks(nodes []Node) []Node {
	out := make([]Node, 0, len(nodes))
	for _, n := range nodes {
		if n.Kind == Break {
			n = Node{Kind: Text, Text: " "}
		}
		n.Children = withoutBreaks(n.Children)
		out = append(out, n)
	}
	return out
}

var wordPattern = regexp.MustCompile(`^[A-Za-z0-9+#._-]{1,32}`)

func word(s string) string { return wordPattern.FindString(strings.TrimSpace(s)) }

var urlPattern = regexp.MustCompile(`^(?:https?|ftp)://[-a-zA-Z0-9@:%_+.~#$!?&/=();,\p{L}\p{N}]+`)

// urlPrefix is the length of the bare address that s starts with, or 0.
// Punctuation at its end belongs to the sentence, not to the address.
func urlPrefix(s string) int {
	u := urlPattern.FindString(s)
	open, closed := strings.Count(u, "("), strings.Count(u, ")")
	for u != "" {
		last := u[len(u)-1]
		if last == ')' && closed > open {
			closed--
		} else if !strings.ContainsRune("?!.,:;*_~)", rune(last)) || last == ')' {
			break
		}
		u = u[:len(u)-1]
	}
	if strings.HasSuffix(u, "//") {
		return 0
	}
	return len(u)
}

// linkify makes links of bare addresses in text.
func linkify(nodes []Node) []Node {
	var out []Node
	for _, n := range nodes {
		if n.Kind != Text || !strings.Contains(n.Text, "://") {
			out = append(out, n)
			continue
		}
		start := 0
		for i := 0; i < len(n.Text); i++ {
			if c := n.Text[i]; c != 'h' && c != 'f' || i > 0 && !strings.ContainsRune(" \t(*_~", rune(n.Text[i-1])) {
				continue
			}
			size := urlPrefix(n.Text[i:])
			if size == 0 || !safeURL(n.Text[i:i+size]) {
				continue
			}
			if i > start {
				out = append(out, Node{Kind: Text, Text: n.Text[start:i]})
			}
			u := n.Text[i : i+size]
			out = append(out, Node{Kind: Link, URL: u, Children: []Node{{Kind: Text, Text: u}}})
			start, i = i+size, i+size-1
		}
		if start < len(n.Text) {
			out = append(out, Node{Kind: Text, Text: n.Text[start:]})
		}
	}
	return out
}

// bareLink tells whether a link shows nothing but its address.
func bareLink(n Node) bool {
	return len(n.Children) == 1 && n.Children[0].Kind == Text && n.Children[0].Text == n.URL
}

// settled writes d so that reading and writing again gives the same. Marks
// that a format does not take are left out, which changes what is beside them:
// after a few rounds of that only the words are written.
func settled(d Doc, write func(Doc) string, read func(string) Doc) string {
	const rounds = 4
	out := write(d)
	if len(out) > maxInput {
		return out
	}
	for range rounds {
		again := write(read(out))
		if again == out {
			return out
		}
		out = again
	}
	return write(FromPlain(d.Plain()))
}
