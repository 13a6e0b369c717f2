package flow

import (
	"fmt"
	"slices"
	"time"

	"parley/sync/event"
	"parley/sync/fuse"
	"parley/sync/store"
)

// blownRow is what the store keeps of a connection's fuses.
type blownRow struct {
	Blown map[fuse.Kind]time.Time `json:"blown"`
}

// restoreFuses finds out which fuses were blown before this process.
func restoreFuses(r store.Reader, c *Connection) error {
	row, err := get[blownRow](r, store.FuseKey(c.ID))
	if row != nil {
		c.fuses.Restore(row.Blown)
	}
	return err
}

// fuseLater is how long what a blown fuse holds is left alone; a person who resets
// the fuse wakes it.
const fuseLater = time.Hour

// fused asks the connection's fuse for one ticket; why is "" if it may go on.
func (p *Path) fused(con *Connection, kind fuse.Kind, ticket string) (until time.Time, why string) {
	verdict, at := con.fuses.Allow(kind, ticket, con.Rules().Fuse, p.Now())
	switch verdict {
	case fuse.Go:
		return time.Time{}, ""
	case fuse.Slow:
		return at, fmt.Sprintf("brake: more than %d tickets a minute are to be created here", con.Rules().Fuse.Creates)
	case fuse.Blew:
		p.storeBlown(con)
		p.Observe(Observation{What: "fuse", Connection: con.Name, Detail: string(kind), At: p.Now()})
	}
	return p.Now().Add(fuseLater), fuseReason + string(kind) + ": too many in a minute; `parley connection resume` lets them go on"
}

// bounded asks the fuse about a create, about closing our ticket, and about what is
// deleted of it.
func (p *Path) bounded(in *incoming, schema event.Schema) error {
	for _, step := range in.plan.Steps {
		kind, ticket := fuse.Creates, in.id.String()
		switch {
		case step.Write.Kind == event.StepCreate:
		case step.Write.Kind == event.StepRemove:
			kind, ticket = fuse.Deletes, in.ours.Ref.String()
		case closes(in, step.Write, schema):
			kind, ticket = fuse.Closes, in.ours.Ref.String()
		default:
			continue
		}
		if until, why := p.fused(in.con, kind, ticket); why != "" {
			return &awaitError{at: until, reason: why}
		}
	}
	return nil
}

func closes(in *incoming, step event.Step, schema event.Schema) bool {
	to, moves := step.Fields[event.FieldStatus].(string)
	if !moves {
		return false
	}
	from, _ := in.ours.Fields[event.FieldStatus].(string)
	closed := closedBy(in.rules, schema)
	return slices.Contains(closed, to) && !slices.Contains(closed, from)
}

const fuseReason = "fuse "

// storeBlown remembers over a restart what is blown. A store that cannot take it
// stops the node, which blows no fuse.
func (p *Path) storeBlown(con *Connection) {
	err := p.Store.Finish(func(tx store.Tx) error {
		return put(tx, store.FuseKey(con.ID), &blownRow{con.fuses.Blown()})
	})
	if err != nil {
		p.Log.Error().Str("connection", con.Name).Err(err).Msg("a blown fuse cannot be stored")
	}
}

// Blown are the fuses of a connection that wait for a person, and since when.
func (c *Connection) Blown() map[fuse.Kind]time.Time { return c.fuses.Blown() }

// ResetFuses makes the fuses of a connection whole: what they held goes on.
func (p *Path) ResetFuses(con *Connection) error {
	if len(con.Blown()) == 0 {
		return nil
	}
	if err := p.Store.Finish(func(tx store.Tx) error { return tx.Delete(store.FuseKey(con.ID)) }); err != nil {
		return fmt.Errorf("reset the fuses of %s: %w", con.Name, err)
	}
	con.fuses.Reset()
	if _, err := p.Release(con, func(code event.Code) bool { return code == event.CodeNone || code == event.CodeFuse }); err != nil {
		return err
	}
	var held []ChoreInfo
	err := p.Chores(con, func(c ChoreInfo) bool {
		if !c.Parked && !c.Until.IsZero() {
			held = append(held, c)
		}
		return true
	})
	for _, c := range held {
		if err == nil {
			err = p.RetryChore(con, c.Twin, c.Name)
		}
	}
	return err
}
