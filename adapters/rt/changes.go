package rt

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

const (
	// overlap is how far a round goes back behind the newest ticket of the one
	// before: what RT was still writing then is not older than this.
	overlap = time.Minute
	// quiet is when nothing can be under way any more behind the newest ticket.
	quiet = 10 * time.Minute
)

// place is a cursor: the round goes on behind (at, id), in seconds since 1970.
type place struct {
	at, id int64
	// round is when the round began by RT's clock; 0 between rounds.
	round int64
	// skew is by how many seconds RT's clock was ahead of ours when the round began, or
	// the one before ended; unknown if nothing told.
	skew int64
}

// unknown is no skew that a clock has.
const unknown = 1 << 50

func (p place) cursor() event.Cursor {
	return event.Cursor(fmt.Sprintf("2:%d:%d:%d:%d", p.at, p.id, p.round, p.skew))
}

func parsePlace(c event.Cursor) (place, error) {
	p := place{skew: unknown}
	parts := strings.Split(string(c), ":")
	members := []*int64{&p.at, &p.id, &p.round, &p.skew}
	if parts[0] == "1" {
		members = members[:3] // the first layout did not know how the clock stood
	}
	if parts[0] != "1" && parts[0] != "2" || len(parts) != 1+len(members) {
		return p, failed(adapters.ErrConfiguration, "read changes", "", "the stored cursor is not one of this adapter")
	}
	for i, to := range members {
		n, err := strconv.ParseInt(parts[i+1], 10, 64)
		if err != nil {
			return p, failed(adapters.ErrConfiguration, "read changes", "", "the stored cursor is not one of this adapter")
		}
		*to = n
	}
	return p, nil
}

// Changes implements adapters.Tracker.
func (t *Tracker) Changes(ctx context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	const op = "read changes"
	if cursor == "" {
		return t.beginning(ctx)
	}
	p, err := parsePlace(cursor)
	if err != nil {
		return nil, "", err
	}
	began := time.Now()
	if p.round == 0 {
		if err := t.checkAccount(ctx, op, false); err != nil {
			return nil, "", err
		}
	}
	var out []event.Change
	for len(out) < limit {
		found, last, err := t.after(ctx, op, p, limit-len(out))
		if err != nil {
			return nil, "", err
		}
		if p.round == 0 {
			if from := t.setBack(p); from < p.at {
				p.at, p.id, p.skew = from, 0, unknown
				continue
			}
			skew, known := t.client.Skew()
			p.round, p.skew = began.Add(skew).Unix(), seconds(skew, known)
		}
		if n := len(found); n > 0 {
			out = append(out, found...)
			p.at, p.id = found[n-1].Updated.Unix(), int64(number64(text(found[n-1].Ref.ID)))
		}
		if last {
			return t.endRound(ctx, op, out, p)
		}
	}
	return out, p.cursor(), nil
}

// setBack is where a round at p has to begin if RT's clock went back since the one
// before: what is changed from then on is earlier than what was seen.
func (t *Tracker) setBack(p place) int64 {
	if p.skew == unknown {
		return p.at
	}
	return max(t.client.SetBack(time.Unix(p.at, 0), time.Duration(p.skew)*time.Second).Unix(), 0)
}

func seconds(skew time.Duration, known bool) int64 {
	if !known {
		return unknown
	}
	return int64(skew.Round(time.Second) / time.Second)
}

// beginning is the cursor that stands for now.
func (t *Tracker) beginning(ctx context.Context) ([]event.Change, event.Cursor, error) {
	if err := t.checkAccount(ctx, "read changes", true); err != nil {
		return nil, "", err
	}
	// Two seconds for what the clock's estimate may be wrong by.
	skew, known := t.client.Skew()
	return nil, place{at: t.client.Now().Add(-2 * time.Second).Unix(), skew: seconds(skew, known)}.cursor(), nil
}

// endRound sets where the next round begins.
func (t *Tracker) endRound(ctx context.Context, op string, out []event.Change, p place) ([]event.Change, event.Cursor, error) {
	if p.id == 0 && len(out) == 0 {
		// Not even the ticket that the cursor came from: the account may see
		// nothing any more, or read times in another zone.
		if err := t.checkAccount(ctx, op, true); err != nil {
			return nil, "", err
		}
		return out, place{at: p.at, skew: p.skew}.cursor(), nil
	}
	next := min(p.at, p.round) - int64(overlap/time.Second)
	if p.round-p.at > int64(quiet/time.Second) {
		next = p.at
	}
	return out, place{at: next, skew: p.skew}.cursor(), nil
}

// after reads the tickets behind p, oldest change first.
func (t *Tracker) after(ctx context.Context, op string, p place, limit int) ([]event.Change, bool, error) {
	at := time.Unix(p.at, 0)
	condition := "LastUpdated >= " + quote(sqlTime(at))
	if p.id > 0 {
		condition = fmt.Sprintf("LastUpdated >= %s OR ( LastUpdated >= %s AND id > %d )",
			quote(sqlTime(at.Add(time.Second))), quote(sqlTime(at)), p.id)
	}
	found, err := list[ticketBody](ctx, t, op, "tickets", nil, rows(t.inQueues(condition), limit, "LastUpdated", "id"))
	if err != nil {
		return nil, false, err
	}
	var out []event.Change
	last := p
	for _, item := range found.Items {
		c, err := change(op, item)
		if err != nil {
			return nil, false, err
		}
		if c.Updated.Before(at) {
			return nil, false, wrongZone(op)
		}
		here := place{at: c.Updated.Unix(), id: int64(number64(item.ID))}
		if here.at < last.at || (here.at == last.at && here.id <= last.id) {
			return nil, false, outOfOrder(op)
		}
		last = here
		out = append(out, c)
	}
	return out, found.last(), nil
}

// change reads a row of a list. A row that is not whole is an error: without
// it a ticket would be left out.
func change(op string, item *ticketBody) (event.Change, error) {
	if item == nil {
		return event.Change{}, failed(adapters.ErrConfiguration, op, "a row of the list is empty", "the account may list tickets that it may not see")
	}
	created, updated := readTime(item.Created), readTime(item.LastUpdated)
	_, err := strconv.ParseInt(string(item.ID), 10, 64)
	if err != nil || created.IsZero() || updated.IsZero() {
		return event.Change{}, failed(adapters.ErrConfiguration, op, "a row of the list lacks its id or its times", "")
	}
	return event.Change{
		Ref:     event.NewRef(string(item.ID), created),
		Key:     string(item.ID),
		Version: string(item.LastUpdated),
		Updated: updated,
	}, nil
}

// outOfOrder stops what would go round for ever, or past a ticket.
func outOfOrder(op string) error {
	return failed(adapters.ErrConfiguration, op, "the list is not in the order that was asked for", "")
}

func wrongZone(op string) error {
	return failed(adapters.ErrConfiguration, op, "",
		"set the time zone of the token's user to UTC (Settings, Preferences, About me): RT reads the times in queries in it")
}

// checkAccount finds out whether the account sees anything and reads times as
// UTC. Both can change while the node runs: asked again every now and then.
func (t *Tracker) checkAccount(ctx context.Context, op string, again bool) error {
	t.mu.Lock()
	fresh := !again && time.Since(t.checked) < knowledge
	t.mu.Unlock()
	if fresh {
		return nil
	}
	if _, err := t.queues(ctx, op); err != nil {
		return err
	}
	if err := t.checkZone(ctx, op); err != nil {
		return err
	}
	t.mu.Lock()
	t.checked = time.Now()
	t.mu.Unlock()
	return nil
}

// checkZone asks for the newest ticket once more, by its own time.
func (t *Tracker) checkZone(ctx context.Context, op string) error {
	for range 5 {
		newest, err := t.newest(ctx, op, "")
		if err != nil || newest == nil {
			return err // without a ticket there is nothing to leave out
		}
		at := readTime(newest.LastUpdated)
		same := fmt.Sprintf("id = %s AND LastUpdated >= %s AND LastUpdated < %s",
			newest.ID, quote(sqlTime(at)), quote(sqlTime(at.Add(time.Second))))
		again, err := t.newest(ctx, op, same)
		if err != nil || again != nil {
			return err
		}
		// Gone from its second: by another zone, or because it changed again.
		again, err = t.newest(ctx, op, "id = "+string(newest.ID))
		if err != nil {
			return err
		}
		if again != nil && again.LastUpdated == newest.LastUpdated {
			return wrongZone(op)
		}
	}
	return failed(adapters.ErrTransient, op, "", "the newest ticket changes too fast to check the account's time zone with it")
}

func (t *Tracker) newest(ctx context.Context, op, condition string) (*ticketBody, error) {
	if condition == "" {
		condition = "id > 0"
	}
	found, err := list[ticketBody](ctx, t, op, "tickets", nil, rows(t.inQueues(condition), 1, "-LastUpdated", "-id"))
	if err != nil || len(found.Items) == 0 {
		return nil, err
	}
	if _, err := change(op, found.Items[0]); err != nil {
		return nil, err
	}
	return found.Items[0], nil
}
