package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// listed is the place of a listing.
type listed struct {
	At int64  `json:"t"`
	ID string `json:"i"`
}

// List implements adapters.Tracker: in the order of creation, so that an edit moves
// nothing. The query is a condition of SOQL: what would stand behind WHERE.
func (t *Tracker) List(ctx context.Context, query string, from event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	const op = "list cases"
	var at listed
	if from != "" && (json.Unmarshal([]byte(from), &at) != nil || at.At < 0) {
		return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: errors.New("that is not one of our pages")}
	}
	where := after("CreatedDate", time.Unix(at.At, 0), at.ID)
	if query = strings.TrimSpace(query); query != "" {
		if err := condition(query); err != nil {
			return nil, "", &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
		}
		where = "(" + query + ") AND " + where
	}
	size := min(max(limit, 1), chunk)
	found, err := rows[caseRow](ctx, t.api, op, "query", "SELECT "+caseFields+" FROM Case WHERE "+where+" ORDER BY CreatedDate, Id LIMIT "+strconv.Itoa(size))
	if err != nil {
		return nil, "", err
	}
	var out []event.Change
	for i := range found {
		x := &found[i]
		if !x.whole() {
			return nil, "", incomplete(op, adapters.ErrConfiguration)
		}
		out = append(out, event.Change{Ref: x.ref(), Key: x.Number, Version: moment(x.Modified.Time), Updated: x.Modified.UTC()})
		at = listed{At: x.Created.Unix(), ID: x.ID}
	}
	if len(found) < size {
		return out, "", nil
	}
	raw, _ := json.Marshal(at) //nolint:errchkjson // plain data
	return out, event.Cursor(raw), nil
}

// Locate implements adapters.Tracker: by the case's number, or by its id.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	const op = "find case"
	key = strings.TrimPrefix(strings.TrimSpace(key), "#")
	var where string
	switch {
	case isID(key, idCase):
		where = "Id = " + quote(key)
	case number.MatchString(key):
		where = "CaseNumber = " + quote(key)
	default:
		return event.Change{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("that is no case's number")}
	}
	found, err := rows[caseRow](ctx, t.api, op, "query", "SELECT "+caseFields+" FROM Case WHERE "+where)
	if err != nil {
		return event.Change{}, err
	}
	if len(found) == 0 {
		if _, err := t.check(ctx); err != nil {
			return event.Change{}, err
		}
		return event.Change{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("there is no such case, or it is hidden")}
	}
	if len(found) > 1 || !found[0].whole() {
		return event.Change{}, incomplete(op, adapters.ErrConfiguration)
	}
	all, err := t.changesOf(ctx, []string{found[0].ID})
	if err != nil {
		return event.Change{}, err
	}
	if len(all) != 1 {
		return event.Change{}, incomplete(op, adapters.ErrTransient)
	}
	return all[0], nil
}
