package redmine

import (
	"regexp"
	"strings"
	"testing"
)

// mentioned is MENTION_PATTERN of acts_as_mentionable in Redmine 5.0.
var mentioned = regexp.MustCompile(`(?i)(?:^|\W)@([A-Za-z0-9_\-@.]+?)(?:[[:punct:]][^A-Za-z0-9_/]|,|\.+$|\s|\]|<|$)`)

func TestText_CallsNobodyRunsNoMacroAndIsNoFormula(t *testing.T) {
	t.Parallel()
	for _, format := range []string{formatTextile, "markdown", "common_mark", formatPlain} {
		s := settings{format: format}
		for _, md := range []string{
			"@alice look", "cc @bob.smith, (@carol) and @dan@help", "`@alice` in code", "**@alice**", "> @alice", "- @alice", "see https://x.example/@alice now",
			"{{include(Secret)}}", "a {{toc}}", "=cmd|' /C calc'!A0", "=1+1",
		} {
			raw := s.withMarker(md, "")
			if mentioned.MatchString(raw) {
				t.Errorf("%s: %q calls somebody in %q", format, md, raw)
			}
			if regexp.MustCompile(`\{\{\w`).MatchString(raw) {
				t.Errorf("%s: %q runs a macro in %q", format, md, raw)
			}
			if strings.HasPrefix(raw, "=") {
				t.Errorf("%s: %q is a formula in %q", format, md, raw)
			}
			if back := s.toMarkdown(raw); strings.ContainsRune(back, '\u200b') || s.toMarkdown(s.fromMarkdown(back)) != back {
				t.Errorf("%s: %q came back as %q by way of %q", format, md, back, raw)
			}
		}
	}
}

func TestText_CodeOfJavaStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, format := range []string{formatTextile, "markdown"} {
		s := settings{format: format}
		if raw := s.fromMarkdown("```java\n@Override {{x}}\n```"); strings.ContainsRune(raw, '\u200b') {
			t.Errorf("%s: code is changed: %q", format, raw)
		}
	}
	s := settings{format: "markdown"}
	if got := s.fromMarkdown("mail a@b.example"); got != "mail a@b.example" {
		t.Errorf("an address of mail became %q", got)
	}
}
