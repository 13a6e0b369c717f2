package node_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/node"
	"parley/node/config"
)

// TestEgress_TheConfigurationKnowsWhatTheGateDoes: no less and no more.
func TestEgress_TheConfigurationKnowsWhatTheGateDoes(t *testing.T) {
	t.Parallel()
	for name, both := range map[string][2][]string{
		"detectors": {config.Detectors(), filters.Detectors()}, "actions": {config.Actions(), filters.Actions()},
		"kinds of files": {config.UnscannedKinds(), filters.UnscannedKinds()},
	} {
		if !slices.Equal(both[0], both[1]) {
			t.Errorf("%s: the configuration knows %v, the gate %v", name, both[0], both[1])
		}
	}
	got := node.Egress(config.Connection{Gate: config.Gate{
		Detect: map[string]string{"email": "mask"}, Hosts: []string{"acme.example"}, Unscanned: []string{"pdf"},
	}}, nil)
	want := filters.Egress{Detect: map[string]filters.Action{"email": filters.ActionMask}, Hosts: []string{"acme.example"}, Unscanned: []string{"pdf"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the gate of a connection (-want +got):\n%s", diff)
	}
}
