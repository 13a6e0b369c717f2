package adaptertest

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
)

func textPromises() []promise {
	return []promise{
		{"PlainTextIsKept", textPlain},
		{"MarkdownIsStableAfterOnePass", textStable},
		{"PicturesOfAttachmentsAreReadAsWritten", textPictures},
		{"AFormulaIsNoneInATableAndIsReadAsItWas", textFormulas},
		{"NumbersAndWordsAreNoFormula", textNumbers},
		{"ALongTextThatIsAFormulaIsNoneInATable", longFormulas},
		{"MarkdownThatBeginsLikeAFormulaIsWrittenAsItIs", longProse},
	}
}

func textPlain(t *testing.T, s *Subject) {
	checkRoundTrip(t, s, []string{
		"one line",
		words,
		"first paragraph\n\nsecond paragraph",
		"It costs 5 % less, e.g. 3.50 (really), isn't it?",
		"see https://example.org/a/b?c=d for more",
	}, true)
}

func textStable(t *testing.T, s *Subject) {
	checkRoundTrip(t, s, []string{
		"a line\nand the next one",
		"**bold**, *italic*, ~~gone~~ and `code`",
		"# Heading\n\ntext below",
		"- one\n- two\n  - below two\n\n1. first\n2. second",
		"```\nfunc main() { a := b < c && d > e }\n```",
		"> quoted\n> twice\n\nanswer",
		"[a link](https://example.org/x_y_z) and <https://example.org>",
		"| a | b |\n|---|---|\n| 1 | 2 |",
		"1 < 2 && 3 > 2 & <script>alert(1)</script> R&D",
		`back\slash, snake_case_name, 2*3*4, #12, @alice, a -- b, +x+, ??q??, {{code}}, h1. no heading`,
		"/close\n/assign @bob\n\nFixes #12, closes GH-3 and !4, cc @<3b5f0c34-4aec-4bf4-8708-1d36f0dbc468>",
		"=cmd|' /C calc'!A0",
		"{{ticket.requester.email}} {% assign a = 1 %} {{include(Page)}} [~alice] [code]<b>x</b>[/code] ${current.number}",
		"  indented\n\n\n\nfar below  \ntrailing spaces  ",
		"---\n\n-- \nSignature",
	}, false)
}

// checkRoundTrip writes texts as comments, reads them, writes what was read
// and reads again.
func checkRoundTrip(t *testing.T, s *Subject, samples []string, exact bool) {
	t.Helper()
	e := newEnv(t, s)
	ref := e.create(unique("round trip"))
	first := e.throughComments(ref, samples)
	second := e.throughComments(ref, first)
	for i, sample := range samples {
		if exact && first[i] != sample {
			t.Errorf("plain text changed (-got +want):\n%s", cmp.Diff(first[i], sample))
		}
		if first[i] != second[i] {
			t.Errorf("%q is not stable: read as %q, that as %q", sample, first[i], second[i])
		}
		if got, want := letters(first[i]), letters(sample); got != want {
			t.Errorf("letters and digits of %q became %q in %q", want, got, first[i])
		}
	}
	e.checkDescriptions(samples, exact)
}

// throughComments writes each text as a comment and returns what is read.
func (e *env) throughComments(ref event.Ref, bodies []string) []string {
	e.Helper()
	markers := make([]event.Marker, len(bodies))
	for i, body := range bodies {
		markers[i] = newMarker()
		e.write(event.Step{Kind: event.StepComment, Ref: ref, Marker: markers[i], Comment: &event.CommentWrite{Body: body}})
	}
	ticket, out := e.read(ref), make([]string, len(bodies))
	for i, m := range markers {
		out[i] = commentMarked(e.T, ticket, m).Body
	}
	return out
}

// checkDescriptions does the same with one description of all samples.
func (e *env) checkDescriptions(samples []string, exact bool) {
	e.Helper()
	want := strings.Join(samples, "\n\nnext\n\n")
	through := func(body string) string {
		w := e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(unique("round trip"), body)})
		s, _ := e.read(w.Ref).Fields[event.FieldDescription].(string)
		return s
	}
	first := through(want)
	if exact && first != want {
		e.Errorf("a plain description changed (-got +want):\n%s", cmp.Diff(first, want))
	}
	if second := through(first); first != second {
		e.Errorf("a description is not stable (-second +first):\n%s", cmp.Diff(second, first))
	}
	if got := letters(first); got != letters(want) {
		e.Errorf("letters and digits of a description changed (-got +want):\n%s", cmp.Diff(got, letters(want)))
	}
}

// letters are what no conversion may lose.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}
