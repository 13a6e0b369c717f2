package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/plan"
	"parley/sync/store"
	"parley/sync/work"
)

// A trial goes the same way as the path, on what is there at this moment, and stops
// before anything is stored or written.

// Leaving is what would leave of a ticket.
type Leaving struct {
	Change event.ChangeBody
	// Before is what was last sent of the fields, where the node keeps that.
	Before event.Fields
	// Restore are fields of ours that the peer owns, and would be put back first.
	Restore event.Fields
	// Held is what the gate's detectors hold back, Findings for what.
	Held     event.ChangeBody
	Findings []filters.Finding
	// Withdrawn are the names of files that are asked back: the wire does not say them.
	Withdrawn []string
	// Why nothing leaves; "" if something does. Ending is the kind of it.
	Why    string
	Ending TrialEnding
}

// TrialEnding is how a look that sends nothing would end.
type TrialEnding string

// The endings.
const (
	TrialSends  TrialEnding = ""        // something leaves
	TrialSame   TrialEnding = "same"    // the peer has all of it
	TrialBusy   TrialEnding = "busy"    // something of it is under way
	TrialLeaves TrialEnding = "leaves"  // it leaves the connection
	TrialHeld   TrialEnding = "held"    // filter or gate stop it
	TrialBarred TrialEnding = "outside" // it does not belong here
)

func endingOf(err error) TrialEnding {
	var outside *outsideError
	switch {
	case errors.Is(err, errNothing):
		return TrialSame
	case errors.Is(err, errLeft):
		return TrialLeaves
	case errors.As(err, &outside):
		return TrialBarred
	}
	return TrialHeld
}

// TryOut finds what would leave of a ticket as it was read, under rules.
func (p *Path) TryOut(ctx context.Context, con *Connection, rules *Rules, ticket event.Ticket) (Leaving, error) {
	return p.tryOut(ctx, con, rules, ticket, false)
}

// TryLoad is TryOut of a ticket that a load or a person takes in: it may be older
// than the connection.
func (p *Path) TryLoad(ctx context.Context, con *Connection, rules *Rules, ticket event.Ticket) (Leaving, error) {
	return p.tryOut(ctx, con, rules, ticket, true)
}

func (p *Path) tryOut(ctx context.Context, con *Connection, rules *Rules, ticket event.Ticket, forced bool) (Leaving, error) {
	o := &outgoing{con: con, rules: rules, ticket: ticket, trial: true, readAt: p.Now()}
	o.known = known{ref: ticket.Ref, work: &work.Row{Key: ticket.Key, Cause: event.CauseEdit, Forced: forced}}
	if err := p.knowUnder(con, rules, &o.known); err != nil {
		return Leaving{}, fmt.Errorf("read what is known of ticket %s: %w", ticket.Key, err)
	}
	if o.known.applying || o.known.row != nil && o.known.row.Unsent() {
		return Leaving{Ending: TrialBusy, Why: "something of the ticket is under way; what is new leaves after that"}, nil
	}
	var out Leaving
	err := p.belongs(ctx, o)
	if err == nil {
		out.Restore, err = p.tryUpkeep(ctx, o)
	}
	if err == nil {
		err = p.filter(ctx, o)
	}
	if out.Findings = o.found; len(o.found) > 0 {
		out.Held = o.change
	}
	if err != nil {
		out.Ending = endingOf(err)
		out.Why, err = whyNot(err)
		return out, err
	}
	for _, item := range o.change.Items {
		if name := o.items[item.ID].Name; item.Withdrawn && name != "" {
			out.Withdrawn = append(out.Withdrawn, name)
		}
	}
	out.Change = o.change
	if o.known.sent != nil {
		out.Before = o.known.sent.Fields
	}
	return out, nil
}

// tryUpkeep is upkeep without its writes, which it returns.
func (p *Path) tryUpkeep(ctx context.Context, o *outgoing) (event.Fields, error) {
	row := o.known.row
	if row == nil || len(row.Disputes) == 0 && !o.rules.theirs() && len(row.Astray) == 0 {
		return nil, nil
	}
	schema, err := p.Schema(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.lookAtTheirs(ctx, o); err != nil {
		return nil, err
	}
	set := event.Fields{}
	o.decisions(schema, set)
	o.owners(schema, set)
	o.hide(schema)
	return set, nil
}

// Entering is what an event of the peer would write to our tracker.
type Entering struct {
	// Waits tells that an event of the peer waits. Else it is what the peer last said,
	// as if it said all of it again.
	Waits bool
	Cause event.Cause
	// Ours is the ticket as it is; nil if it would be created.
	Ours *event.Ticket
	// Steps are the writes in their order, Files what is fetched and written after them.
	Steps []plan.Step
	Files []plan.File
	// Kept are fields of ours that stand against the peer's, Disputed those of them
	// that a person decides.
	Kept, Disputed []string
	// Via are the statuses that are gone through to the one that is written.
	Via []string
	// Declined is how many comments and files nobody here wants.
	Declined int
	Trace    []filters.Trace
	// Why nothing would be written at present; "" if the event can be applied.
	Why string
}

// TryIn finds what would be written for a twin under rules; nil if the peer has
// said nothing of it.
func (p *Path) TryIn(ctx context.Context, con *Connection, rules *Rules, id event.TwinID) (*Entering, error) {
	in := &incoming{con: con, rules: rules, id: id, trial: true}
	var waits bool
	err := p.Store.View(func(r store.Reader) error {
		row, err := get[inbox.Row](r, store.InboxKey(con.ID, id))
		if err != nil {
			return err
		}
		if waits = row != nil; waits {
			return p.pickRest(r, in, *row)
		}
		return p.lastSaid(r, in)
	})
	if err != nil {
		return nil, fmt.Errorf("read what the peer said of twin %s: %w", id, err)
	}
	if !waits && in.body.Fields == nil {
		return nil, nil
	}
	out := &Entering{Waits: waits, Cause: in.body.Cause}
	underway := in.plan != nil
	if underway {
		// It was decided under the rules then in force: what is left of it is written.
		err = p.readOurs(ctx, in)
	} else if in.twin == nil && in.body.Connect != nil {
		err = &awaitError{reason: "the peer asks to pair it with ticket " + in.body.Connect.Key}
	} else {
		err = in.filter(ctx, p)
	}
	out.Ours, out.Trace = in.ours, in.trace
	if err != nil {
		out.Why, err = whyNot(err)
		return out, err
	}
	out.take(in.plan)
	return out, nil
}

func (e *Entering) take(p *plan.Plan) {
	for _, s := range p.Steps {
		if s.State != plan.Done && s.State != plan.Dropped {
			e.Steps = append(e.Steps, s)
		}
	}
	e.Via = p.Via
	e.Files, e.Kept, e.Disputed, e.Declined = p.Files, p.Kept, p.Disputed, len(p.Declined)
}

// lastSaid makes an event of what the peer last said of a twin, as a heal says it.
func (p *Path) lastSaid(r store.Reader, in *incoming) error {
	held, err := get[replicaRow](r, store.ReceivedKey(in.con.ID, in.id))
	if err != nil || held == nil {
		return err
	}
	if in.twin, err = twinRow(r, in.con.ID, in.id); err != nil || in.twin == nil {
		return err
	}
	in.held, in.before.Fields = *held, held.Fields
	in.body = event.ChangeBody{
		Twin: in.id, Cause: event.CauseHeal, First: true, Fields: held.Fields, Origin: in.twin.Origin, Hops: in.twin.Hops,
		At: p.Now().UTC().Format(time.RFC3339Nano),
	}
	in.twin.Forget(in.seen(in.twin))
	if in.items, err = readItems(r, in.con.ID, in.id, in.twin); err != nil {
		return err
	}
	in.replica = merged(filters.Replica{}, in.body)
	return nil
}

// whyNot tells what keeps a trial from coming to an end, in words; what is neither
// the filter's doing nor a rule's stays an error.
func whyNot(err error) (string, error) {
	var (
		hold    *holdError
		outside *outsideError
		refused *refusedError
		await   *awaitError
	)
	switch {
	case errors.Is(err, errNothing):
		return "the other side has all of it", nil
	case errors.Is(err, errLeft):
		return "the ticket leaves the connection", nil
	case errors.As(err, &hold), errors.As(err, &outside), errors.As(err, &refused), errors.As(err, &await):
		return err.Error(), nil
	}
	return "", err
}

// TwinOf is the twin of one of our tickets.
func (p *Path) TwinOf(con *Connection, ref event.Ref) (id event.TwinID, found bool, err error) {
	err = p.Store.View(func(r store.Reader) error {
		id, found, err = twinByRef(r, con.ID, ref)
		return err
	})
	if err != nil {
		return id, false, fmt.Errorf("read the twin of ticket %s: %w", ref, err)
	}
	return id, found, nil
}

// InScope tells whether rules count a ticket among those that belong on a connection.
func (p *Path) InScope(ctx context.Context, con *Connection, rules *Rules, ref event.Ref) (bool, error) {
	f, err := p.Facts(ctx, con, ref)
	if err != nil {
		return false, err
	}
	return rules.Scope.Match(ctx, f.Ours, p.context(con, rules, event.TwinID{}, nil, f.Ticket, nil))
}
