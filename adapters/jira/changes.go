package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// position is the place of a poll, which goes in rounds: from a time that is final
// before to the newest change, over several calls if need be. Times are in
// milliseconds.
type position struct {
	place
	// Newest is the newest change time seen, and Since when, by our clock, it was
	// seen first.
	Newest int64 `json:"m,omitempty"`
	Since  int64 `json:"s,omitempty"`
	// Next is where the next round begins; 0 until this one has begun.
	Next int64 `json:"x,omitempty"`
	// Skew is by how much Jira's clock was ahead of ours when the round before ended;
	// none if its answers do not tell its time.
	Skew *int64 `json:"k,omitempty"`
}

// begin decides what will be final after a round that begins at now. What was
// older than the search may lag by then is; all that is known is, once nothing
// newer came for as long.
func (p *position) begin(now, lag int64) {
	if p.Next != 0 {
		return
	}
	p.Next = max(p.At, p.Newest-lag)
	if now-p.Since > lag {
		p.Next = p.Newest + 1
	}
}

func (p position) cursor() event.Cursor {
	raw, _ := json.Marshal(p) //nolint:errchkjson // numbers only
	return event.Cursor(raw)
}

func parsePosition(c event.Cursor) (position, error) {
	var p position
	if err := json.Unmarshal([]byte(c), &p); err != nil || p.At < 0 {
		return p, &adapters.Error{Class: adapters.ErrConfiguration, Op: "read the cursor", Err: fmt.Errorf("%q is not one of ours", c)}
	}
	return p, nil
}

const opChanges = "list changed issues"

// overlap is what a poll looks back by: the lag of the index, and a second of
// skew between the servers that write change times.
func (t *Tracker) overlap() int64 { return (t.set.lag + time.Second).Milliseconds() }

// Changes implements adapters.Tracker.
func (t *Tracker) Changes(ctx context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	if cursor == "" {
		start, err := t.startNow(ctx)
		return nil, start, err
	}
	p, err := parsePosition(cursor)
	if err != nil {
		return nil, "", err
	}
	now := time.Now().UnixMilli()
	began := p
	p.begin(now, t.overlap())
	w := walker{t: t, op: opChanges, field: "updated", where: t.set.within()}
	var out []event.Change
	ended := false
	for len(out) < limit && !ended {
		var found []issue
		if found, ended, err = w.after(ctx, p.place); err != nil {
			return nil, "", err
		}
		if began.Next == 0 && t.setBack(&began) {
			began.begin(now, t.overlap())
			p, ended = began, false
			continue
		}
		began.Next = p.Next
		for i := range found {
			if len(out) == limit {
				ended = false
				break
			}
			p.place = place{At: found[i].updated.UnixMilli(), ID: found[i].number()}
			if p.At > p.Newest {
				p.Newest, p.Since = p.At, now
			}
			out = append(out, found[i].change())
		}
	}
	// A credential that is good afterwards was good for the whole of the list.
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	if ended && len(out) < limit {
		p.place, p.Next = place{At: p.Next}, 0
		t.bound(&p)
	}
	return out, p.cursor(), nil
}

// setBack moves the place of a poll back if Jira's clock went back since: what is
// changed from then on is earlier than what was seen.
func (t *Tracker) setBack(p *position) bool {
	if p.Skew == nil {
		return false
	}
	from := t.api.rest.SetBack(time.UnixMilli(p.At), time.Duration(*p.Skew)*time.Millisecond).UnixMilli()
	if from >= p.At {
		return false
	}
	p.place, p.Skew = place{At: max(from, 0)}, nil
	return true
}

// bound keeps the place of the next round behind Jira's present time, and notes how
// its clock stands: an imported issue may bear a time that has not come yet.
func (t *Tracker) bound(p *position) {
	skew, known := t.api.rest.Skew()
	if p.Skew = nil; !known {
		return
	}
	ms := skew.Milliseconds()
	p.Skew = &ms
	p.At = min(p.At, max(t.api.rest.Now().UnixMilli()-t.overlap(), 0))
}

// startNow is a cursor at the tracker's own present: the time of its newest
// change, less what the index may not show yet.
func (t *Tracker) startNow(ctx context.Context) (event.Cursor, error) {
	found, _, _, err := t.search(ctx, opChanges, question{
		jql: t.set.within() + " ORDER BY updated DESC", fields: []string{"created", "updated"}, size: 1,
	}, page{})
	if err != nil {
		return "", err
	}
	if _, err := t.check(ctx); err != nil {
		return "", err
	}
	p := position{Since: time.Now().UnixMilli()}
	if len(found) > 0 {
		p.Newest = found[0].updated.UnixMilli()
		p.At = p.Newest - t.overlap()
	}
	t.bound(&p)
	return p.cursor(), nil
}
