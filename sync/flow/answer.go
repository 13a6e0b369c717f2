package flow

import (
	"context"
	"maps"
	"slices"
	"time"

	"parley/adapters"
	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/plan"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// result is what a plan left in the tracker.
type result struct {
	// ticket as read back; nil if nothing was written.
	ticket *event.Ticket
	// local are our fields as agreed on from here, echo what the outgoing
	// filter makes of our own write.
	local, echo event.Fields
	echoed      twin.Hashes // of echo
	bases       twin.Hashes // of local
	// lost are our fields, each as a twin.Loss; told is what the peer hears of it.
	lost []string
	told loss
	// sets are the peer's, as far as the event says.
	sets event.Fields
	// meddled is set if somebody changed the ticket between our write and the reading.
	meddled bool
	now     time.Time
	// differs is set if ours is not what the peer said: it must leave again.
	differs bool
	// quiet is set if the way out would find nothing in ticket; gen is the work
	// row's from before the reading, 0 if there was none.
	quiet bool
	gen   uint64
}

// readBack reads what the writes made of the ticket. What differs from what was
// wanted is lost, unless somebody else's edit came between.
func (p *Path) readBack(ctx context.Context, in *incoming) (result, error) {
	schema, err := p.Schema(ctx)
	if err != nil {
		return result{}, err
	}
	if len(in.plan.Steps) == 0 {
		local := in.agreed(in.ours.Fields, schema)
		echo := p.echo(ctx, in, *in.ours, schema, local, edits{}, nil)
		return result{
			now: p.Now(), echo: echo,
			echoed:  twin.HashAll(echo),
			bases:   twin.HashAll(local),
			sets:    twin.OnlySets(in.plan.Said, schema.Fields),
			differs: in.differs(in.ours.Fields, schema),
		}, nil
	}
	before, err := p.knowAfter(in)
	if err != nil {
		return result{}, err
	}
	readAt, until := p.Now(), p.fresh.until()
	ticket, err := p.readTicket(ctx, in.plan.Ref)
	if err != nil {
		return result{}, err
	}
	for i := range in.plan.Steps {
		in.nameItem(&in.plan.Steps[i], ticket)
	}
	theirs, err := p.editedSince(ctx, in, ticket)
	if err != nil {
		return result{}, err
	}
	r := result{now: p.Now(), ticket: &ticket, local: in.agreed(ticket.Fields, schema), sets: twin.OnlySets(in.plan.Said, schema.Fields)}
	for name, want := range in.plan.Want() {
		got := ticket.Fields[name]
		fit := twin.Compare(schema.Fields[name].Type, in.plan.Before[name], want, got)
		switch {
		case fit == twin.Kept, in.pending[name]:
		case theirs.edited(name, fit):
			// Somebody's edit: it is ours to send, so the base is what we wrote.
			got, r.meddled = want, true
		default:
			r.lost = append(r.lost, twin.Loss(name, in.plan.Why(name)))
		}
		r.local[name] = got
	}
	slices.Sort(r.lost)
	r.told = p.lostOf(ctx, in, r.lost)
	r.differs = in.differs(ticket.Fields, schema)
	look := p.lookAgain(ctx, in, before, ticket, readAt, until)
	r.echo = p.echo(ctx, in, ticket, schema, r.local, theirs, look)
	r.echoed = twin.HashAll(r.echo)
	if in.created() {
		for name, value := range mergeable(in.rules, ticket.Fields) {
			if _, set := r.local[name]; !set && !theirs.names[name] {
				r.local[name] = value
			}
		}
	}
	r.bases = twin.HashAll(r.local)
	if r.quiet, r.gen = p.quiet(ctx, in, look, r); r.quiet {
		// Before it is on record, so that a poll in between finds it: the plan is
		// stored, and what it comes to is known.
		p.fresh.looked(in.con.ID, ticket, readAt, look.until, p.Tracker.Precision())
	}
	return r, nil
}

// agreed are our fields that were as the peer says before anything was written: a
// person of ours came to the same, or an earlier try had written it.
func (in *incoming) agreed(ours event.Fields, schema event.Schema) event.Fields {
	out := event.Fields{}
	want := in.plan.Want()
	for name, said := range in.plan.Said {
		_, written := want[name]
		if !written && !isList(said) && twin.Equal(schema.Fields[name].Type, said, ours[name]) && in.stands(name, said) {
			out[name] = ours[name]
		}
	}
	return out
}

// differs tells whether the peer may have to be told of what ours is: because it is
// not as the peer says, or because the peer takes it for disputed.
func (in *incoming) differs(ours event.Fields, schema event.Schema) bool {
	for name, value := range in.plan.Said {
		if !twin.Equal(schema.Fields[name].Type, value, ours[name]) {
			return true
		}
	}
	return len(in.plan.Disputed) > 0
}

// edits tells which fields somebody changed between our write and the reading back.
type edits struct {
	// certain is set if names is all there is; else it is guessed from the value.
	certain bool
	names   map[string]bool
	// untold is of fields that the tracker's history does not tell of; nil is of none.
	untold func(name string) bool
}

func (e edits) edited(name string, fit twin.Fit) bool {
	if e.certain && (e.untold == nil || !e.untold(name)) {
		return e.names[name]
	}
	return fit == twin.Foreign
}

// editedSince finds out what somebody changed since our write: from the
// version that the write answered, or from the tracker's history.
func (p *Path) editedSince(ctx context.Context, in *incoming, ticket event.Ticket) (edits, error) {
	// With several steps somebody may have come between two of them.
	if in.version != "" && in.version == ticket.Version && len(in.plan.Steps) == 1 && in.locked() {
		return edits{certain: true}, nil
	}
	if len(in.plan.Want())+len(in.back) == 0 {
		return edits{}, nil
	}
	history, known, err := p.history(ctx, in, ticket.Updated)
	if err != nil || !known {
		return edits{}, err
	}
	names, wrote := map[string]bool{}, map[string]bool{}
	for _, e := range history {
		// Before a write of ours, what left the field as it was read was seen then.
		before, set := in.plan.Before[e.Field]
		names[e.Field] = !e.Own && (wrote[e.Field] || !set || !twin.Same(before, e.New))
		wrote[e.Field] = wrote[e.Field] || e.Own
	}
	out := edits{certain: true, names: names}
	if partial, ok := p.Tracker.(adapters.Partial); ok {
		out.untold = func(name string) bool { return !partial.Tells(name) }
	}
	return out, nil
}

// nameItem finds the id of a comment that the tracker did not tell, by its marker.
func (in *incoming) nameItem(step *plan.Step, ticket event.Ticket) {
	item, ok := in.items.get(step.Item)
	if step.Item == "" || !ok || item.Local != "" || step.Write.Remove != nil {
		return
	}
	for _, c := range ticket.Comments {
		if c.Marker == step.Write.Marker {
			item.Local = c.ID
			in.items.set(step.Item, item)
		}
	}
}

func (in *incoming) created() bool {
	return slices.ContainsFunc(in.plan.Steps, func(s plan.Step) bool { return s.Write.Kind == event.StepCreate })
}

// echo is what of the outgoing filter's result follows from what the peer said,
// whether it had to be written or not: the peer holds that already. Fields of
// ours that stand against the peer's leave again, since they differ from it.
func (p *Path) echo(ctx context.Context, in *incoming, ticket event.Ticket, schema event.Schema, written event.Fields, theirs edits, l *look) event.Fields {
	if len(in.plan.Said) == 0 {
		return nil
	}
	o := others{schema.Fields, ticket.Ref}
	after, before, asRead := event.Fields{}, maps.Clone(ticket.Fields), true
	if in.created() {
		// Of a ticket that we made, only its identity is news to the peer.
		before = identity(ticket.Fields)
		for name, edited := range theirs.names {
			if edited {
				before[name] = ticket.Fields[name]
			}
		}
	}
	for name, said := range in.plan.Said {
		if !in.stands(name, said) {
			continue
		}
		after[name] = said
		if isList(said) {
			// A list that was written holds entries of our own too; those that the
			// peer has not been told of are news to it.
			after[name] = in.holds(name, said, ticket.Fields[name])
		} else if got, ok := written[name]; ok {
			after[name] = got // as the tracker spells it
		}
		asRead = asRead && twin.Same(after[name], ticket.Fields[name])
		if !in.created() {
			before[name] = o.other(name, after[name])
		}
	}
	var a event.Fields
	okA := asRead && l != nil && l.err == nil
	if okA {
		a = l.replica.Fields
	} else {
		a, okA = p.leaves(ctx, in, ticket, with(ticket.Fields, after), l)
	}
	if !okA {
		return nil
	}
	b, okB := p.leaves(ctx, in, ticket, before, l)
	if !okB {
		// The script does not take what is empty.
		b, okB = p.leaves(ctx, in, ticket, in.others(with(ticket.Fields, after), before, o), l)
	}
	if !okB {
		return nil
	}
	echo := event.Fields{}
	for name, value := range a {
		if was, had := b[name]; !had || !twin.Same(was, value) {
			echo[name] = value
		}
	}
	return echo
}

// with is fields with others in their place.
func with(fields, others event.Fields) event.Fields {
	out := maps.Clone(fields)
	maps.Copy(out, others)
	return out
}

// stands tells whether the peer will still hold what it said of a field when
// it has all our events: not where an event of ours that it had not seen stands
// against it. An edit of ours that has not left yet is no such event.
func (in *incoming) stands(name string, said any) bool {
	if _, written := in.plan.Want()[name]; written || isList(said) {
		return true
	}
	weak := in.body.Cause == event.CauseFilter || in.body.Cause == event.CauseHeal
	switch {
	case slices.Contains(in.plan.Disputed, name):
		return false
	case in.rules.Owners[name] == twin.Ours && weak:
		// What is no edit is not answered: where both sides call a field theirs, they
		// would tell each other so for ever.
		return false
	case in.twin == nil || !in.twin.Unseen(name, in.plan.Seen):
		return true
	}
	if in.plan.Again[name].Known {
		return false // what ours says was decided on what is repeated here
	}
	cause, at := in.weight(name)
	return !in.twin.SaidStands(name, cause, at, in.plan.Seen, in.con.Policy)
}

// holds is what the peer holds of a list when it has all our events, spelled as
// ours if it is the same.
func (in *incoming) holds(name string, said, ours any) any {
	row := in.twin
	if row == nil {
		row = &twin.Row{}
	}
	held := row.Holds(name, said, in.plan.Seen)
	if twin.Equal(event.TypeSet, held, ours) {
		return ours
	}
	return held
}

func isList(v any) bool {
	_, ok := v.([]any)
	return ok
}

func identity(fields event.Fields) event.Fields {
	out := event.Fields{}
	for _, name := range []string{event.FieldKey, event.FieldURL, event.FieldCreated, event.FieldUpdated, event.FieldCreator} {
		if value, ok := fields[name]; ok {
			out[name] = value
		}
	}
	return out
}

// leaves is what would leave of the ticket if it had these fields, with all else
// as the look saw it.
func (p *Path) leaves(ctx context.Context, in *incoming, ticket event.Ticket, fields event.Fields, l *look) (event.Fields, bool) {
	row := in.twin
	if row == nil {
		row = &twin.Row{Ref: ticket.Ref, Since: p.Now()}
	}
	input := filters.OutInput{Context: p.context(in.con, in.rules, in.id, row, ticket, in.replica.Fields), Issue: filters.Ours{Key: ticket.Key, URL: ticket.URL}}
	if l != nil {
		input.Issue, input.Previous, input.Event = l.ours, l.known.previous(&l.ours), l.happened
	}
	input.Issue.Fields = fields
	out, err := in.rules.Outgoing.Run(ctx, input)
	if err != nil || out.Stop != nil {
		return nil, false
	}
	passed, findings := in.rules.Egress.Check(out.Replica, filters.MetaOf(input.Issue, ticket.Restricted))
	wire, _, err := p.wireFields(in.con, passed.Fields)
	return wire, err == nil && len(findings) == 0
}

// storeApplied writes what an applied event means for its twin (part of T7).
func (p *Path) storeApplied(tx store.Tx, in *incoming, r result) error {
	row, err := p.twinFor(tx, in)
	if err != nil {
		return err
	}
	had := row.AtPeer()
	resumed := r.record(in, row)
	if !had && row.AtPeer() {
		if in.naming, err = p.arrived(tx, in.con, row.Ref); err != nil {
			return err
		}
	}
	if err := p.keepBefore(tx, in, row, r); err != nil {
		return err
	}
	if err := p.storeItems(tx, in, row); err != nil {
		return err
	}
	if err := putTwin(tx, in.con.ID, in.id, row); err != nil {
		return err
	}
	if err := in.putReceived(tx); err != nil {
		return err
	}
	if err := p.lookedAfter(tx, in, r, row.Ref); err != nil {
		return err
	}
	if r.differs || resumed {
		// The way out may have looked already, before it was known what the peer holds.
		if err := p.workNext(tx, in.con.ID, row.Ref, work.Seen{Key: row.Key, Cause: in.against()}); err != nil {
			return err
		}
	}
	return nil
}

// against is the cause of telling the peer that ours is another: no edit, if it is
// because such fields are ours.
func (in *incoming) against() event.Cause {
	for _, name := range in.plan.Kept {
		if in.rules.Owners[name] != twin.Ours {
			return event.CauseEdit
		}
	}
	if len(in.plan.Kept) == 0 {
		return event.CauseEdit
	}
	return event.CauseFilter
}

// written are the comments that steps of the plan have written, and those that
// were found.
func (in *incoming) written() map[event.ItemID]twin.Item {
	out := maps.Clone(in.recovered)
	for _, step := range in.plan.Steps {
		if step.Item == "" || step.State != plan.Done {
			continue
		}
		if out == nil {
			out = map[event.ItemID]twin.Item{}
		}
		out[step.Item], _ = in.items.get(step.Item)
	}
	return out
}

// record is what an applied event changes in its twin's row. It tells whether the
// event takes up again a pair that had ended: then what changed here leaves too.
func (r result) record(in *incoming, row *twin.Row) (resumed bool) {
	row.Seen = event.Position{Epoch: in.row.Epoch, Seq: in.row.Seq}
	row.LostLocal = twin.Relost(row.LostLocal, func(field string) bool { _, said := in.plan.Said[field]; return said }, r.lost)
	resumed = row.Resumes(row.Seen) || row.State == twin.Gone
	if resumed {
		row.Resume()
	}
	if r.ticket != nil {
		row.Key = r.ticket.Key
	}
	row.Echo(r.echo, r.echoed, in.plan.Seen)
	row.Agree(r.bases, in.plan.Seen)
	if in.body.First {
		row.Forget(in.plan.Seen)
	}
	row.ReceiveSets(r.sets, in.plan.Seen)
	in.disputes(row, r)
	return resumed
}

// disputes records which fields a person must decide from here on, and how far the
// twin has come without one.
func (in *incoming) disputes(row *twin.Row, r result) {
	row.Turn = in.body.Turn
	if r.ticket != nil {
		row.Wrote = 0
		if !r.meddled {
			row.Wrote = event.HashValue(r.ticket.Version)
		}
	}
	if len(row.Disputes)+len(in.plan.Disputed) == 0 {
		return
	}
	oursAt := r.now
	if in.ours != nil {
		oursAt = later(in.ours.Updated, in.editedAt)
	}
	theirsAt, _ := time.Parse(time.RFC3339Nano, in.body.At)
	row.Dispute(in.plan.Said, in.plan.Disputed, in.plan.Untold, oursAt, theirsAt, r.now)
}

func (p *Path) storeItems(tx store.Tx, in *incoming, row *twin.Row) error {
	if err := putItems(tx, in.con.ID, in.id, row, in.received()); err != nil {
		return err
	}
	if err := markDeclined(tx, in, row, in.plan.Declined); err != nil {
		return err
	}
	unwritten, err := in.unwritten(tx, row)
	if err != nil {
		return err
	}
	if err := dropJobs(tx, in); err != nil {
		return err
	}
	for _, file := range unwritten {
		job := fileJob{File: file, Ref: row.Ref}
		if err := wantFile(tx, in.con.ID, in.id, &job); err != nil {
			return err
		}
	}
	return p.touchOthers(tx, in, row.Ref)
}

func (p *Path) touchOthers(tx store.Tx, in *incoming, ref event.Ref) error {
	if len(in.plan.Steps) == 0 {
		return nil
	}
	return p.touchElsewhere(tx, in.con, ref)
}

// touchElsewhere makes a ticket that con's peer changed be looked at for the other
// connections that it is on, or may be forwarded to.
func (p *Path) touchElsewhere(tx store.Tx, con *Connection, ref event.Ref) error {
	known, err := p.connectionsOf(tx, ref)
	if err != nil {
		return err
	}
	for _, c := range p.Connections() {
		if c.ID == con.ID {
			continue
		}
		on := false
		if slices.Contains(known, c) {
			if _, on, err = twinByRef(tx, c.ID, ref); err != nil {
				return err
			}
		}
		if !on && !slices.Contains(c.Rules().Forward, con.Name) {
			continue
		}
		if err := p.workNext(tx, c.ID, ref, work.Seen{Cause: event.CauseEdit}); err != nil {
			return err
		}
	}
	return nil
}

// outcome is what the peer is told.
func (r result) outcome(in *incoming) *event.Outcome {
	o := &event.Outcome{
		Twin: in.id, Epoch: in.row.Epoch, Seq: in.row.Seq, Verdict: event.Applied,
		Declined: in.plan.Declined, Lost: r.told.names,
	}
	if len(o.Lost) > 0 {
		o.Code = r.told.why
	}
	for _, item := range in.body.Items {
		if item.Kind == event.ItemComment && !slices.Contains(o.Declined, item.ID) {
			o.Items = append(o.Items, item.ID)
		}
	}
	for _, file := range in.plan.Files {
		o.Waiting = append(o.Waiting, file.Item)
	}
	return o
}

// endRow takes the event out of the inbox, or brings up what came after it.
func (p *Path) endRow(tx store.Tx, in *incoming) (*inbox.Row, error) {
	row, err := same(tx, in)
	if err != nil {
		return nil, err
	}
	next := inbox.Next(row, inbox.Done{}, p.Now())
	return next, put(tx, store.InboxKey(in.con.ID, in.id), next)
}

// applied wakes what an applied event made possible.
func (p *Path) applied(in *incoming, r result, next *inbox.Row) {
	p.unmarkCreating(in.plan)
	in.con.meter.ended(next)
	key := in.key()
	if r.ticket != nil {
		key = r.ticket.Key
	}
	seen := Observation{What: "applied", Connection: in.con.Name, Twin: in.id, Key: key, At: p.Now()}
	seen.Latency = p.Now().Sub(time.UnixMilli(in.row.At))
	if in.created() {
		seen.What = "created"
	}
	p.Observe(seen)
	p.Wake(Task{Kind: KindShip, Con: in.con.ID, Stream: envelope.Control}, When{})
	p.wakeNamed(in.con, in.plan.Ref, in.naming)
	for _, file := range in.plan.Files {
		p.Wake(Task{Kind: KindFetch, Con: in.con.ID, Twin: in.id, Item: file.Item}, When{})
	}
	if next != nil {
		p.Wake(Task{Kind: KindApply, Con: in.con.ID, Twin: in.id}, When{})
	}
}
