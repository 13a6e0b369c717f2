package node_test

import (
	"strings"
	"testing"

	"parley/adapters/richtext"
	"parley/filters"
	"parley/sync/event"
)

// A token has to come back from every tracker as it went there.
func TestToken_SurvivesEveryFormat(t *testing.T) {
	t.Parallel()
	out, err := filters.CompileOutgoing(`replica.description = text(vars.around, token(issue.summary, "customer"))`, filters.Env{Key: []byte("k"), Vars: map[string]any{"around": ""}})
	if err != nil {
		t.Fatal(err)
	}
	for name, there := range map[string]func(string) (string, error){
		"HTML": func(md string) (string, error) { return richtext.HTMLToMarkdown(richtext.MarkdownToHTML(md)), nil },
		"Textile": func(md string) (string, error) {
			return richtext.TextileToMarkdown(richtext.MarkdownToTextile(md)), nil
		},
		"wiki":  func(md string) (string, error) { return richtext.WikiToMarkdown(richtext.MarkdownToWiki(md)), nil },
		"plain": func(md string) (string, error) { return richtext.PlainToMarkdown(richtext.MarkdownToPlain(md)), nil },
		"ADF":   func(md string) (string, error) { return richtext.ADFToMarkdown(richtext.MarkdownToADF(md)) },
	} {
		for _, text := range []string{"Ann", strings.Repeat("Ann Example ", 80)} {
			for _, around := range []string{"{}", "Call **{}** back", "> {}\n\n- {}\n- _{}_", "`{}`", "[{}](https://example.com)"} {
				info := filters.Context{TwinID: "t", Vars: map[string]any{"around": around}}
				made, err := out.Run(t.Context(), filters.OutInput{Context: info, Issue: filters.Ours{Fields: event.Fields{"summary": text}}})
				if err != nil {
					t.Fatal(err)
				}
				sent := made.Replica.Fields["description"].(string)
				token := sent[strings.Index(sent, "sealed1") : strings.Index(sent, "sealed1")+strings.IndexByte(sent[strings.Index(sent, "sealed1"):], '0')+1]
				back, err := there(sent)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := strings.Count(back, token), strings.Count(sent, token); got != want {
					t.Errorf("%s: %d of %d tokens are left of\n%s\nin\n%s", name, got, want, sent, back)
				}
			}
		}
	}
}
