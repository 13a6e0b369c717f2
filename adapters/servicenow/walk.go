package servicenow

import (
	"cmp"
	"context"
	"errors"
	"time"

	"parley/adapters"
)

// place is one row's in the order of a time and then of sys_id: all up to it were
// given. At is in seconds since 1970.
type place struct {
	At int64  `json:"t"`
	ID string `json:"i,omitempty"`
}

func (p place) compare(q place) int { return cmp.Or(cmp.Compare(p.At, q.At), cmp.Compare(p.ID, q.ID)) }

// walker reads the rows of a table in the order of one of their times.
type walker struct {
	t      *Tracker
	op     string
	table  string
	field  string // sys_created_on or sys_updated_on
	where  query
	fields []string
}

func (w *walker) place(r row) (place, error) {
	at, err := r.time(w.field)
	return place{At: at.Unix(), ID: r.id()}, err
}

const (
	// mostAsked is the most rows that ServiceNow gives at once unless told otherwise.
	mostAsked = 10_000
	maxDeep   = 100
)

// after reads some rows behind p in order, and tells whether they are the last. Every
// call begins anew at p, so that rows which move hide none. Rows of before and rows
// that the account may not see count for the limit: as long as nothing else comes, more
// is asked for, at last page by page, which overlap by half.
func (w *walker) after(ctx context.Context, p place) ([]row, bool, error) {
	a := asked{
		op: w.op, table: w.table, where: w.where.since(w.field, time.Unix(p.At, 0)), fields: append([]string{w.field}, w.fields...),
		order: []string{w.field, "sys_id"}, limit: w.t.set.page,
	}
	for range maxDeep {
		got, err := w.t.api.list(ctx, a)
		if err != nil {
			return nil, false, err
		}
		rows, err := w.behind(got.rows, p)
		if err != nil {
			return nil, false, err
		}
		last := a.offset+a.limit >= got.total
		switch {
		case len(rows) > 0 || last:
			return rows, last, nil
		case a.limit < mostAsked:
			a.limit = min(a.limit*4, mostAsked)
		default:
			a.offset += mostAsked / 2
		}
	}
	return nil, false, &adapters.Error{
		Class: adapters.ErrDenied, Op: w.op, Err: errors.New("too many rows in a row that the account may not see"),
		Hint: "let the account see the tickets, or narrow them by setting query",
	}
}

// behind are the rows that come after p, which must be in order: ServiceNow ignores an
// order that it does not understand.
func (w *walker) behind(rows []row, p place) ([]row, error) {
	var out []row
	before := place{At: -1}
	for _, r := range rows {
		at, err := w.place(r)
		if err != nil {
			return nil, incomplete(w.op, adapters.ErrConfiguration)
		}
		if at.compare(before) < 0 {
			return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: w.op, Err: errors.New("rows do not come in the order that was asked for")}
		}
		before = at
		if at.compare(p) > 0 {
			out = append(out, r)
		}
	}
	return out, nil
}
