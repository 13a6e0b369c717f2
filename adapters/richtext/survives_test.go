package richtext_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/adapters/richtext"
)

const survivesHead = `# What survives between text formats

Each tracker has its own format of text: Markdown (the desk, GitHub, GitLab, Redmine, Azure DevOps where a text was switched to it), HTML (Azure
DevOps, Zendesk, Request Tracker), Atlassian's documents (Jira Cloud, "adf" below), wiki text (Jira Data Center), Textile (Redmine) and none
("plain": ServiceNow, Salesforce). Between trackers a text is Markdown. This page is made from the %d documents of
` + "`adapters/richtext/testdata/corpus`" + ` by the tests of that package; to write it anew: ` + "`UPDATE=1 go test ./adapters/richtext`" + `.

The same tests hold that no word is lost on any way, that writing what was read is stable after one pass, and that no dangerous address
can be followed. What a format cannot say is written as words.

A text of one line (the summary, a custom field that is a text) has no format, and is written as it is, but for one thing: what a spreadsheet
would run when somebody exports the tracker's tickets gets a character of no width (U+200B) before it. That is what begins with ` + "`=`" + `, or
with ` + "`+`, `-` or `@`" + ` (also as wide characters, and behind spaces or a tab) and calls something: ` + "`@SUM(A1)`, `+cmd|' /C calc'!A0`" + `.
Numbers (` + "`-5`" + `), telephone numbers (` + "`+49 (0)30 123456`" + `) and words (` + "`@alice look!`" + `) stay as they are. Parley takes the character
out when it reads, so that no edit comes from it. What a ticket held before stays as it is until the field is written; labels and the names
of options, people and files are written as they are.

A long text (the description, a comment, a rich field) is such a cell too, and what counts is what the cell begins with: the **first character
of the whole text as the tracker stores it**, in HTML and Atlassian's documents of the words that are shown, since an export takes the tags off.
Nothing that stands further down is looked at. Such a text gets the same character before it, and where that would make an end of what Markdown
shows (a list, a rule, indented code, a word between marks) a first paragraph of nothing else: ` + "`- SUM(A1)`" + ` stays a list. Ordinary
Markdown is written as it is: lists (` + "`- one`, `+ one (or two)`" + `), signed numbers, ` + "`=====`" + `, signatures, quoted mail, tables, mentions, and all that
has words before what looks like a call (` + "`- call foo() twice`" + `). It is taken out on reading, in each format and by every kind, so that a text that
goes to and fro between two trackers is the same from the first return on.

## What a format takes

The row says what is in the text, the column the format that it is written in and read again. *yes*: every time; a share: in so many of the
documents that have it; *words*: its words stay, without the looks.

`

const survivesHidden = `
## What nobody sees

A text from elsewhere orders nothing, and shows what a program reads in it. An address of another scheme than http, https, ftp and mailto stands
as code behind its words. Of the characters without a shape, those that turn the direction of writing round (U+202D, U+202E) stand as
` + "`(U+202E)`" + `, and words in letters that have none (Unicode's tags, but for the flags made of them) as ` + "`(hidden: words)`" + `; a direction that is not
ended ends with its line. Characters of no width within words stay. A comment in Markdown or Textile is one in the other, and its words stand in all
other formats; words that a style hides are shown. HTML's own comments, scripts and styles are dropped. Between two trackers that keep Markdown as
it is (GitHub, GitLab, the desk, Redmine, Request Tracker) a text is not read, and goes as it is.
`

const survivesPairs = `
## The way there and back

A document of the row's format is written in the column's and read again: the share of documents that are the same, mark by mark. Of the
others the words are there, and something of how they look is not.

`

const survivesOdd = `
## What only one format has

How it reads, in Markdown. Colours, widths, alignment and what else has no words is dropped; everything else is kept, and marked where it is
not understood.

| Format | Text | Becomes |
|---|---|---|
`

// TestSurvives_TheTableIsWhatTheCorpusShows: UPDATE=1 writes the page.
func TestSurvives_TheTableIsWhatTheCorpusShows(t *testing.T) {
	t.Parallel()
	const name = "../../docs/adapters/text.md"
	docs := journeys(t)
	got := fmt.Sprintf(survivesHead, len(docs)) + takes(docs) + survivesHidden + survivesPairs + backAgain(docs) + survivesOdd + oddities()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil { //nolint:gosec // a file of the source
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("run this test with UPDATE=1 (-page +corpus):\n%s", d)
	}
}

// journey is a document, and what came back of it from each format.
type journey struct {
	from string
	doc  richtext.Doc
	back map[string]richtext.Doc
}

func journeys(t *testing.T) []journey {
	t.Helper()
	var out []journey
	for _, d := range corpus(t) {
		j := journey{d.from.name, d.read(), map[string]richtext.Doc{}}
		for _, to := range six() {
			j.back[to.name] = to.read(to.write(j.doc))
		}
		out = append(out, j)
	}
	return out
}

// construct is something that a text may have, and how often a document has it.
type construct struct {
	name  string
	found func(n, parent richtext.Node, depth int) bool
}

func constructs() []construct {
	of := func(name string, k richtext.Kind) construct {
		return construct{name, func(n, _ richtext.Node, _ int) bool { return n.Kind == k }}
	}
	is := func(name string, found func(n, parent richtext.Node) bool) construct {
		return construct{name, func(n, parent richtext.Node, _ int) bool { return found(n, parent) }}
	}
	file := func(n richtext.Node) bool { _, ok := richtext.AttachmentName(n.URL); return ok }
	return []construct{
		of("strong", richtext.Strong), of("emphasis", richtext.Emphasis), of("struck out", richtext.Strike), of("underlined, inserted", richtext.Insert),
		of("superscript", richtext.Super), of("subscript", richtext.Sub), of("code in a line", richtext.Code), of("line break", richtext.Break),
		of("heading", richtext.Heading), of("code block", richtext.CodeBlock),
		is("language of a code block", func(n, _ richtext.Node) bool { return n.Kind == richtext.CodeBlock && n.Lang != "" }),
		is("bulleted list", func(n, _ richtext.Node) bool { return n.Kind == richtext.List && !n.Ordered }),
		is("numbered list", func(n, _ richtext.Node) bool { return n.Kind == richtext.List && n.Ordered }),
		is("first number of a list", func(n, _ richtext.Node) bool { return n.Kind == richtext.List && n.Offset != 0 }),
		is("list within a list", func(n, parent richtext.Node) bool { return n.Kind == richtext.List && parent.Kind == richtext.Item }),
		is("box of a task", func(n, _ richtext.Node) bool { return n.Task != richtext.NoTask }),
		is("code, quote or table in a list", func(n, parent richtext.Node) bool {
			return parent.Kind == richtext.Item && (n.Kind == richtext.CodeBlock || n.Kind == richtext.Quote || n.Kind == richtext.Table)
		}),
		of("quote", richtext.Quote),
		is("quote within a quote", func(n, parent richtext.Node) bool { return n.Kind == richtext.Quote && parent.Kind == richtext.Quote }),
		of("table", richtext.Table), is("header of a table", func(n, _ richtext.Node) bool { return n.Kind == richtext.Row && n.Header }),
		of("rule", richtext.Rule),
		is("link", func(n, _ richtext.Node) bool { return n.Kind == richtext.Link && strings.Contains(n.URL, "://") }),
		is("mail address", func(n, _ richtext.Node) bool { return n.Kind == richtext.Link && strings.HasPrefix(n.URL, "mailto:") }),
		is("link within the tracker", func(n, _ richtext.Node) bool { return n.Kind == richtext.Link && !strings.Contains(n.URL, ":") }),
		is("picture of the web", func(n, _ richtext.Node) bool { return n.Kind == richtext.Image && strings.Contains(n.URL, "://") }),
		is("picture that is an attachment", func(n, _ richtext.Node) bool { return n.Kind == richtext.Image && file(n) }),
		is("link to an attachment", func(n, _ richtext.Node) bool { return n.Kind == richtext.Link && file(n) }),
		is("HTML within Markdown", func(n, _ richtext.Node) bool { return n.Kind == richtext.Raw || n.Kind == richtext.RawBlock }),
	}
}

func (c construct) count(nodes []richtext.Node, parent richtext.Node, depth int) int {
	sum := 0
	for _, n := range nodes {
		if c.found(n, parent, depth) {
			sum++
		}
		sum += c.count(n.Children, n, depth+1)
	}
	return sum
}

func takes(docs []journey) string {
	out, rule := "| | ", "|---|"
	for _, to := range six() {
		out, rule = out+to.name+" | ", rule+"---|"
	}
	out = strings.TrimRight(out, " ") + "\n" + rule + "\n"
	for _, c := range constructs() {
		out += "| " + c.name + " |"
		for _, to := range six() {
			out += " " + c.share(docs, to) + " |"
		}
		out += "\n"
	}
	return out
}

// share tells in how many documents a construct is as often as before behind a format.
func (c construct) share(docs []journey, to format) string {
	all, kept := 0, 0
	for _, d := range docs {
		before := c.count(d.doc.Blocks, richtext.Node{}, 0)
		if before == 0 {
			continue
		}
		all++
		if c.count(d.back[to.name].Blocks, richtext.Node{}, 0) >= before {
			kept++
		}
	}
	switch kept {
	case all:
		return "yes"
	case 0:
		return "words"
	}
	return fmt.Sprintf("%d of %d", kept, all)
}

func backAgain(docs []journey) string {
	out, rule := "| | documents | ", "|---|---|"
	for _, to := range six() {
		out, rule = out+to.name+" | ", rule+"---|"
	}
	out = strings.TrimRight(out, " ") + "\n" + rule + "\n"
	for _, from := range six() {
		all, same := 0, map[string]int{}
		for _, d := range docs {
			if d.from != from.name {
				continue
			}
			all++
			for _, to := range six() {
				if d.back[to.name].Markdown() == d.doc.Markdown() {
					same[to.name]++
				}
			}
		}
		out += fmt.Sprintf("| %s | %d |", from.name, all)
		for _, to := range six() {
			out += fmt.Sprintf(" %d %% |", 100*same[to.name]/all)
		}
		out += "\n"
	}
	return out
}

// oddities are examples of what has no like in other formats.
func oddities() string {
	adf := func(node string) string {
		return `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[` + node + `]}]}`
	}
	examples := []struct{ format, text, whole string }{
		{"markdown", "[word](javascript:alert)", ""},
		{"markdown", "<kbd>Ctrl</kbd>", ""},
		{"markdown", "`<script>`", ""},
		{"html", `<span style="color:red">red</span>`, ""},
		{"html", `<a href="javascript:alert(1)">word</a>`, ""},
		{"html", `<a href="#" data-vss-mention="…">@Alice</a>`, ""},
		{"html", `<iframe src="https://video.example/1"></iframe>`, ""},
		{"html", `<img src="cid:gauge.png@01DA">`, ""},
		{"adf", "mention of Alice", adf(`{"type":"mention","attrs":{"id":"5b1","text":"@Alice"}}`)},
		{"adf", "emoji", adf(`{"type":"emoji","attrs":{"shortName":":smile:","text":"😄"}}`)},
		{"adf", "status", adf(`{"type":"status","attrs":{"text":"DONE","color":"green"}}`)},
		{"adf", "date", adf(`{"type":"date","attrs":{"timestamp":"1767225600000"}}`)},
		{"adf", "picture that was uploaded", adf(`{"type":"mediaInline","attrs":{"id":"1","collection":"","alt":"gauge.png"}}`)},
		{"adf", "panel", `{"type":"doc","version":1,"content":[{"type":"panel","attrs":{"panelType":"info"},"content":[{"type":"paragraph","content":[{"type":"text","text":"careful"}]}]}]}`},
		{"adf", "macro", adf(`{"type":"inlineExtension","attrs":{"extensionType":"x","extensionKey":"chart"}}`)},
		{"adf", "anything else", adf(`{"type":"hologram","attrs":{"label":"words"}}`)},
		{"wiki", "[~alice]", ""},
		{"wiki", "{color:red}red{color}", ""},
		{"wiki", "{toc}", ""},
		{"wiki", "!gauge.png|thumbnail!", ""},
		{"wiki", "[the log|^pump log.txt]", ""},
		{"textile", "%{color:red}red%", ""},
		{"textile", "{{toc}}", ""},
		{"textile", "!gauge.png!", ""},
		{"textile", "[[Page|words]]", ""},
	}
	var b strings.Builder
	for _, e := range examples {
		whole := e.whole
		if whole == "" {
			whole = e.text
		}
		for _, from := range six() {
			if from.name == e.format {
				fmt.Fprintf(&b, "| %s | %s | %s |\n", e.format, shownCode(e.text), shownCode(from.read(whole).Markdown()))
			}
		}
	}
	return b.String()
}

// shownCode is text as code in the cell of a table.
func shownCode(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "|", `\|`), "\n", "⏎")
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}
