package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/filters"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// known is what the store holds of one of our tickets.
type known struct {
	ref  event.Ref
	work *work.Row
	// id and row of the twin on this connection; row is nil if there is none.
	id   event.TwinID
	row  *twin.Row
	read readRow // row as it was read
	sent *filters.Replica
	// theirs are the fields that the peer sent last, where a script asks for its ticket.
	theirs event.Fields
	// here are the comments and files that are on record for this connection.
	here *itemSet
	// trial reads all, also of a ticket of which nothing can be sent at present.
	trial bool
	// applying is set while a plan writes to the ticket: what it has written so
	// far is not on record, and must not leave as if a person had.
	applying bool
	// from tells which other connection a comment or file came in on.
	from map[local]string
	// elsewhere is a twin of the ticket on another connection that it came
	// from, if there is one.
	elsewhere *twin.Row
	// via is that connection's name.
	via string
}

// fresh tells whether the peer has not heard of the ticket.
func (k known) fresh() bool { return k.row == nil }

// source names the connection that a comment or file came in on, or "".
func (k *known) source(con *Connection, at local) string {
	if e, _ := k.here.at(at); e.Theirs {
		return con.Name
	}
	return k.from[at]
}

// cameFrom notes what came in on c, another connection.
func (k *known) cameFrom(c *Connection, all *itemSet) {
	if k.from == nil {
		k.from = map[local]string{}
	}
	for i := range all.list {
		if e := &all.list[i]; e.Theirs && e.Local != "" {
			k.from[localOf(e)] = c.Name
		}
	}
}

// know reads what the store holds of a ticket for a connection.
func (p *Path) know(con *Connection, ref event.Ref) (known, error) {
	k := known{ref: ref}
	err := p.Store.View(func(r store.Reader) error {
		var err error
		if k.work, err = get[work.Row](r, store.WorkKey(con.ID, ref)); err != nil || k.work == nil {
			return err
		}
		return p.knowTwins(r, con, con.Rules(), &k)
	})
	if err != nil {
		return k, fmt.Errorf("read what is known of ticket %s: %w", ref, err)
	}
	return k, nil
}

func (p *Path) knowTwins(r store.Reader, con *Connection, rules *Rules, k *known) error {
	k.here = &itemSet{}
	connections, err := p.connectionsOf(r, k.ref)
	if err != nil {
		return err
	}
	for _, c := range connections {
		id, found, err := p.twinOf(r, c, k.ref)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		var read readRow
		row, err := read.first(r, c.ID, id)
		if err != nil || row == nil {
			return err
		}
		entry, err := get[inbox.Row](r, store.InboxKey(c.ID, id))
		if err != nil {
			return err
		}
		// What the peer said first comes before anything of ours is said.
		first := entry != nil && entry.State != inbox.Parked && row.Theirs && row.Seen == (event.Position{})
		applying := first || entry != nil && entry.Holds()
		k.applying = k.applying || applying
		if !k.trial && (applying || c.ID == con.ID && row.Unsent()) {
			// Nothing can be sent at present: the rest need not be read.
			k.id, k.row = id, row
			return nil
		}
		all, err := readItems(r, c.ID, id, row)
		if err != nil {
			return err
		}
		if c.ID == con.ID {
			k.id, k.row, k.read, k.here = id, row, read, all
			if k.sent, err = sentBefore(r, con.ID, rules, id, row); err != nil {
				return err
			}
			if k.theirs, err = toldOfTheirs(r, con, rules, id); err != nil {
				return err
			}
			continue
		}
		k.cameFrom(c, all)
		if row.Theirs || row.Hops > 0 {
			k.elsewhere, k.via = row, c.Name
		}
	}
	return nil
}

// twinOf is the twin of a ticket on c, if there is one.
func (p *Path) twinOf(r store.Reader, c *Connection, ref event.Ref) (event.TwinID, bool, error) {
	if id, ok := p.refs.twinOf(c.ID, ref); ok {
		return id, true, nil
	}
	id, found, err := twinByRef(r, c.ID, ref)
	if found {
		p.refs.set(c.ID, id, ref)
	}
	return id, found, err
}

// startable tells whether a work row may be taken up at all.
func (p *Path) startable(con *Connection, k known) bool {
	if k.work == nil || con.pausedOut.Load() || con.session.stopped() {
		return false
	}
	if _, fenced := con.Fence(); fenced {
		return false
	}
	if !k.work.Due(p.Now()) {
		p.Wake(Task{Kind: KindWork, Con: con.ID, Ref: k.ref}, When{At: k.work.Next, Bulk: k.work.Bulk})
		return false
	}
	// One data event at a time: settle wakes the row again, and so does the end
	// of a plan.
	return !k.applying && (k.row == nil || !k.row.Unsent())
}

// belongs tells whether the ticket is to be kept in step over the connection.
func (p *Path) belongs(ctx context.Context, o *outgoing) error {
	if o.ticket.Restricted && !o.rules.Egress.Restricted {
		if row := o.known.row; row != nil && row.State == twin.Live && o.rules.Leave != EndKeep {
			return errLeft
		}
		return &outsideError{why: "it is restricted, and the gate does not let restricted tickets out"}
	}
	if o.ours.Fields == nil {
		o.ours = ours(o.con, o.ticket, &o.known)
	}
	inScope, err := o.rules.Scope.Match(ctx, o.ours, p.context(o.con, o.rules, event.TwinID{}, nil, o.ticket, nil))
	if err != nil {
		return filterFailed("scope", err)
	}
	if row := o.known.row; row != nil {
		switch {
		case row.State != twin.Live && !p.returns(o, inScope):
			return errNothing
		case !inScope && o.rules.Leave != EndKeep:
			return errLeft
		}
		return nil
	}
	if why, again := p.barred(o, inScope); why != "" {
		return &outsideError{why, again}
	}
	return nil
}

// orphan tells whether a node created the ticket, and no twin of it is on
// record: after a restore from a backup its twin comes with the peer's heal, and
// sending it as a ticket of our own would make a second one there.
func (o *outgoing) orphan() bool {
	k := o.known
	return o.ticket.Marker != "" && k.fresh() && k.elsewhere == nil && !k.work.Forced
}

const (
	// clockStep is what a tracker's clock may be behind ours without being another:
	// an estimate of it is good to about that.
	clockStep = time.Second
	// clockDoubt is by how much an estimate may be wrong, with slow answers too.
	clockDoubt = 5 * time.Second
	// ageDoubt is more than a clock may be set by when its time zone was wrong.
	ageDoubt = 26 * time.Hour
	// agePause is after what a ticket that is not much too old is looked at again while the
	// tracker's clock is not settled: each look has it told once more.
	agePause = 5 * time.Second
)

// barred says why a ticket without a twin does not start by itself, or ""; again is
// set if that may be otherwise once the tracker's clock is known better.
func (p *Path) barred(o *outgoing, inScope bool) (why string, again bool) {
	created := time.Unix(o.known.ref.Created, 0)
	behind, settled := p.lag()
	if behind > clockStep {
		// Times and the clock are known by parts of a second, each cut in its own way:
		// better a ticket too many than one that nobody misses.
		created = created.Add(behind + clockDoubt)
	}
	forced := o.known.work.Forced
	switch {
	case o.known.elsewhere != nil && !slices.Contains(o.rules.Forward, o.known.via):
		return "it came from connection " + o.known.via + ", which this one does not forward", false
	case o.known.elsewhere != nil && o.known.elsewhere.Hops+1 > maxHops:
		return "it has come over too many nodes", false
	case !inScope:
		return "the scope does not match", false
	case !forced && o.rules.Start == "manual":
		return "tickets start by hand here: `ticket sync`", false
	case !forced && !labelled(o.ticket, o.rules.Start):
		return "it does not carry the " + o.rules.Start, false
	case !forced && created.Before(o.rules.Since):
		again = !settled && !o.trial && o.rules.Since.Sub(created) < ageDoubt
		return fmt.Sprintf("it is older than %s; `connection load` or `ticket sync` takes it in", o.rules.Since.UTC().Format(time.RFC3339)), again
	}
	return "", false
}

// maxHops bounds a chain of copies across nodes.
const maxHops = 4

// The ways in which a look ends without a change.
var (
	// errCreating: our own create is about to be recorded with its twin.
	errCreating = errors.New("a node created it, and its twin is not on record yet")
	errLeft     = errors.New("ticket left the scope")
	// errOvertaken: the ticket has got a twin meanwhile.
	errOvertaken = errors.New("the ticket has got its twin meanwhile")
)

// outsideError says why a ticket is not kept in step.
type outsideError struct {
	why string
	// again is set if it is to be looked at once more.
	again bool
}

func (e *outsideError) Error() string { return e.why }

// holdError holds the ticket.
type holdError struct {
	code   event.Code
	reason string
	parked bool
}

func (e *holdError) Error() string { return e.reason }

// storeError is an error of our own store: the work row is left as it is.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// ended stores how a look ended that did not end in a change.
func (p *Path) ended(ctx context.Context, o *outgoing, err error) error {
	return errors.Join(p.endLook(ctx, o, err), p.judge(o.con, wayOut, o.known.ref.String(), err))
}

func (p *Path) endLook(ctx context.Context, o *outgoing, err error) error {
	var hold *holdError
	var await *awaitError
	var outside *outsideError
	var broken storeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &await):
		return p.hold(o, work.Hold{Reason: await.reason, Next: await.at})
	case errors.Is(err, errOvertaken):
		p.Wake(Task{Kind: KindWork, Con: o.con.ID, Ref: o.known.ref}, When{})
		return nil
	case errors.As(err, &broken):
		return broken
	case errors.Is(err, errNothing):
		p.looked(o)
		return p.nothing(o)
	case errors.As(err, &outside) && outside.again:
		return p.hold(o, work.Hold{Reason: outside.why, Next: p.Now().Add(agePause)})
	case errors.As(err, &outside):
		p.looked(o)
		return p.finish(o, work.Nothing{Gen: o.known.work.Gen})
	case errors.Is(err, errLeft):
		return p.leave(o, twin.Ended, event.CodeLeft)
	case errors.Is(err, errCreating):
		return p.hold(o, work.Hold{Reason: err.Error(), Next: p.Now().Add(retry.Curve(o.known.work.Attempt + 1))})
	case errors.As(err, &hold):
		return p.hold(o, work.Hold{Reason: hold.reason, Code: hold.code, Next: p.Now().Add(time.Hour), Parked: true})
	}
	return p.failed(ctx, o, err)
}

// failed decides about an error of the tracker.
func (p *Path) failed(ctx context.Context, o *outgoing, err error) error {
	d := retry.Decide(err, o.known.work.Attempt+1, false, 0, p.Now())
	switch d.Verdict {
	case retry.Gone:
		return p.notThere(ctx, o, err)
	case retry.Park:
		return p.hold(o, work.Hold{Reason: err.Error(), Code: d.Code, Next: d.At, Parked: true})
	}
	return p.hold(o, work.Hold{Reason: err.Error(), Next: d.At})
}

func (p *Path) hold(o *outgoing, h work.Hold) error {
	if h.Parked {
		p.Observe(Observation{What: "held", Connection: o.con.Name, Twin: o.known.id, Key: o.known.work.Key, Code: h.Code, Detail: h.Reason, At: p.Now()})
	}
	err := p.Store.Finish(func(tx store.Tx) error {
		if err := noteKnown(tx, o.con.ID, o.known.ref); err != nil {
			return err
		}
		return p.workNext(tx, o.con.ID, o.known.ref, h)
	})
	if err != nil {
		return fmt.Errorf("hold ticket %s: %w", o.known.ref, err)
	}
	p.Wake(Task{Kind: KindWork, Con: o.con.ID, Ref: o.known.ref}, When{At: h.Next, Bulk: o.known.work.Bulk})
	return nil
}

func (p *Path) finish(o *outgoing, input work.Input) error {
	err := p.Store.Finish(func(tx store.Tx) error { return p.workNext(tx, o.con.ID, o.known.ref, input) })
	if err != nil {
		return fmt.Errorf("end the look at ticket %s: %w", o.known.ref, err)
	}
	return nil
}

// nothing ends a look that found nothing to send. Local fields that changed and
// do not leave are known from here on.
func (p *Path) nothing(o *outgoing) error {
	err := p.Store.Finish(func(tx store.Tx) error {
		if o.known.row != nil && (o.changedLocally() || o.up.found(o.known.row)) {
			row, err := twinRow(tx, o.con.ID, o.known.id)
			if err != nil || row == nil {
				return err
			}
			row.SetLocal(o.mergeable(), o.ticket.Updated)
			o.keepUp(row)
			if err := putTwin(tx, o.con.ID, o.known.id, row); err != nil {
				return err
			}
		}
		if err := p.workNext(tx, o.con.ID, o.known.ref, work.Nothing{Gen: o.known.work.Gen, Young: o.young}); err != nil {
			return err
		}
		return p.awaitNamed(tx, o)
	})
	if err != nil {
		return fmt.Errorf("end the look at ticket %s: %w", o.known.ref, err)
	}
	p.wakeYoung(o)
	if o.lookAgain {
		p.Wake(Task{Kind: KindWork, Con: o.con.ID, Ref: o.known.ref}, When{})
	}
	return nil
}

func (o *outgoing) changedLocally() bool {
	for name, value := range o.mergeable() {
		if o.known.row.Local[name].Hash != event.HashValue(value) {
			return true
		}
	}
	return false
}

// mergeable are the local fields that the peer's changes may touch: only for
// these is it worth knowing who changed them.
func (o *outgoing) mergeable() event.Fields {
	if o.local == nil {
		o.local = mergeable(o.rules, o.ticket.Fields)
	}
	return o.local
}

func mergeable(rules *Rules, fields event.Fields) event.Fields {
	out := event.Fields{}
	for _, name := range rules.Incoming.Targets() {
		if value, ok := fields[name]; ok {
			out[name] = value
		}
	}
	return out
}

// looked remembers that this version was looked at.
func (p *Path) looked(o *outgoing) {
	p.fresh.looked(o.con.ID, o.ticket, o.readAt, o.until, p.Tracker.Precision())
}
