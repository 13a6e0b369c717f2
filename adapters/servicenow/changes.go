package servicenow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// position is the place of a poll, which goes in rounds: from a time that is final to
// the present, over several calls if need be. Tickets and files each have a place: a
// file does not move its ticket's change time.
type position struct {
	Tickets place `json:"t"`
	Files   place `json:"f"`
	// Next is where the next round begins; 0 until this one has begun. In seconds.
	Next int64 `json:"x,omitempty"`
	// Skew is by how much ServiceNow's clock was ahead of ours when the round before
	// ended, in milliseconds; none if its answers did not tell its time.
	Skew *int64 `json:"k,omitempty"`
}

func (p position) cursor() event.Cursor {
	raw, _ := json.Marshal(p) //nolint:errchkjson // numbers and strings only
	return event.Cursor(raw)
}

func parsePosition(c event.Cursor) (position, error) {
	var p position
	if err := json.Unmarshal([]byte(c), &p); err != nil || p.Tickets.At < 0 || p.Files.At < 0 {
		return p, &adapters.Error{Class: adapters.ErrConfiguration, Op: "read the cursor", Err: fmt.Errorf("%q is not one of ours", c)}
	}
	return p, nil
}

const opChanges = "list changed tickets"

// overlap is what a poll looks back by: a row bears the time at which its transaction
// wrote it, and shows when that ends. Two seconds are for precision and for the skew of
// an instance's nodes.
func (t *Tracker) overlap() time.Duration { return t.set.lag + 2*time.Second }

// final is a time of ServiceNow's before which nothing new will show. Its clock counts,
// as of the last answer; where that tells no time, ours less a day.
func (t *Tracker) final(asked time.Time) int64 {
	skew, known := t.api.rest.Skew()
	if !known {
		skew = -26 * time.Hour
	}
	return max(asked.Add(skew-t.overlap()).Unix(), 0)
}

func (t *Tracker) noteSkew(p *position) {
	skew, known := t.api.rest.Skew()
	if p.Skew = nil; known {
		ms := skew.Milliseconds()
		p.Skew = &ms
	}
}

// setBack moves both places back if ServiceNow's clock went back since: what is changed
// from then on is earlier than what was seen.
func (t *Tracker) setBack(p *position) {
	if p.Skew == nil {
		return
	}
	for _, at := range []*place{&p.Tickets, &p.Files} {
		from := t.api.rest.SetBack(time.Unix(at.At, 0), time.Duration(*p.Skew)*time.Millisecond).Unix()
		if from < at.At {
			*at = place{At: max(from, 0)}
		}
	}
	t.noteSkew(p)
}

// Changes implements adapters.Tracker.
func (t *Tracker) Changes(ctx context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	started := time.Now()
	if err := t.ready(ctx); err != nil {
		return nil, "", err
	}
	if cursor == "" {
		at := place{At: t.final(started)}
		p := position{Tickets: at, Files: at}
		t.noteSkew(&p)
		return nil, p.cursor(), nil
	}
	p, err := parsePosition(cursor)
	if err != nil {
		return nil, "", err
	}
	if p.Next == 0 {
		t.setBack(&p)
		p.Next = t.final(started)
	}
	var out []event.Change
	for len(out) < limit {
		found, ended, err := t.collect(ctx, &p, limit-len(out))
		if err != nil {
			return nil, "", err
		}
		more, err := t.changesOf(ctx, found)
		if err != nil {
			return nil, "", err
		}
		// A full page says that there is more: the round ends with the next call.
		if out = append(out, more...); ended && len(out) < limit {
			at := place{At: p.Next}
			p = position{Tickets: at, Files: at}
			t.noteSkew(&p)
			break
		}
	}
	return out, p.cursor(), nil
}

// ready makes sure that a list can be believed: the sign-in, the time zone, and that
// there is something that the account may see.
func (t *Tracker) ready(ctx context.Context) error {
	if _, err := t.check(ctx); err != nil {
		return err
	}
	if err := t.dir.known(ctx, t.set.table, t.set.query); err != nil {
		return err
	}
	if err := t.zone(ctx); err != nil {
		return err
	}
	return t.sees(ctx, opChanges)
}

// moved is a ticket or a file that changed.
type moved struct {
	place  place
	row    row
	ticket string // sys_id
	file   bool
}

// collect takes the earliest of what changed, tickets and files, and moves the places
// behind it.
func (t *Tracker) collect(ctx context.Context, p *position, limit int) ([]moved, bool, error) {
	tickets := walker{
		t: t, op: opChanges, table: t.set.table, field: "sys_updated_on", where: t.set.query, fields: settleFields(),
	}
	files := walker{
		t: t, op: opChanges, table: "sys_attachment", field: "sys_updated_on", where: query{}.and("table_name", "=", t.set.table),
		fields: []string{"table_sys_id"},
	}
	all, ended, err := t.gather(ctx, &tickets, p.Tickets, limit)
	if err != nil {
		return nil, false, err
	}
	if t.set.files {
		more, filesEnded, err := t.gather(ctx, &files, p.Files, limit)
		if err != nil {
			return nil, false, err
		}
		all, ended = append(all, more...), ended && filesEnded
	}
	// What is behind the end of one list that goes on is not known to be in order with
	// what the other list has there.
	slices.SortStableFunc(all, func(a, b moved) int { return a.place.compare(b.place) })
	if len(all) > limit {
		all, ended = all[:limit], false
	}
	for _, m := range all {
		if m.file {
			p.Files = m.place
		} else {
			p.Tickets = m.place
		}
	}
	return all, ended, nil
}

// gather reads up to limit rows behind p, or to the end.
func (t *Tracker) gather(ctx context.Context, w *walker, p place, limit int) ([]moved, bool, error) {
	var out []moved
	for len(out) < limit {
		rows, last, err := w.after(ctx, p)
		if err != nil {
			return nil, false, err
		}
		for _, r := range rows {
			if p, err = w.place(r); err != nil {
				return nil, false, incomplete(w.op, adapters.ErrConfiguration)
			}
			m := moved{place: p, row: r, ticket: r.id()}
			if w.table == "sys_attachment" {
				m.file, m.ticket = true, r.value("table_sys_id")
			}
			out = append(out, m)
		}
		if last {
			return out, true, nil
		}
	}
	return out, false, nil
}

// changesOf makes changes of rows. The ticket of a file may be none of ours.
func (t *Tracker) changesOf(ctx context.Context, all []moved) ([]event.Change, error) {
	var known []*record
	var missing []string
	byID := map[string]*record{}
	for _, m := range all {
		if m.file {
			missing = append(missing, m.ticket)
			continue
		}
		r, err := settle(m.row)
		if err != nil {
			return nil, incomplete(opChanges, adapters.ErrConfiguration)
		}
		byID[r.id()], known = r, append(known, r)
	}
	missing = slices.DeleteFunc(missing, func(id string) bool { return byID[id] != nil || !isID(id) })
	found, err := t.records(ctx, opChanges, missing)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		byID[r.id()], known = r, append(known, r)
	}
	stamps, err := t.stamps(ctx, opChanges, known)
	if err != nil {
		return nil, err
	}
	var out []event.Change
	for _, m := range all {
		r := byID[m.ticket]
		if r == nil {
			continue
		}
		c := event.Change{Ref: r.ref(), Key: r.key(), Version: r.version(stamps[r.id()]), Updated: r.updated}
		if m.file {
			c.Updated = time.Unix(m.place.At, 0).UTC()
		}
		out = append(out, c)
	}
	return out, nil
}

// records reads tickets by their ids; those that are not there, hidden or not among the
// configured ones are not among them.
func (t *Tracker) records(ctx context.Context, op string, ids []string) ([]*record, error) {
	var out []*record
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for chunk := range slices.Chunk(ids, 100) {
		rows, _, err := t.api.all(ctx, asked{
			op: op, table: t.set.table, where: query{}.and("sys_id", "IN", strings.Join(chunk, ",")).joined(t.set.query),
			fields: settleFields(), order: []string{"sys_id"},
		})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			r, err := settle(row)
			if err != nil {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// stamps tell the states of the files of tickets, by their ids.
func (t *Tracker) stamps(ctx context.Context, op string, tickets []*record) (map[string]stamp, error) {
	out := map[string]stamp{}
	var ids []string
	for _, r := range tickets {
		ids = append(ids, r.id())
	}
	for chunk := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(ids))), 100) {
		rows, _, err := t.api.all(ctx, asked{
			op: op, table: "sys_attachment", order: []string{"sys_id"}, fields: []string{"sys_updated_on"},
			where: query{}.and("table_name", "=", t.set.table).and("table_sys_id", "IN", strings.Join(chunk, ",")),
		})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			at, err := r.time("sys_updated_on")
			if err != nil {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
			out[r.value("table_sys_id")] = out[r.value("table_sys_id")].with(at, r.id())
		}
	}
	return out, nil
}
