package salesforce

import (
	"context"
	"errors"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// Find implements adapters.Tracker. Queries read the database: what they do not show
// is not there.
func (t *Tracker) Find(ctx context.Context, step event.Step) (event.Found, error) {
	if step.Marker == "" {
		return event.Found{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: "look for a step", Err: errors.New("a step without a marker cannot be looked for"),
		}
	}
	me, err := t.check(ctx)
	if err != nil {
		return event.Found{}, err
	}
	if step.Kind == event.StepCreate {
		return t.findCase(ctx, step, me)
	}
	op := "look at case " + step.Ref.ID
	x, err := t.caseOf(ctx, op, step.Ref)
	if err != nil {
		return event.Found{}, err
	}
	row := rowOf(x)
	var items []string
	if step.Kind == event.StepAttach {
		items, err = t.filesMarked(ctx, op, row.ID, step.Marker, me)
	} else {
		items, err = t.commentsMarked(ctx, op, row.ID, step.Marker, me)
	}
	if err != nil {
		return event.Found{}, err
	}
	w := event.Written{Ref: row.ref(), Key: row.Number}
	if len(items) == 1 {
		w.Item = items[0]
	}
	return counted(len(items), w), nil
}

func counted(n int, w event.Written) event.Found {
	switch n {
	case 0:
		return event.Found{Presence: event.FoundNone}
	case 1:
		return event.Found{Presence: event.FoundOne, Written: w}
	}
	return event.Found{Presence: event.FoundMany}
}

func (t *Tracker) commentsMarked(ctx context.Context, op, id string, m event.Marker, me account) ([]string, error) {
	said, err := t.comments(ctx, op, id)
	var out []string
	for i := range said {
		if _, found := cutMarker(said[i].Body, said[i].Author == me.ID); found == m {
			out = append(out, said[i].ID)
		}
	}
	return out, err
}

func (t *Tracker) filesMarked(ctx context.Context, op, id string, m event.Marker, me account) ([]string, error) {
	_, files, err := t.files(ctx, op, id)
	var out []string
	for i := range files {
		if _, found := cutMarker(files[i].About, files[i].Author == me.ID); found == m {
			out = append(out, files[i].ID)
		}
	}
	return out, err
}

// findCase looks for the case that a create made: by the field that holds the marker,
// or else among all cases that the account made since, since no condition can be put
// on a description.
func (t *Tracker) findCase(ctx context.Context, step event.Step, me account) (event.Found, error) {
	const op = "look for a created case"
	cat, err := t.dir.catalog(ctx)
	if err != nil {
		return event.Found{}, err
	}
	type row struct {
		caseRow
		Text string `json:"Description"`
	}
	soql := "SELECT " + caseFields + " FROM Case WHERE " + t.set.keyField + " = " + quote(string(step.Marker))
	if !cat.keyed {
		soql = "SELECT " + caseFields + ", Description FROM Case WHERE CreatedById = " + quote(me.ID) +
			" AND CreatedDate >= " + moment(time.Unix(max(step.Since, 0), 0)) + " ORDER BY CreatedDate, Id"
	}
	all, err := rows[row](ctx, t.api, op, "query", soql)
	if err != nil {
		return event.Found{}, t.explain(err)
	}
	var w event.Written
	n := 0
	for i := range all {
		x := &all[i]
		if !x.whole() {
			return event.Found{}, incomplete(op, adapters.ErrConfiguration)
		}
		_, found := cutMarker(x.Text, !cat.keyed)
		if x.Creator == me.ID && (cat.keyed || found == step.Marker) {
			w = event.Written{Ref: x.ref(), Key: x.Number}
			n++
		}
	}
	return counted(n, w), nil
}
