package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/plan"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/twin"
	"parley/sync/work"
)

// chore is a write of our own to the ticket of a twin that no event of the peer
// asks for: the last note, closing or deletion that an end brings, and an undo. It
// is done in the ticket's lane, as a plan.
//
//	asked → planned → written → done
//	      → waiting (a fuse, the tracker) → parked (a person decides)
type chore struct {
	// Name is choreEnd or choreUndo: a twin has one of each.
	Name event.ItemID `json:"name"`
	// Code says why a twin ended; Ours that it was our half, After the peer's last
	// event from before it ended its own.
	Code  event.Code     `json:"code,omitempty"`
	Ours  bool           `json:"ours,omitempty"`
	After event.Position `json:"after,omitzero"`
	// Leave is set when a person let our ticket be deleted, Keep when not.
	Leave bool `json:"leave,omitempty"`
	Keep  bool `json:"keep,omitempty"`
	// Set are the fields that an undo puts back, Expect what they are to be before,
	// unless it was Forced.
	Set    event.Fields `json:"set,omitempty"`
	Expect event.Fields `json:"expect,omitempty"`
	Forced bool         `json:"forced,omitempty"`
	// Before is what the fields written were.
	Before event.Fields `json:"before,omitempty"`
	Plan   *plan.Plan   `json:"plan,omitempty"`
	// Attempt, Until and Reason of one that waits; Parked for a person.
	Attempt int        `json:"attempt,omitempty"`
	Since   time.Time  `json:"since"`
	Until   time.Time  `json:"until,omitzero"`
	Reason  string     `json:"reason,omitempty"`
	Stuck   event.Code `json:"stuck,omitempty"`
	Parked  bool       `json:"parked,omitempty"`
}

// The chores of a twin.
const (
	choreEnd  event.ItemID = "end"
	choreUndo event.ItemID = "undo"
)

// choring is one chore being done.
type choring struct {
	con   *Connection
	id    event.TwinID
	row   *twin.Row
	job   *chore
	steps []plan.Step
	// over is set if there is nothing to do after all.
	over bool
}

func (c *choring) plan(step event.Step) {
	c.steps = append(c.steps, plan.Step{State: plan.Planned, Write: step})
}

// Chore goes on with a chore. What goes wrong is kept in its row; an error is the
// store's.
func (p *Path) Chore(ctx context.Context, id event.ConnectionID, twinID event.TwinID, name event.ItemID) error {
	con := p.Connection(id)
	if con == nil || con.pausedIn.Load() {
		return nil
	}
	c, err := p.pickChore(con, twinID, name)
	if err != nil || c == nil {
		return err
	}
	if p.waitsForPeer(con, c.task()) {
		return nil
	}
	if !event.Due(c.job.Until, p.Now()) {
		p.Wake(c.task(), When{At: c.job.Until})
		return nil
	}
	if c.job.Plan == nil {
		err = p.planChore(ctx, c)
	}
	for done := false; err == nil && !done && !c.over; {
		done, err = p.choreStep(ctx, c)
	}
	switch {
	case err != nil:
		return p.choreFailed(c, err)
	case c.over:
		return p.endChore(c, nil)
	}
	return nil
}

func (c *choring) task() Task {
	return Task{Kind: KindChore, Con: c.con.ID, Twin: c.id, Item: c.job.Name}
}

func (p *Path) pickChore(con *Connection, id event.TwinID, name event.ItemID) (*choring, error) {
	c := &choring{con: con, id: id}
	err := p.Store.View(func(r store.Reader) error {
		var err error
		if c.job, err = get[chore](r, store.ChoreKey(con.ID, id, name)); err != nil || c.job == nil {
			return err
		}
		c.row, err = twinRow(r, con.ID, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read a chore of twin %s: %w", id, err)
	}
	if c.job == nil {
		return nil, nil
	}
	return c, nil
}

// planChore decides what is to be written, and stores it as intended.
func (p *Path) planChore(ctx context.Context, c *choring) error {
	var err error
	if c.job.Name == choreUndo {
		err = p.planUndo(ctx, c)
	} else {
		err = p.planEnding(ctx, c)
	}
	if err != nil || c.over {
		return err
	}
	c.job.Plan = &plan.Plan{Ref: c.row.Ref, Before: c.job.Before, Steps: c.steps}
	c.job.Plan.IntendAll(p.Boot.Random, p.Now())
	return p.storeChore(c)
}

func (p *Path) storeChore(c *choring) error {
	err := p.Store.Finish(func(tx store.Tx) error {
		// A person may have decided meanwhile.
		key := store.ChoreKey(c.con.ID, c.id, c.job.Name)
		had, err := get[chore](tx, key)
		if err != nil || had == nil {
			return err
		}
		c.job.Leave, c.job.Keep = c.job.Leave || had.Leave, c.job.Keep || had.Keep
		return put(tx, key, c.job)
	})
	if err != nil {
		return storeError{fmt.Errorf("store a chore of twin %s: %w", c.id, err)}
	}
	return nil
}

// choreStep does the next thing of a chore's plan.
func (p *Path) choreStep(ctx context.Context, c *choring) (done bool, err error) {
	pl := c.job.Plan
	action := plan.Next(pl, p.Boot.Random, p.Tracker.SettleTime(), p.Now())
	i := action.Index
	switch action.Do {
	case plan.Finish:
		return true, p.choreDone(c)
	case plan.Await:
		return false, &awaitError{at: action.At, reason: "finding out whether the last write happened"}
	case plan.Intend:
		pl.SetIntended(i, p.Boot.Random, p.Now())
		return false, p.storeChore(c)
	case plan.Write:
		w, err := p.writeChore(ctx, pl.Steps[i].Write)
		if err == nil {
			pl.SetDone(i, w)
			err = p.storeChore(c)
		}
		return false, err
	}
	happened, err := p.choreHappened(ctx, action.Do, pl.Steps[i].Write, c)
	if err != nil {
		return false, err
	}
	if happened {
		pl.SetDone(i, event.Written{Ref: pl.Ref})
	} else {
		pl.SetIntended(i, p.Boot.Random, p.Now())
	}
	return false, p.storeChore(c)
}

func (p *Path) writeChore(ctx context.Context, step event.Step) (event.Written, error) {
	if step.Kind != event.StepDelete {
		return p.Tracker.Write(ctx, step, nil)
	}
	d, able := p.Tracker.(adapters.Deleter)
	if !able {
		return event.Written{}, &adapters.Error{Class: adapters.ErrRejected, Op: "delete ticket " + step.Ref.ID, Hint: "this tracker's tickets cannot be deleted from here"}
	}
	err := d.Delete(ctx, step.Ref)
	if errors.Is(err, adapters.ErrGone) {
		err = nil // what was to be
	}
	return event.Written{Ref: step.Ref}, err
}

// choreHappened finds out about a step in doubt.
func (p *Path) choreHappened(ctx context.Context, how plan.Do, step event.Step, c *choring) (bool, error) {
	if how == plan.Find {
		found, err := p.Tracker.Find(ctx, step)
		if err == nil && found.Presence == event.FoundLater {
			err = &awaitError{at: p.Now().Add(max(time.Second, p.Tracker.SettleTime())), reason: "the tracker cannot say yet whether the last write happened"}
		}
		return found.Presence == event.FoundOne || found.Presence == event.FoundMany, err
	}
	ticket, err := p.readTicket(ctx, step.Ref)
	if step.Kind == event.StepDelete && (err == nil || errors.Is(err, adapters.ErrGone)) {
		return err != nil, nil
	}
	if err != nil {
		return false, err
	}
	schema, err := p.Schema(ctx)
	return err == nil && happened(step, ticket, c.job.Before, schema), err
}

// choreDone records a chore that was done.
func (p *Path) choreDone(c *choring) error {
	deleted, wrote := false, false
	for _, step := range c.job.Plan.Steps {
		deleted = deleted || step.Write.Kind == event.StepDelete
		wrote = wrote || step.Write.Kind == event.StepUpdate
	}
	ref := c.job.Plan.Ref
	var touched []event.ConnectionID
	err := p.endChore(c, func(tx store.Tx) error {
		touched = touched[:0]
		for _, other := range p.Connections() {
			id, on, err := twinByRef(tx, other.ID, ref)
			if err != nil {
				return err
			}
			if !on {
				continue
			}
			if deleted {
				// To others this is no deletion: no deletion follows from one.
				err = p.endTwin(tx, other, id, twin.Gone, event.CodeEnded)
			} else if wrote {
				err = p.workNext(tx, other.ID, ref, work.Seen{Cause: event.CauseEdit})
			}
			if err != nil {
				return err
			}
			touched = append(touched, other.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	what := "last note"
	switch {
	case c.job.Name == choreUndo:
		what = "undone"
	case deleted:
		what = "deleted"
	case wrote:
		what = "closed"
	}
	p.Observe(Observation{What: what, Connection: c.con.Name, Twin: c.id, Key: c.row.Key, Code: c.job.Code, At: p.Now()})
	for _, id := range touched {
		p.Wake(Task{Kind: KindWork, Con: id, Ref: ref}, When{})
		p.Wake(Task{Kind: KindShip, Con: id, Stream: 'c'}, When{})
	}
	return nil
}

// endChore takes a chore's row out, with what fn records.
func (p *Path) endChore(c *choring, fn func(store.Tx) error) error {
	err := p.Store.Finish(func(tx store.Tx) error {
		if fn != nil {
			if err := fn(tx); err != nil {
				return err
			}
		}
		return tx.Delete(store.ChoreKey(c.con.ID, c.id, c.job.Name))
	})
	if err != nil {
		return storeError{fmt.Errorf("record a chore of twin %s: %w", c.id, err)}
	}
	return nil
}

// choreFailed keeps a chore for later, for a person, or gives it up.
func (p *Path) choreFailed(c *choring, err error) error {
	var broken storeError
	var await *awaitError
	var hold *holdError
	if errors.As(err, &broken) {
		return broken
	}
	p.heed(err)
	job := c.job
	job.Reason, job.Stuck, job.Parked = err.Error(), "", false
	writing := -1
	if job.Plan != nil {
		for i, s := range job.Plan.Steps {
			if writing < 0 && s.State == plan.Intended {
				writing = i
			}
		}
	}
	d := retry.Decide(err, job.Attempt+1, writing >= 0, p.Tracker.SettleTime(), p.Now())
	switch {
	case errors.As(err, &await):
		job.Until = await.at
	case errors.As(err, &hold):
		p.parkChore(c, hold.code, time.Hour)
	case errors.Is(err, errOver), d.Verdict == retry.Gone:
		return p.endChore(c, nil)
	case d.Verdict == retry.Doubt:
		job.Plan.SetDoubt(writing, d.At)
		job.Until = d.At
	case d.Verdict == retry.Again:
		job.Plan, job.Until = nil, p.Now()
	case d.Verdict == retry.Wait:
		job.Until = d.At
	default:
		job.Plan = nil // nothing of it is in doubt: it was refused for certain
		p.parkChore(c, d.Code, d.At.Sub(p.Now()))
	}
	job.Attempt++
	p.Wake(c.task(), When{At: job.Until})
	return p.storeChore(c)
}

func (p *Path) parkChore(c *choring, code event.Code, after time.Duration) {
	c.job.Until, c.job.Stuck, c.job.Parked = p.Now().Add(after), code, true
	key := ""
	if c.row != nil {
		key = c.row.Key
	}
	p.Observe(Observation{What: "parked", Connection: c.con.Name, Twin: c.id, Key: key, Code: code, Detail: c.job.Reason, At: p.Now()})
}

// errOver: there is nothing to do any more.
var errOver = errors.New("nothing to do any more")

// ChoreInfo is a chore as people see it.
type ChoreInfo struct {
	Twin    event.TwinID
	Name    string
	Key     string
	Code    event.Code
	Stuck   event.Code
	Reason  string
	Attempt int
	Since   time.Time
	Until   time.Time
	Parked  bool
	Plan    *plan.Plan
}

// Chores calls fn for every chore of a connection until it returns false.
func (p *Path) Chores(con *Connection, fn func(ChoreInfo) bool) error {
	return p.Store.View(func(r store.Reader) error {
		return r.Scan(store.Prefix('o', con.ID), nil, func(key, value []byte) (bool, error) {
			var job chore
			if err := decodeRow(value, &job); err != nil {
				return false, fmt.Errorf("read row o: %w", err)
			}
			id := store.TwinOf(key)
			info := ChoreInfo{
				Twin: id, Name: string(job.Name), Code: job.Code, Stuck: job.Stuck, Reason: job.Reason,
				Attempt: job.Attempt, Since: job.Since, Until: job.Until, Parked: job.Parked, Plan: job.Plan,
			}
			row, err := twinRow(r, con.ID, id)
			if err != nil {
				return false, err
			}
			if row != nil {
				info.Key = row.Key
			}
			return fn(info), nil
		})
	})
}

// RetryChore lets a chore be tried at once. For a proposal it is the leave to delete.
func (p *Path) RetryChore(con *Connection, id event.TwinID, name string) error {
	return p.changeChore(con, id, event.ItemID(name), func(job *chore) bool {
		job.Leave = job.Leave || job.Stuck == event.CodeProposal
		return true
	})
}

// SkipChore gives a chore up. A proposal to delete is declined: our ticket stays,
// with a last note.
func (p *Path) SkipChore(con *Connection, id event.TwinID, name string) error {
	return p.changeChore(con, id, event.ItemID(name), func(job *chore) bool {
		job.Keep = job.Stuck == event.CodeProposal
		return job.Keep
	})
}

func (p *Path) changeChore(con *Connection, id event.TwinID, name event.ItemID, fn func(*chore) (keep bool)) error {
	key := store.ChoreKey(con.ID, id, name)
	err := p.Store.Finish(func(tx store.Tx) error {
		job, err := get[chore](tx, key)
		if err != nil || job == nil {
			return err
		}
		if !fn(job) {
			return tx.Delete(key)
		}
		job.Until, job.Parked = time.Time{}, false
		return put(tx, key, job)
	})
	p.Wake(Task{Kind: KindChore, Con: con.ID, Twin: id, Item: name}, When{})
	return err
}
