package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/adapters"
	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/event"
	"parley/sync/inbox"
	"parley/sync/outbox"
	"parley/sync/plan"
	"parley/sync/store"
	"parley/sync/twin"
)

// pick reads all that the store holds for applying a twin's event; nil if
// there is nothing to do at present.
func (p *Path) pick(con *Connection, id event.TwinID) (*incoming, error) {
	in := &incoming{con: con, rules: con.Rules(), id: id}
	var row *inbox.Row
	err := p.Store.View(func(r store.Reader) error {
		var err error
		if row, err = get[inbox.Row](r, store.InboxKey(con.ID, id)); err != nil || row == nil {
			return err
		}
		return p.pickRest(r, in, *row)
	})
	if err != nil {
		return nil, fmt.Errorf("read what is to be applied to twin %s: %w", id, err)
	}
	if row == nil {
		return nil, nil
	}
	if !row.Due(p.Now()) {
		p.Wake(Task{Kind: KindApply, Con: con.ID, Twin: id}, When{At: row.Until})
		return nil, nil
	}
	return in, nil
}

func (p *Path) pickRest(r store.Reader, in *incoming, row inbox.Row) error {
	in.row = row
	body, err := p.body(r, in.con.ID, row)
	if err != nil {
		return err
	}
	in.body = body
	ours, err := outHead(r, in.con.ID, byte(envelope.Data))
	if err != nil {
		return err
	}
	in.epoch = ours.Epoch
	if in.twin, err = in.read.first(r, in.con.ID, in.id); err != nil {
		return err
	}
	if in.twin != nil && in.body.First {
		in.twin.Forget(in.seen(in.twin))
	}
	if in.items, err = readItems(r, in.con.ID, in.id, in.twin); err != nil {
		return err
	}
	held, err := get[replicaRow](r, store.ReceivedKey(in.con.ID, in.id))
	if err != nil {
		return err
	}
	if held != nil {
		in.held, in.before.Fields = *held, held.Fields
	}
	said := in.before
	if in.body.First {
		// It says all of the twin: what it leaves out is not said any more.
		said = filters.Replica{}
	}
	in.replica = merged(said, in.body)
	if in.plan, err = planOf(row); in.plan != nil {
		in.back = in.plan.Back()
	}
	return err
}

// planOf is the plan of an inbox row; nil if there is none.
func planOf(row inbox.Row) (*plan.Plan, error) {
	if !row.Planned() {
		return nil, nil
	}
	p := new(plan.Plan)
	if err := p.UnmarshalBinary(row.Plan); err != nil {
		return nil, fmt.Errorf("read the plan of an event: %w", err)
	}
	return p, nil
}

// body is the event of an inbox row.
func (p *Path) body(r store.Reader, con event.ConnectionID, row inbox.Row) (event.ChangeBody, error) {
	if body, ok := p.bodies.take(con, row); ok {
		return body, nil
	}
	var stored outbox.Stored
	if err := getBinary(r, store.EventKey(con, store.In, row.Epoch, byte(envelope.Data), row.Seq), &stored); err != nil {
		return event.ChangeBody{}, err
	}
	m, err := envelope.Decode(stored.Entry.Bytes)
	if err != nil || m.Change == nil {
		return event.ChangeBody{}, fmt.Errorf("stored event %d: %w", row.Seq, errors.Join(err, errPeer))
	}
	return *m.Change, nil
}

// merged is the peer's whole replica after an event. Its comments and files
// are the event's own: what came before stands in the ticket already.
func merged(before filters.Replica, body event.ChangeBody) filters.Replica {
	fields := make(event.Fields, len(before.Fields)+len(body.Fields))
	maps.Copy(fields, before.Fields)
	maps.Copy(fields, body.Fields)
	out := filters.Replica{Fields: fields, CommentsSent: true, AttachmentsSent: true}
	for _, item := range body.Items {
		if item.Kind == event.ItemAttachment && item.Withdrawn {
			continue // it is no file of the peer's any more
		}
		created, _ := time.Parse(time.RFC3339, item.Created)
		edited, _ := time.Parse(time.RFC3339, item.Edited)
		switch item.Kind {
		case event.ItemComment:
			out.Comments = append(out.Comments, filters.Comment{Comment: event.Comment{
				ID: string(item.ID), Author: item.Author, Body: item.Body, Internal: item.Internal, Created: created, Edited: edited,
			}})
		case event.ItemAttachment:
			out.Attachments = append(out.Attachments, filters.Attachment{Attachment: event.Attachment{
				ID: string(item.ID), Name: item.Name, Size: item.Size, MIME: item.MIME, SHA256: item.SHA256,
				Author: item.Author, Created: created, Inline: item.Inline,
			}})
		}
	}
	return out
}

// refusedError ends the event for good.
type refusedError struct {
	code   event.Code
	reason string
}

func (e *refusedError) Error() string { return e.reason }

// awaitError puts the event off.
type awaitError struct {
	at     time.Time
	reason string
	cause  error // nil: nothing failed
}

func (e *awaitError) Error() string { return e.reason }

func (e *awaitError) Unwrap() error { return e.cause }

// admissible refuses what has no business being applied at all.
func (p *Path) admissible(in *incoming) error {
	if in.twin != nil {
		if in.twin.State == twin.Ended {
			return &refusedError{in.twin.End.Why.Or(event.CodeEnded), "the twin was ended here"}
		}
		return nil
	}
	// A peer that goes on with a twin that we know nothing of: we forgot it.
	forgotten := !in.body.First && in.before.Fields == nil
	if (in.body.Cause == event.CauseHeal || forgotten) && !in.con.pausedOut.Load() {
		// After a restore we may have begun this twin ourselves: then the poll
		// brings its ticket up again, and the way out its row.
		if err := p.nobodys(in); err != nil {
			return err
		}
	}
	if forgotten {
		return &refusedError{event.CodeUnknown, "the twin is not known here, and the event does not say all of it"}
	}
	if in.body.Hops > maxHops {
		return &refusedError{event.CodeKnownOrigin, "the ticket came over too many nodes"}
	}
	known := false
	err := p.Store.View(func(r store.Reader) error {
		_, err := r.Get(store.OriginKey(in.body.Origin))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		known = err == nil
		return err
	})
	if err != nil {
		return storeError{err}
	}
	if known {
		return &refusedError{event.CodeKnownOrigin, "this node has a ticket of the same origin already"}
	}
	return nil
}

// nobodys puts a twin off until it is certain that none of our tickets is it.
func (p *Path) nobodys(in *incoming) error {
	all, err := p.lookedAtAll(in.con)
	if err != nil {
		return storeError{err}
	}
	if !all {
		return &awaitError{at: p.Now().Add(time.Second), reason: "it may be one of our tickets that are still to be looked at"}
	}
	row := false
	err = p.Store.View(func(r store.Reader) error {
		found, err := twinRow(r, in.con.ID, in.id)
		row = found != nil
		return err
	})
	switch {
	case err != nil:
		return storeError{err}
	case row:
		return errReplan // the way out has just made it
	}
	return nil
}

// readOurs reads our ticket, if there is one.
func (p *Path) readOurs(ctx context.Context, in *incoming) error {
	if in.twin == nil || in.twin.Ref.IsZero() {
		return nil
	}
	ticket, err := p.readTicket(ctx, in.twin.Ref)
	if err != nil {
		return err
	}
	in.ours = &ticket
	if in.trial {
		return nil
	}
	return p.there(in.con, in.id, in.twin)
}

// wants is what the incoming filter makes of the peer's replica.
type wants struct {
	result  filters.InResult
	same    event.Fields
	connect *event.Ref
	// disputed are our fields of which the event says that a person must decide.
	disputed map[string]bool
	// again are our fields of which the event repeats what an earlier one said.
	again map[string]twin.Again
}

// runIncoming runs the script on the replica as it is now, and again with what
// the event names left out: what is alike in both, the peer has not changed.
func (p *Path) runIncoming(ctx context.Context, in *incoming) (wants, error) {
	input := filters.InInput{Context: p.incomingContext(in, in.replica.Fields), Replica: in.replica, Trace: in.trial}
	if in.ours != nil {
		ours := ours(in.con, *in.ours, &known{})
		input.Issue = &ours
	}
	input.Previous = in.previous()
	result, err := in.rules.Incoming.Run(ctx, input)
	if err != nil {
		return wants{}, filterFailed("incoming filter", err)
	}
	in.trace, input.Trace = result.Trace, false
	if err := stopped(result.Stop); err != nil {
		return wants{}, err
	}
	if findings := in.rules.Accept.Check(result, in.ours == nil); len(findings) > 0 {
		return wants{}, &refusedError{event.CodeByGate, "accept gate: " + finding(findings[0])}
	}
	w := wants{result: result, connect: result.Connect}
	if in.ours == nil {
		return w, nil
	}
	if w.disputed, err = p.disputed(ctx, in, input, result.Fields); err != nil {
		return wants{}, err
	}
	unnamed := maps.Clone(in.replica.Fields)
	for name := range in.body.Fields {
		delete(unnamed, name)
	}
	input.Context, input.Replica = p.without(in, unnamed), filters.Replica{Fields: unnamed}
	same, err := in.rules.Incoming.Run(ctx, input)
	if err != nil || same.Stop != nil {
		// Without what the event names the script may not get far: then all of
		// it counts as changed, and only what differs from ours is written.
		same = filters.InResult{}
	}
	w.same = same.Fields
	w.again = p.saidAgain(ctx, in, input, result.Fields)
	return w, nil
}

// incomingContext is what the incoming filter is told; theirs are the peer's fields.
func (p *Path) incomingContext(in *incoming, theirs event.Fields) filters.Context {
	c := p.context(in.con, in.rules, in.id, in.twin, event.Ticket{}, theirs)
	c.FirstSync, c.Event = in.ours == nil, in.happened()
	return c
}

// without is what the incoming filter would be told if the event named no more than
// theirs: that something happened is of the event too.
func (p *Path) without(in *incoming, theirs event.Fields) filters.Context {
	c := p.incomingContext(in, theirs)
	c.Event.Kinds = nil
	return c
}

func stopped(stop *filters.Stop) error {
	if stop == nil {
		return nil
	}
	switch stop.Kind {
	case filters.StopPark:
		return &holdError{code: event.CodeParked, reason: stop.Reason, parked: true}
	case filters.StopLeave:
		return errLeft
	}
	return &refusedError{event.CodeByFilter, stop.Reason}
}

// makePlan merges what the script wants with what we have, and stores the
// steps it takes (T5). Nothing to write needs no plan row.
func (p *Path) makePlan(ctx context.Context, in *incoming, w wants) error {
	schema, err := p.Schema(ctx)
	if err != nil {
		return err
	}
	if w.connect != nil && in.twin == nil {
		if in.trial {
			return &awaitError{reason: "the incoming filter pairs it with ticket " + w.connect.ID}
		}
		return p.pair(ctx, in, *w.connect)
	}
	if in.connecting() {
		in.atFirstContact(&w, schema)
	}
	in.plan = &plan.Plan{Epoch: in.row.Epoch, Seq: in.row.Seq}
	if err := p.planTicket(in, w, schema); err != nil {
		return err
	}
	p.planComments(in, w, schema)
	err = p.planFiles(in, w, schema)
	if err == nil && !in.trial {
		err = p.bounded(in, schema)
	}
	if err != nil {
		in.plan = nil
		return err
	}
	p.statusLast(in)
	if len(in.plan.Steps) == 0 || in.trial {
		return nil
	}
	if in.forgot() {
		in.plan.DoubtAll(in.con.beganAt.Add(p.Tracker.SettleTime()))
	}
	in.plan.IntendAll(p.Boot.Random, p.Now())
	return p.storePlan(in)
}

// forgot tells whether this side may have lost what it knew of the twin. A heal
// says so; an event that waited here when the process began may come from a
// backup; and once a side was restored, any ticket may have had a twin before.
// What such an event adds may be there already.
func (in *incoming) forgot() bool {
	began := in.con.began
	waited := in.row.Epoch < began.Epoch || in.row.Epoch == began.Epoch && in.row.Seq <= began.Through
	restored := in.epoch > firstEpoch || in.row.Epoch > firstEpoch
	return in.body.Cause == event.CauseHeal || waited || restored && in.first()
}

// first tells whether nothing of a twin that the peer began was applied yet.
func (in *incoming) first() bool {
	return in.twin == nil || in.twin.Theirs && in.twin.Seen == (event.Position{})
}

// planTicket plans the create, or the update of what the peer changed.
func (p *Path) planTicket(in *incoming, w wants, schema event.Schema) error {
	merge := twin.Incoming{
		Wanted: w.result.Fields, Same: w.same, Exact: w.result.Exact,
		Cause: in.body.Cause, Forgot: in.forgot() && (in.body.Cause == event.CauseHeal || in.first()), Types: schema.Fields,
		Disputed: w.disputed, Again: w.again, Owners: in.rules.merging(),
	}
	merge.Added, merge.Removed = map[string][]any{}, map[string][]any{}
	for name, change := range w.result.Sets {
		merge.Added[name], merge.Removed[name] = change.Add, change.Remove
	}
	merge.TheirsAt, _ = time.Parse(time.RFC3339Nano, in.body.At)
	row := in.twin
	if row == nil {
		row = &twin.Row{}
	}
	merge.Forgot = merge.Forgot && !in.connecting()
	merge.Seen = in.seen(row)
	if in.ours != nil {
		merge.Ours, merge.OursAt = in.ours.Fields, in.ours.Updated
		in.plan.Ref, in.plan.Read = in.ours.Ref, in.ours.Updated
	}
	out := row.Merge(merge, in.con.Policy)
	in.plan.Seen, in.plan.Said, in.plan.Again = merge.Seen, out.Said, w.again
	in.plan.Before, in.plan.Kept, in.plan.Disputed, in.plan.Untold = out.Before, out.Kept, out.Disputed, out.Untold
	if _, moves := out.Write[event.FieldStatus]; moves {
		in.plan.Via = w.result.Via
	}
	if in.ours == nil {
		return p.planCreate(in, w, out.Write)
	}
	if len(out.Write) > 0 {
		in.plan.Steps = append(in.plan.Steps, plan.Step{State: plan.Planned, Write: event.Step{
			Kind: event.StepUpdate, Ref: in.ours.Ref, Fields: out.Write, Was: was(out.Write, in.ours.Fields), Lock: in.ours.Lock,
			Make: needed(w.result.Make, out.Write, in.ours.Fields),
		}})
	}
	return nil
}

// was are the fields to be written whose entries are written one by one, as they are.
func was(write, have event.Fields) event.Fields {
	if _, ok := write[event.FieldLinks]; !ok {
		return nil
	}
	return event.Fields{event.FieldLinks: have[event.FieldLinks]}
}

// seen is our last event that the peer knew of when it made this one, as a number of
// our stream's present epoch; 0 if none.
func (in *incoming) seen(row *twin.Row) event.Seq {
	if in.body.Seen.Epoch != row.Epoch {
		return 0
	}
	return in.body.Seen.Seq
}

func (p *Path) planCreate(in *incoming, w wants, fields event.Fields) error {
	if !in.trial && in.rules.Accept.CreatesPerHour > 0 && !in.con.creates.Allow(p.Now(), in.rules.Accept.CreatesPerHour) {
		return &awaitError{at: p.Now().Add(time.Minute), reason: "the accept gate's creates per hour are used up"}
	}
	fields, links := linksApart(fields)
	in.plan.Steps = append(in.plan.Steps, plan.Step{State: plan.Planned, Write: event.Step{
		Kind: event.StepCreate, Marker: p.marker(in.con.ID, in.id, ""), Fields: fields,
		Make: needed(w.result.Make, fields, nil), Since: p.since(),
	}})
	if links != nil {
		in.plan.Steps = append(in.plan.Steps, plan.Step{State: plan.Planned, Write: event.Step{Kind: event.StepUpdate, Fields: links}})
	}
	return nil
}

// linksApart takes the links out of the fields of a new ticket. Most trackers make them
// one by one when the ticket is there: where that fails half way, a create that is
// found would be taken for done, and a step of its own is done again.
func linksApart(fields event.Fields) (rest, links event.Fields) {
	value, named := fields[event.FieldLinks]
	if !named {
		return fields, nil
	}
	rest = maps.Clone(fields)
	delete(rest, event.FieldLinks)
	if len(event.LinksOf(value)) == 0 {
		return rest, nil
	}
	return rest, event.Fields{event.FieldLinks: value}
}

// planComments plans the peer's comments that are not there yet, and edits of
// those that are.
func (p *Path) planComments(in *incoming, w wants, schema event.Schema) {
	asserted := map[event.ItemID]bool{}
	for _, c := range w.result.Comments {
		id := event.ItemID(c.ID)
		asserted[id] = true
		hash := commentHash(c.Body, c.Internal)
		had, known := in.items.get(id)
		marker := p.marker(in.con.ID, in.id, id)
		if !known {
			had, known = in.recover(id, hash, marker)
		}
		if in.takenBack(id) {
			p.planTakenBack(in, w, schema, id)
			continue
		}
		write := in.worded(c, schema, "")
		switch {
		case known && had.Hash == hash:
			continue
		case known && had.Local != "" && !schema.EditComments, !schema.Comments, !in.rules.Accept.TakesComment(c.Internal):
			in.plan.Declined = append(in.plan.Declined, id)
			continue
		case known:
			write = in.worded(c, schema, had.Local)
		}
		in.plan.Steps = append(in.plan.Steps, plan.Step{State: plan.Planned, Item: id, Hash: hash, Write: event.Step{
			Kind: event.StepComment, Ref: in.plan.Ref, Marker: marker, Comment: write,
			Since: p.since(),
		}})
	}
	p.decline(in, event.ItemComment, asserted)
}

// recover records a comment that stands in our ticket with its marker and is not
// on record: a restored node forgot it.
func (in *incoming) recover(id event.ItemID, hash event.Hash, marker event.Marker) (twin.Item, bool) {
	if in.ours == nil {
		return twin.Item{}, false
	}
	at := slices.IndexFunc(in.ours.Comments, func(c event.Comment) bool { return c.Marker == marker })
	if at < 0 {
		return twin.Item{}, false
	}
	item := twin.Item{Local: in.ours.Comments[at].ID, Theirs: true, Hash: hash, State: twin.Confirmed}
	in.record(id, item)
	return item, true
}

// record sets what is to be on record of an item when the event is done.
func (in *incoming) record(id event.ItemID, item twin.Item) {
	in.items.set(id, item)
	if in.recovered == nil {
		in.recovered = map[event.ItemID]twin.Item{}
	}
	in.recovered[id] = item
}

// planFiles sets the peer's files that the script and the gate want on the list
// of those to fetch; they are written beside the lane.
func (p *Path) planFiles(in *incoming, w wants, schema event.Schema) error {
	asserted := map[event.ItemID]bool{}
	for _, a := range w.result.Attachments {
		id := event.ItemID(a.ID)
		if a.Size > p.MaxAttachment || in.con.Quotas.tooLarge(a.Size) || schema.MaxAttachment > 0 && a.Size > schema.MaxAttachment || !schema.Attachments || !in.rules.Accept.MayTake(a.Size) {
			continue
		}
		asserted[id] = true
		had, known := in.items.get(id)
		if known && askedBack(had) && had.Local != "" {
			// It was asked back, was kept, and is the peer's again.
			had.Hash, had.State = event.HashValue(a.SHA256), twin.Confirmed
			in.record(id, had)
			continue
		}
		if known && had.State == twin.Confirmed && !askedBack(had) {
			continue
		}
		in.plan.Files = append(in.plan.Files, plan.File{
			Item: id, Name: a.Name, MIME: a.MIME, Size: a.Size, SHA256: a.SHA256, Internal: a.Internal,
		})
	}
	for i := range in.body.Items {
		item := &in.body.Items[i]
		if item.Kind != event.ItemAttachment || !item.Withdrawn {
			continue
		}
		asserted[item.ID] = true
		if err := p.fileTakenBack(in, w, item.ID); err != nil {
			return err
		}
	}
	p.decline(in, event.ItemAttachment, asserted)
	return nil
}

// decline lists the event's items that nobody here wants.
func (p *Path) decline(in *incoming, kind event.ItemKind, asserted map[event.ItemID]bool) {
	for _, item := range in.body.Items {
		if item.Kind == kind && !asserted[item.ID] {
			in.plan.Declined = append(in.plan.Declined, item.ID)
		}
	}
}

// since is from when on what a step makes is looked for, by the tracker's clock.
func (p *Path) since() int64 { return p.Now().Add(-p.behind() - time.Hour).Unix() }

// behind is by how much the tracker's clock is behind ours. One that is ahead does no
// harm: to look further back is only slower.
func (p *Path) behind() time.Duration {
	behind, _ := p.lag()
	return behind
}

// lag is behind, and whether that is settled.
func (p *Path) lag() (time.Duration, bool) {
	c, ok := p.Tracker.(adapters.Clocked)
	if !ok {
		return 0, true
	}
	ahead, settled := c.Skew()
	return max(0, -ahead), settled
}
