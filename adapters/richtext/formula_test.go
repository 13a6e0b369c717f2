package richtext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"parley/adapters/internal/defuse"
	"parley/adapters/richtext"
)

// way is how a text leaves for a tracker and comes back.
type way struct {
	name      string
	out, back func(string) string
}

func ways() []way {
	return []way{
		{"markdown", defuse.Formula, defuse.MeantFormula},
		{"textile", richtext.MarkdownToTextile, richtext.TextileToMarkdown},
		{"html", richtext.MarkdownToHTML, richtext.HTMLToMarkdown},
		{"plain", richtext.MarkdownToPlain, richtext.PlainToMarkdown},
		{"wiki", richtext.MarkdownToWiki, richtext.WikiToMarkdown},
		{"adf", func(md string) string { return string(richtext.MarkdownToADF(md)) }, func(s string) string {
			md, _ := richtext.ADFToMarkdown(json.RawMessage(s))
			return md
		}},
	}
}

// cell is what an exported table has of a text: as it stands, without tags.
func cell(t *testing.T, name, s string) string {
	t.Helper()
	switch name {
	case "html":
		return strings.TrimSpace(saidInHTML(t, s))
	case "adf":
		var first struct{ Content []json.RawMessage }
		if err := json.Unmarshal([]byte(s), &first); err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(s, `"text":"`)
		return text
	}
	return s
}

// formulas begin as a spreadsheet's do, in each dress that Markdown has for a beginning.
func formulas() []string {
	const call = "=HYPERLINK(A1)"
	return []string{
		call, "=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+9)*cmd|' /C calc'!A0", "＝1+1", "\\=1+1", "\\-SUM(A1)", "**" + call + "**", "_" + call + "_", "`" + call + "`", "[" + call + "](https://a.example)",
		"# " + call, "> " + call, "> - " + call, "- " + call, "1. " + call, "```\n" + call + "\n```", "> ```\n> " + call + "\n> ```", "| " + call + " |\n| --- |\n| b |", "- [ ] " + call, "___\n\n" + call, "- SUM(A1)\n- SUM(A2)", "<u>" + call + "</u>",
		call + "\n\n- a\n- b", "~~" + call + "~~ c", "\u200b" + call, "\u200b\n\n" + call, "![" + call + "](https://a.example/b.png)",
	}
}

// TestFormula_NoFormatBeginsAnExportedCellWithOne: what is read is what was meant, and to write
// that again changes nothing.
func TestFormula_NoFormatBeginsAnExportedCellWithOne(t *testing.T) {
	t.Parallel()
	for _, w := range ways() {
		for _, md := range formulas() {
			once := w.out(md)
			if text := cell(t, w.name, once); strings.HasPrefix(text, "=") || strings.HasPrefix(text, "＝") || strings.HasPrefix(text, "@") || strings.HasPrefix(text, "-2") || strings.HasPrefix(text, "-S") {
				t.Errorf("%s: %q is a formula: %q", w.name, md, once)
			}
			back := w.back(once)
			if !strings.HasPrefix(md, "\u200b") && strings.Contains(back, "\u200b") {
				t.Errorf("%s: %q is read as %q", w.name, md, back)
			}
			if again := w.out(back); again != once {
				t.Errorf("%s: %q is written as %q, and once more as %q", w.name, md, once, again)
			}
		}
	}
}

// TestFormula_BetweenTwoFormatsNothingGrows: a text that goes to and fro between two trackers is
// the same from the first return on, for formulas, also before what the corpus has.
func TestFormula_BetweenTwoFormatsNothingGrows(t *testing.T) {
	t.Parallel()
	texts := formulas()
	for i, d := range corpus(t) {
		if i%4 == 0 {
			texts = append(texts, "=1+1\n\n"+d.read().Markdown())
		}
	}
	for _, a := range ways() {
		for _, b := range ways() {
			t.Run(a.name+" and "+b.name, func(t *testing.T) {
				t.Parallel()
				for _, md := range texts {
					pass := func(s string) string { return b.back(b.out(a.back(a.out(s)))) }
					once := pass(md)
					if twice := pass(once); twice != once {
						t.Errorf("%q became %q, and that %q", md, once, twice)
					}
				}
			})
		}
	}
}

func TestFormula_OrdinaryTextsAreWrittenAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, d := range corpus(t) {
		if strings.Contains(d.source, "\u200b") || strings.Contains(d.source, `\u200b`) || strings.HasSuffix(d.name, "formulas") {
			continue
		}
		for _, w := range ways() {
			if got := w.out(d.read().Markdown()); strings.Contains(got, "\u200b") {
				t.Errorf("%s is written in %s with a character of no width: %.60q", d.name, w.name, got)
			}
		}
	}
}
