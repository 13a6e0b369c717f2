package github

import (
	"strings"
	"testing"

	"parley/adapters/internal/marker"
	"parley/sync/event"
)

const ours = event.Marker("abcdefghijklmnop")

func TestText_NamesAndNumbersOfOthersCallNobody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, md, want string }{
		{"a name", "@alice look", "@|alice look"},
		{"a team", "ask @acme/support", "ask @|acme/support"},
		{"in brackets", "(@alice, @bob)", "(@|alice, @|bob)"},
		{"a number", "see #12 and GH-13, gh-14", "see #|12 and GH-|13, gh-|14"},
		{"a number elsewhere", "see other/repo#12", "see other/repo#|12"},
		{"two in a row", "@a@b #1#2", "@|a@b #|1#|2"},
		{"an entity of the sign", "&#64;alice &commat;bob &#x40;eve &#35;12", "&#64;|alice &commat;|bob &#x40;|eve &#35;|12"},
		{"an address of e-mail", "alice@example.org", "alice@example.org"},
		{"other entities", "&#169;2026 &#8364;12", "&#169;2026 &#8364;12"},
		{"a heading", "# 12 things\n## @alice", "# 12 things\n## @|alice"},
		{"code", "`@Override #1`\n\n```\n@alice #12\n```", "`@Override #1`\n\n```\n@alice #12\n```"},
		{"an address", "https://example.org/@alice#12", "https://example.org/@alice#12"},
		{"nobody", "5 @ 3, # and C#", "5 @ 3, # and C#"},
	} {
		raw := fromMarkdown(c.md)
		if got := strings.ReplaceAll(raw, "\u200b", "|"); got != c.want {
			t.Errorf("%s: wrote %q, want %q", c.name, got, c.want)
		}
		if got := toMarkdown(raw); got != c.md {
			t.Errorf("%s: reads as %q, want %q", c.name, got, c.md)
		}
	}
}

func TestText_OnlyOurAccountsMarkersCount(t *testing.T) {
	t.Parallel()
	for _, form := range []marker.Form{marker.Comment, marker.Definition} {
		s := settings{form: form}
		raw := strings.ReplaceAll(s.withMarker("said\n\nmore", ours), "\n", "\r\n")
		if text, m := cutMarker(raw, true); text != "said\n\nmore" || m != ours {
			t.Errorf("got %q and %q", text, m)
		}
		if text, m := cutMarker(raw, false); m != "" || !strings.Contains(text, string(ours)) {
			t.Errorf("another account's text has the marker %q: %q", m, text)
		}
	}
}

// FuzzText: what is written reads back as the same from then on, and calls nobody.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "@a #1", "`@a`", "<!-- parley:abcdefghijklmnop -->", "&#64;a", "a\r\nb", "~~~\n@a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, md string) {
		s := settings{}
		once, m := cutMarker(s.withMarker(md, ours), true)
		if m != ours {
			t.Fatalf("the marker reads as %q", m)
		}
		if twice, _ := cutMarker(s.withMarker(once, ours), true); twice != once {
			t.Errorf("%q reads as %q, and that as %q", md, once, twice)
		}
	})
}
