package rt

import (
	"testing"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

func TestMarker_OnlyTheLastLineCounts(t *testing.T) {
	t.Parallel()
	const m, other = event.Marker("abcdefghijklmnop"), event.Marker("zzzzzzzzzzzzzzzz")
	for _, body := range []string{
		"", "text", "two\n\nparts", "trailing  ", "ends\n", "ends\n\n", "\n\nbegins",
		markerLine(other), "quote\n\n" + markerLine(other), markerLine(other) + "\nbelow", "- [sync:abc]",
	} {
		got, found := cutMarker(withMarker(body, m))
		if got != body || found != m {
			t.Errorf("%q: got %q, %q", body, got, found)
		}
	}
	for _, body := range []string{"", "text", "> " + markerLine(m), markerLine(m) + "\nmore", "see " + markerLine(m), "[sync:ABCDEFGHIJKLMNOP]", "[sync:abc]"} {
		if got, found := cutMarker(body); got != body || found != "" {
			t.Errorf("%q: got %q, %q, want it as it is", body, got, found)
		}
	}
}

func FuzzMarker_ComesOffAsItWentOn(f *testing.F) {
	f.Add("text\n\n[sync:zzzzzzzzzzzzzzzz]")
	f.Fuzz(func(t *testing.T, body string) {
		got, found := cutMarker(withMarker(body, "abcdefghijklmnop"))
		if defuse.MeantFormula(got) != body || found != "abcdefghijklmnop" {
			t.Errorf("%q: got %q, %q", body, got, found)
		}
	})
}
