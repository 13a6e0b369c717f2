package flow

import (
	"context"
	"errors"

	"parley/adapters"
	"parley/sync/event"
)

// Hint keeps work for tickets that a webhook named, as a poll does that lists them;
// those known by key alone are located first. The cursor stays: what the hint did not
// say, or said wrongly, the next poll finds. A ticket that is not there is left to it.
func (p *Path) Hint(ctx context.Context, tickets []event.Change) error {
	if p.standsBack() {
		return nil
	}
	var found []event.Change
	var failed error
	for _, t := range tickets {
		if t.Ref.ID == "" || t.Ref.Created == 0 {
			located, err := p.Tracker.Locate(ctx, t.Key)
			if err != nil {
				if !errors.Is(err, adapters.ErrGone) {
					failed = errors.Join(failed, err)
				}
				continue
			}
			t = located
		}
		// Nobody vouches for the version: the look asks the tracker.
		found = append(found, event.Change{Ref: t.Ref, Key: t.Key})
	}
	return errors.Join(failed, p.take(ctx, found, "", ""))
}
