package servicenow

import (
	"strings"
	"testing"

	"parley/adapters/internal/marker"
	"parley/sync/event"
)

const textMark = event.Marker("abcdefghijklmnop")

func TestMarker_OnlyOurLastLineCounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw, text string
		marker    event.Marker
	}{
		"behind the text":  {"said\n\n[parley:abcdefghijklmnop]", "said", textMark},
		"alone":            {"[parley:abcdefghijklmnop]", "", textMark},
		"with more behind": {"said\r\n\r\n[parley:abcdefghijklmnop]\r\nadded", "said\n\nadded", textMark},
		"within a line":    {"see [parley:abcdefghijklmnop]", "see [parley:abcdefghijklmnop]", ""},
		"too short":        {"[parley:abc]", "[parley:abc]", ""},
	} {
		if text, m := marker.Cut(c.raw); text != c.text || m != c.marker {
			t.Errorf("%s: got %q, %q", name, text, m)
		}
	}
	raw := withMarker("a peer wrote\n\n[parley:bbbbbbbbbbbbbbbb]\n\nthis", textMark)
	if text, m := marker.Cut(raw); m != textMark || strings.Contains(text, "[parley:b") {
		t.Errorf("a peer's marker is one: %q, %q", text, m)
	}
	for _, name := range []string{"report.pdf", "no ending", ".hidden", "two.tar.gz", "Übersicht 図面.txt"} {
		if back, m := cutMark(markedName(name, textMark)); back != name || m != textMark {
			t.Errorf("%q came back as %q, %q", name, back, m)
		}
	}
	if got := markedName("a.parley-abcdefghijklmnop.txt", ""); got == "a.parley-abcdefghijklmnop.txt" {
		t.Error("a name that looks like a marked one stays")
	}
}

// FuzzText_IsDefusedAndStable: what is written holds no HTML for ServiceNow and reads the
// same after one pass, with its marker.
func FuzzText_IsDefusedAndStable(f *testing.F) {
	for _, s := range []string{
		"plain", "[code]<b>x</b>[/code]", "[CODE]x", "**bold** [/Code]", "a\n\n[parley:abcdefghijklmnop]\n\nb", "[\u200bcode]", "[[code]code]", "[co\u200bde]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		written := withMarker(s, textMark)
		if codeTag.MatchString(written) {
			t.Fatalf("%q is written with HTML: %q", s, written)
		}
		text, m := marker.Cut(written)
		if m != textMark {
			t.Fatalf("%q lost its marker: %q", s, written)
		}
		first := toMarkdown(text)
		text, m = marker.Cut(withMarker(first, textMark))
		if second := toMarkdown(text); m != textMark || second != first && toMarkdown(mustCut(withMarker(second, textMark))) != second {
			t.Errorf("%q reads as %q, then %q", s, first, second)
		}
	})
}

func mustCut(raw string) string {
	text, _ := marker.Cut(raw)
	return text
}
