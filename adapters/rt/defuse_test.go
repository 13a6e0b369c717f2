package rt

import "testing"

func TestText_IsNoFormula(t *testing.T) {
	t.Parallel()
	if got := withMarker("=cmd|' /C calc'!A0", ""); got[0] == '=' {
		t.Errorf("%q is a formula", got)
	}
}
