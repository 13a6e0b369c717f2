package redmine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// overlap is how far behind the newest change a poll looks back: a change
// carries the time at which its request began to save, and shows when its
// transaction ends.
const overlap = 15

// position is the place of a poll, which goes in rounds: from a second that is
// final before to the newest change, over several calls if need be.
type position struct {
	// All issues up to (Second, ID), in that order, were given in this round.
	Second int64 `json:"t"`
	ID     int64 `json:"n,omitempty"`
	// Newest is the newest change second seen, and Since when, by our clock, it
	// was seen first.
	Newest int64 `json:"m,omitempty"`
	Since  int64 `json:"s,omitempty"`
	// Next is where the next round begins; 0 until this one has begun.
	Next int64 `json:"x,omitempty"`
	// Skew is by how many seconds Redmine's clock was ahead of ours when the round
	// before ended; none if Redmine does not tell its time.
	Skew *int64 `json:"k,omitempty"`
}

// begin decides what will be final after a round that begins at now. What was
// older than the overlap by then is; all that is known is, once nothing newer
// came for as long as the overlap.
func (p *position) begin(now int64) {
	if p.Next != 0 {
		return
	}
	p.Next = max(p.Second, p.Newest-overlap)
	if now-p.Since > overlap {
		p.Next = p.Newest + 1
	}
}

func (p position) cursor() event.Cursor {
	raw, _ := json.Marshal(p) //nolint:errchkjson // numbers only
	return event.Cursor(raw)
}

func parsePosition(c event.Cursor) (position, error) {
	var p position
	if err := json.Unmarshal([]byte(c), &p); err != nil || p.Second < 0 {
		return p, &adapters.Error{Class: adapters.ErrConfiguration, Op: "read the cursor", Err: fmt.Errorf("%q is not one of ours", c)}
	}
	return p, nil
}

const opChanges = "list changed issues"

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
	now := time.Now().Unix()
	began := p
	p.begin(now)
	var out []event.Change
	ended := false
	for len(out) < limit && !ended {
		var found []issue
		if found, ended, err = t.after(ctx, &p); err != nil {
			return nil, "", err
		}
		if began.Next == 0 && t.setBack(&began) {
			began.begin(now)
			p, ended = began, false
			continue
		}
		began.Next = p.Next
		for i := range found {
			if len(out) == limit {
				ended = false
				break
			}
			second := found[i].UpdatedOn.Unix()
			if p.Second, p.ID = second, found[i].ID; second > p.Newest {
				p.Newest, p.Since = second, now
			}
			if t.dir.within(found[i].Project.ID) {
				out = append(out, found[i].change())
			}
		}
	}
	// A key that is good afterwards was good for the whole of the list.
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	if ended && len(out) < limit {
		p.Second, p.ID, p.Next = p.Next, 0, 0
		t.bound(&p)
	}
	return out, p.cursor(), nil
}

// setBack moves the place of a poll back if Redmine's clock went back since: what is
// changed from then on is earlier than what was seen.
func (t *Tracker) setBack(p *position) bool {
	if p.Skew == nil {
		return false
	}
	from := t.api.rest.SetBack(time.Unix(p.Second, 0), time.Duration(*p.Skew)*time.Second).Unix()
	if from >= p.Second {
		return false
	}
	p.Second, p.ID, p.Skew = max(from, 0), 0, nil
	return true
}

// bound keeps the place of the next round behind Redmine's present time, and notes
// how its clock stands: an issue may bear a time that has not come yet.
func (t *Tracker) bound(p *position) {
	skew, known := t.api.rest.Skew()
	if p.Skew = nil; !known {
		return
	}
	seconds := int64(skew.Round(time.Second) / time.Second)
	p.Skew = &seconds
	p.Second = min(p.Second, max(t.api.rest.Now().Unix()-overlap, 0))
}

// startNow is a cursor at the tracker's own present: the time of its newest
// change, since not every server tells its time, less what may be under way.
func (t *Tracker) startNow(ctx context.Context) (event.Cursor, error) {
	if err := t.dir.loadScope(ctx); err != nil {
		return "", err
	}
	query := t.scope()
	query.Set("sort", "updated_on:desc")
	query.Set("limit", "1")
	found, err := t.list(ctx, opChanges, query)
	if err != nil {
		return "", err
	}
	if _, err := t.check(ctx); err != nil {
		return "", err
	}
	p := position{Since: time.Now().Unix()}
	if len(found) > 0 {
		p.Newest = found[0].UpdatedOn.Unix()
		p.Second = p.Newest - overlap
	}
	t.bound(&p)
	return p.cursor(), nil
}

// scope is the filter for the configured project. Several projects cannot be
// named in a short filter: rows of others are dropped as they come.
func (t *Tracker) scope() url.Values {
	q := url.Values{"status_id": {"*"}}
	if len(t.set.projects) == 1 {
		q.Set("project_id", t.set.projects[0])
		q.Set("subproject_id", "!*")
	}
	return q
}

// after reads issues behind p in the order of second and id, and tells whether
// they are the last. It may move p where nothing but p's second was seen.
func (t *Tracker) after(ctx context.Context, p *position) ([]issue, bool, error) {
	if err := t.dir.loadScope(ctx); err != nil {
		return nil, false, err
	}
	query := t.scope()
	// Redmine takes >= for "later than a second before".
	query.Set("updated_on", ">="+stamp(p.Second))
	query.Set("sort", "updated_on:asc,id:asc")
	query.Set("limit", strconv.Itoa(t.set.page))
	found, err := t.list(ctx, opChanges, query)
	if err != nil {
		return nil, false, err
	}
	full := len(found) >= t.set.page
	last := int64(0)
	if full {
		// The page may end in the middle of a second, and within a second the
		// order is not by id.
		last = found[len(found)-1].UpdatedOn.Unix()
	}
	found = slices.DeleteFunc(found, func(i issue) bool {
		second := i.UpdatedOn.Unix()
		return second < p.Second || second == p.Second && i.ID <= p.ID || full && second >= last
	})
	sortIssues(found)
	if !full || len(found) > 0 {
		return found, !full, nil
	}
	if last > p.Second {
		// The whole page lies within a later second.
		p.Second, p.ID = last, 0
	}
	return t.dense(ctx, p)
}

// dense walks through one second with more changes than a page holds, by id.
func (t *Tracker) dense(ctx context.Context, p *position) ([]issue, bool, error) {
	second := p.Second
	query := t.scope()
	query.Set("updated_on", "><"+stamp(second)+"|"+stamp(second+1))
	query.Set("issue_id", ">="+strconv.FormatInt(p.ID+1, 10))
	query.Set("sort", "id:asc")
	query.Set("limit", strconv.Itoa(t.set.page))
	found, err := t.list(ctx, opChanges, query)
	if err != nil {
		return nil, false, err
	}
	if len(found) >= t.set.page {
		p.ID = found[len(found)-1].ID
	} else {
		p.Second, p.ID = second+1, 0
	}
	found = slices.DeleteFunc(found, func(i issue) bool { return i.UpdatedOn.Unix() != second })
	return found, false, nil
}

func stamp(second int64) string { return time.Unix(max(second, 0), 0).UTC().Format(time.RFC3339) }

func sortIssues(all []issue) {
	slices.SortFunc(all, func(a, b issue) int {
		return cmp.Or(cmp.Compare(a.UpdatedOn.Unix(), b.UpdatedOn.Unix()), cmp.Compare(a.ID, b.ID))
	})
}
