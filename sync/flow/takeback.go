package flow

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/plan"
	"parley/sync/store"
	"parley/sync/twin"
)

// What the peer asks back goes as far as this side lets it: with accept.remove a comment
// or a file is deleted; without it, or where the tracker cannot, a comment's text is
// replaced, and a file stays, with a word to both sides' admins.

// takenBack tells whether the event asks a comment or file back.
func (in *incoming) takenBack(id event.ItemID) bool {
	return slices.ContainsFunc(in.body.Items, func(i event.Item) bool { return i.ID == id && i.Withdrawn })
}

// mayRemove tells whether what the peer asks back may be deleted here.
func (p *Path) mayRemove(in *incoming, keep bool) bool {
	_, able := p.Tracker.(adapters.Remover)
	return able && !keep && in.rules.Remove == RemoveAllow
}

// planTakenBack plans what becomes of a comment that the peer asks back. One that never
// got here is not written now.
func (p *Path) planTakenBack(in *incoming, w wants, schema event.Schema, id event.ItemID) {
	hash := commentHash(withdrawn, false)
	had, known := in.items.get(id)
	step := plan.Step{State: plan.Planned, Item: id, Hash: hash, Write: event.Step{Ref: in.plan.Ref}}
	switch {
	case !known, had.Local == "", had.Hash == hash:
		return
	case p.mayRemove(in, w.result.KeepRemovedComments):
		step.Write.Kind, step.Write.Remove = event.StepRemove, &event.Removal{ID: had.Local}
	case schema.Comments && schema.EditComments:
		step.Write = p.replacing(in, id, had.Local)
	default:
		in.plan.Declined = append(in.plan.Declined, id)
		return
	}
	in.plan.Steps = append(in.plan.Steps, step)
}

// replacing writes over a comment that was asked back.
func (p *Path) replacing(in *incoming, id event.ItemID, local string) event.Step {
	return event.Step{
		Kind: event.StepComment, Ref: in.plan.Ref, Marker: p.marker(in.con.ID, in.id, id), Since: p.since(),
		Comment: &event.CommentWrite{ID: local, Body: withdrawn},
	}
}

// fileTakenBack plans what becomes of a file that the peer asks back. One that is still
// to be fetched is not, one that is about to be written is awaited.
func (p *Path) fileTakenBack(in *incoming, w wants, id event.ItemID) error {
	if !in.trial {
		job, err := p.job(in.con, in.id, id)
		if err != nil {
			return storeError{err}
		}
		if job != nil && job.Plan != nil && !job.Parked {
			return &awaitError{at: p.Now().Add(max(time.Second, p.Tracker.SettleTime())), reason: "a file that the peer asks back is being written"}
		}
	}
	had, known := in.items.get(id)
	if !known {
		had, known = in.recoverFile(p.marker(in.con.ID, in.id, id))
	}
	hash := commentHash(withdrawn, false)
	switch {
	case !known, had.Local == "":
		return nil
	case p.mayRemove(in, w.result.KeepRemovedAttachments):
		in.items.set(id, had)
		in.plan.Steps = append(in.plan.Steps, plan.Step{State: plan.Planned, Item: id, Hash: hash, Write: event.Step{
			Kind: event.StepRemove, Ref: in.plan.Ref, Remove: &event.Removal{File: true, ID: had.Local},
		}})
		return nil
	}
	had.Hash = hash
	in.record(id, had)
	in.plan.Declined = append(in.plan.Declined, id)
	return nil
}

// recoverFile is a file of our ticket by its marker: a restored node forgot it.
func (in *incoming) recoverFile(marker event.Marker) (twin.Item, bool) {
	if in.ours == nil {
		return twin.Item{}, false
	}
	at := slices.IndexFunc(in.ours.Attachments, func(a event.Attachment) bool { return a.Marker == marker })
	if at < 0 {
		return twin.Item{}, false
	}
	a := &in.ours.Attachments[at]
	return twin.Item{Local: a.ID, Theirs: true, File: true, State: twin.Confirmed, Name: a.Name}, true
}

// writeStep does a step in the tracker.
func (p *Path) writeStep(ctx context.Context, step event.Step) (event.Written, error) {
	if err := p.makeFirst(ctx, step); err != nil {
		return event.Written{}, err
	}
	if step.Kind != event.StepRemove {
		return p.Tracker.Write(ctx, step, nil)
	}
	remover, able := p.Tracker.(adapters.Remover)
	if !able || step.Remove == nil {
		return event.Written{}, &adapters.Error{Class: adapters.ErrRejected, Op: "remove from ticket " + step.Ref.ID}
	}
	return event.Written{Ref: step.Ref}, remover.Remove(ctx, step.Ref, *step.Remove)
}

// notRemoved goes on where the tracker does not let the account delete something: the
// text of a comment is replaced, else it stays, and the peer is told.
func (p *Path) notRemoved(ctx context.Context, in *incoming, i int, err error) bool {
	step := &in.plan.Steps[i]
	if step.Write.Remove == nil || !errors.Is(err, adapters.ErrRejected) && !errors.Is(err, adapters.ErrDenied) {
		return false
	}
	if schema, err := p.Schema(ctx); err == nil && schema.EditComments && !step.Write.Remove.File {
		*step = plan.Step{State: plan.Planned, Item: step.Item, Hash: step.Hash, Write: p.replacing(in, step.Item, step.Write.Remove.ID)}
		return true
	}
	in.plan.Drop(i, event.CodeDenied)
	in.plan.Declined = append(in.plan.Declined, step.Item)
	if had, known := in.items.get(step.Item); known && had.File {
		had.Hash = step.Hash
		in.record(step.Item, had)
	}
	return true
}

// dropJobs takes back what was to be fetched of files that the event asks back.
func dropJobs(tx store.Tx, in *incoming) error {
	for i := range in.body.Items {
		item := &in.body.Items[i]
		if item.Kind != event.ItemAttachment || !item.Withdrawn {
			continue
		}
		if err := tx.Delete(store.JobKey(in.con.ID, in.id, item.ID)); err != nil {
			return err
		}
	}
	return nil
}

// stillThere tells whether a ticket has what was to be removed.
func stillThere(ticket event.Ticket, what event.Removal) bool {
	if what.File {
		return slices.ContainsFunc(ticket.Attachments, func(a event.Attachment) bool { return a.ID == what.ID })
	}
	return slices.ContainsFunc(ticket.Comments, func(c event.Comment) bool { return c.ID == what.ID })
}

// TakenBack is a comment or file that one side asked the other to take away.
type TakenBack struct {
	// Ours is set if we asked.
	Ours bool
	File bool
	// Name of a file; Local is our tracker's id, "" if it is not here any more.
	Name, Local string
	State       TakeBackState
}

// TakeBackState is what became of it.
type TakeBackState string

// The states: of what we asked, then of what the peer did.
const (
	TakeBackAsked   TakeBackState = "asked"
	TakeBackDone    TakeBackState = "taken back"
	TakeBackKept    TakeBackState = "not taken back"
	TakenRemoved    TakeBackState = "removed"
	TakenReplaced   TakeBackState = "replaced"
	TakenStillThere TakeBackState = "still here"
)

// TakenBack lists what was asked back of the ticket, by either side.
func (i Inspection) TakenBack() []TakenBack {
	var out []TakenBack
	for _, e := range i.Items {
		if !askedBack(e.Item) {
			continue
		}
		one := TakenBack{Ours: !e.Theirs, File: e.File, Name: e.Name, Local: e.Local}
		waits := i.Twin != nil && i.Twin.Out != nil && i.Twin.Out.Seq == e.Seq || e.State == twin.Waiting
		switch {
		case !e.Theirs && e.State == twin.Declined:
			one.State = TakeBackKept
		case !e.Theirs && waits:
			one.State = TakeBackAsked
		case !e.Theirs:
			one.State = TakeBackDone
		case e.Local == "":
			one.State = TakenRemoved
		case e.File:
			one.State = TakenStillThere
		default:
			one.State = TakenReplaced
		}
		out = append(out, one)
	}
	return out
}
