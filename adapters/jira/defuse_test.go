package jira

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestText_CallsNobodyAndRunsNoMacro: at Jira a mention is a node of its own, or a name behind [~.
func TestText_CallsNobodyAndRunsNoMacro(t *testing.T) {
	t.Parallel()
	for _, md := range []string{"[~admin] look", "[~accountid:5b10]", "@admin", "`[~admin]`", "{jira:PROJ-1} {include:Page}", `{"type":"mention","attrs":{"id":"5b10"}}`} {
		wiki, ok := client{}.fromMarkdown(md).(string)
		if !ok || strings.Contains(strings.ReplaceAll(wiki, `\[`, ""), "[~") && !strings.HasPrefix(wiki, "{{") || strings.Contains(strings.ReplaceAll(wiki, `\{`, ""), "{include") {
			t.Errorf("%q calls somebody in %q", md, wiki)
		}
		raw, err := json.Marshal(client{cloud: true}.fromMarkdown(md))
		if err != nil || strings.Contains(string(raw), `"type":"mention"`) || strings.Contains(string(raw), `"type":"extension"`) {
			t.Errorf("%q calls somebody in %s, %v", md, raw, err)
		}
		for _, c := range []client{{}, {cloud: true}} {
			raw, err := json.Marshal(c.fromMarkdown(md))
			if err != nil {
				t.Fatal(err)
			}
			back, err := c.toMarkdown(raw)
			if again := fmt.Sprint(c.fromMarkdown(back)); err != nil || again != fmt.Sprint(c.fromMarkdown(md)) {
				t.Errorf("%q came back as %q, %v", md, back, err)
			}
		}
	}
}
