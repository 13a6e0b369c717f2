package richtext

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// adfAny is a node as read: attributes may be of any type.
type adfAny struct {
	Type    string         `json:"type"`
	Attrs   map[string]any `json:"attrs"`
	Content []adfAny       `json:"content"`
	Text    string         `json:"text"`
	Marks   []struct {
		Type  string         `json:"type"`
		Attrs map[string]any `json:"attrs"`
	} `json:"marks"`
}

var errNoDocument = errors.New("the text is no Atlassian document")

// FromADF reads an Atlassian document; null is the empty one. What has no kind of
// its own here (panels, expands, cards, mentions, files) is kept as the words that
// it shows.
func FromADF(raw json.RawMessage) (Doc, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return Doc{}, nil
	}
	var root adfAny
	if err := json.Unmarshal(raw, &root); err != nil {
		return Doc{}, fmt.Errorf("read an Atlassian document: %w", errNoDocument)
	}
	if root.Type != "doc" {
		return Doc{}, errNoDocument
	}
	r := adfReader{}
	if len(raw) > 4*maxInput {
		return FromPlain(r.words(root, 0)), nil
	}
	return Doc{Blocks: normalBlocks(r.blocks(root.Content, 0), 0)}, nil
}

type adfReader struct{}

func (r adfReader) blocks(nodes []adfAny, depth int) []Node {
	var out []Node
	var loose []Node // inlines without a paragraph
	flush := func() {
		if len(loose) > 0 {
			out = append(out, Node{Kind: Paragraph, Children: loose})
			loose = nil
		}
	}
	for _, n := range nodes {
		if inlines, ok := r.inline(n); ok {
			loose = append(loose, inlines...)
			continue
		}
		flush()
		if depth > 2*maxDepth {
			out = append(out, Node{Kind: Paragraph, Children: textLines(r.words(n, 0))})
			continue
		}
		out = append(out, r.block(n, depth)...)
	}
	flush()
	return out
}

func (r adfReader) block(n adfAny, depth int) []Node {
	switch n.Type {
	case "paragraph":
		return []Node{{Kind: Paragraph, Children: r.inlines(n.Content)}}
	case "heading":
		return []Node{{Kind: Heading, Level: min(max(number(n.Attrs["level"]), 1), 6), Children: r.inlines(n.Content)}}
	case "bulletList", "orderedList":
		list := Node{Kind: List, Ordered: n.Type == "orderedList"}
		if order, has := n.Attrs["order"]; has && list.Ordered {
			list.Offset = min(max(number(order), 0), maxNumber) - 1
		}
		for _, item := range n.Content {
			list.Children = append(list.Children, r.item(item, depth))
		}
		return []Node{list}
	case "taskList", "decisionList":
		return []Node{r.tasks(n, depth)}
	case "codeBlock":
		lang, _ := n.Attrs["language"].(string)
		return []Node{{Kind: CodeBlock, Lang: lang, Text: clean(r.words(n, 0))}}
	case "blockquote", "panel":
		return []Node{{Kind: Quote, Children: r.blocks(n.Content, depth+1)}}
	case "expand", "nestedExpand":
		return append(titled(n), r.blocks(n.Content, depth+1)...)
	case "table":
		return []Node{r.table(n)}
	case "rule":
		return []Node{{Kind: Rule}}
	case "blockCard", "embedCard":
		return []Node{{Kind: Paragraph, Children: card(n)}}
	case "mediaSingle", "mediaGroup":
		return r.media(n, depth)
	case "extension", "bodiedExtension":
		return append([]Node{{Kind: Paragraph, Children: marked(n)}}, r.blocks(n.Content, depth+1)...)
	}
	if len(n.Content) > 0 {
		// A layout or something that we do not know: what is in it stays.
		return r.blocks(n.Content, depth+1)
	}
	if n.Text == "" {
		return []Node{{Kind: Paragraph, Children: marked(n)}}
	}
	return []Node{{Kind: Paragraph, Children: textLines(r.words(n, 0))}}
}

// marked is what stands for a node that shows nothing here: what it is, and what it says of itself.
func marked(n adfAny) []Node {
	switch n.Type {
	case "listItem", "taskItem", "decisionItem", "tableRow", "tableCell", "tableHeader", "layoutSection", "layoutColumn", "caption":
		return nil
	}
	said := []string{n.Type}
	for _, key := range []string{"extensionKey", "text", "title", "label", "alt", "url"} {
		if s, _ := n.Attrs[key].(string); s != "" {
			said = append(said, s)
		}
	}
	return textLines("[" + strings.Join(strings.Fields(clean(strings.Join(said, " "))), " ") + "]")
}

func titled(n adfAny) []Node {
	title, _ := n.Attrs["title"].(string)
	if title == "" {
		return nil
	}
	return []Node{{Kind: Paragraph, Children: []Node{{Kind: Strong, Children: textLines(clean(title))}}}}
}

func (r adfReader) item(n adfAny, depth int) Node {
	item := Node{Kind: Item, Children: r.blocks(n.Content, depth+1)}
	if len(item.Children) == 0 || item.Children[0].Kind != Paragraph {
		return item
	}
	first := item.Children[0].Children
	if len(first) == 0 || first[0].Kind != Text {
		return item
	}
	for box, task := range map[string]Task{"[ ] ": Open, "[x] ": Done} {
		if rest, ok := strings.CutPrefix(first[0].Text, box); ok {
			item.Task = task
			item.Children[0].Children = append([]Node{{Kind: Text, Text: rest}}, first[1:]...)
			break
		}
	}
	return item
}

// tasks are items of inlines; a list among them belongs to the item before.
func (r adfReader) tasks(n adfAny, depth int) Node {
	list := Node{Kind: List}
	for _, c := range n.Content {
		if c.Type == "taskList" && depth <= 2*maxDepth {
			sub := r.tasks(c, depth+1)
			if last := len(list.Children) - 1; last >= 0 {
				list.Children[last].Children = append(list.Children[last].Children, sub)
			} else {
				list.Children = append(list.Children, sub.Children...)
			}
			continue
		}
		item := Node{Kind: Item, Children: r.blocks(c.Content, depth+1)}
		if c.Type == "taskItem" || c.Type == "blockTaskItem" {
			item.Task = Open
			if c.Attrs["state"] == "DONE" {
				item.Task = Done
			}
		}
		list.Children = append(list.Children, item)
	}
	return list
}

func (r adfReader) table(n adfAny) Node {
	table := Node{Kind: Table}
	for i, row := range n.Content {
		out := Node{Kind: Row}
		for _, cell := range row.Content {
			out.Header = out.Header || i == 0 && cell.Type == "tableHeader"
			out.Children = append(out.Children, Node{Kind: Cell, Children: r.cell(cell)})
		}
		table.Children = append(table.Children, out)
	}
	return table
}

// cell is one line with breaks: a cell holds no blocks here.
func (r adfReader) cell(n adfAny) []Node {
	var out []Node
	for i, c := range n.Content {
		if i > 0 {
			out = append(out, Node{Kind: Break})
		}
		if c.Type == "paragraph" {
			out = append(out, r.inlines(c.Content)...)
			continue
		}
		out = append(out, textLines(clean(plainBlocks(r.blocks([]adfAny{c}, maxDepth), "\n")))...)
	}
	return out
}

func (r adfReader) media(n adfAny, depth int) []Node {
	var out []Node
	for _, m := range n.Content {
		if m.Type != "media" {
			out = append(out, r.blocks([]adfAny{m}, depth+1)...)
			continue
		}
		out = append(out, Node{Kind: Paragraph, Children: picture(m)})
	}
	return out
}

// picture is a media node: one at another address is an image, one of Jira's own
// can be named only.
func picture(n adfAny) []Node {
	alt, _ := n.Attrs["alt"].(string)
	if url, _ := n.Attrs["url"].(string); url != "" && safeURL(url) {
		return []Node{{Kind: Image, URL: url, Text: clean(alt)}}
	}
	if alt == "" {
		alt = "file"
	}
	if name, ok := unescapeName(strings.ReplaceAll(alt, "%", "%25")); ok && strings.Contains(name, ".") {
		return []Node{pictureOf(name, "")}
	}
	return textLines("[" + clean(alt) + "]")
}

func (r adfReader) inlines(nodes []adfAny) []Node {
	var out []Node
	for _, n := range nodes {
		if inlines, ok := r.inline(n); ok {
			out = append(out, inlines...)
			continue
		}
		words := clean(r.words(n, 0))
		if words == "" {
			out = append(out, marked(n)...)
			continue
		}
		out = append(out, textLines(words)...)
	}
	return mergeSpans(out, 0)
}

// mergeSpans makes one of spans side by side that are alike: each text has all of
// its marks in an Atlassian document.
func mergeSpans(nodes []Node, depth int) []Node {
	var out []Node
	for _, n := range nodes {
		last := len(out) - 1
		span := n.Kind == Link || n.Kind >= Emphasis && n.Kind <= Sub
		if span && last >= 0 && out[last].Kind == n.Kind && out[last].URL == n.URL {
			out[last].Children = append(append([]Node(nil), out[last].Children...), n.Children...)
			continue
		}
		out = append(out, n)
	}
	if depth > maxDepth {
		return out
	}
	for i := range out {
		if len(out[i].Children) > 1 {
			out[i].Children = mergeSpans(out[i].Children, depth+1)
		}
	}
	return out
}

// inline reads a node that stands in a line; false for a block.
func (r adfReader) inline(n adfAny) ([]Node, bool) {
	switch n.Type {
	case "text":
		return r.text(n), true
	case "hardBreak":
		return []Node{{Kind: Break}}, true
	case "mention", "emoji", "status", "date", "placeholder":
		return textLines(clean(shown(n))), true
	case "inlineCard":
		return card(n), true
	case "mediaInline":
		return picture(n), true
	}
	return nil, false
}

// shown is what an inline without text of its own shows. A mention is a name that
// calls nobody elsewhere.
func shown(n adfAny) string {
	if n.Type == "date" {
		stamp, _ := n.Attrs["timestamp"].(string)
		if ms, ok := n.Attrs["timestamp"].(float64); ok {
			stamp = strconv.FormatFloat(ms, 'f', 0, 64)
		}
		if ms, err := strconv.ParseInt(stamp, 10, 64); err == nil {
			return time.UnixMilli(ms).UTC().Format(time.DateOnly)
		}
		return stamp
	}
	for _, key := range []string{"text", "shortName", "id"} {
		if s, _ := n.Attrs[key].(string); s != "" {
			if n.Type == "mention" {
				s = strings.TrimPrefix(s, "@")
			}
			return s
		}
	}
	return ""
}

// card is a link that shows what is behind it: its address, or what it brought along.
func card(n adfAny) []Node {
	url, _ := n.Attrs["url"].(string)
	label := ""
	if data, ok := n.Attrs["data"].(map[string]any); ok {
		label, _ = data["name"].(string)
		if there, _ := data["url"].(string); url == "" {
			url = there
		}
	}
	if label == "" {
		label = url
	}
	switch {
	case label == "":
		return marked(n)
	case url == "" || !safeURL(url):
		return textLines(strings.TrimSpace(clean(label + map[bool]string{true: " " + url}[label != url])))
	}
	return []Node{{Kind: Link, URL: url, Children: textLines(clean(label))}}
}

func (r adfReader) text(n adfAny) []Node {
	nodes := textLines(clean(n.Text))
	for _, m := range n.Marks {
		if m.Type == "code" {
			nodes = []Node{{Kind: Code, Text: clean(n.Text)}}
		}
	}
	// The first mark is the outermost.
	for i := len(n.Marks) - 1; i >= 0; i-- {
		kind := adfKind(n.Marks[i].Type, n.Marks[i].Attrs)
		switch {
		case kind == Link:
			url, _ := n.Marks[i].Attrs["href"].(string)
			if url != "" && safeURL(url) {
				nodes = []Node{{Kind: Link, URL: url, Children: nodes}}
			} else if url != "" {
				nodes = append(nodes, textLines(" <"+clean(url)+">")...)
			}
		case kind != 0:
			nodes = []Node{{Kind: kind, Children: nodes}}
		}
	}
	return nodes
}

func adfKind(mark string, attrs map[string]any) Kind {
	switch mark {
	case "em":
		return Emphasis
	case "strong":
		return Strong
	case "strike":
		return Strike
	case "underline":
		return Insert
	case "subsup":
		if attrs["type"] == "sup" {
			return Super
		}
		return Sub
	case "link":
		return Link
	}
	return 0
}

// words are all words below a node.
func (r adfReader) words(n adfAny, depth int) string {
	if inlines, ok := r.inline(n); ok && n.Type != "text" {
		return plainInlines(inlines)
	}
	if n.Text != "" || depth > 64 {
		return n.Text
	}
	var b strings.Builder
	for i, c := range n.Content {
		if i > 0 && c.Type != "text" && c.Type != "hardBreak" && n.Content[i-1].Type != "hardBreak" {
			b.WriteByte('\n')
		}
		b.WriteString(r.words(c, depth+1))
	}
	return b.String()
}
