package richtext_test

import (
	"strings"
	"testing"

	"parley/adapters/richtext"
)

func TestPointAttachments_LeadsThereAndBack(t *testing.T) {
	t.Parallel()
	here := func(name string, _ bool) (string, bool) {
		return "/files/1/" + strings.TrimPrefix(richtext.AttachmentURL(name), "attachment:"), name != "missing.png"
	}
	back := func(address string) (string, bool) {
		rest, ok := strings.CutPrefix(address, "/files/1/")
		if !ok {
			return "", false
		}
		return richtext.AttachmentName("attachment:" + rest)
	}
	for in, want := range map[string]string{
		"![a](attachment:a.png)":                          "![a](/files/1/a.png)",
		"x [the *log*](attachment:a%20b.txt), y":          "x [the *log*](/files/1/a%20b.txt), y",
		"- ![a](attachment:a.png) ![b](attachment:b.png)": "- ![a](/files/1/a.png) ![b](/files/1/b.png)",
		"[![a](attachment:a.png)](https://x.example)":     "[![a](/files/1/a.png)](https://x.example)",
		"![a](attachment:missing.png)":                    "![a](attachment:missing.png)",
		"`![a](attachment:a.png)`":                        "`![a](attachment:a.png)`",
		"```\n![a](attachment:a.png)\n```":                "```\n![a](attachment:a.png)\n```",
		"![a](https://x.example/attachment:a.png)":        "![a](https://x.example/attachment:a.png)",
		"no [link] (attachment:a.png)":                    "no [link] (attachment:a.png)",
	} {
		got := richtext.PointAttachments(in, here)
		if got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if again := richtext.ReferAttachments(got, back); again != in {
			t.Errorf("%q came back as %q", in, again)
		}
	}
}

func TestAttachmentsAsWords_AreNoLinkAndComeBack(t *testing.T) {
	t.Parallel()
	none := func(string) (string, bool) { return "", false }
	for _, in := range []string{"![a](attachment:a.png)", "x [log](attachment:a%20b.txt) y ![z](attachment:z.png)", "[![a](attachment:a.png)](https://x.example)", "`![a](attachment:a.png)`"} {
		words := richtext.AttachmentsAsWords(in)
		for _, u := range markdownAddresses([]byte(words)) {
			if strings.HasPrefix(u, "attachment:") {
				t.Errorf("%q leads to %q in %q", in, u, words)
			}
		}
		if back := richtext.ReferAttachments(words, none); back != in {
			t.Errorf("%q came back as %q by way of %q", in, back, words)
		}
	}
}

func TestAttachments_AreNamedOnce(t *testing.T) {
	t.Parallel()
	got := richtext.Attachments("![a](attachment:a.png) [a](attachment:a.png) ![b](attachment:b%20c.png) `![d](attachment:d.png)`")
	if strings.Join(got, "|") != "a.png|b c.png" {
		t.Errorf("names are %q", got)
	}
}
