package flow

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/sync/event"
	"parley/sync/store"
	"parley/sync/work"
)

// maxTurns is how often a twin may go to and fro without a person: what filters
// and trackers make of each other's writes comes to rest after a few.
const maxTurns = 10

// turn tells how long the change's way to and fro is without a person's edit, and
// holds it if it is too long. The ticket as our own write left it has no person
// behind it; what leaves of it follows from the peer's event.
func (p *Path) turn(o *outgoing) error {
	row := o.known.row
	switch {
	case row == nil, row.Wrote == 0, row.Wrote != event.HashValue(o.ticket.Version), o.change.Cause != event.CauseEdit:
		return nil
	case len(o.change.Fields) == 0:
		return nil
	case o.changedLocally():
		// Somebody was here in the same second: the version does not tell.
		return nil
	}
	o.change.Turn = row.Turn + 1
	if o.change.Turn <= maxTurns {
		return nil
	}
	names := slices.Sorted(maps.Keys(o.change.Fields))
	return &holdError{code: event.CodeLoop, parked: true, reason: fmt.Sprintf(
		"it went to and fro %d times without a person, and would again: %s; see what the two filters make of each other's writes",
		row.Turn, strings.Join(names, ", "),
	)}
}

// decided are our fields as a decision left them.
func (o *outgoing) decided() event.Fields {
	out := event.Fields{}
	for name := range o.up.resolved {
		if value, ok := o.mergeable()[name]; ok {
			out[name] = value
		}
	}
	return out
}

// restartTurns lets a twin that was held for going to and fro go on.
func restartTurns(tx store.Tx, con event.ConnectionID, ref event.Ref) error {
	held, err := get[work.Row](tx, store.WorkKey(con, ref))
	if err != nil || held == nil || held.Code != event.CodeLoop {
		return err
	}
	id, found, err := twinByRef(tx, con, ref)
	if err != nil || !found {
		return err
	}
	row, err := twinRow(tx, con, id)
	if err != nil || row == nil {
		return err
	}
	row.Turn = 0
	return put(tx, store.TwinKey(con, id), row)
}
