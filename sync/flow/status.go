package flow

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/plan"
	"parley/sync/retry"
	"parley/sync/twin"
)

// A status is moved last, and where the tracker's workflow allows no direct move
// it is walked: each hop is a step of its own, decided on a ticket that was just
// read, so that nobody's move in between is run over. Where no way leads there,
// the status is lost, and the rest of the plan stands.

// walk is what one try to apply knows of the workflow.
type walk struct {
	// checked is the step whose move was decided on the ticket as it is, plus one.
	checked int
	// from is what the status was then.
	from string
	// refused are moves that the tracker did not make.
	refused map[[2]string]bool
}

// errMoved: the steps of the plan are others than before.
var errMoved = errors.New("the way to the status changed")

// maxRefused bounds how many moves are tried in vain for one plan.
const maxRefused = 2 * plan.MostHops

// statusLast orders the plan's writes. The status stands alone where it has to be
// walked to, or where that cannot be known before it was tried.
func (p *Path) statusLast(in *incoming) {
	apart := false
	if in.ours != nil {
		want, _ := in.plan.Want()[event.FieldStatus].(string)
		_, walks := p.Tracker.(adapters.Workflow)
		apart = walks && len(in.ours.Next) == 0 || len(in.ours.Next) > 0 && !slices.Contains(in.ours.Next, want)
	}
	in.plan.StatusLast(apart || len(in.plan.Via) > 0)
}

// move decides how the status step i is done: as it stands, over a hop before it,
// or not at all. It returns errMoved where the plan has other steps than before.
func (p *Path) move(ctx context.Context, in *incoming, i int) error {
	if in.walk.checked == i+1 {
		return nil
	}
	if in.plan.Hop(i) {
		// It was decided on an older reading.
		in.plan.Remove(i)
		return errMoved
	}
	ticket, err := p.readForMove(ctx, in, i)
	if err != nil {
		return err
	}
	step := &in.plan.Steps[i]
	to, _ := step.Write.Fields[event.FieldStatus].(string)
	from, _ := ticket.Fields[event.FieldStatus].(string)
	if before, known := in.plan.StatusBefore(i); from != to && (!known || before != from) {
		theirs, err := p.movedByOthers(ctx, in, known)
		if err != nil {
			return err
		}
		if theirs {
			in.plan.Drop(i, "")
			return errMoved
		}
	}
	in.walk.from = from
	step.Write.Lock = ticket.Lock
	schema, err := p.Schema(ctx)
	if err != nil {
		return err
	}
	// What the account may not do at all, the tracker says best.
	next := in.plan.Toward(from, to)
	if from == to || next == to && in.direct(ticket, to) || len(in.walk.refused) == 0 && !schema.Fields[event.FieldStatus].Writable {
		in.walk.checked = i + 1
		return nil
	}
	way := []string{next}
	if next == to || !in.direct(ticket, next) {
		if way, err = p.way(ctx, in, i, ticket, next); err != nil {
			return err
		}
	}
	return p.hop(in, i, ticket, way)
}

// readForMove is our ticket as it is.
func (p *Path) readForMove(ctx context.Context, in *incoming, i int) (event.Ticket, error) {
	if i == 0 && in.ours != nil && in.walk.checked == 0 && len(in.walk.refused) == 0 {
		return *in.ours, nil
	}
	return p.readTicket(ctx, in.plan.Ref)
}

// direct tells whether the status may be set as it stands: where the tracker
// does not say beforehand, that is tried.
func (in *incoming) direct(ticket event.Ticket, to string) bool {
	if in.walk.refused[[2]string{in.walk.from, to}] {
		return false
	}
	return len(ticket.Next) == 0 || slices.Contains(ticket.Next, to)
}

// way is the shortest one to a status, as far as the tracker tells; nil if there is none.
func (p *Path) way(ctx context.Context, in *incoming, i int, ticket event.Ticket, to string) ([]string, error) {
	moves := map[string][]string{}
	if w, ok := p.Tracker.(adapters.Workflow); ok {
		known, err := w.Moves(ctx, in.plan.Ref)
		if err != nil {
			return nil, err
		}
		for from, to := range known {
			moves[from] = to
		}
	}
	from := in.walk.from
	if len(ticket.Next) > 0 {
		moves[from] = ticket.Next
	}
	for at, next := range moves {
		moves[at] = slices.DeleteFunc(slices.Clone(next), func(to string) bool { return in.walk.refused[[2]string{at, to}] })
	}
	return plan.Route(moves, from, to, in.plan.Most()-in.plan.Hops(i)), nil
}

// hop puts the first move of a way before step i, or gives that up.
func (p *Path) hop(in *incoming, i int, ticket event.Ticket, way []string) error {
	to, _ := in.plan.Steps[i].Write.Fields[event.FieldStatus].(string)
	if len(way) == 0 || way[0] == to || in.plan.Hops(i) >= in.plan.Most() || len(in.walk.refused) > maxRefused {
		in.plan.Drop(i, event.CodeWorkflow)
		return errMoved
	}
	in.plan.Insert(i, plan.Step{State: plan.Planned, Write: event.Step{
		Kind: event.StepUpdate, Ref: in.plan.Ref, Fields: event.Fields{event.FieldStatus: way[0]}, Lock: ticket.Lock,
	}})
	in.walk.checked = i + 1
	return p.intend(in, i)
}

// movedByOthers tells whether somebody moved the status since our ticket was read.
// A comment of ours may move it too; a tracker without a history cannot tell that
// from a person. Of a ticket that we make it is not known how its status began: there
// only a history tells of a move.
func (p *Path) movedByOthers(ctx context.Context, in *incoming, known bool) (bool, error) {
	edits, told, err := p.history(ctx, in, time.Time{})
	if err != nil || !told {
		return known, err
	}
	theirs := false
	for _, e := range edits {
		if e.Field == event.FieldStatus {
			theirs = !e.Own
		}
	}
	return theirs, nil
}

// history is what the tracker says was changed since our ticket was read. last is
// the tracker's time of the last change, zero if that is not known.
func (p *Path) history(ctx context.Context, in *incoming, last time.Time) (edits []adapters.Edit, known bool, err error) {
	historian, ok := p.Tracker.(adapters.Historian)
	if !ok {
		return nil, false, nil
	}
	since := in.plan.Read
	if since.IsZero() {
		since = in.plan.Steps[0].At
	}
	switch {
	case in.created():
		// All that was ever done to it came after us, whatever the clocks say.
		since = time.Unix(0, 0)
	case !last.IsZero() && last.Before(since):
		since = last // its clock was set back
	}
	edits, err = historian.History(ctx, in.plan.Ref, since.Add(-p.Tracker.Precision()-time.Second))
	in.past = edits
	return edits, err == nil, err
}

// notMoved handles a move of the status that surely was not made. It reports
// false where that is an error as of any other step.
func (p *Path) notMoved(in *incoming, i int, err error) bool {
	if !plan.MovesStatus(in.plan.Steps[i].Write) {
		return false
	}
	in.walk.checked = 0
	begun := i > 0 // of the plan something stands in the tracker
	hop := in.plan.Hop(i)
	switch d := retry.Decide(err, 1, true, 0, p.Now()); {
	case errors.Is(err, adapters.ErrChanged) && begun:
		// Decided again on the ticket as it is.
	case errors.Is(err, adapters.ErrRejected) && p.knowsWays(in):
		if in.walk.refused == nil {
			in.walk.refused = map[[2]string]bool{}
		}
		to, _ := in.plan.Steps[i].Write.Fields[event.FieldStatus].(string)
		in.walk.refused[[2]string{in.walk.from, to}] = true
	case d.Verdict == retry.Park && in.plan.Hops(i) > 0:
		in.plan.Drop(i, d.Code)
	default:
		return false
	}
	if hop {
		in.plan.Remove(i)
	}
	return true
}

// knowsWays tells whether the tracker can say how a status may be reached.
func (p *Path) knowsWays(in *incoming) bool {
	_, walks := p.Tracker.(adapters.Workflow)
	return walks || in.ours != nil && len(in.ours.Next) > 0
}

// walkOn plans what is left of the way to a status that a create did not take. It
// reports whether there is something to do.
func (p *Path) walkOn(in *incoming, r result) (bool, error) {
	want, wanted := in.plan.Want()[event.FieldStatus]
	moved := slices.ContainsFunc(in.plan.Steps, func(s plan.Step) bool { return plan.MovesStatus(s.Write) })
	lost := slices.ContainsFunc(r.lost, func(l string) bool { field, _ := twin.LossOf(l); return field == event.FieldStatus })
	_, walks := p.Tracker.(adapters.Workflow)
	if !in.created() || !wanted || moved || !lost || !walks {
		return false, nil
	}
	in.plan.Steps = append(in.plan.Steps, plan.Step{State: plan.Planned, Write: event.Step{
		Kind: event.StepUpdate, Ref: in.plan.Ref, Fields: event.Fields{event.FieldStatus: want},
	}})
	return true, p.intend(in, len(in.plan.Steps)-1)
}
