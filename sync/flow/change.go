package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/outbox"
	"parley/sync/store"
	"parley/sync/twin"
)

// maxChange is where a change is cut; the rest follows when it has settled.
const maxChange = 128 << 10

// ours is a ticket as filters see it.
func ours(con *Connection, t event.Ticket, k *known) filters.Ours {
	o := filters.Ours{
		Fields: t.Fields, Key: t.Key, URL: t.URL,
		Comments: make([]filters.Comment, len(t.Comments)), Attachments: make([]filters.Attachment, len(t.Attachments)),
	}
	for i, c := range t.Comments {
		o.Comments[i] = filters.Comment{Comment: c, From: k.source(con, local{id: c.ID})}
	}
	for i, a := range t.Attachments {
		o.Attachments[i] = filters.Attachment{Attachment: a, From: k.source(con, local{file: true, id: a.ID})}
	}
	return o
}

// context is what a filter is told of a ticket besides its fields; theirs is what the
// peer says of its own.
func (p *Path) context(con *Connection, rules *Rules, id event.TwinID, row *twin.Row, t event.Ticket, theirs event.Fields) filters.Context {
	c := filters.Context{
		Connection: filters.ConnectionInfo{Name: con.Name, Peer: con.Peer, Tags: rules.Tags},
		Vars:       rules.Vars,
		FirstSync:  row == nil || row.Ref.IsZero(),
		Event:      filters.EventInfo{At: t.Updated},
		Lookups:    lookups{p, con, rules},
	}
	if row != nil {
		key, _ := theirs[event.FieldKey].(string)
		url, _ := theirs[event.FieldURL].(string)
		c.Twin = &filters.TwinInfo{Key: key, URL: url, Since: row.Since}
	}
	if id != (event.TwinID{}) {
		c.TwinID = id.String()
	}
	return c
}

// replica runs the outgoing filter and the egress gate.
func (p *Path) replica(ctx context.Context, o *outgoing) (filters.Replica, error) {
	happened, err := p.happened(ctx, o)
	if err != nil {
		return filters.Replica{}, err
	}
	o.happened = happened
	in := filters.OutInput{Context: p.leaving(o), Issue: o.ours, Previous: o.known.previous(&o.ours)}
	result, err := o.rules.Outgoing.Run(ctx, in)
	if err != nil {
		return filters.Replica{}, filterFailed("outgoing filter", err)
	}
	if stop := result.Stop; stop != nil {
		switch stop.Kind {
		case filters.StopSkip:
			return filters.Replica{}, errNothing
		case filters.StopLeave:
			return filters.Replica{}, errLeft
		}
		return filters.Replica{}, &holdError{code: event.CodeParked, reason: stop.Reason, parked: true}
	}
	passed, findings := o.rules.Egress.Check(result.Replica, filters.MetaOf(in.Issue, o.ticket.Restricted))
	if len(findings) > 0 {
		return filters.Replica{}, &holdError{code: event.CodeByGate, reason: "egress gate: " + finding(findings[0]), parked: true}
	}
	passed.Fields, o.unnamed, err = p.wireFields(o.con, passed.Fields)
	return passed, err
}

// filterFailed tells a tracker that did not answer a look-up, and a node that was
// stopped meanwhile, from a filter that is wrong: these pass by themselves.
func filterFailed(which string, err error) error {
	var tracker *adapters.Error
	if errors.As(err, &tracker) || errors.Is(err, context.Canceled) {
		return err
	}
	return &holdError{code: event.CodeFilterError, reason: which + ": " + err.Error(), parked: true}
}

// changes makes the change: what of the replica the peer has not confirmed.
func (p *Path) changes(ctx context.Context, o *outgoing) error {
	k := o.known
	row := k.row
	if row == nil {
		row = &twin.Row{}
	}
	heal := k.work.Cause == event.CauseHeal
	healed := o.healed()
	whole := heal && healed == nil
	fields, hashes := row.Differs(o.replica.Fields, whole)
	o.hashes = hashes
	o.change = event.ChangeBody{
		Filter: o.rules.version(), Cause: k.work.Cause, Seen: row.Seen,
		Fields:  fields,
		First:   k.fresh() || heal || row.Connect != nil && !row.Theirs,
		Connect: row.Connect,
	}
	p.identify(o, row)
	if o.change.Cause == event.CauseResolve {
		o.change.Cause = event.CauseEdit // of what is no decision
	}
	if len(row.Disputes) > 0 {
		p.dispute(ctx, o)
	}
	if err := p.turn(o); err != nil {
		return err
	}
	if err := p.repeats(o); err != nil {
		return storeError{err}
	}
	if err := p.tell(ctx, o); err != nil {
		return err
	}
	o.at = row.Later(o.carried, o.ticket.Updated)
	o.change.At = o.at.UTC().Format(time.RFC3339Nano)
	o.items = map[event.ItemID]twin.Item{}
	if o.change.Cause == event.CauseResolve {
		return nil
	}
	if row.Connect != nil && row.Connect.Old {
		p.passOver(o)
	}
	size := fieldsSize(o.change.Fields)
	source := sources(o.ticket.Comments)
	leaving := inOrder(o.replica.Comments, o.ticket.Comments)
	size, err := p.withdraw(o, leaving, whole, size)
	if err != nil {
		return err
	}
	for i := range leaving {
		c := &leaving[i]
		from := source(c.ID)
		item, kept, due := p.commentItem(o, c, from, heal && !healed[local{id: c.ID}])
		if due && !p.commentYoung(o, from) {
			size = o.offer(item, kept, size)
		}
	}
	for _, a := range o.replica.Attachments {
		if o.change.More {
			break
		}
		if p.fileYoung(o, a.ID) {
			continue
		}
		item, kept, due, err := p.fileItem(ctx, o, a, heal && !healed[local{file: true, id: a.ID}])
		if err != nil {
			return err
		}
		if due {
			size = o.offer(item, kept, size)
		}
	}
	return nil
}

// tell finds what the change tells the peer, as our own values: what the
// incoming filter would make of it if it came back. Other fields that differ
// from what was agreed have not left, and give way to what the peer says.
func (p *Path) tell(ctx context.Context, o *outgoing) error {
	if len(o.change.Fields) == 0 {
		return nil
	}
	o.carried = o.mergeable()
	schema, err := p.Schema(ctx)
	if err != nil {
		return err
	}
	input := filters.InInput{Context: p.returning(o), Issue: &o.ours, Replica: filters.Replica{Fields: o.change.Fields}}
	back, err := o.rules.Incoming.Run(ctx, input)
	var unanswered *adapters.Error
	switch {
	case errors.As(err, &unanswered):
		return err // a look-up of the script: it is answered another time
	case err == nil && back.Stop == nil:
		o.sets = twin.OnlySets(back.Fields, schema.Fields)
		told := make(event.Fields, len(back.Fields))
		for name := range back.Fields {
			if value, ok := o.carried[name]; ok {
				told[name] = value
			}
		}
		o.carried, o.exact = told, true
		o.again = p.repeated(ctx, o, input, back.Fields)
	}
	// Else it is a filter that takes only what the peer makes: then removals of
	// ours at the peer cannot be told from what it never had; nothing is removed.
	return nil
}

// identify names the twin and where the ticket came from.
func (p *Path) identify(o *outgoing, row *twin.Row) {
	if !o.known.fresh() {
		o.change.Twin, o.change.Origin, o.change.Hops = o.known.id, row.Origin, row.Hops
		return
	}
	o.change.Twin = p.twinID(o.con, &o.known)
	if before := o.known.elsewhere; before != nil {
		o.change.Origin, o.change.Hops = before.Origin, before.Hops+1
		return
	}
	o.change.Origin = event.OriginID(p.ownID("origin", o.con.ID, o.known.ref))
}

// twinID is the id of a ticket's twin, also of the one that its first sync begins.
func (p *Path) twinID(con *Connection, k *known) event.TwinID {
	if k.fresh() {
		return event.TwinID(p.ownID("twin", con.ID, k.ref))
	}
	return k.id
}

// offer adds an item to the change, or cuts the change before it.
func (o *outgoing) offer(item event.Item, local twin.Item, size int) int {
	size += len(item.Body) + len(item.Name) + 256
	if o.change.More || size > maxChange && (len(o.change.Items) > 0 || len(o.change.Fields) > 0) {
		o.change.More = true
		return size
	}
	o.change.Items = append(o.change.Items, item)
	o.items[item.ID] = local
	return size
}

// inOrder is what leaves of our comments in the order they were made, whatever the
// script made of it.
func inOrder(leaving []filters.Comment, all []event.Comment) []filters.Comment {
	next := 0
	for i := range leaving {
		for next < len(all) && all[next].ID != leaving[i].ID {
			next++
		}
	}
	if next < len(all) {
		return leaving
	}
	place := make(map[string]int, len(all))
	for i := range all {
		place[all[i].ID] = i
	}
	sorted := slices.Clone(leaving)
	slices.SortStableFunc(sorted, func(a, b filters.Comment) int { return place[a.ID] - place[b.ID] })
	return sorted
}

// sources finds our comments by their ids. A replica that keeps their order costs
// a step each, any other an index.
func sources(comments []event.Comment) func(id string) *event.Comment {
	next, index := 0, map[string]*event.Comment(nil)
	return func(id string) *event.Comment {
		for ; index == nil && next < len(comments); next++ {
			if c := &comments[next]; c.ID == id {
				next++
				return c
			}
		}
		if index == nil {
			index = make(map[string]*event.Comment, len(comments))
			for i := range comments {
				index[comments[i].ID] = &comments[i]
			}
		}
		return index[id]
	}
}

// commentItem is a comment on the wire, made from source, and whether it is to be sent.
func (p *Path) commentItem(o *outgoing, c *filters.Comment, source *event.Comment, heal bool) (event.Item, twin.Item, bool) {
	at := local{id: c.ID}
	had, known := o.known.here.at(at)
	if source == nil || had.Theirs {
		return event.Item{}, twin.Item{}, false
	}
	if source.Marker != "" && o.known.from[at] == "" {
		// A node wrote it, and no row says for whom yet.
		return event.Item{}, twin.Item{}, false
	}
	hash := commentHash(source.Body, source.Internal)
	if known && had.Hash == hash && !(heal && had.State != twin.Declined) && had.State != twin.Waiting {
		return event.Item{}, twin.Item{}, false
	}
	if !known {
		had.ID = p.itemID(o.con.ID, o.known.ref, event.ItemComment, c.ID)
	}
	item := event.Item{
		ID: had.ID, Kind: event.ItemComment, Author: author(c.Author),
		Created: wireTime(c.Created), Body: c.Body, Internal: c.Internal,
	}
	if known && had.Hash != hash {
		item.Edited = wireTime(orTime(c.Edited, o.ticket.Updated))
	}
	return item, twin.Item{Local: c.ID, Hash: hash, Wire: commentHash(item.Body, item.Internal), State: twin.Open}, true
}

// commentHash tells whether a comment changed.
func commentHash(body string, internal bool) event.Hash {
	if internal {
		return event.HashValue([]any{body})
	}
	return event.HashValue(body)
}

// fileItem is a file on the wire. Its bytes are here before it is named.
func (p *Path) fileItem(ctx context.Context, o *outgoing, a filters.Attachment, heal bool) (event.Item, twin.Item, bool, error) {
	if !p.fileDue(o, a, heal) {
		return event.Item{}, twin.Item{}, false, nil
	}
	had, known := o.known.here.at(local{file: true, id: a.ID})
	if !known {
		had.ID = p.itemID(o.con.ID, o.known.ref, event.ItemAttachment, a.ID)
	}
	item := event.Item{
		ID: had.ID, Kind: event.ItemAttachment, Author: author(a.Author), Created: wireTime(a.Created),
		Name: a.Name, MIME: a.MIME, Inline: a.Inline,
	}
	var err error
	if o.trial {
		item, err = p.tryFile(ctx, o, item, a)
	} else {
		item.SHA256, item.Size, err = p.keepFile(ctx, o.known.ref, a)
	}
	if err != nil {
		return event.Item{}, twin.Item{}, false, err
	}
	return item, twin.Item{Local: a.ID, Hash: event.HashValue(item.SHA256), State: twin.Open, File: true, Name: a.Name}, true, nil
}

// fileDue tells whether a file is to be sent.
func (p *Path) fileDue(o *outgoing, a filters.Attachment, heal bool) bool {
	at := local{file: true, id: a.ID}
	had, known := o.known.here.at(at)
	if had.Theirs || known && had.State != twin.Waiting && !(heal && had.State != twin.Declined) && !askedBack(had.Item) {
		return false
	}
	if a.Marker != "" && o.known.from[at] == "" {
		return false
	}
	return a.Size <= p.MaxAttachment && !o.con.Quotas.tooLarge(a.Size)
}

func errNoFiles() error {
	return &holdError{code: event.CodeConfiguration, reason: "this tracker's files cannot be read", parked: true}
}

// keepFile brings the bytes of one of our files into the blob store, without what
// a picture says of its making.
func (p *Path) keepFile(ctx context.Context, ref event.Ref, a filters.Attachment) (string, int64, error) {
	files, ok := p.Tracker.(adapters.Files)
	if !ok {
		return "", 0, errNoFiles()
	}
	body, err := files.Open(ctx, ref, a.ID)
	if err != nil {
		return "", 0, err
	}
	digest, size, err := p.Blobs.Put(ctx, filters.StripPicture(body), p.MaxAttachment)
	if err = errors.Join(err, body.Close()); err != nil {
		return "", 0, fmt.Errorf("keep a file of ticket %s: %w", ref, err)
	}
	return digest, size, nil
}

// storeSent writes what a change means for its twin (part of T2).
func (p *Path) storeSent(tx store.Tx, o *outgoing, head outbox.Head) error {
	id, seq := o.change.Twin, head.Appended
	row, err := o.known.read.again(tx, o.con.ID, id)
	if err != nil {
		return err
	}
	if row == nil {
		if other, found, err := twinByRef(tx, o.con.ID, o.known.ref); err != nil || found && other != id {
			// Our own create was recorded between our looking and here.
			return errors.Join(err, errOvertaken)
		}
		row = &twin.Row{Ref: o.known.ref, Origin: o.change.Origin, Hops: o.change.Hops, Since: p.Now(), Epoch: head.Epoch}
		if err := bind(tx, o.con.ID, o.known.ref, id); err != nil {
			return err
		}
		if err := tx.Put(store.OriginKey(row.Origin), []byte(o.known.ref.String())); err != nil {
			return err
		}
	}
	if row.Key = o.ticket.Key; row.State != twin.Live {
		row.Resume()
	}
	p.remember(row, twin.Past{Out: true, Pos: event.Position{Epoch: head.Epoch, Seq: seq}})
	row.Append(seq, o.hashes, o.change.First, p.Now())
	local, carried := o.mergeable(), o.carried
	if o.change.Cause == event.CauseResolve {
		local = o.decided() // of the others nothing was looked at
		carried = local
	}
	row.Carry(local, carried, twin.Carried{Seq: seq, Cause: o.change.Cause, Exact: o.exact, Again: o.again}, o.at)
	row.SendSets(seq, o.change.First, o.sets, o.ticket.Fields)
	for name, item := range o.items {
		item.Seq = seq
		o.items[name] = item
	}
	o.keepUp(row)
	if err := putItems(tx, o.con.ID, id, row, o.items); err != nil {
		return err
	}
	if err := putTwin(tx, o.con.ID, id, row); err != nil {
		return err
	}
	if err := o.keepSent(tx, id); err != nil {
		return err
	}
	for _, item := range o.change.Items {
		if item.Kind == event.ItemAttachment && !item.Withdrawn {
			if err := tx.Put(store.OfferKey(o.con.ID, item.SHA256), nil); err != nil {
				return err
			}
		}
	}
	entry := outbox.Row{Twin: id, Ref: o.known.ref, Epoch: head.Epoch, At: p.Now().UnixMilli(), Key: o.ticket.Key}
	return put(tx, store.OutboxKey(o.con.ID, seq), &entry)
}

// settled is an outcome that was taken in.
type settled struct {
	row     *twin.Row
	entry   *outbox.Row
	outcome event.Outcome
	work    bool
	// naming are tickets that name the one which the peer has got with this.
	naming []event.Ref
	// kept is how many comments and files the peer did not take back.
	kept int
}

// settleItems records what the peer does not want, or took nothing of. What it
// did take needs no word: its event has its outcome.
func (p *Path) settleItems(tx store.Tx, con *Connection, s *settled, parked bool) error {
	row, o := s.row, s.outcome
	if o.Verdict == event.Applied {
		if len(o.Declined) == 0 && !parked {
			return nil
		}
		return markItems(tx, con.ID, o.Twin, row, func(id event.ItemID, item twin.Item) (twin.Confirm, bool) {
			if slices.Contains(o.Declined, id) {
				s.keeps(item)
				return twin.Declined, true
			}
			return twin.Open, item.Seq == o.Seq && item.State == twin.Waiting
		})
	}
	state := twin.Waiting
	if o.Verdict == event.Refused && o.Code != event.CodeUnknown && !twin.Ends(o.Code) {
		// Who does not know the twin gets all of it, and has declined nothing.
		state = twin.Declined
	}
	return markItems(tx, con.ID, o.Twin, row, func(_ event.ItemID, item twin.Item) (twin.Confirm, bool) {
		if item.Seq == o.Seq && state == twin.Declined {
			s.keeps(item)
		}
		return state, item.Seq == o.Seq && (item.State == twin.Open || item.State == twin.Waiting)
	})
}

// storeFiles records what became of files at the peer.
func (p *Path) storeFiles(tx store.Tx, con *Connection, m event.Items) error {
	row, err := twinRow(tx, con.ID, m.Twin)
	if err != nil || row == nil {
		return err
	}
	return markItems(tx, con.ID, m.Twin, row, func(id event.ItemID, _ twin.Item) (twin.Confirm, bool) {
		if slices.Contains(m.Done, id) {
			return twin.Confirmed, true
		}
		return twin.Declined, slices.Contains(m.Declined, id)
	})
}

func finding(f filters.Finding) string {
	s := string(f.Code)
	if f.Field != "" {
		s += " " + f.Field
	}
	return s
}

func author(u event.User) event.User { return event.User{ID: u.ID, Name: u.Name, Email: u.Email} }

func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func orTime(t, other time.Time) time.Time {
	if t.IsZero() {
		return other
	}
	return t
}

func fieldsSize(fields event.Fields) int {
	size := 1024
	for name, value := range fields {
		size += len(name) + valueSize(value) + 8
	}
	return size
}

func valueSize(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		size := 2
		for _, x := range v {
			size += valueSize(x) + 1
		}
		return size
	case map[string]any:
		size := 2
		for key, x := range v {
			size += len(key) + valueSize(x) + 4
		}
		return size
	}
	return 8
}

func labelled(t event.Ticket, start string) bool {
	label, ok := strings.CutPrefix(start, "label:")
	if !ok {
		return true
	}
	labels, _ := t.Fields[event.FieldLabels].([]any)
	return slices.Contains(labels, any(label))
}
