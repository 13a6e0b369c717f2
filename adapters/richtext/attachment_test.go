package richtext_test

import (
	"strings"
	"testing"

	"parley/adapters/richtext"
)

// awkward are names that people give to files.
func awkward() []string {
	return []string{
		"a.png", "two words.png", "Bild (1).png", "a_b_c~d.png", "50%.png", "a%20b.png", "1+1=2.png", "über.jpeg", "צילום.png", "[x].png", "a!b.png", "a&amp;b.png", "a|b.png",
		"a*b*.png", "'q' \"r\".png", "@alice.png", "#12.png", "{code}.png", "a,b;c.png", "^up.png", "<b>.png", "screen.png", "-.png", "a.tar.gz", "$x.png", "a:b.png", "noending",
	}
}

func TestAttachmentURL_GivesBackEachName(t *testing.T) {
	t.Parallel()
	for _, name := range awkward() {
		if got, ok := richtext.AttachmentName(richtext.AttachmentURL(name)); !ok || got != name {
			t.Errorf("%q became %q, %v by way of %s", name, got, ok, richtext.AttachmentURL(name))
		}
	}
	for _, address := range []string{"", "attachment:", "attachment:a%2Fb.png", "attachment:%zz", "attachment:%00.png", "attachment:..%2F..%2Fx", "https://a.example/attachment:x", "Attachment:x.png"} {
		if name, ok := richtext.AttachmentName(address); ok {
			t.Errorf("%q names %q", address, name)
		}
	}
}

func TestAttachment_AReferenceComesBackFromEveryFormat(t *testing.T) {
	t.Parallel()
	for _, name := range awkward() {
		u := richtext.AttachmentURL(name)
		for _, md := range []string{
			"![words](" + u + ")", "before ![words](" + u + ") after", "- ![words](" + u + ")\n- [file](" + u + ")", "| a |\n| --- |\n| ![words](" + u + ") |",
			"[the file](" + u + "), and", "**![words](" + u + ")**",
		} {
			want := richtext.FromMarkdown(md).Markdown()
			if !strings.Contains(want, "]("+u+")") {
				t.Fatalf("%q is no reference: %q", md, want)
			}
			for _, to := range six() {
				out := to.write(richtext.FromMarkdown(md))
				got := to.read(out).Markdown()
				if to.name == "plain" { // which has neither lists nor tables
					if !strings.Contains(got, "]("+u+")") {
						t.Errorf("plain: %q became %q by way of %q", md, got, out)
					}
					continue
				}
				// A mark of the wiki does not reach over a name with the same mark in it.
				if got != want && (to.name != "wiki" || got != strings.ReplaceAll(want, "**", "")) {
					t.Errorf("%s: %q became %q by way of %q", to.name, want, got, out)
				}
			}
		}
	}
}

func TestAttachment_ACodeThatLooksLikeAReferenceIsNone(t *testing.T) {
	t.Parallel()
	for _, to := range six() {
		if got := to.read(to.write(richtext.FromMarkdown("`![a](attachment:a.png)`"))).Markdown(); to.name != "plain" && got != "`![a](attachment:a.png)`" {
			t.Errorf("%s: %q", to.name, got)
		}
	}
}
