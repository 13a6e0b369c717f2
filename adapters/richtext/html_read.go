package richtext

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// FromHTML reads HTML. Scripts, styles and comments are dropped: they carry no
// words for people.
func FromHTML(s string) Doc {
	s = clean(s)
	if len(s) > maxInput {
		return FromPlain(s)
	}
	// What a program that runs no scripts would show.
	root, err := html.ParseWithOptions(strings.NewReader(s), html.ParseOptionEnableScripting(false))
	if err != nil {
		return FromPlain(s)
	}
	r := htmlReader{}
	return Doc{Blocks: normalBlocks(r.blocks(root, 0), 0)}
}

type htmlReader struct{}

// blocks reads the children of n; inlines between blocks become paragraphs.
func (r htmlReader) blocks(n *html.Node, depth int) []Node {
	var out, line []Node
	flush := func() {
		if len(line) > 0 {
			out = append(out, Node{Kind: Paragraph, Children: collapse(line)})
			line = nil
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if isBlock(c) && depth < 4*maxDepth {
			flush()
			out = append(out, r.block(c, depth)...)
			continue
		}
		if hasBlock(c, depth) {
			flush()
			out = append(out, spread(r.blocks(c, depth+1), c)...)
			continue
		}
		line = append(line, r.inline(c, depth)...)
	}
	flush()
	return out
}

func isBlock(n *html.Node) bool {
	if n.Type != html.ElementNode {
		return n.Type == html.DocumentNode
	}
	switch n.DataAtom {
	case atom.Html, atom.Head, atom.Body, atom.P, atom.Div, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Ul, atom.Ol, atom.Li, atom.Pre, atom.Blockquote, atom.Table, atom.Hr, atom.Section, atom.Article,
		atom.Header, atom.Footer, atom.Main, atom.Aside, atom.Nav, atom.Address, atom.Center, atom.Fieldset,
		atom.Form, atom.Dl, atom.Dt, atom.Dd, atom.Figure, atom.Figcaption, atom.Details, atom.Summary:
		return true
	}
	return false
}

// hasBlock tells whether an inline element holds a block, as mail often has it.
func hasBlock(n *html.Node, depth int) bool {
	if depth > 4*maxDepth {
		return false
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if isBlock(c) || hasBlock(c, depth+1) {
			return true
		}
	}
	return false
}

func (r htmlReader) block(n *html.Node, depth int) []Node {
	switch n.DataAtom {
	case atom.Head:
		return nil
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return []Node{{Kind: Heading, Level: int(n.Data[1] - '0'), Children: collapse(r.inlines(n, depth))}}
	case atom.Ul, atom.Ol:
		return []Node{r.list(n, depth)}
	case atom.Pre:
		return []Node{{Kind: CodeBlock, Text: strings.TrimPrefix(rawHTML(n), "\n"), Lang: codeLanguage(n)}}
	case atom.Blockquote:
		return []Node{{Kind: Quote, Children: r.blocks(n, depth+1)}}
	case atom.Table:
		return r.table(n, depth)
	case atom.Hr:
		return []Node{{Kind: Rule}}
	}
	return r.blocks(n, depth+1)
}

// maxNumber leaves room for the items of a list that begins with it: Markdown's numbers have nine digits at most.
const maxNumber = 999_000_000

func (r htmlReader) list(n *html.Node, depth int) Node {
	list := Node{Kind: List, Ordered: n.DataAtom == atom.Ol}
	if start, err := strconv.Atoi(attribute(n, "start")); err == nil && list.Ordered && start >= 0 && start <= maxNumber {
		list.Offset = start - 1
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && strings.TrimSpace(c.Data) == "" || c.Type == html.CommentNode {
			continue
		}
		if c.DataAtom == atom.Ul || c.DataAtom == atom.Ol {
			if last := len(list.Children) - 1; last >= 0 {
				list.Children[last].Children = append(list.Children[last].Children, r.list(c, depth+1))
				continue
			}
		}
		item := Node{Kind: Item}
		if c.DataAtom == atom.Li {
			item.Children = r.blocks(c, depth+1)
			item.Task = htmlTask(c, 0)
		} else {
			item.Children = r.blocks(&html.Node{Type: html.ElementNode, FirstChild: only(c)}, depth+1)
		}
		list.Children = append(list.Children, item)
	}
	return list
}

// only is a copy of n without its siblings.
func only(n *html.Node) *html.Node {
	c := *n
	c.NextSibling, c.PrevSibling = nil, nil
	return &c
}

func htmlTask(n *html.Node, depth int) Task {
	for c := n.FirstChild; c != nil && depth < 4; c = c.NextSibling {
		if c.DataAtom == atom.Input && attribute(c, "type") == "checkbox" {
			for _, a := range c.Attr {
				if a.Key == "checked" {
					return Done
				}
			}
			return Open
		}
		if c.DataAtom == atom.P || c.DataAtom == atom.Label {
			return htmlTask(c, depth+1)
		}
	}
	return NoTask
}

func (r htmlReader) table(n *html.Node, depth int) []Node {
	table := Node{Kind: Table}
	var outside []Node
	var walk func(*html.Node, int)
	walk = func(p *html.Node, level int) {
		for c := p.FirstChild; c != nil; c = c.NextSibling {
			switch {
			case c.DataAtom == atom.Tr:
				table.Children = append(table.Children, r.row(c, depth))
			case c.Type == html.ElementNode && level < 4 && c.DataAtom != atom.Caption:
				walk(c, level+1)
			case c.DataAtom == atom.Caption:
				outside = append(outside, r.blocks(c, depth+1)...)
			}
		}
	}
	walk(n, 0)
	return append(outside, table)
}

func (r htmlReader) row(n *html.Node, depth int) Node {
	row := Node{Kind: Row, Header: true}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Td && c.DataAtom != atom.Th {
			continue
		}
		if c.DataAtom == atom.Td {
			row.Header = false
		}
		row.Children = append(row.Children, Node{Kind: Cell, Children: collapse(r.cell(c, depth))})
	}
	return row
}

// cell flattens blocks inside a cell to lines.
func (r htmlReader) cell(n *html.Node, depth int) []Node {
	var out []Node
	for _, b := range flatten(normalBlocks(r.blocks(n, depth+1), 0)) {
		if len(out) > 0 {
			out = append(out, Node{Kind: Break})
		}
		if b.Kind == CodeBlock {
			out = append(out, Node{Kind: Code, Text: b.Text})
		}
		out = append(out, b.Children...)
	}
	return out
}

func (r htmlReader) inlines(n *html.Node, depth int) []Node {
	var out []Node
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		out = append(out, r.inline(c, depth+1)...)
	}
	return out
}

func (r htmlReader) inline(n *html.Node, depth int) []Node {
	switch {
	case n.Type == html.TextNode:
		return []Node{{Kind: Text, Text: strings.Join(fieldsKeepEnds(clean(n.Data)), " ")}}
	case n.Type != html.ElementNode:
		return nil
	case depth > 8*maxDepth:
		return []Node{{Kind: Text, Text: rawHTML(n)}}
	}
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Template:
		return nil
	case atom.Iframe, atom.Video, atom.Audio, atom.Source, atom.Object, atom.Embed:
		return append(embedded(n), r.inlines(n, depth)...)
	case atom.Input:
		return []Node{{Kind: Text, Text: typed(n)}}
	case atom.Option:
		return append(append([]Node{{Kind: Text, Text: " "}}, r.inlines(n, depth)...), Node{Kind: Text, Text: " "})
	case atom.Br:
		return []Node{{Kind: Break}}
	case atom.Code, atom.Tt, atom.Kbd, atom.Samp:
		return []Node{{Kind: Code, Text: rawHTML(n)}}
	case atom.A:
		if attribute(n, "data-vss-mention") != "" && strings.HasPrefix(attribute(n, "href"), "#") {
			// A mention of Azure DevOps: a name that calls nobody elsewhere.
			return []Node{{Kind: Text, Text: strings.TrimPrefix(strings.Join(fieldsKeepEnds(rawHTML(n)), " "), "@")}}
		}
		return []Node{{Kind: Link, URL: address(attribute(n, "href")), Children: r.inlines(n, depth)}}
	case atom.Img:
		u := address(attribute(n, "src"))
		if m := mailPart.FindStringSubmatch(u); m != nil {
			u = AttachmentURL(m[1])
		}
		return []Node{{Kind: Image, URL: u, Text: clean(attribute(n, "alt"))}}
	}
	if kind := htmlSpan(n.DataAtom); kind != 0 {
		return []Node{{Kind: kind, Children: r.inlines(n, depth)}}
	}
	return r.inlines(n, depth)
}

// mailPart is how mail names a file that came with it, as the usual programs write it (RFC 2392).
var mailPart = regexp.MustCompile(`^cid:([^@/:%]+\.[A-Za-z0-9]{1,5})@[^@]*$`)

// embedded is a link to what a page shows within itself.
func embedded(n *html.Node) []Node {
	u := address(attribute(n, "src"))
	if u == "" {
		u = address(attribute(n, "data"))
	}
	if u == "" {
		return nil
	}
	return []Node{{Kind: Link, URL: u, Children: []Node{{Kind: Text, Text: "[" + n.Data + "]"}}}, {Kind: Text, Text: " "}}
}

// typed is what stands in a field of a form.
func typed(n *html.Node) string {
	switch strings.ToLower(attribute(n, "type")) {
	case "checkbox", "radio", "hidden", "password":
		return ""
	}
	return strings.Join(strings.Fields(clean(attribute(n, "value"))), " ")
}

// spread puts a link or a span that holds blocks around what stands in each of them.
func spread(blocks []Node, around *html.Node) []Node {
	outer := Node{Kind: htmlSpan(around.DataAtom)}
	if around.DataAtom == atom.A {
		outer = Node{Kind: Link, URL: address(attribute(around, "href"))}
	}
	if outer.Kind == 0 || outer.Kind == Link && outer.URL == "" {
		return blocks
	}
	if !wrap(blocks, outer) && outer.Kind == Link {
		blocks = append(blocks, Node{Kind: Paragraph, Children: []Node{outer}})
	}
	return blocks
}

// wrap tells whether there was something to put outer around.
func wrap(blocks []Node, outer Node) bool {
	done := false
	for i, n := range blocks {
		switch n.Kind {
		case Paragraph, Heading, Cell:
			outer.Children = n.Children
			blocks[i].Children = []Node{outer}
			done = true
		case Quote, List, Item, Table, Row:
			done = wrap(n.Children, outer) || done
		}
	}
	return done
}

func htmlSpan(a atom.Atom) Kind {
	switch a {
	case atom.B, atom.Strong:
		return Strong
	case atom.I, atom.Em, atom.Cite, atom.Dfn, atom.Var:
		return Emphasis
	case atom.S, atom.Strike, atom.Del:
		return Strike
	case atom.U, atom.Ins:
		return Insert
	case atom.Sup:
		return Super
	case atom.Sub:
		return Sub
	}
	return 0
}

// fieldsKeepEnds splits at white space as HTML counts it; a space at either
// end of s leaves an empty field there.
func fieldsKeepEnds(s string) []string {
	isSpace := func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\f' }
	fields := strings.FieldsFunc(s, isSpace)
	if s != "" && isSpace(rune(s[0])) {
		fields = append([]string{""}, fields...)
	}
	if s != "" && len(fields) > 0 && isSpace(rune(s[len(s)-1])) {
		fields = append(fields, "")
	}
	return fields
}

// collapse makes one space of several across nodes.
func collapse(nodes []Node) []Node {
	space := true
	var walk func([]Node) []Node
	walk = func(in []Node) []Node {
		out := make([]Node, 0, len(in))
		for _, n := range in {
			switch n.Kind {
			case Text:
				if space {
					n.Text = strings.TrimLeft(n.Text, " ")
				}
				if n.Text == "" {
					continue
				}
				space = strings.HasSuffix(n.Text, " ")
			case Break:
				space = true
			case Code, Image, Raw:
				space = false
			default:
				n.Children = walk(n.Children)
			}
			out = append(out, n)
		}
		return out
	}
	return walk(nodes)
}

func rawHTML(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(clean(n.Data))
		case n.DataAtom == atom.Br:
			b.WriteByte('\n')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}

func codeLanguage(n *html.Node) string {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Code {
			return strings.TrimPrefix(attribute(c, "class"), "language-")
		}
	}
	return ""
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
