package twin

import (
	"time"

	"parley/sync/event"
)

// EditStands tells whether somebody's edit made at a time stands against the
// peer's change with cause, made at theirsAt, that was written over it: neither knew
// of the other, and the peer has not heard of the edit.
func (p Policy) EditStands(at time.Time, cause event.Cause, theirsAt time.Time) bool {
	switch {
	case weak(cause):
		return true
	case cause == event.CauseResolve:
		return false
	}
	return p.oursWins(at, theirsAt)
}
