package rounds

import (
	"context"
	"time"

	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Source is a list of rows of type T by change time.
type Source[T any] struct {
	// Clock tells the tracker's time.
	Clock *rest.Client
	// Overlap is how long after its change time a row may still not show.
	Overlap time.Duration
	// After reads some rows behind p, in the order of time and id, and tells whether
	// they are the last. It may move p where nothing was found behind it.
	After func(ctx context.Context, p *Position) (rows []T, ended bool, err error)
	// At is a row's change time and number.
	At func(*T) (time.Time, int64)
	// Keep tells which rows to give; nil gives all.
	Keep func(*T) bool
}

// Start is a cursor at the tracker's own present: the time of its newest change,
// zero if there is none, less what may not show yet.
func (s Source[T]) Start(newest time.Time) event.Cursor {
	p := Position{Since: time.Now().UnixMilli()}
	if !newest.IsZero() {
		p.Newest = newest.UnixMilli()
		p.At = max(p.Newest-s.Overlap.Milliseconds(), 0)
	}
	p.bound(s.Clock, s.Overlap.Milliseconds())
	return p.cursor()
}

// Poll gives up to limit rows behind cursor, and the next cursor.
func (s Source[T]) Poll(ctx context.Context, cursor event.Cursor, limit int) ([]T, event.Cursor, error) {
	p, err := parse(cursor)
	if err != nil {
		return nil, "", err
	}
	now, overlap := time.Now().UnixMilli(), s.Overlap.Milliseconds()
	began := p
	p.begin(now, overlap)
	var out []T
	ended := false
	for len(out) < limit && !ended {
		var found []T
		if found, ended, err = s.After(ctx, &p); err != nil {
			return nil, "", err
		}
		seen := time.Now().UnixMilli()
		// The first answer tells the tracker's time.
		if began.Next == 0 && began.setBack(s.Clock) {
			began.begin(now, overlap)
			p, ended = began, false
			continue
		}
		began.Next = p.Next
		for i := range found {
			if len(out) == limit {
				ended = false
				break
			}
			at, id := s.At(&found[i])
			if p.At, p.ID = at.UnixMilli(), id; p.At > p.Newest {
				p.Newest, p.Since = p.At, seen
			}
			if s.Keep == nil || s.Keep(&found[i]) {
				out = append(out, found[i])
			}
		}
	}
	if ended && len(out) < limit {
		p.At, p.ID, p.Next = p.Next, 0, 0
		p.bound(s.Clock, overlap)
	}
	return out, p.cursor(), nil
}
