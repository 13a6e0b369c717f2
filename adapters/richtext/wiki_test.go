package richtext_test

import (
	"testing"

	"parley/adapters/richtext"
)

func TestWiki_SaysEachConstruct(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain words":                         "plain words",
		"a\nb":                                "a\nb",
		"## Heading":                          "h2. Heading",
		"**b** _i_ ~~s~~ `c`":                 "*b* _i_ -s- {{c}}",
		"- one\n  - below\n- two":             "* one\n** below\n* two",
		"1. a\n2. b":                          "# a\n# b",
		"- [ ] open\n- [x] done":              "* \\[ ] open\n* \\[x] done",
		"```go\nx := 1\n```":                  "{code:go}\nx := 1\n{code}",
		"> quoted":                            "{quote}\nquoted\n{quote}",
		"| a | b |\n| --- | --- |\n| 1 | 2 |": "|| a || b ||\n| 1 | 2 |",
		"___":                                 "----",
		"[label](https://example.org/a)":      "[label|https://example.org/a]",
		"2 * 3 and snake_case":                "2 * 3 and snake_case",
	} {
		if got := richtext.MarkdownToWiki(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if got := richtext.WikiToMarkdown(want); got != in {
			t.Errorf("%q reads as %q, want %q", want, got, in)
		}
	}
}

func TestWiki_ReadsWhatJiraUsersWrite(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Hello [~alice], see [^log.txt]":                    "Hello alice, see [log.txt](attachment:log.txt)",
		"{color:red}careful{color} now":                     "careful now",
		"{panel:title=Note}\ninside\n{panel}":               "> **Note**\n>\n> inside",
		"{noformat}a * b{noformat}":                         "```\na * b\n```",
		"bq. once said":                                     "> once said",
		"- dash\n- list":                                    "- dash\n- list",
		"one\\\\two":                                        "one\ntwo",
		"{code:title=A.java|language=java}\nint i;\n{code}": "```java\nA.java\nint i;\n```",
		"!screen.png|thumbnail!":                            "![screen.png](attachment:screen.png)",
		"{quote}never closed":                               "{quote}never closed",
		"h1. Title\ntext right below":                       "# Title\n\ntext right below",
	} {
		if got := richtext.WikiToMarkdown(in); got != want {
			t.Errorf("%q reads as %q, want %q", in, got, want)
		}
	}
}

func FuzzThroughWiki_StableAfterOnePass(f *testing.F) { fuzzStable(f, "markdown through wiki") }
