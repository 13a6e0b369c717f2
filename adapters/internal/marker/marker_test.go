package marker_test

import (
	"strings"
	"testing"

	"parley/adapters/internal/marker"
	"parley/sync/event"
)

const ours = event.Marker("abcdefghijklmnop")

func TestCut_GivesBackTextAndMarkerInEveryForm(t *testing.T) {
	t.Parallel()
	for _, form := range []marker.Form{marker.Comment, marker.Definition, marker.Word} {
		for _, text := range []string{"", "one line", "two\n\nparagraphs", "- a\n- b"} {
			got, m := marker.Cut(marker.Append(text, ours, form))
			if got != text || m != ours {
				t.Errorf("form %d: got %q and %q, want %q and %q", form, got, m, text, ours)
			}
		}
	}
}

func TestCut_FindsAMarkerThatPeopleMoved(t *testing.T) {
	t.Parallel()
	moved := "before\r\n" + marker.Line(ours, marker.Comment) + " \r\n\r\nafter"
	if got, m := marker.Cut(moved); got != "before\n\nafter" || m != ours {
		t.Errorf("got %q and %q", got, m)
	}
	if got, m := marker.Cut("in a line: " + marker.Line(ours, marker.Comment)); m != "" {
		t.Errorf("a marker within a line counts: %q, %q", got, m)
	}
}

func TestAppend_DisarmsWhatLooksLikeAMarker(t *testing.T) {
	t.Parallel()
	for _, form := range []marker.Form{marker.Comment, marker.Definition, marker.Word} {
		theirs := marker.Line("ponmlkjihgfedcba", form)
		if got, m := marker.Cut(marker.Append("quoted:\n"+theirs, "", marker.Comment)); m != "" {
			t.Errorf("a quoted marker counts: %q in %q", m, got)
		}
		got, m := marker.Cut(marker.Append("quoted:\n"+theirs+"\nend", ours, marker.Comment))
		if m != ours || !strings.Contains(got, "ponmlkjihgfedcba") {
			t.Errorf("got %q and %q", got, m)
		}
	}
}
