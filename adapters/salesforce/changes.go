package salesforce

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// place is where a poll is in one list of rows by their change time. It goes in rounds,
// over several calls if need be: where the next one begins is decided when one begins.
// Times are in seconds since 1970.
type place struct {
	// Up to (At, ID) all rows were given in this round.
	At int64  `json:"t"`
	ID string `json:"i,omitempty"`
	// Newest is the newest change time seen, and Since when, by our clock, it was first.
	Newest int64 `json:"m,omitempty"`
	Since  int64 `json:"s,omitempty"`
	// Next is where the next round begins; 0 until this one has begun.
	Next int64 `json:"x,omitempty"`
}

// begin decides what will be final after the round: what was older than the overlap by
// now, or all that is known once nothing newer came for as long.
func (p *place) begin(now, overlap int64) {
	if p.Next != 0 {
		return
	}
	p.Next = max(p.At, p.Newest-overlap)
	if now-p.Since > overlap {
		p.Next = max(p.Next, p.Newest+1)
	}
}

func (p *place) pass(at time.Time, id string, now int64) {
	p.At, p.ID = at.Unix(), id
	if p.At > p.Newest {
		p.Newest, p.Since = p.At, now
	}
}

// end begins the next round, but never ahead of the tracker's own time: a row may bear
// a time that has not come yet.
func (p *place) end(present, overlap int64) {
	p.At, p.ID, p.Next = min(p.Next, max(present-overlap, 0)), "", 0
}

// position is the place of a poll in what makes a case another one: the case itself,
// its comments and its links to files, neither of which need change the case.
type position struct {
	Cases    place `json:"c"`
	Comments place `json:"m"`
	Links    place `json:"f"`
}

const opChanges = "list changed cases"

func (p position) cursor() event.Cursor {
	raw, _ := json.Marshal(p) //nolint:errchkjson // plain data
	return event.Cursor(raw)
}

func parsePosition(c event.Cursor) (position, error) {
	var p position
	if err := json.Unmarshal([]byte(c), &p); err != nil || p.Cases.At < 0 {
		return p, &adapters.Error{Class: adapters.ErrConfiguration, Op: opChanges, Err: fmt.Errorf("%q is not one of our cursors", c)}
	}
	return p, nil
}

// moved is a row of any of the lists: whose case it is about, and when.
type moved struct {
	ID       string `json:"Id"`
	Parent   string `json:"ParentId"`
	Entity   string `json:"LinkedEntityId"`
	Modified stamp  `json:"SystemModstamp"`
}

func (m *moved) about() string { return cmp.Or(m.Entity, m.Parent, m.ID) }

// list is one of the lists that a poll reads. Links cannot be queried but by what they
// link to, which may be a query itself.
type list struct{ from, where string }

func lists() [3]list {
	return [3]list{
		{from: "SELECT Id, SystemModstamp FROM Case WHERE "},
		{from: "SELECT Id, ParentId, SystemModstamp FROM CaseComment WHERE "},
		{from: "SELECT Id, LinkedEntityId, SystemModstamp FROM ContentDocumentLink WHERE ", where: "LinkedEntityId IN (SELECT Id FROM Case) AND "},
	}
}

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
	now, overlap := time.Now().Unix(), int64(t.set.overlap/time.Second)
	places := [3]*place{&p.Cases, &p.Comments, &p.Links}
	for _, at := range places {
		at.begin(now, overlap)
	}
	var ids []string
	ended := true
	for i, l := range lists() {
		done, err := t.walk(ctx, l, places[i], &ids, limit, now)
		if err != nil {
			return nil, "", err
		}
		if ended = ended && done; !done {
			break
		}
	}
	if ended && len(ids) < limit {
		for _, at := range places {
			at.end(t.api.rest.Now().Unix(), overlap)
		}
	}
	out, err := t.changesOf(ctx, ids)
	return out, p.cursor(), err
}

// walk adds the cases of the rows behind p, up to limit, and tells whether it has come
// to the end of the list.
func (t *Tracker) walk(ctx context.Context, l list, p *place, ids *[]string, limit int, now int64) (bool, error) {
	for len(*ids) < limit {
		size := min(max(limit-len(*ids), 1), chunk)
		found, err := rows[moved](ctx, t.api, opChanges, "queryAll",
			l.from+l.where+after("SystemModstamp", time.Unix(p.At, 0), p.ID)+" ORDER BY SystemModstamp, Id LIMIT "+strconv.Itoa(size))
		if err != nil {
			return false, err
		}
		for i := range found {
			x := &found[i]
			if x.ID == "" || x.Modified.IsZero() || x.about() == "" {
				return false, incomplete(opChanges, adapters.ErrConfiguration)
			}
			p.pass(x.Modified.Time, x.ID, now)
			if !slices.Contains(*ids, x.about()) && isID(x.about(), idCase) {
				*ids = append(*ids, x.about())
			}
		}
		if len(found) < size {
			return true, nil
		}
	}
	return false, nil
}

// startNow is a cursor at the org's own present: the time of its newest change.
func (t *Tracker) startNow(ctx context.Context) (event.Cursor, error) {
	newest, err := rows[moved](ctx, t.api, opChanges, "queryAll", "SELECT Id, SystemModstamp FROM Case ORDER BY SystemModstamp DESC LIMIT 1")
	if err != nil {
		return "", err
	}
	now, overlap := time.Now().Unix(), int64(t.set.overlap/time.Second)
	at := place{Since: now}
	if len(newest) > 0 {
		at.Newest = min(newest[0].Modified.Unix(), t.api.rest.Now().Unix())
		at.At = max(at.Newest-overlap, 0)
	}
	return position{Cases: at, Comments: at, Links: at}.cursor(), nil
}

// changesOf says how cases are that may have changed, oldest change first.
func (t *Tracker) changesOf(ctx context.Context, ids []string) ([]event.Change, error) {
	var out []event.Change
	for part := range slices.Chunk(ids, chunk) {
		in := oneOf(part)
		found, err := rows[caseRow](ctx, t.api, opChanges, "queryAll", "SELECT "+caseFields+" FROM Case WHERE Id IN "+in)
		if err != nil {
			return nil, err
		}
		said, err := rows[commentRow](ctx, t.api, opChanges, "query",
			"SELECT Id, ParentId, CreatedDate, SystemModstamp FROM CaseComment WHERE ParentId IN "+in+" ORDER BY CreatedDate, Id")
		if err != nil {
			return nil, err
		}
		links, err := rows[linkRow](ctx, t.api, opChanges, "query",
			"SELECT Id, LinkedEntityId, SystemModstamp FROM ContentDocumentLink WHERE LinkedEntityId IN "+in)
		if err != nil {
			return nil, err
		}
		for i := range found {
			x := &found[i]
			if !x.whole() {
				return nil, incomplete(opChanges, adapters.ErrConfiguration)
			}
			c := event.Change{Ref: x.ref(), Key: x.Number, Deleted: x.Deleted}
			c.Version, c.Updated = versionOf(x,
				only(said, func(r commentRow) bool { return r.Case == x.ID }), only(links, func(r linkRow) bool { return r.Case == x.ID }))
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b event.Change) int { return a.Updated.Compare(b.Updated) })
	return out, nil
}

func only[T any](all []T, keep func(T) bool) []T {
	var out []T
	for _, x := range all {
		if keep(x) {
			out = append(out, x)
		}
	}
	return out
}
