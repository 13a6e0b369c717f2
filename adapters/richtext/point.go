package richtext

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Attachments in a Markdown text are referred to by name between trackers. At a tracker they
// have an address of its own: these functions lead from one to the other in the text as
// it stands, with all else as it was. Code stays as it is.

var (
	// inlineLink is a link or a picture with its address behind it.
	inlineLink = regexp.MustCompile(`(!?)\[((?:[^\[\]\\\n]|\\.|\[[^\[\]\n]*\](?:\([^()\s]*\))?)*)\]\(((?:[^()\s\\]|\\.|\([^()\s]*\))+)\)`)
	// wordsOfLink are the words of one: its brackets are no brackets.
	wordsOfLink = regexp.MustCompile(`(!?)\\\[((?:[^\[\]\\\n]|\\[^\[\]])*)\\\]\((attachment:[A-Za-z0-9._%-]+)\)`)
)

// PointAttachments gives each reference to an attachment the address that to knows for its
// name; a reference that it knows none for stays.
func PointAttachments(md string, to func(name string, picture bool) (string, bool)) string {
	return rewrite(md, inlineLink, func(sign, label, at string) (string, bool) {
		name, ok := AttachmentName(at)
		if !ok {
			return "", false
		}
		own, ok := to(name, sign != "")
		return sign + "[" + label + "](" + own + ")", ok
	})
}

// ReferAttachments makes references of links and pictures whose address is of an attachment
// with the name that of knows, and of words that AttachmentsAsWords made.
func ReferAttachments(md string, of func(address string) (string, bool)) string {
	md = rewrite(md, wordsOfLink, func(sign, label, at string) (string, bool) {
		_, ok := AttachmentName(at)
		return sign + "[" + label + "](" + at + ")", ok
	})
	return rewrite(md, inlineLink, func(sign, label, at string) (string, bool) {
		name, ok := of(unescape(at))
		if label == "" {
			label = markdownWriter{link: true}.text(name, '[', ']')
		}
		return sign + "[" + label + "](" + AttachmentURL(name) + ")", ok
	})
}

// AttachmentsAsWords makes words of references to attachments, for a tracker that shows
// Markdown and has no such files: nothing is followed, nothing looks broken.
func AttachmentsAsWords(md string) string {
	return rewrite(md, inlineLink, func(sign, label, at string) (string, bool) {
		_, ok := AttachmentName(at)
		return sign + `\[` + label + `\](` + at + ")", ok
	})
}

// Attachments are the names of the attachments that a Markdown text refers to.
func Attachments(md string) []string {
	var names []string
	rewrite(md, inlineLink, func(_, _, at string) (string, bool) {
		if name, ok := AttachmentName(at); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
		return "", false
	})
	return names
}

// rewrite asks by for each piece outside of code, for one within another's label first.
func rewrite(md string, piece *regexp.Regexp, by func(sign, label, at string) (string, bool)) string {
	if !strings.Contains(md, "](") {
		return md
	}
	in := WithinCode(md)
	var out strings.Builder
	done := 0
	for _, m := range piece.FindAllStringSubmatchIndex(md, -1) {
		if in(m[0]) || m[3] == m[2] && strings.HasSuffix(md[:m[0]], `\`) {
			continue
		}
		label, at := rewrite(md[m[4]:m[5]], piece, by), md[m[6]:m[7]]
		s, ok := by(md[m[2]:m[3]], label, at)
		if !ok {
			s = md[m[0]:m[4]] + label + md[m[5]:m[1]]
		}
		out.WriteString(md[done:m[0]] + s)
		done = m[1]
	}
	return out.String() + md[done:]
}

// WithinCode tells which bytes of a Markdown text are code.
func WithinCode(md string) func(int) bool {
	if len(md) > maxInput || tooNested(md) || tooMarked(md) || !strings.ContainsAny(md, "`~\t") && !strings.Contains(md, "    ") {
		return func(int) bool { return false }
	}
	var spans []text.Segment
	_ = ast.Walk(markdownParser().Parse(text.NewReader([]byte(md))), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			spans = append(spans, n.Lines().Sliced(0, n.Lines().Len())...)
			return ast.WalkSkipChildren, nil
		case *ast.CodeSpan:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				if t, ok := c.(*ast.Text); ok {
					spans = append(spans, t.Segment)
				}
			}
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return within(spans)
}
