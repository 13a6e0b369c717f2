package richtext_test

import (
	"encoding/json"
	"testing"

	"parley/adapters/richtext"
)

func throughADF(t testing.TB, s string) string {
	t.Helper()
	out, err := richtext.ADFToMarkdown(richtext.MarkdownToADF(s))
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	return out
}

func TestADF_SaysEachConstruct(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"plain words", "a\nb", "# Heading", "**bold** and _italic_ and ~~gone~~ and `code`", "_**both** one_",
		"- one\n- two\n  - below\n- three", "1. a\n2. b", "- [ ] open\n- [x] done", "```go\nfunc main() {}\n```",
		"> quoted", "| a | b |\n| --- | --- |\n| 1 | 2 |", "___", "[label](https://example.org/a)", "https://example.org/b",
	} {
		if got := throughADF(t, s); got != s {
			t.Errorf("%q became %q by way of %s", s, got, richtext.MarkdownToADF(s))
		}
	}
}

func TestADF_KeepsTheWordsOfWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"type":"panel","attrs":{"panelType":"info"},"content":[{"type":"paragraph","content":[{"type":"text","text":"careful"}]}]}`: "> careful",
		`{"type":"expand","attrs":{"title":"More"},"content":[{"type":"paragraph","content":[{"type":"text","text":"inside"}]}]}`:     "**More**\n\ninside",
		`{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"5b1","text":"@Alice Agent"}},{"type":"text","text":" hi"}]}`: "Alice Agent hi",
		`{"type":"paragraph","content":[{"type":"emoji","attrs":{"shortName":":smile:","text":"😄"}}]}`:                                "😄",
		`{"type":"paragraph","content":[{"type":"date","attrs":{"timestamp":"1767225600000"}}]}`:                                      "2026-01-01",
		`{"type":"paragraph","content":[{"type":"status","attrs":{"text":"DONE","color":"green"}}]}`:                                  "DONE",
		`{"type":"paragraph","content":[{"type":"inlineCard","attrs":{"url":"https://example.org/x"}}]}`:                              "https://example.org/x",
		`{"type":"mediaSingle","content":[{"type":"media","attrs":{"type":"file","id":"1","collection":"","alt":"pic.png"}}]}`:        "![pic.png](attachment:pic.png)",
		`{"type":"somethingNew","content":[{"type":"paragraph","content":[{"type":"text","text":"kept"}]}]}`:                          "kept",
		`{"type":"paragraph","content":[{"type":"strangeInline","content":[{"type":"text","text":"kept too"}]}]}`:                     "kept too",
	} {
		got, err := richtext.ADFToMarkdown(json.RawMessage(`{"type":"doc","version":1,"content":[` + in + `]}`))
		if err != nil || got != want {
			t.Errorf("%s became %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestADF_RefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	for _, s := range []string{`"text"`, `{}`, `{"type":"paragraph"}`, `[]`, `{"type":"doc"`} {
		if _, err := richtext.FromADF(json.RawMessage(s)); err == nil {
			t.Errorf("%s was taken for a document", s)
		}
	}
}

func FuzzThroughADF_StableAfterOnePass(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4096 {
			return
		}
		once := throughADF(t, s)
		if twice := throughADF(t, once); twice != once {
			t.Errorf("not stable after one pass\n   in %q\n once %q\ntwice %q", s, once, twice)
		}
	})
}

func adfWords(t testing.TB, d richtext.Doc) string {
	t.Helper()
	back, err := richtext.FromADF(d.ADF())
	if err != nil {
		t.Errorf("what was written cannot be read: %v", err)
	}
	return back.Plain()
}
