package richtext

import (
	"encoding/json"
	"strconv"
)

// adfNode is a node of the Atlassian Document Format, as written.
type adfNode struct {
	Type    string         `json:"type"`
	Version int            `json:"version,omitempty"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content []adfNode      `json:"content,omitempty"`
	Text    string         `json:"text,omitempty"`
	Marks   []adfMark      `json:"marks,omitempty"`
}

type adfMark struct {
	Type  string         `json:"type"`
	Attrs map[string]any `json:"attrs,omitempty"`
}

// ADF writes an Atlassian document. An empty Doc has no content.
func (d Doc) ADF() json.RawMessage {
	out := settled(d, func(d Doc) string {
		raw, _ := json.Marshal(adfDocument(d))
		return string(raw)
	}, func(s string) Doc {
		d, _ := FromADF(json.RawMessage(s))
		return d
	})
	return json.RawMessage(out)
}

// adfRoot has its content always, also when it is empty.
type adfRoot struct {
	Type    string    `json:"type"`
	Version int       `json:"version"`
	Content []adfNode `json:"content"`
}

func adfDocument(d Doc) adfRoot {
	root := adfRoot{Type: "doc", Version: 1, Content: []adfNode{}}
	root.Content = append(root.Content, adfBlocks(d.Blocks, adfTop)...)
	return root
}

// adfPlace is what a block stands in: not every block may stand everywhere.
type adfPlace uint8

const (
	adfTop adfPlace = iota
	adfInItem
	adfInQuote
)

func adfBlocks(nodes []Node, in adfPlace) []adfNode {
	var out []adfNode
	for _, n := range nodes {
		out = append(out, adfBlock(n, in)...)
	}
	return out
}

func adfBlock(n Node, in adfPlace) []adfNode {
	switch n.Kind {
	case Paragraph:
		if len(n.Children) == 1 && n.Children[0].Kind == Image && safeURL(n.Children[0].URL) && in == adfTop {
			return []adfNode{adfPicture(n.Children[0])}
		}
		return []adfNode{adfParagraph(n.Children)}
	case Heading:
		if in != adfTop {
			return []adfNode{adfParagraph([]Node{{Kind: Strong, Children: n.Children}})}
		}
		return []adfNode{{Type: "heading", Attrs: map[string]any{"level": min(max(n.Level, 1), 6)}, Content: adfInlines(n.Children, nil)}}
	case List:
		return []adfNode{adfList(n)}
	case CodeBlock:
		code := adfNode{Type: "codeBlock"}
		if n.Lang != "" {
			code.Attrs = map[string]any{"language": n.Lang}
		}
		if n.Text != "" {
			code.Content = []adfNode{{Type: "text", Text: n.Text}}
		}
		return []adfNode{code}
	case Quote:
		if in != adfTop {
			// A quote may stand in nothing else: its marks are kept as text.
			return []adfNode{adfParagraph(textLines(indent(plainBlocks(n.Children, "\n"), "> ", "> ")))}
		}
		return []adfNode{{Type: "blockquote", Content: adfBlocks(n.Children, adfInQuote)}}
	case Table:
		if in != adfTop {
			return []adfNode{adfParagraph(textLines(plainBlock(n)))}
		}
		return []adfNode{adfTable(n)}
	case Rule:
		if in != adfTop {
			return []adfNode{adfParagraph([]Node{{Kind: Text, Text: "---"}})}
		}
		return []adfNode{{Type: "rule"}}
	case RawBlock:
		return []adfNode{adfParagraph(textLines(n.Text))}
	}
	return nil
}

// adfPicture is a picture of the web; in a line there can be none.
func adfPicture(n Node) adfNode {
	attrs := map[string]any{"type": "external", "url": n.URL}
	if n.Text != "" {
		attrs["alt"] = n.Text
	}
	return adfNode{Type: "mediaSingle", Attrs: map[string]any{"layout": "center"}, Content: []adfNode{{Type: "media", Attrs: attrs}}}
}

func adfParagraph(inlines []Node) adfNode {
	return adfNode{Type: "paragraph", Content: adfInlines(inlines, nil)}
}

func adfList(n Node) adfNode {
	list := adfNode{Type: "bulletList"}
	if n.Ordered {
		list.Type = "orderedList"
		if n.Offset != 0 {
			list.Attrs = map[string]any{"order": n.Offset + 1}
		}
	}
	for _, item := range n.Children {
		blocks := adfBlocks(withBox(item), adfInItem)
		if len(blocks) == 0 || blocks[0].Type != "paragraph" && blocks[0].Type != "codeBlock" {
			// An item begins with text.
			blocks = append([]adfNode{{Type: "paragraph"}}, blocks...)
		}
		list.Content = append(list.Content, adfNode{Type: "listItem", Content: blocks})
	}
	return list
}

// withBox puts the box of a task into its text: Atlassian's own tasks hold no
// blocks, and may not stand in other lists.
func withBox(item Node) []Node {
	box := map[Task]string{Open: "[ ] ", Done: "[x] "}[item.Task]
	if box == "" || len(item.Children) == 0 || item.Children[0].Kind != Paragraph {
		return item.Children
	}
	first := item.Children[0]
	first.Children = append([]Node{{Kind: Text, Text: box}}, first.Children...)
	return append([]Node{first}, item.Children[1:]...)
}

func adfTable(n Node) adfNode {
	table := adfNode{Type: "table"}
	for _, row := range n.Children {
		out := adfNode{Type: "tableRow"}
		for _, cell := range row.Children {
			kind := "tableCell"
			if row.Header {
				kind = "tableHeader"
			}
			out.Content = append(out.Content, adfNode{Type: kind, Content: []adfNode{adfParagraph(cell.Children)}})
		}
		table.Content = append(table.Content, out)
	}
	return table
}

func adfInlines(nodes []Node, marks []adfMark) []adfNode {
	var out []adfNode
	for _, n := range nodes {
		out = append(out, adfInline(n, marks)...)
	}
	return out
}

func adfInline(n Node, marks []adfMark) []adfNode {
	if isAttachment(n) {
		return adfText(wordsOfAttachment(n), marks)
	}
	switch n.Kind {
	case Break:
		return []adfNode{{Type: "hardBreak"}}
	case Text, Raw:
		return adfText(n.Text, marks)
	case Code:
		// Code takes no other mark but a link.
		kept := []adfMark{{Type: "code"}}
		for _, m := range marks {
			if m.Type == "link" {
				kept = append(kept, m)
			}
		}
		return adfText(n.Text, kept)
	case Link:
		if !safeURL(n.URL) && bareLink(n) {
			return adfInlines(n.Children, marks)
		}
		if !safeURL(n.URL) || hasMark(marks, "link") {
			return append(adfInlines(n.Children, marks), adfText(" <"+n.URL+">", marks)...)
		}
		return adfInlines(n.Children, with(marks, adfMark{Type: "link", Attrs: map[string]any{"href": n.URL}}))
	case Image:
		label := n.Text
		if label == "" {
			label = n.URL
		}
		if !safeURL(n.URL) || hasMark(marks, "link") {
			return adfText(label+" <"+n.URL+">", marks)
		}
		return adfText(label, with(marks, adfMark{Type: "link", Attrs: map[string]any{"href": n.URL}}))
	}
	if m, ok := adfSpan(n.Kind); ok && !hasMark(marks, m.Type) {
		return adfInlines(n.Children, with(marks, m))
	}
	return adfInlines(n.Children, marks)
}

func adfSpan(k Kind) (adfMark, bool) {
	switch k {
	case Emphasis:
		return adfMark{Type: "em"}, true
	case Strong:
		return adfMark{Type: "strong"}, true
	case Strike:
		return adfMark{Type: "strike"}, true
	case Insert:
		return adfMark{Type: "underline"}, true
	case Super:
		return adfMark{Type: "subsup", Attrs: map[string]any{"type": "sup"}}, true
	case Sub:
		return adfMark{Type: "subsup", Attrs: map[string]any{"type": "sub"}}, true
	}
	return adfMark{}, false
}

func with(marks []adfMark, m adfMark) []adfMark {
	return append(append([]adfMark(nil), marks...), m)
}

func hasMark(marks []adfMark, kind string) bool {
	for _, m := range marks {
		if m.Type == kind {
			return true
		}
	}
	return false
}

// adfText: a text node is never empty.
func adfText(s string, marks []adfMark) []adfNode {
	if s == "" {
		return nil
	}
	return []adfNode{{Type: "text", Text: s, Marks: marks}}
}

// number reads an attribute that may be a number or its text.
func number(v any) int {
	switch v := v.(type) {
	case float64:
		return int(v)
	case string:
		n, _ := strconv.Atoi(v)
		return n
	}
	return 0
}
