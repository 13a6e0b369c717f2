package richtext

import (
	"strings"
	"unicode/utf8"
)

// Kind tells what a Node is.
type Kind uint8

// The kinds of block.
const (
	Paragraph Kind = iota + 1 // Children are inlines
	Heading                   // Level 1 to 6; Children are inlines
	List                      // Ordered, Offset; Children are items
	Item                      // Task; Children are blocks
	CodeBlock                 // Text, Lang
	Quote                     // Children are blocks
	Table                     // Children are rows
	Row                       // Header; Children are cells
	Cell                      // Children are inlines
	Rule
	RawBlock // Text: Markdown that only Markdown understands
)

// The kinds of inline.
const (
	Text Kind = iota + 32 // Text
	Emphasis
	Strong
	Strike
	Insert
	Super
	Sub
	Code  // Text
	Link  // URL; Children are the label
	Image // URL, Text is the alternative text
	Break
	Raw // Text: Markdown or an HTML comment, understood by nobody else
)

// Task tells whether an item has a box, and whether it is ticked.
type Task uint8

// The states of an item.
const (
	NoTask Task = iota
	Open
	Done
)

// Node is one part of a document; which members count is said at its Kind.
type Node struct {
	Kind     Kind
	Text     string
	URL      string
	Lang     string
	Level    int
	Ordered  bool
	Offset   int // of the first item's number from 1
	Header   bool
	Task     Task
	Children []Node
}

// Doc is a document: a list of blocks. The zero Doc is empty.
type Doc struct{ Blocks []Node }

const (
	maxInput = 256 << 10
	maxDepth = 16
)

// clean gives every reader the same start: valid UTF-8, \n, no control
// characters, nothing hidden.
func clean(s string) string {
	s = unhidden(strings.ToValidUTF8(s, "�"))
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r' || r == '\v' || r == '\f' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case r == '\n' || r == '\t' || r >= ' ' && r != 0x7f:
			return r
		}
		return -1
	}, s)
}

// lastRune is the last character of s, or \n for an empty s.
func lastRune(s string) rune {
	if s == "" {
		return '\n'
	}
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// firstRune is the first character of s, or \n for an empty s.
func firstRune(s string) rune {
	if s == "" {
		return '\n'
	}
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// plainInlines is the text of inlines without any markup.
func plainInlines(nodes []Node) string {
	var b strings.Builder
	for _, n := range nodes {
		switch n.Kind {
		case Break:
			b.WriteByte('\n')
		case Text, Code, Raw, Image:
			b.WriteString(n.Text)
		default:
			b.WriteString(plainInlines(n.Children))
		}
	}
	return b.String()
}
