package richtext

import (
	"strings"
	"sync"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

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
