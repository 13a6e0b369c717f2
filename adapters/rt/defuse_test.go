package rt

import (
	"testing"

	"parley/sync/event"
)

func TestText_IsNoFormula(t *testing.T) {
	t.Parallel()
	if got := withMarker("=cmd|' /C calc'!A0", ""); got[0] == '=' {
		t.Errorf("%q is a formula", got)
	}
}

// A text that was written as no formula is read as it was, also where a field holds the marker.
func TestText_IsReadAsItWasWhereverTheMarkerStands(t *testing.T) {
	t.Parallel()
	for _, marker := range []event.Marker{"", "abcdefghijklmnop"} {
		out := event.Ticket{Fields: event.Fields{}, Marker: marker}
		assemble(&out, []message{{transaction: transaction{Type: "Create"}, body: withMarker("=1+1", "")}}, "")
		if got := out.Fields[event.FieldDescription]; got != "=1+1" {
			t.Errorf("with the marker %q, the description is read as %q", marker, got)
		}
	}
}
