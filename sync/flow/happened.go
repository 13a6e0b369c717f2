package flow

import (
	"context"
	"slices"
	"time"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/twin"
)

// What a filter is told of a change by its variables event and twin. It is found out
// only for scripts that ask: who made a change may cost a call to the tracker.

// The kinds of change.
const (
	kindCreated   = "created"
	kindEdited    = "edited"
	kindMoved     = "moved"
	kindCommented = "commented"
	kindAttached  = "attached"
)

// leaving is what the outgoing filter is told.
func (p *Path) leaving(o *outgoing) filters.Context {
	c := p.context(o.con, o.rules, p.twinID(o.con, &o.known), o.known.row, o.ticket, o.known.theirs)
	c.FirstSync, c.Event = o.known.fresh(), o.happened
	return c
}

// returning is what the incoming filter is told where it only shows what the peer's
// values mean here.
func (p *Path) returning(o *outgoing) filters.Context {
	c := p.context(o.con, o.rules, p.twinID(o.con, &o.known), o.known.row, o.ticket, o.known.theirs)
	c.FirstSync, c.Event.Kinds = false, []string{kindEdited}
	return c
}

// knowUnder reads what is known of a ticket, for rules that are tried.
func (p *Path) knowUnder(con *Connection, rules *Rules, k *known) error {
	k.trial = true
	return p.Store.View(func(r store.Reader) error { return p.knowTwins(r, con, rules, k) })
}

// toldOfTheirs are the fields that the peer sent last, if a script asks for its ticket.
func toldOfTheirs(r store.Reader, con *Connection, rules *Rules, id event.TwinID) (event.Fields, error) {
	if !rules.Outgoing.Asks().Twin && !rules.Incoming.Asks().Twin {
		return nil, nil
	}
	received, err := getReplica(r, store.ReceivedKey(con.ID, id))
	if received == nil {
		return nil, err
	}
	return received.Fields, err
}

// happened is what the outgoing filter is told of what became of our ticket.
func (p *Path) happened(ctx context.Context, o *outgoing) (filters.EventInfo, error) {
	e := filters.EventInfo{At: o.ticket.Updated}
	asks := o.rules.Outgoing.Asks()
	var err error
	if asks.By {
		if e.By, err = p.changedBy(ctx, o); err != nil {
			return e, err
		}
	}
	if asks.Kinds {
		e.Kinds, err = p.kinds(ctx, o, e)
	}
	return e, err
}

// kinds is what the peer has not been told. Only the script knows what that is, so it
// is run as if everything had happened; if it stops then, as if nothing had.
func (p *Path) kinds(ctx context.Context, o *outgoing, e filters.EventInfo) ([]string, error) {
	var kinds []string
	if o.known.fresh() {
		kinds = append(kinds, kindCreated)
	}
	for _, assumed := range [][]string{{kindEdited, kindMoved, kindCommented, kindAttached}, nil} {
		e.Kinds = slices.Concat(kinds, assumed)
		in := filters.OutInput{Context: p.leaving(o), Issue: o.ours, Previous: o.known.previous(&o.ours)}
		in.Event = e
		result, err := o.rules.Outgoing.Run(ctx, in)
		if err != nil {
			return nil, filterFailed("outgoing filter", err)
		}
		if result.Stop == nil {
			news, err := p.news(o, result.Replica)
			return append(kinds, news...), err
		}
	}
	return kinds, nil
}

// news is what of a replica the peer has not been told.
func (p *Path) news(o *outgoing, replica filters.Replica) (kinds []string, err error) {
	row := o.known.row
	if row == nil {
		row = &twin.Row{}
	}
	wire, _, err := p.wireFields(o.con, replica.Fields)
	if err != nil {
		return nil, err
	}
	fields, _ := row.Differs(wire, false)
	_, project := fields[event.FieldProject]
	if len(fields) > 0 && !o.known.fresh() {
		kinds = append(kinds, kindEdited)
	}
	if !o.known.fresh() && (project || row.Key != o.ticket.Key) {
		kinds = append(kinds, kindMoved)
	}
	source := sources(o.ticket.Comments)
	if slices.ContainsFunc(inOrder(replica.Comments, o.ticket.Comments), func(c filters.Comment) bool {
		_, _, due := p.commentItem(o, &c, source(c.ID), false)
		return due
	}) {
		kinds = append(kinds, kindCommented)
	}
	if slices.ContainsFunc(replica.Attachments, func(a filters.Attachment) bool { return p.fileDue(o, a, false) }) {
		kinds = append(kinds, kindAttached)
	}
	return kinds, nil
}

// changedBy is who made the last change of our ticket, as far as the tracker tells:
// nil if nobody knows, and if it was the node itself.
func (p *Path) changedBy(ctx context.Context, o *outgoing) (*event.User, error) {
	since := o.ticket.Updated.Add(-p.Tracker.Precision() - time.Second)
	var by *event.User
	last := since
	changed := func(at time.Time, who event.User) {
		if !at.Before(last) && who != (event.User{}) {
			by, last = &who, at
		}
	}
	created, _ := o.ticket.Fields[event.FieldCreated].(string)
	if at, err := time.Parse(time.RFC3339, created); err == nil {
		changed(at, event.UserOf(o.ticket.Fields[event.FieldCreator]))
	}
	for _, c := range o.ours.Comments {
		if c.From == "" && c.Marker == "" {
			changed(c.Created, c.Author)
		}
	}
	for _, a := range o.ours.Attachments {
		if a.From == "" && a.Marker == "" {
			changed(a.Created, a.Author)
		}
	}
	historian, ok := p.Tracker.(adapters.Historian)
	if !ok {
		return by, nil
	}
	edits, err := historian.History(ctx, o.ticket.Ref, since)
	for _, e := range edits {
		if !e.Own {
			changed(e.At, e.Author)
		}
	}
	return by, err
}

// happened is what the incoming filter is told of an event. Who made it is told by a
// comment or a file alone: fields do not say who wrote them.
func (in *incoming) happened() filters.EventInfo {
	var e filters.EventInfo
	e.At, _ = time.Parse(time.RFC3339Nano, in.body.At)
	if in.ours == nil {
		e.Kinds = append(e.Kinds, kindCreated)
	} else if len(in.body.Fields) > 0 {
		e.Kinds = append(e.Kinds, kindEdited)
	}
	was, had := in.before.Fields[event.FieldProject]
	if is, said := in.body.Fields[event.FieldProject]; had && said && !twin.Same(was, is) {
		e.Kinds = append(e.Kinds, kindMoved)
	}
	for kind, what := range map[event.ItemKind]string{event.ItemComment: kindCommented, event.ItemAttachment: kindAttached} {
		if slices.ContainsFunc(in.body.Items, func(i event.Item) bool { return i.Kind == kind }) {
			e.Kinds = append(e.Kinds, what)
		}
	}
	slices.Sort(e.Kinds)
	if n := len(in.body.Items); n > 0 && len(in.body.Fields) == 0 && in.body.Items[n-1].Author != (event.User{}) {
		e.By = &in.body.Items[n-1].Author
	}
	return e
}
