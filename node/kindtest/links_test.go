package kindtest_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
)

func TestJira_LinksStayInStepWithADesk(t *testing.T) {
	t.Parallel()
	linksInStep(t, deskSide(t), jiraSide(t, 0))
}

func TestGitLab_LinksStayInStepWithADesk(t *testing.T) {
	t.Parallel()
	linksInStep(t, deskSide(t), gitlabSide(t, 0))
}

// linksInStep makes links on either side of a desk and another kind, and takes them away one by
// one; each leads to the ticket that is the other's twin.
func linksInStep(t *testing.T, ours, theirs side) {
	t.Helper()
	k := newKin(t, ours, theirs, func(left, right *site) []*site { return []*site{right, right, left} })
	left, right, at := k.left, k.right, k.at
	link := func(x *site, relation string, n int) event.Link {
		t.Helper()
		return event.Link{Type: relation, ID: at(x, n).ID}
	}
	set := func(x *site, was, links []event.Link) {
		t.Helper()
		x.do(event.Step{
			Kind: event.StepUpdate, Ref: at(x, 0), Fields: event.Fields{event.FieldLinks: event.LinksValue(links)},
			Was: event.Fields{event.FieldLinks: event.LinksValue(was)},
		}, nil)
	}
	has := func(x *site, what string, n int, want ...event.Link) {
		t.Helper()
		ref := at(x, n)
		eventually(t, what, func() error {
			ticket, err := x.people.Read(t.Context(), ref)
			if err != nil {
				return err
			}
			got := event.LinksOf(ticket.Fields[event.FieldLinks])
			for i := range got {
				got[i].Key = ""
			}
			if d := cmp.Diff(event.LinksOf(event.LinksValue(want)), got); d != "" {
				return fmt.Errorf("links (-want +got):\n%s", d)
			}
			return nil
		})
	}
	set(right, nil, []event.Link{link(right, event.Blocks, 1)})
	has(left, "a link made there is at the desk", 0, link(left, event.Blocks, 1))
	has(left, "and at its other end", 1, link(left, event.IsBlockedBy, 0))
	set(left, nil, []event.Link{link(left, event.RelatesTo, 2)})
	has(right, "a link made at the desk is there", 0, link(right, event.Blocks, 1), link(right, event.RelatesTo, 2))
	set(right, []event.Link{link(right, event.Blocks, 1)}, nil)
	has(left, "a link that was lost there is lost at the desk", 0, link(left, event.RelatesTo, 2))
	set(left, []event.Link{link(left, event.RelatesTo, 2)}, nil)
	has(right, "and the other way round", 0)
	quiet(t, left, right)
	has(left, "in the end there is none", 0)
	has(right, "in the end there is none", 0)
}
