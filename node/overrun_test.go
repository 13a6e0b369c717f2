package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"parley/adapters"
	"parley/adapters/desk"
	"parley/node/admin"
	"parley/sync/event"
)

// unlocked is a desk without an optimistic lock; before is asked before each write.
type unlocked struct {
	*desk.Tracker
	before func(context.Context, event.Step) error
}

func (u unlocked) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	ticket, err := u.Tracker.Read(ctx, ref)
	ticket.Lock = ""
	return ticket, err
}

func (u unlocked) Write(ctx context.Context, step event.Step, r io.Reader) (event.Written, error) {
	if err := u.before(ctx, step); err != nil {
		return event.Written{}, err
	}
	return u.Tracker.Write(ctx, step, r)
}

// hasty makes the site's people change a summary just before the node writes it.
func (s *site) hasty(from, to string) {
	kind := desk.Kind()
	open := kind.Open
	kind.Open = func(o adapters.Options) (adapters.Tracker, error) {
		tracker, err := open(o)
		d, ok := tracker.(*desk.Tracker)
		if err != nil || !ok {
			return nil, errors.Join(err, errors.New("no desk"))
		}
		return unlocked{d, func(ctx context.Context, step event.Step) error {
			if step.Kind != event.StepUpdate || step.Fields["summary"] != from {
				return nil
			}
			_, err := s.people.Write(ctx, event.Step{Kind: event.StepUpdate, Ref: step.Ref, Fields: event.Fields{"summary": to}}, nil)
			return err
		}}, nil
	}
	s.kinds = []adapters.Kind{kind}
}

// TestTwoNodes_AnEditThatWasWrittenOverIsAConflict, for people, over everything real.
func TestTwoNodes_AnEditThatWasWrittenOverIsAConflict(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	b.hasty("theirs", "ours")
	a.run()
	b.run()
	code, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: "peer", Conflict: "ours"})
	must(t, err)
	_, err = b.node.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: "peer"})
	must(t, err)
	must(t, admin.Introduce(t.Context(), a.node, "peer", b.node, "peer"))
	for _, s := range []*site{a, b} {
		_, err := s.node.Resume(t.Context(), "peer")
		must(t, err)
	}
	made := a.create("one")
	twin := b.is("one", "Open", 0)
	a.settled()
	a.set(made.Ref, event.Fields{"summary": "theirs"})
	eventually(t, "the conflict is listed", func() error {
		list, err := b.node.Conflicts(t.Context(), "")
		if err != nil || len(list) != 1 || !list[0].Overran || list[0].Field != "summary" || list[0].Key != twin.Key {
			return fmt.Errorf("%+v %w", list, err)
		}
		return nil
	})
	b.is("theirs", "Open", 0)
	shown, err := b.node.Conflict(t.Context(), admin.ConflictSelect{Key: twin.Key})
	must(t, err)
	if len(shown) != 1 || shown[0].Ours != "ours" || shown[0].Theirs != "theirs" || !shown[0].Known || !shown[0].Here {
		t.Errorf("side by side: %+v", shown)
	}
	tickets, err := b.node.Tickets(t.Context(), admin.TicketQuery{State: "conflict"})
	must(t, err)
	if len(tickets) != 1 || tickets[0].Reason == "" {
		t.Errorf("tickets in conflict: %+v", tickets)
	}
	must(t, b.node.Resolve(t.Context(), admin.ResolveRequest{
		ConflictSelect: admin.ConflictSelect{Key: twin.Key}, Field: "summary", Take: "ours",
	}))
	a.is("ours", "Open", 0)
	b.is("ours", "Open", 0)
	eventually(t, "nothing is in conflict", func() error {
		list, err := b.node.Conflicts(t.Context(), "")
		if err != nil || len(list) > 0 {
			return fmt.Errorf("%+v %w", list, err)
		}
		return nil
	})
}
