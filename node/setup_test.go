package node_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/adapters/desk"
	"parley/filters/examples"
	"parley/node/admin"
)

// empty is a node without connections before a desk of the same making.
func empty(t *testing.T, o desk.Options) *site {
	t.Helper()
	s := newSiteOf(t, "other", "", o)
	text, err := os.ReadFile(s.file())
	must(t, err)
	before, _, _ := strings.Cut(string(text), "connections:")
	must(t, os.WriteFile(s.file(), []byte(before+"connections: {}\n"), 0o600))
	s.run()
	return s
}

// becomes wants an empty node to be the same as another after what that exported was
// applied, to the byte.
func (s *site) becomes(want admin.Setup) {
	s.t.Helper()
	if got := s.apply(admin.ApplyRequest{Setup: want, Reason: "the same"}); !got.Applied {
		s.t.Fatalf("applied to an empty node: %+v", got)
	}
	same(s.t, s.export(), want)
	if got := s.apply(admin.ApplyRequest{Setup: want, DryRun: true}); !got.Same {
		s.t.Errorf("what an empty node lacks then: %+v", got)
	}
}

// TestExport_MakesAnEmptyNodeTheSame: for both sides of each ready-made pair, and for a
// connection that runs by a template.
func TestExport_MakesAnEmptyNodeTheSame(t *testing.T) {
	t.Parallel()
	pairs, err := examples.Pairs()
	must(t, err)
	for _, pair := range pairs {
		for _, e := range pair.Sides {
			t.Run(pair.Name+"/"+e.Side, func(t *testing.T) {
				t.Parallel()
				o := deskFor(t, e)
				a := newSiteOf(t, e.Side, "", o)
				a.installs(e, "")
				a.run()
				want := a.export()
				if len(e.Tables) > 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(want.Files)), func(name string) bool { return strings.HasPrefix(name, "tables/peer/") }) {
					t.Fatalf("the export has no tables: %v", want.Files)
				}
				empty(t, o).becomes(want)
			})
		}
	}
	t.Run("template", func(t *testing.T) {
		t.Parallel()
		a := newSite(t, "acme", "")
		a.run()
		a.tied()
		want := a.export()
		if !strings.Contains(want.Files["parley.yaml"], "template: customer@1") {
			t.Fatalf("the export is\n%s", want.Files["parley.yaml"])
		}
		empty(t, desk.Options{Token: token, Projects: []string{"ACME"}, Tokens: map[string]string{"alice-token": "alice"}}).becomes(want)
	})
}
