package richtext

import (
	"encoding/json"
	"strings"

	"parley/adapters/internal/defuse"
)

// The ways in and out of each format. What leaves is no formula in the table that somebody
// exports of a tracker's texts; what comes in is as it was meant. Markdown that a tracker
// keeps as it is goes no such way: its adapter has defuse.Formula.

// MarkdownToTextile converts GitHub-flavoured Markdown to Redmine's Textile.
func MarkdownToTextile(s string) string { return defuse.Formula(FromMarkdown(s).Textile()) }

// TextileToMarkdown converts Redmine's Textile to Markdown.
func TextileToMarkdown(s string) string { return FromTextile(defuse.MeantFormula(s)).Markdown() }

// MarkdownToWiki converts Markdown to the wiki text of Jira Data Center.
func MarkdownToWiki(s string) string { return defuse.Formula(FromMarkdown(s).Wiki()) }

// WikiToMarkdown converts wiki text of Jira Data Center to Markdown.
func WikiToMarkdown(s string) string { return FromWiki(defuse.MeantFormula(s)).Markdown() }

// MarkdownToPlain converts Markdown to text for people without any formatting.
func MarkdownToPlain(s string) string { return defuse.Formula(FromMarkdown(s).Plain()) }

// PlainToMarkdown converts plain text to Markdown that shows the same.
func PlainToMarkdown(s string) string { return FromPlain(defuse.MeantFormula(s)).Markdown() }

// MarkdownToHTML converts Markdown to HTML that is safe to show.
func MarkdownToHTML(s string) string { return noFormula(FromMarkdown(s)).HTML() }

// HTMLToMarkdown converts HTML to Markdown.
func HTMLToMarkdown(s string) string { return meantFormula(FromHTML(s)).Markdown() }

// MarkdownToADF converts Markdown to an Atlassian document, as JSON.
func MarkdownToADF(s string) json.RawMessage { return noFormula(FromMarkdown(s)).ADF() }

// ADFToMarkdown converts an Atlassian document to Markdown.
func ADFToMarkdown(raw json.RawMessage) (string, error) {
	d, err := FromADF(raw)
	return meantFormula(d).Markdown(), err
}

// noFormula is for formats whose tags an export takes off: the text that is shown counts.
func noFormula(d Doc) Doc {
	if words := visible(d.Blocks); defuse.Formula(words) == words {
		return d
	}
	out, done := beginWith(d.Blocks)
	if !done {
		out = append([]Node{{Kind: Paragraph, Children: []Node{{Kind: Text, Text: Disarmed}}}}, d.Blocks...)
	}
	return Doc{Blocks: out}
}

// meantFormula is the document that noFormula was given.
func meantFormula(d Doc) Doc {
	if words := visible(d.Blocks); defuse.MeantFormula(words) == words {
		return d
	}
	return Doc{Blocks: beginWithout(d.Blocks)}
}

// visible are the words of blocks, without bullets and bars.
func visible(nodes []Node) string {
	var b strings.Builder
	for _, n := range nodes {
		switch n.Kind {
		case Paragraph, Heading, Cell:
			b.WriteString(plainInlines(n.Children) + "\n")
		case CodeBlock, RawBlock:
			b.WriteString(n.Text + "\n")
		default:
			b.WriteString(visible(n.Children))
		}
	}
	return b.String()
}

// beginWith puts Disarmed before the first words of blocks; not done if they are code,
// which stays as it is.
func beginWith(nodes []Node) ([]Node, bool) {
	for i, n := range nodes {
		switch n.Kind {
		case Paragraph, Heading, Cell:
			if len(n.Children) == 0 {
				continue
			}
			n.Children = mergeText(append([]Node{{Kind: Text, Text: Disarmed}}, n.Children...))
		case CodeBlock, RawBlock:
			return nodes, false
		default:
			if visible(n.Children) == "" {
				continue
			}
			children, done := beginWith(n.Children)
			if n.Children = children; !done {
				return nodes, false
			}
		}
		return append(append(append([]Node(nil), nodes[:i]...), n), nodes[i+1:]...), true
	}
	return nodes, false
}

// mergeText makes one of texts side by side.
func mergeText(nodes []Node) []Node {
	out := make([]Node, 0, len(nodes))
	for _, n := range nodes {
		if last := len(out) - 1; n.Kind == Text && last >= 0 && out[last].Kind == Text {
			out[last].Text += n.Text
			continue
		}
		out = append(out, n)
	}
	return out
}

// beginWithout takes Disarmed from before the first words of nodes.
func beginWithout(nodes []Node) []Node {
	for i, n := range nodes {
		if n.Text == "" && plainInlines(n.Children) == "" && visible(n.Children) == "" {
			continue
		}
		if n.Kind == Text {
			n.Text = strings.TrimPrefix(n.Text, Disarmed)
		} else {
			n.Children = beginWithout(n.Children)
		}
		out := append([]Node(nil), nodes[:i]...)
		if n.Text != "" || len(n.Children) > 0 || n.Kind != Text && n.Kind != Paragraph {
			out = append(out, n)
		}
		return append(out, nodes[i+1:]...)
	}
	return nodes
}
