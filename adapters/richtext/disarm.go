package richtext

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Disarmed is a character of no width: between a sign and what follows, it keeps a
// tracker from acting on both.
const Disarmed = "\u200b"

// Disarm puts Disarmed into a Markdown text in front of those of the places that
// stand in prose: code and addresses stay as they are. Where the text cannot be
// read for certain, all of it is prose.
func Disarm(md string, places []int) string {
	if len(places) == 0 {
		return md
	}
	in := func(int) bool { return true }
	if len(md) <= maxInput && !tooNested(md) && !tooMarked(md) {
		in = proseOf(md)
	}
	var out strings.Builder
	done := 0
	for _, at := range slices.Compact(slices.Sorted(slices.Values(places))) {
		if at > done && at <= len(md) && in(at-1) {
			out.WriteString(md[done:at])
			out.WriteString(Disarmed)
			done = at
		}
	}
	out.WriteString(md[done:])
	return out.String()
}

// proseOf tells which bytes of a text are shown as running text.
func proseOf(md string) func(int) bool {
	source := []byte(md)
	var spans []text.Segment
	var walk func(ast.Node, int)
	walk = func(n ast.Node, depth int) {
		switch n := n.(type) {
		case *ast.CodeSpan, *ast.CodeBlock, *ast.FencedCodeBlock:
			return
		case *ast.Text:
			spans = append(spans, n.Segment)
		case *ast.HTMLBlock:
			spans = append(spans, n.Lines().Sliced(0, n.Lines().Len())...)
			spans = append(spans, n.ClosureLine)
		}
		for c := n.FirstChild(); c != nil && depth < 4*maxDepth; c = c.NextSibling() {
			walk(c, depth+1)
		}
	}
	walk(markdownParser().Parse(text.NewReader(source)), 0)
	return within(spans)
}

// within tells which bytes stand in one of the spans, which do not overlap.
func within(spans []text.Segment) func(int) bool {
	slices.SortFunc(spans, func(a, b text.Segment) int { return a.Start - b.Start })
	return func(at int) bool {
		n, _ := slices.BinarySearchFunc(spans, at, func(s text.Segment, at int) int {
			if s.Stop <= at {
				return -1
			}
			return 1
		})
		return n < len(spans) && spans[n].Start <= at
	}
}
