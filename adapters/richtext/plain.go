package richtext

import (
	"regexp"
	"strconv"
	"strings"
)

var blankLines = regexp.MustCompile(`\n(?:[ \t]*\n)+`)

// FromPlain reads text without any formatting: every character stands for
// itself, an empty line ends a paragraph.
func FromPlain(s string) Doc {
	s = strings.Trim(strings.ReplaceAll(clean(s), "\t", "    "), "\n")
	var doc Doc
	for _, part := range blankLines.Split(s, -1) {
		lines := strings.Split(part, "\n")
		for i, line := range lines {
			lines[i] = keepIndent(line)
		}
		doc.Blocks = append(doc.Blocks, Node{Kind: Paragraph, Children: textLines(strings.Join(lines, "\n"))})
	}
	doc.Blocks = normalBlocks(doc.Blocks, 0)
	return doc
}

// keepIndent makes leading spaces survive formats that drop them.
func keepIndent(line string) string {
	body := strings.TrimLeft(line, " ")
	return strings.Repeat("\u00a0", len(line)-len(body)) + strings.TrimRight(body, " ")
}

// Plain writes text for people, without formatting.
func (d Doc) Plain() string {
	out := plainOf(d)
	if len(out) > maxInput {
		return out
	}
	return plainOf(FromPlain(out))
}

func plainOf(d Doc) string { return strings.Trim(plainBlocks(d.Blocks, "\n\n"), "\n") }

func plainBlocks(nodes []Node, between string) string {
	parts := make([]string, 0, len(nodes))
	for _, n := range nodes {
		parts = append(parts, plainBlock(n))
	}
	return strings.Join(parts, between)
}

func plainBlock(n Node) string {
	switch n.Kind {
	case Paragraph, Heading:
		return strings.ReplaceAll(plainText(n.Children), "\u00a0", " ")
	case List:
		lines := make([]string, 0, len(n.Children))
		for i, item := range n.Children {
			bullet := "- "
			if n.Ordered {
				bullet = strconv.Itoa(n.Offset+i+1) + ". "
			}
			box := map[Task]string{Open: "[ ] ", Done: "[x] "}[item.Task]
			lines = append(lines, indent(box+plainBlocks(item.Children, "\n"), bullet, strings.Repeat(" ", len(bullet))))
		}
		return strings.Join(lines, "\n")
	case Quote:
		return indent(plainBlocks(n.Children, "\n\n"), "> ", "> ")
	case Table:
		rows := make([]string, 0, len(n.Children))
		for _, row := range n.Children {
			cells := make([]string, 0, len(row.Children))
			for _, c := range row.Children {
				cells = append(cells, strings.ReplaceAll(plainText(c.Children), "\n", " "))
			}
			rows = append(rows, "| "+strings.Join(cells, " | ")+" |")
		}
		return strings.Join(rows, "\n")
	case Rule:
		return "----"
	}
	return n.Text
}

// plainText is the words of inlines with the addresses behind them.
func plainText(nodes []Node) string {
	var b strings.Builder
	for _, n := range nodes {
		if isAttachment(n) {
			b.WriteString(wordsOfAttachment(n))
			continue
		}
		switch n.Kind {
		case Break:
			b.WriteByte('\n')
		case Text, Code, Raw:
			b.WriteString(n.Text)
		case Image:
			b.WriteString(strings.TrimSpace(n.Text + " <" + n.URL + ">"))
		case Link:
			label := plainText(n.Children)
			b.WriteString(label)
			if label != n.URL {
				b.WriteString(" <" + n.URL + ">")
			}
		default:
			b.WriteString(plainText(n.Children))
		}
	}
	return b.String()
}
