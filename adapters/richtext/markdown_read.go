package richtext

import (
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

var markdownParser = sync.OnceValue(func() parser.Parser {
	// Anchored: it is tried at every word, and must not look through the rest of the line.
	never := regexp.MustCompile(`\A[^\s\S]`)
	return goldmark.New(goldmark.WithExtensions(
		extension.Table, extension.Strikethrough, extension.TaskList,
		extension.NewLinkify(
			extension.WithLinkifyURLRegexp(urlPattern),
			extension.WithLinkifyWWWRegexp(never),
			extension.WithLinkifyEmailRegexp(never),
		),
	)).Parser()
})

// FromMarkdown reads GitHub-flavoured Markdown.
func FromMarkdown(s string) Doc {
	s = clean(s)
	if len(s) > maxInput || tooNested(s) || tooMarked(s) {
		return FromPlain(s)
	}
	r := markdownReader{source: []byte(s), used: map[string]bool{}}
	root := markdownParser().Parse(text.NewReader(r.source))
	r.collectReferences(root, 0)
	return Doc{Blocks: normalBlocks(r.blocks(root, 0), 0)}
}

type markdownReader struct {
	source []byte
	used   map[string]bool
}

func (r *markdownReader) collectReferences(n ast.Node, depth int) {
	if depth > 4*maxDepth {
		return
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Link:
			if c.Reference != nil {
				r.used[util.ToLinkReference(c.Reference.Value)] = true
			}
		case *ast.Image:
			if c.Reference != nil {
				r.used[util.ToLinkReference(c.Reference.Value)] = true
			}
		}
		r.collectReferences(c, depth+1)
	}
}

func (r *markdownReader) blocks(parent ast.Node, depth int) []Node {
	var out []Node
	for c := parent.FirstChild(); c != nil; c = c.NextSibling() {
		if depth > 2*maxDepth {
			out = append(out, Node{Kind: Paragraph, Children: textLines(r.deepText(c))})
			continue
		}
		out = append(out, r.block(c, depth)...)
	}
	return out
}

func (r *markdownReader) block(n ast.Node, depth int) []Node {
	switch n := n.(type) {
	case *ast.Paragraph, *ast.TextBlock:
		return []Node{{Kind: Paragraph, Children: r.inlines(n, 0)}}
	case *ast.Heading:
		return []Node{{Kind: Heading, Level: n.Level, Children: r.inlines(n, 0)}}
	case *ast.ThematicBreak:
		return []Node{{Kind: Rule}}
	case *ast.CodeBlock:
		return []Node{{Kind: CodeBlock, Text: r.lines(n)}}
	case *ast.FencedCodeBlock:
		return []Node{r.fenced(n)}
	case *ast.Blockquote:
		return []Node{{Kind: Quote, Children: r.blocks(n, depth+1)}}
	case *ast.List:
		list := Node{Kind: List, Ordered: n.IsOrdered()}
		if list.Ordered {
			list.Offset = n.Start - 1
		}
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			list.Children = append(list.Children, r.item(c, depth))
		}
		return []Node{list}
	case *ast.HTMLBlock:
		raw := r.lines(n)
		if n.HasClosure() {
			raw += string(n.ClosureLine.Value(r.source))
		}
		if !harmless(raw) {
			return []Node{{Kind: Paragraph, Children: textLines(raw)}}
		}
		return []Node{{Kind: RawBlock, Text: raw}}
	case *ast.LinkReferenceDefinition:
		if r.used[util.ToLinkReference(n.Label)] {
			return nil
		}
		return []Node{{Kind: Paragraph, Children: textLines(r.definition(n))}}
	case *extast.Table:
		return []Node{r.table(n)}
	}
	return []Node{{Kind: Paragraph, Children: textLines(r.lines(n))}}
}

// fenced keeps what stands behind the language as the first line of the code: who writes a command
// beside the fence means it to be read.
func (r *markdownReader) fenced(n *ast.FencedCodeBlock) Node {
	code := Node{Kind: CodeBlock, Text: r.lines(n)}
	if n.Info == nil {
		return code
	}
	info := strings.TrimSpace(unescape(string(n.Info.Segment.Value(r.source))))
	if code.Lang = word(info); strings.TrimSpace(info[len(code.Lang):]) != "" {
		code.Text = strings.TrimSpace(info[len(code.Lang):]) + "\n" + code.Text
	}
	return code
}

func (r *markdownReader) definition(n *ast.LinkReferenceDefinition) string {
	s := "[" + string(n.Label) + "]: " + string(n.Destination)
	if len(n.Title) > 0 {
		s += ` "` + string(n.Title) + `"`
	}
	return s
}

func (r *markdownReader) item(n ast.Node, depth int) Node {
	item := Node{Kind: Item}
	if first := n.FirstChild(); first != nil {
		if box, ok := first.FirstChild().(*extast.TaskCheckBox); ok {
			item.Task = Open
			if box.IsChecked {
				item.Task = Done
			}
		}
	}
	item.Children = r.blocks(n, depth+1)
	return item
}

func (r *markdownReader) table(n *extast.Table) Node {
	table := Node{Kind: Table}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		_, header := row.(*extast.TableHeader)
		out := Node{Kind: Row, Header: header}
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			out.Children = append(out.Children, Node{Kind: Cell, Children: r.inlines(cell, 0)})
		}
		table.Children = append(table.Children, out)
	}
	// A header without words is how a table without header is written.
	if first := table.Children; len(first) > 1 && first[0].Header {
		words := ""
		for _, cell := range first[0].Children {
			words += plainInlines(cell.Children)
		}
		if strings.TrimSpace(words) == "" {
			table.Children = first[1:]
		}
	}
	return table
}

func (r *markdownReader) lines(n ast.Node) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		segment := n.Lines().At(i)
		b.Write(segment.Value(r.source))
	}
	return b.String()
}

// deepText is the text below n, for what is nested too deep to be a tree.
func (r *markdownReader) deepText(n ast.Node) string {
	if t, ok := n.(*ast.Text); ok {
		s := string(t.Segment.Value(r.source))
		if t.SoftLineBreak() || t.HardLineBreak() {
			s += "\n"
		}
		return s
	}
	if n.FirstChild() == nil && n.Type() == ast.TypeBlock {
		return r.lines(n)
	}
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		b.WriteString(r.deepText(c))
		if c.Type() == ast.TypeBlock {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (r *markdownReader) inlines(parent ast.Node, depth int) []Node {
	var out []Node
	for c := parent.FirstChild(); c != nil; c = c.NextSibling() {
		out = append(out, r.inline(c, depth)...)
	}
	return pairTags(out)
}

func (r *markdownReader) inline(n ast.Node, depth int) []Node {
	if depth > 4*maxDepth {
		return []Node{{Kind: Text, Text: r.deepText(n)}}
	}
	switch n := n.(type) {
	case *ast.Text:
		s := string(n.Segment.Value(r.source))
		if !n.IsRaw() {
			s = unescape(s)
		}
		out := textLines(s)
		if n.HardLineBreak() || n.SoftLineBreak() {
			out = append(out, Node{Kind: Break})
		}
		return out
	case *ast.String:
		return []Node{{Kind: Text, Text: string(n.Value)}}
	case *ast.CodeSpan:
		return []Node{{Kind: Code, Text: r.rawText(n)}}
	case *ast.Emphasis:
		kind := Emphasis
		if n.Level == 2 {
			kind = Strong
		}
		return []Node{{Kind: kind, Children: r.inlines(n, depth+1)}}
	case *extast.Strikethrough:
		return []Node{{Kind: Strike, Children: r.inlines(n, depth+1)}}
	case *ast.Link:
		link := Node{Kind: Link, URL: address(unescape(string(n.Destination))), Children: r.inlines(n, depth+1)}
		return withTitle(link, n.Title)
	case *ast.Image:
		alt := strings.ReplaceAll(plainInlines(r.inlines(n, depth+1)), "\n", " ")
		return withTitle(Node{Kind: Image, URL: address(unescape(string(n.Destination))), Text: alt}, n.Title)
	case *ast.AutoLink:
		label := string(n.Label(r.source))
		return []Node{{Kind: Link, URL: string(n.URL(r.source)), Children: []Node{{Kind: Text, Text: label}}}}
	case *ast.RawHTML:
		var b strings.Builder
		for i := range n.Segments.Len() {
			segment := n.Segments.At(i)
			b.Write(segment.Value(r.source))
		}
		if !harmless(b.String()) {
			return textLines(b.String())
		}
		return []Node{{Kind: Raw, Text: b.String()}}
	case *extast.TaskCheckBox:
		return nil
	}
	return []Node{{Kind: Text, Text: r.deepText(n)}}
}

// withTitle puts the words that show when the pointer rests on a link behind it: not every format has a place for them.
func withTitle(n Node, title []byte) []Node {
	words := strings.Join(strings.Fields(unescape(string(title))), " ")
	if words == "" {
		return []Node{n}
	}
	return []Node{n, {Kind: Text, Text: " (" + words + ")"}}
}

func (r *markdownReader) rawText(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(r.source))
		}
	}
	return b.String()
}
