package richtext

import (
	"html"
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
	never := regexp.MustCompile(`[^\s\S]`)
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

// tooNested tells whether a line starts with more containers than a person
// would write: parsing such input takes time that grows with its square.
func tooNested(s string) bool {
	for line := range strings.SplitSeq(s, "\n") {
		n := 0
		for _, c := range line {
			if c == '>' || c == '-' || c == '+' || c == '*' || c == '.' || c == ')' {
				n++
			} else if c != ' ' && c != '\t' && (c < '0' || c > '9') {
				break
			}
		}
		if n > 128 && strings.Trim(line, "-* ") != "" {
			return true
		}
	}
	return false
}

// maxMarks bounds the marks in one paragraph: the time to pair them grows with
// the square of their number.
const maxMarks = 1500

const markCharacters = "*_~[]`"

// tooMarked tells whether a paragraph holds more marks than a person writes.
// Code blocks, which may, are told apart by a parser without inline rules.
func tooMarked(s string) bool {
	if countMarks([]byte(s)) <= maxMarks {
		return false
	}
	source := []byte(s)
	over := false
	_ = ast.Walk(blockParser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || over || n.Type() != ast.TypeBlock || n.IsRaw() {
			return ast.WalkContinue, nil
		}
		marks := 0
		for i := range n.Lines().Len() {
			segment := n.Lines().At(i)
			marks += countMarks(segment.Value(source))
		}
		over = over || marks > maxMarks
		return ast.WalkContinue, nil
	})
	return over
}

func countMarks(line []byte) int {
	n := 0
	for _, c := range line {
		if strings.IndexByte(markCharacters, c) >= 0 {
			n++
		}
	}
	return n
}

var blockParser = sync.OnceValue(func() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(),
			util.Prioritized(extension.NewTableParagraphTransformer(), 200))...),
	)
})

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
		return []Node{{Kind: CodeBlock, Text: r.lines(n), Lang: string(n.Language(r.source))}}
	case *ast.Blockquote:
		return []Node{{Kind: Quote, Children: r.blocks(n, depth+1)}}
	case *ast.List:
		list := Node{Kind: List, Ordered: n.IsOrdered()}
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			list.Children = append(list.Children, r.item(c, depth))
		}
		return []Node{list}
	case *ast.HTMLBlock:
		raw := r.lines(n)
		if n.HasClosure() {
			raw += string(n.ClosureLine.Value(r.source))
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
		return []Node{{Kind: Link, URL: address(unescape(string(n.Destination))), Children: r.inlines(n, depth+1)}}
	case *ast.Image:
		alt := strings.ReplaceAll(plainInlines(r.inlines(n, depth+1)), "\n", " ")
		return []Node{{Kind: Image, URL: address(unescape(string(n.Destination))), Text: alt}}
	case *ast.AutoLink:
		label := string(n.Label(r.source))
		return []Node{{Kind: Link, URL: string(n.URL(r.source)), Children: []Node{{Kind: Text, Text: label}}}}
	case *ast.RawHTML:
		var b strings.Builder
		for i := range n.Segments.Len() {
			segment := n.Segments.At(i)
			b.Write(segment.Value(r.source))
		}
		return []Node{{Kind: Raw, Text: b.String()}}
	case *extast.TaskCheckBox:
		return nil
	}
	return []Node{{Kind: Text, Text: r.deepText(n)}}
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

// address takes spaces and control characters out of a link's address.
func address(u string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ReplaceAll(strings.TrimSpace(u), " ", "%20"))
}

// textLines makes inlines of literal text.
func textLines(s string) []Node {
	var out []Node
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			out = append(out, Node{Kind: Break})
		}
		if line != "" {
			out = append(out, Node{Kind: Text, Text: line})
		}
	}
	return out
}

// tagKinds are the HTML tags that Markdown writers use for what it lacks.
func tagKind(tag string) Kind {
	switch tag {
	case "ins", "u":
		return Insert
	case "sup":
		return Super
	case "sub":
		return Sub
	}
	return 0
}

var (
	openTag  = regexp.MustCompile(`^<([a-z]+)>$`)
	breakTag = regexp.MustCompile(`^<br\s*/?>$`)
)

// pairTags turns <ins>…</ins> and the like into nodes, and <br> into breaks.
func pairTags(nodes []Node) []Node {
	var out []Node
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		if n.Kind != Raw {
			out = append(out, n)
			continue
		}
		if breakTag.MatchString(n.Text) {
			out = append(out, Node{Kind: Break})
			continue
		}
		m := openTag.FindStringSubmatch(n.Text)
		if m == nil || tagKind(m[1]) == 0 {
			out = append(out, n)
			continue
		}
		end := closing(nodes[i+1:], "</"+m[1]+">")
		if end < 0 {
			out = append(out, n)
			continue
		}
		out = append(out, Node{Kind: tagKind(m[1]), Children: pairTags(nodes[i+1 : i+1+end])})
		i += end + 1
	}
	return out
}

func closing(nodes []Node, tag string) int {
	for i, n := range nodes {
		if n.Kind == Raw && n.Text == tag {
			return i
		}
	}
	return -1
}

var entityPattern = regexp.MustCompile(`^&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// unescape resolves backslashes and entities.
func unescape(s string) string {
	if !strings.ContainsAny(s, `\&`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && isPunct(s[i+1]):
			i++
			b.WriteByte(s[i])
		case s[i] == '&':
			if m := entityPattern.FindString(s[i:]); m != "" {
				b.WriteString(clean(html.UnescapeString(m)))
				i += len(m) - 1
				continue
			}
			b.WriteByte('&')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isPunct(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}
