package servicenow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/once"
	"parley/adapters/internal/rest"
)

// client is the Table API and the Attachment API, typed: one method a call. An answer
// that lacks what it must hold is an error, never an empty result.
type client struct{ rest *rest.Client }

func incomplete(op string, class error) error {
	return &adapters.Error{
		Class: class, Op: op, Err: errIncomplete,
		Hint: "what answered is not ServiceNow's API: check the address, and what stands in front of it",
	}
}

// asked is one page of a table.
type asked struct {
	op, table string
	where     query
	// script is sent before the conditions, unchecked: ours only.
	script string
	fields []string
	order  []string
	limit  int
	offset int
}

// found is what came, and how many rows there are at all, those included that the
// account may not see.
type found struct {
	rows  []row
	total int
}

// list reads one page. Every row is held to the query.
func (c client) list(ctx context.Context, a asked) (found, error) {
	text, err := a.where.encode(a.order...)
	if err != nil {
		return found{}, &adapters.Error{Class: adapters.ErrConfiguration, Op: a.op, Err: err}
	}
	if a.script != "" {
		text = strings.TrimSuffix(a.script+"^"+text, "^")
	}
	fields := slices.Clone(a.fields)
	for _, f := range append(a.where.fields(), "sys_id") {
		if !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	var out struct {
		Result *[]row `json:"result"`
	}
	res, err := c.rest.Do(ctx, rest.Request{
		Op: a.op, Path: "api/now/table/{table}", Args: []string{a.table}, Out: &out, Expect: []int{http.StatusOK},
		Query: url.Values{
			"sysparm_query": {text}, "sysparm_fields": {strings.Join(fields, ",")}, "sysparm_exclude_reference_link": {"true"},
			"sysparm_limit": {strconv.Itoa(a.limit)}, "sysparm_offset": {strconv.Itoa(a.offset)},
		},
	})
	if err != nil {
		return found{}, listError(err, a)
	}
	total, err := strconv.Atoi(res.Header.Get("X-Total-Count"))
	if err != nil || out.Result == nil || total < 0 {
		return found{}, incomplete(a.op, adapters.ErrConfiguration)
	}
	rows := once.Rows(*out.Result, func(r *row) string { return r.id() })
	return found{rows: rows, total: total}, a.hold(rows)
}

// hold checks that each row is one that was asked for.
func (a *asked) hold(rows []row) error {
	if len(rows) > a.limit {
		return incomplete(a.op, adapters.ErrConfiguration)
	}
	for _, r := range rows {
		ok, known := a.where.meets(r)
		switch {
		case r.id() == "":
			return incomplete(a.op, adapters.ErrConfiguration)
		case !known:
			return &adapters.Error{
				Class: adapters.ErrDenied, Op: a.op, Err: fmt.Errorf("rows of %s come without a field that was asked for", a.table),
				Hint: fmt.Sprintf("let the account read these fields of %s: %s", a.table, strings.Join(a.where.fields(), ", ")),
			}
		case !ok:
			return &adapters.Error{
				Class: adapters.ErrConfiguration, Op: a.op,
				Err:  fmt.Errorf("rows of %s come that were not asked for: a part of the query was ignored", a.table),
				Hint: "ServiceNow leaves out conditions that it does not understand: check the query, and set glide.invalid_query.returns_no_rows",
			}
		}
	}
	return nil
}

// listError: a list cannot be gone; 400 and 404 say that there is no such table.
func listError(err error, a asked) error {
	var known *adapters.Error
	if !errors.As(err, &known) {
		return err
	}
	if errors.Is(known.Class, adapters.ErrGone) || errors.Is(known.Class, adapters.ErrRejected) {
		return &adapters.Error{
			Class: adapters.ErrConfiguration, Op: a.op, Detail: known.Detail, Err: known.Err,
			Hint: "there is no table " + a.table + " at this address: check both",
		}
	}
	return known
}

const (
	pageRows = 1000
	maxRows  = 50_000
)

// all reads all rows in their order, and how many of them the account may not see.
// Pages overlap by half, so that rows which leave the pages of before hide none.
func (c client) all(ctx context.Context, a asked) ([]row, int, error) {
	var out []row
	seen := map[string]bool{}
	a.limit = pageRows
	for a.offset = 0; a.offset < maxRows; a.offset += pageRows / 2 {
		page, err := c.list(ctx, a)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range page.rows {
			if !seen[r.id()] {
				seen[r.id()] = true
				out = append(out, r)
			}
		}
		if a.offset+a.limit >= page.total {
			return out, max(page.total-len(out), 0), nil
		}
	}
	return nil, 0, &adapters.Error{
		Class: adapters.ErrConfiguration, Op: a.op, Err: fmt.Errorf("more than %d rows of %s", maxRows, a.table),
	}
}

// get reads one record with values and what people see of them.
func (c client) get(ctx context.Context, op, table, id string, fields ...string) (row, error) {
	query := url.Values{"sysparm_display_value": {"all"}, "sysparm_exclude_reference_link": {"true"}}
	if len(fields) > 0 {
		query.Set("sysparm_fields", strings.Join(fields, ","))
	}
	var out struct {
		Result row `json:"result"`
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Path: "api/now/table/{table}/{id}", Args: []string{table, id}, Query: query, Out: &out, Expect: []int{http.StatusOK},
	})
	if err != nil {
		return nil, err
	}
	if out.Result.id() != id {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return out.Result, nil
}

func (c client) create(ctx context.Context, op, table string, body map[string]string) (*record, error) {
	var out struct {
		Result row `json:"result"`
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "api/now/table/{table}", Args: []string{table}, JSON: body, Out: &out, Write: true,
		Query:  url.Values{"sysparm_fields": {strings.Join(settleFields(), ",")}, "sysparm_exclude_reference_link": {"true"}},
		Expect: []int{http.StatusCreated},
	})
	if errors.Is(err, adapters.ErrGone) {
		return nil, listError(err, asked{op: op, table: table})
	}
	if err != nil {
		return nil, writeError(err)
	}
	made, err := settle(out.Result)
	if err != nil {
		return nil, incomplete(op, adapters.ErrDoubt)
	}
	return made, nil
}

func (c client) update(ctx context.Context, op, table, id string, body map[string]string) error {
	var out struct {
		Result row `json:"result"`
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPatch, Path: "api/now/table/{table}/{id}", Args: []string{table, id}, JSON: body, Out: &out, Write: true,
		Query:  url.Values{"sysparm_fields": {strings.Join(settleFields(), ",")}},
		Expect: []int{http.StatusOK},
	})
	if err != nil {
		return writeError(err)
	}
	if out.Result.id() != id {
		return incomplete(op, adapters.ErrDoubt)
	}
	return nil
}

// writeError tells a refusal of values from one of rights: both are 403.
func writeError(err error) error {
	var known *adapters.Error
	if !errors.As(err, &known) || !rest.HasStatus(err, http.StatusForbidden) {
		return err
	}
	words := strings.ToLower(known.Detail)
	switch {
	case strings.Contains(words, "data policy"):
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: known.Op, Detail: known.Detail, Err: known.Err,
			Hint: "a data policy demands fields: map them in the filter, or set close_code, close_notes and hold_reason",
		}
	case strings.Contains(words, "business rule"), strings.Contains(words, "aborted"):
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: known.Op, Detail: known.Detail, Err: known.Err,
			Hint: "a business rule of ServiceNow stops this: map the values in the filter, or change the rule",
		}
	}
	return err
}

func (c client) upload(ctx context.Context, op, table, id, name, kind string, size int64, r io.Reader) (string, error) {
	var out struct {
		Result row `json:"result"`
	}
	_, err := c.rest.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "api/now/attachment/file", Write: true, Out: &out,
		Query:  url.Values{"table_name": {table}, "table_sys_id": {id}, "file_name": {name}},
		Body:   &rest.Body{Reader: r, Type: kind, Size: size},
		Expect: []int{http.StatusCreated},
	})
	if err != nil {
		return "", writeError(err)
	}
	if !isID(out.Result.id()) {
		return "", incomplete(op, adapters.ErrDoubt)
	}
	return out.Result.id(), nil
}

func (c client) download(ctx context.Context, op, id string) (*rest.Stream, error) {
	return c.rest.Stream(ctx, rest.Request{
		Op: op, Path: "api/now/attachment/{id}/file", Args: []string{id}, Header: http.Header{"Accept": {"*/*"}},
		Expect: []int{http.StatusOK},
	})
}
