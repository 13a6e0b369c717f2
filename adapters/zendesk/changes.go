package zendesk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// position is the place of a poll in two lists. The export leaves nothing out, but
// is a minute late and may be asked ten times a minute; the list of tickets by
// change time is at once, but shows neither deletions nor what Zendesk itself did.
type position struct {
	// Export is where the export goes on; Start is the time it begins at as long as
	// there is no cursor. Up to (Gen, GenID) the page there was given already.
	Export string `json:"e,omitempty"`
	Start  int64  `json:"s,omitempty"`
	Gen    int64  `json:"g,omitempty"`
	GenID  int64  `json:"i,omitempty"`
	// Up to (At, ID) the list was given in this round; Newest is the newest time seen.
	At     int64 `json:"t,omitempty"`
	ID     int64 `json:"n,omitempty"`
	Newest int64 `json:"m,omitempty"`
}

func (p position) cursor() event.Cursor {
	raw, _ := json.Marshal(p) //nolint:errchkjson // plain data
	return event.Cursor(raw)
}

func parsePosition(c event.Cursor) (position, error) {
	var p position
	if err := json.Unmarshal([]byte(c), &p); err != nil || p.Export == "" && p.Start <= 0 {
		return p, &adapters.Error{Class: adapters.ErrConfiguration, Op: opChanges, Err: fmt.Errorf("%q is not one of our cursors", c)}
	}
	return p, nil
}

const (
	opChanges = "list changed tickets"
	// overlap is by how many seconds the list may show changes out of their order.
	overlap = 5
	// lookback is how far the list is followed: what is older, the export has.
	lookback = 180
	// startBack is by how much the export begins earlier than the newest change: it
	// takes no time of the last minute.
	startBack = 120
)

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
	out, err := t.fromExport(ctx, &p, limit)
	if err != nil {
		return nil, "", err
	}
	if len(out) < limit {
		if out, err = t.fromList(ctx, &p, out, limit); err != nil {
			return nil, "", err
		}
	}
	slices.SortStableFunc(out, func(a, b event.Change) int { return a.Updated.Compare(b.Updated) })
	return out, p.cursor(), nil
}

// startNow is a cursor at the tracker's own present: the time of its newest change.
func (t *Tracker) startNow(ctx context.Context) (event.Cursor, error) {
	rows, _, err := t.api.tickets(ctx, opChanges, "-updated_at", 1, "")
	if err != nil {
		return "", err
	}
	p := position{Start: 1}
	if len(rows) > 0 {
		p.Newest = rows[0].Updated.Unix()
		p.At, p.Start = p.Newest-overlap, max(p.Newest-startBack, 1)
	}
	return p.cursor(), nil
}

// exportPage is a page of the export that is being given out.
type exportPage struct {
	cursor string
	start  int64
	exported
}

// exportPage is the page at p. It is asked for anew, unless it was given in part and
// is at hand; false if the export has been read to its end not long ago.
func (t *Tracker) exportPage(ctx context.Context, p *position) (exported, bool, error) {
	for {
		page, wait, ask := t.turn(p)
		switch {
		case ask:
			return t.askExport(ctx, p)
		case wait == 0:
			return page.exported, page.cursor == p.Export && page.start == p.Start && p.Gen != 0, nil
		}
		// There is more: to say otherwise because it is not our turn would be wrong.
		due := time.NewTimer(wait)
		select {
		case <-due.C:
		case <-ctx.Done():
			due.Stop()
			return exported{}, false, &adapters.Error{Class: adapters.ErrTransient, Op: opChanges, Err: context.Cause(ctx)}
		}
	}
}

// turn tells whether to ask the export, or how long to wait before, or to do with the
// page that is at hand.
func (t *Tracker) turn(p *position) (exportPage, time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.page.cursor == p.Export && t.page.start == p.Start && p.Gen != 0 {
		return t.page, 0, false
	}
	wait := t.set.every - time.Since(t.asked)
	switch {
	case wait <= 0:
		t.asked = time.Now()
		return exportPage{}, 0, true
	case t.page.next == p.Export && !t.page.end && p.Export != "":
		return exportPage{}, wait, false
	}
	return exportPage{}, 0, false
}

func (t *Tracker) askExport(ctx context.Context, p *position) (exported, bool, error) {
	page, err := t.api.export(ctx, p.Export, p.Start, t.set.page)
	if err != nil {
		return exported{}, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.page = exportPage{cursor: p.Export, start: p.Start, exported: page}
	return page, true, nil
}

// fromExport gives out up to limit rows of the export. A row that changes leaves its
// place for a later one, so that a page that is read again has fewer rows, never
// other ones.
func (t *Tracker) fromExport(ctx context.Context, p *position, limit int) ([]event.Change, error) {
	var out []event.Change
	for {
		page, ok, err := t.exportPage(ctx, p)
		if err != nil || !ok {
			return out, err
		}
		for i := range page.rows {
			x := &page.rows[i]
			if x.Generated < p.Gen || x.Generated == p.Gen && x.ID <= p.GenID {
				continue
			}
			if len(out) == limit {
				return out, nil
			}
			p.Gen, p.GenID = x.Generated, x.ID
			out = append(out, x.change())
		}
		p.Gen, p.GenID = 0, 0
		if page.next != "" {
			p.Export, p.Start = page.next, 0
		}
		if page.end || len(out) == limit {
			return out, nil
		}
	}
}

// fromList adds what the list of tickets shows since the place of p.
func (t *Tracker) fromList(ctx context.Context, p *position, out []event.Change, limit int) ([]event.Change, error) {
	rows, err := t.recent(ctx, p)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		c := rows[i].change()
		if slices.ContainsFunc(out, func(o event.Change) bool { return o.Ref == c.Ref && o.Version == c.Version }) {
			p.At, p.ID = rows[i].Updated.Unix(), rows[i].ID
			continue
		}
		if len(out) == limit {
			return out, nil
		}
		p.At, p.ID = rows[i].Updated.Unix(), rows[i].ID
		p.Newest = max(p.Newest, p.At)
		out = append(out, c)
	}
	// The next round begins a little earlier: rows of one second come in any order.
	p.At, p.ID = max(p.Newest-overlap, 0), 0
	return out, nil
}

// recent are the rows behind p, oldest first. It goes backwards from the newest: a
// row that moves meanwhile moves to where the next round looks.
func (t *Tracker) recent(ctx context.Context, p *position) ([]ticket, error) {
	var out []ticket
	floor := p.At
	seen := map[int64]bool{}
	after := ""
	for range maxPages {
		rows, next, err := t.api.tickets(ctx, opChanges, "-updated_at", pageSize, after)
		if err != nil {
			return nil, err
		}
		if after == "" && len(rows) > 0 {
			floor = max(floor, rows[0].Updated.Unix()-lookback)
		}
		for _, x := range rows {
			at := x.Updated.Unix()
			if !seen[x.ID] && at >= floor && (at > p.At || at == p.At && x.ID > p.ID) {
				out = append(out, x)
			}
			seen[x.ID] = true
		}
		if next == "" || len(rows) == 0 || rows[len(rows)-1].Updated.Unix() < floor {
			break
		}
		after = next
	}
	slices.SortFunc(out, func(a, b ticket) int {
		return cmp.Or(cmp.Compare(a.Updated.Unix(), b.Updated.Unix()), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}
