package flow

import (
	"context"
	"maps"
	"slices"
	"time"

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
	lost        []string
}

// readBack reads what the writes made of the ticket. What differs from what was
// wanted is lost, unless somebody else's edit came between.
func (p *Path) readBack(ctx context.Context, in *incoming) (result, error) {
	if len(in.plan.Steps) == 0 {
		return result{}, nil
	}
	ticket, err := p.Tracker.Read(ctx, in.plan.Ref)
	if err != nil {
		return result{}, err
	}
	schema, err := p.Schema(ctx)
	if err != nil {
		return result{}, err
	}
	for i := range in.plan.Steps {
		in.nameItem(&in.plan.Steps[i], ticket)
	}
	r := result{ticket: &ticket, local: event.Fields{}}
	for name, want := range in.plan.Want {
		got := ticket.Fields[name]
		switch twin.Compare(schema.Fields[name].Type, in.plan.Before[name], want, got) {
		case twin.Foreign:
			// Somebody's edit: it is ours to send, so the base is what we wrote.
			got = want
		case twin.Ignored, twin.Normalised:
			r.lost = append(r.lost, name)
		}
		r.local[name] = got
	}
	slices.Sort(r.lost)
	r.echo = p.echo(ctx, in, ticket, r.local)
	if in.created() {
		for name, value := range mergeable(in.rules, ticket.Fields) {
			if _, set := r.local[name]; !set {
				r.local[name] = value
			}
		}
	}
	return r, nil
}

// nameItem finds the id of a comment that the tracker did not tell, by its marker.
func (in *incoming) nameItem(step *plan.Step, ticket event.Ticket) {
	item, ok := in.items[step.Item]
	if step.Item == "" || !ok || item.Local != "" {
		return
	}
	for _, c := range ticket.Comments {
		if c.Marker == step.Write.Marker {
			item.Local = c.ID
			in.items[step.Item] = item
		}
	}
}

func (in *incoming) created() bool {
	return slices.ContainsFunc(in.plan.Steps, func(s plan.Step) bool { return s.Write.Kind == event.StepCreate })
}

// echo is what of the outgoing filter's result changed by our own write: the
// peer has it, since it comes from there.
func (p *Path) echo(ctx context.Context, in *incoming, ticket event.Ticket, written event.Fields) event.Fields {
	if len(in.plan.Want) == 0 {
		return nil
	}
	after := maps.Clone(ticket.Fields)
	maps.Copy(after, written)
	before := maps.Clone(ticket.Fields)
	if in.created() {
		// Of a ticket that we made, only its identity is news to the peer.
		before = identity(ticket.Fields)
	} else {
		for name := range in.plan.Want {
			before[name] = in.plan.Before[name]
		}
	}
	a, okA := p.leaves(ctx, in, ticket, after)
	b, okB := p.leaves(ctx, in, ticket, before)
	if !okA || !okB {
		return nil
	}
	echo := event.Fields{}
	for name, value := range a {
		other, had := b[name]
		if !had || event.HashValue(other) != event.HashValue(value) {
			echo[name] = value
		}
	}
	return echo
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

func (p *Path) leaves(ctx context.Context, in *incoming, ticket event.Ticket, fields event.Fields) (event.Fields, bool) {
	row := in.twin
	if row == nil {
		row = &twin.Row{Ref: ticket.Ref, Since: p.Now()}
	}
	input := filters.OutInput{
		Context: p.context(in.con, in.rules, row, ticket),
		Issue:   filters.Ours{Fields: fields, Key: ticket.Key, URL: ticket.URL},
	}
	out, err := in.rules.Outgoing.Run(ctx, input)
	if err != nil || out.Stop != nil {
		return nil, false
	}
	passed, findings := in.rules.Egress.Check(out.Replica, filters.MetaOf(input.Issue, ticket.Restricted))
	return p.wireFields(in.con, passed.Fields), len(findings) == 0
}

// storeApplied writes what an applied event means for its twin (part of T7).
func (p *Path) storeApplied(tx store.Tx, in *incoming, r result) error {
	row, err := p.twinFor(tx, in)
	if err != nil {
		return err
	}
	row.Seen = event.Position{Epoch: in.row.Epoch, Seq: in.row.Seq}
	row.LostLocal, row.State = r.lost, twin.Live
	if r.ticket != nil {
		row.Key = r.ticket.Key
	}
	if row.Sent == nil {
		row.Sent = map[string]twin.Sent{}
	}
	for name, value := range r.echo {
		row.Sent[name] = twin.Sent{Hash: event.HashValue(value), State: twin.Confirmed}
	}
	if row.Local == nil {
		row.Local = map[string]twin.Base{}
	}
	for name, value := range r.local {
		row.Local[name] = twin.Base{Hash: event.HashValue(value)}
	}
	if err := put(tx, store.TwinKey(in.con.ID, in.id), row); err != nil {
		return err
	}
	received := filters.Replica{Fields: in.replica.Fields}
	if err := put(tx, store.ReceivedKey(in.con.ID, in.id), &received); err != nil {
		return err
	}
	return p.storeItems(tx, in, row)
}

func (p *Path) storeItems(tx store.Tx, in *incoming, row *twin.Row) error {
	for _, step := range in.plan.Steps {
		if step.Item == "" {
			continue
		}
		item := in.items[step.Item]
		if err := put(tx, store.ItemKey(in.con.ID, in.id, step.Item), &item); err != nil {
			return err
		}
	}
	for _, job := range in.files {
		job.Ref = row.Ref
		if err := put(tx, store.JobKey(in.con.ID, in.id, job.item), &job); err != nil {
			return err
		}
	}
	return p.touchOthers(tx, in, row.Ref)
}

// touchOthers makes the ticket be looked at for the other connections that it
// is on, or may be forwarded to.
func (p *Path) touchOthers(tx store.Tx, in *incoming, ref event.Ref) error {
	if len(in.plan.Steps) == 0 {
		return nil
	}
	for _, c := range p.Connections() {
		if c.ID == in.con.ID {
			continue
		}
		_, on, err := twinByRef(tx, c.ID, ref)
		if err != nil {
			return err
		}
		if !on && !c.Rules().Forward {
			continue
		}
		if err := p.workNext(tx, c.ID, ref, work.Seen{Cause: event.CauseEdit}); err != nil {
			return err
		}
		in.others = append(in.others, c.ID)
	}
	return nil
}

// outcome is what the peer is told.
func (r result) outcome(in *incoming) *event.Outcome {
	o := &event.Outcome{
		Twin: in.id, Epoch: in.row.Epoch, Seq: in.row.Seq, Verdict: event.Applied,
		Declined: in.plan.Declined,
	}
	for _, item := range in.body.Items {
		if item.Kind == event.ItemComment && !slices.Contains(o.Declined, item.ID) {
			o.Items = append(o.Items, item.ID)
		}
	}
	for _, job := range in.files {
		o.Waiting = append(o.Waiting, job.item)
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
	if err := tx.Delete(store.PlanKey(in.con.ID, in.id)); err != nil {
		return nil, err
	}
	return next, put(tx, store.InboxKey(in.con.ID, in.id), next)
}

// applied wakes what an applied event made possible.
func (p *Path) applied(in *incoming, r result, next *inbox.Row) {
	p.unmarkCreating(in.plan)
	key, ref := in.key(), in.plan.Ref
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
	for _, other := range in.others {
		p.Wake(Task{Kind: KindWork, Con: other, Ref: ref}, When{})
	}
	for _, job := range in.files {
		p.Wake(Task{Kind: KindFetch, Con: in.con.ID, Twin: in.id, Item: job.item}, When{})
	}
	if next != nil {
		p.Wake(Task{Kind: KindApply, Con: in.con.ID, Twin: in.id}, When{})
	}
}
