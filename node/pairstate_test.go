package node

import (
	"testing"

	"parley/sync/event"
	"parley/sync/twin"
)

// TestPairState_SaysHowFarAnAskedPairGot: what `ticket connect` shows of a pair.
func TestPairState_SaysHowFarAnAskedPairGot(t *testing.T) {
	t.Parallel()
	asked := &event.Connect{}
	for _, tt := range []struct {
		name        string
		row         *twin.Row
		state, code string
	}{
		{"no twin", nil, "not asked", ""},
		{"ended by a person", &twin.Row{State: twin.Ended}, "not asked", ""},
		{"refused", &twin.Row{State: twin.Ended, Connect: asked, Refused: event.CodeRejected}, "refused", string(event.CodeRejected)},
		{"on its way", &twin.Row{State: twin.Live, Connect: asked, Out: &twin.Unsettled{}}, "asked", ""},
		{"for a person there", &twin.Row{State: twin.Live, Connect: asked, Out: &twin.Unsettled{Parked: event.CodeApproval}}, "waits for approval", ""},
		{"parked there", &twin.Row{State: twin.Live, Connect: asked, Out: &twin.Unsettled{Parked: event.CodeDenied}}, "asked", string(event.CodeDenied)},
		{"answered", &twin.Row{State: twin.Live}, "connected", ""},
	} {
		if state, code := pairState(tt.row); state != tt.state || code != tt.code {
			t.Errorf("%s: %q %q, want %q %q", tt.name, state, code, tt.state, tt.code)
		}
	}
}
