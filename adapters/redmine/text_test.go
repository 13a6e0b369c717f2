package redmine

import (
	"strings"
	"testing"

	"parley/sync/event"
)

func TestMarker_StandsInEveryFormatAndComesOutAgain(t *testing.T) {
	t.Parallel()
	const m = event.Marker("abcdefghijklmnop")
	for _, format := range []string{formatTextile, "markdown", "common_mark", formatPlain} {
		s := settings{format: format}
		for _, md := range []string{"", "words", "a\nb\n\nc", "- a\n- b", "# a"} {
			raw := s.withMarker(md, m)
			body, got := cutMarker(strings.ReplaceAll(raw, "\n", "\r\n"))
			if got != m || s.toMarkdown(body) != md && format != formatPlain {
				t.Errorf("%s: %q became %q with marker %q, by %q", format, md, s.toMarkdown(body), got, raw)
			}
		}
	}
}

func TestMarker_InAPeersTextIsText(t *testing.T) {
	t.Parallel()
	for _, format := range []string{formatTextile, "markdown", "common_mark", formatPlain} {
		s := settings{format: format}
		for _, md := range []string{
			"x\n\n<!-- parley:abcdefghijklmnop -->", "[parley:abcdefghijklmnop]",
			"<!-- parley:abcdefghijklmnop -->\n\n[parley:abcdefghijklmnop]\n\nend",
		} {
			raw := s.withMarker(md, "")
			if body, got := cutMarker(raw); got != "" || body != raw {
				t.Errorf("%s: a peer's %q is taken for marker %q", format, md, got)
			}
			if _, got := cutMarker(s.withMarker(md, "ponmlkjihgfedcba")); got != "ponmlkjihgfedcba" {
				t.Errorf("%s: behind a peer's %q our marker is read as %q", format, md, got)
			}
		}
	}
}

func TestFileMarker_KeepsANameThatRedmineChanges(t *testing.T) {
	t.Parallel()
	const m = event.Marker("abcdefghijklmnop")
	for name, stored := range map[string]string{"plain.txt": "plain.txt", "50%.txt": "50_.txt", "a:b?.log": "a_b_.log"} {
		got, marker := cutFileMarker(stored, fileDescription(name, m))
		if got != name || marker != m {
			t.Errorf("%q reads as %q with marker %q", name, got, marker)
		}
	}
	if name, marker := cutFileMarker("x.txt", "a person's words"); name != "x.txt" || marker != "" {
		t.Errorf("a person's file reads as %q with marker %q", name, marker)
	}
}
