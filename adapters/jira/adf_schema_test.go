package jira_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"parley/adapters/internal/contract"
	"parley/adapters/richtext"
)

// sampleText has what people write.
const sampleText = "# Title\n\nfirst **line** with `code`\nsecond https://example.org/a_b\n\n- one\n  1. two\n- [x] done\n\n> quoted\n\n```go\nx := 1\n```\n\n| a | b |\n| - | - |\n| 1 | `2` |\n\n___"

// adfSchema is Atlassian's own; nil, said once, where it is not at hand.
func adfSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	dir, err := contract.Dir()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("documents are not checked against Atlassian's schema: %v", err)
		return nil
	}
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(dir, "jira-cloud", "adf-schema-v1.full.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestADF_WhatIsWrittenFitsAtlassiansSchema(t *testing.T) {
	t.Parallel()
	schema := adfSchema(t)
	if schema == nil {
		return
	}
	for _, s := range []string{
		"", sampleText, "***a** b*", "a\\\nb  \nc", "x<sup>2</sup> <ins>a</ins> ~~g~~", "<!-- c -->\n\n<div>x</div>", "> a\n>> b",
		"- > quoted in a list\n- # heading in a list\n- ```\n  code\n  ```\n\n  after",
		"> # heading\n>\n> | a |\n> | - |\n> | b |\n>\n> ---\n>\n> - x", "- | a |\n  | - |\n  | b |", "`a **b**` **`c`** [`d`](https://e.f)",
		"[ftp](ftp://a.b/c) <javascript:alert(1)> [x](javascript:alert(1))", "![a](https://b.c/d.png)", "- [ ] a\n  - [x] b\n    1. c",
	} {
		doc := richtext.MarkdownToADF(s)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%q became %s, which does not fit: %v", s, doc, err)
		}
	}
}
