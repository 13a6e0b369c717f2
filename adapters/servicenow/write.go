package servicenow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/marker"
	"parley/sync/event"
)

// Write implements adapters.Tracker.
func (t *Tracker) Write(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	switch step.Kind {
	case event.StepCreate:
		return t.create(ctx, step)
	case event.StepUpdate:
		return t.update(ctx, step)
	case event.StepComment:
		if step.Comment != nil {
			return t.update(ctx, step)
		}
	case event.StepAttach:
		if step.Attachment != nil && body != nil {
			return t.attach(ctx, step, body)
		}
	}
	return event.Written{}, &adapters.Error{
		Class: adapters.ErrConfiguration, Op: "write to ServiceNow", Err: fmt.Errorf("a step of kind %q cannot be done as given", step.Kind),
	}
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	const op = "create a ticket"
	if _, err := t.account(ctx); err != nil {
		return event.Written{}, err
	}
	e := &encoder{t: t, op: op, out: map[string]string{}}
	if _, ok := step.Fields[event.FieldSummary]; !ok {
		return event.Written{}, e.reject("a ticket needs a summary")
	}
	if err := e.encode(ctx, step.Fields, t.set.table); err != nil {
		return event.Written{}, err
	}
	if err := e.caller(ctx); err != nil {
		return event.Written{}, err
	}
	if err := e.complete(ctx, nil); err != nil {
		return event.Written{}, err
	}
	for column, v := range e.out {
		if v == "" {
			delete(e.out, column) // what is empty need not be said
		}
	}
	if step.Marker != "" {
		if err := e.mark(ctx, step.Marker); err != nil {
			return event.Written{}, err
		}
	}
	made, err := t.api.create(ctx, op, t.set.table, e.out)
	if err != nil {
		return event.Written{}, err
	}
	return event.Written{Ref: made.ref(), Key: made.key()}, nil
}

// mark puts the marker where it can be looked up.
func (e *encoder) mark(ctx context.Context, m event.Marker) error {
	all, err := e.t.dir.elements(ctx, e.t.set.table)
	if err != nil {
		return err
	}
	if _, ok := all["correlation_id"]; !ok {
		return &adapters.Error{
			Class: adapters.ErrConfiguration, Op: e.op, Err: fmt.Errorf("table %s has no correlation_id", e.t.set.table),
			Hint: "only tables that extend task can be kept in step",
		}
	}
	e.out["correlation_id"], e.out["correlation_display"] = correlation(m), "Parley"
	return nil
}

// caller fills in who asks, where the filter names nobody.
func (e *encoder) caller(ctx context.Context) error {
	if e.t.set.caller == "" || e.out["caller_id"] != "" {
		return nil
	}
	found, err := e.t.FindUser(ctx, e.t.set.caller)
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return &adapters.Error{
			Class: adapters.ErrConfiguration, Op: e.op, Err: fmt.Errorf("setting caller: %d people are %q", len(found), e.t.set.caller),
		}
	}
	e.out["caller_id"] = found[0].ID
	return nil
}

// update sets fields and adds a comment in one request, so that both happen or neither.
func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	op := "update ticket " + step.Ref.ID
	e := &encoder{t: t, op: op, out: map[string]string{}}
	if step.Comment != nil && step.Comment.ID != "" {
		return event.Written{}, e.reject("ServiceNow's comments cannot be changed")
	}
	r, err := t.ticket(ctx, op, step.Ref, "sys_class_name", "state", "close_code", "close_notes", "hold_reason", public, internal)
	if err != nil {
		return event.Written{}, err
	}
	if err := e.encode(ctx, step.Fields, orDefault(r.value("sys_class_name"), t.set.table)); err != nil {
		return event.Written{}, err
	}
	if err := e.complete(ctx, r.row); err != nil {
		return event.Written{}, err
	}
	if step.Comment != nil {
		if err := t.addComment(ctx, e, r, step); err != nil {
			return event.Written{}, err
		}
	}
	done := event.Written{Ref: r.ref(), Key: r.key()}
	if len(e.out) == 0 {
		return done, nil
	}
	if err := t.api.update(ctx, op, t.set.table, r.id(), e.out); err != nil {
		return event.Written{}, t.believeGone(ctx, op, r.id(), err)
	}
	if step.Comment != nil && step.Marker != "" {
		// The answer does not tell the entry's id. Find asks again if it is not read here.
		if items, err := t.entriesMarked(ctx, op, r, step.Marker); err == nil && len(items) > 0 {
			done.Item = items[len(items)-1]
		}
	}
	return done, nil
}

// addComment puts the entry into the update. What could not be found again is not
// written: an attempt in doubt would be written twice.
func (t *Tracker) addComment(ctx context.Context, e *encoder, r *record, step event.Step) error {
	column := public
	if step.Comment.Internal {
		column = internal
	}
	if _, there := r.row[column]; !there {
		return &adapters.Error{
			Class: adapters.ErrDenied, Op: e.op, Err: fmt.Errorf("the account may not read %s of the ticket", column),
			Hint: "let the account read and write comments and work notes",
		}
	}
	if _, err := t.journal(ctx, e.op, r, query{}); err != nil {
		return err
	}
	e.out[column] = withMarker(step.Comment.Body, step.Marker)
	return nil
}

func (t *Tracker) attach(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	op := "attach a file to ticket " + step.Ref.ID
	refused := func(format string, args ...any) (event.Written, error) {
		return event.Written{}, &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: fmt.Errorf(format, args...)}
	}
	if step.Attachment.Internal {
		return refused("there are no internal files in ServiceNow: everybody who sees the ticket sees its files")
	}
	r, err := t.ticket(ctx, op, step.Ref, "sys_created_by")
	if err != nil {
		return event.Written{}, err
	}
	name := markedName(step.Attachment.Name, step.Marker)
	if n := len([]rune(name)); n > maxFileName {
		return refused("the file's name has %d characters with its marker, ServiceNow takes %d", n, maxFileName)
	}
	item, err := t.api.upload(ctx, op, t.set.table, r.id(), name, mediaType(step.Attachment.MIME), step.Attachment.Size, body)
	if err != nil {
		return event.Written{}, t.believeGone(ctx, op, r.id(), err)
	}
	return event.Written{Ref: r.ref(), Key: r.key(), Item: item}, nil
}

// maxFileName is the length of sys_attachment's column.
const maxFileName = 100

// mediaType is one that ServiceNow does not take for anything else than a file's: forms
// and multipart bodies are read by the server.
func mediaType(s string) string {
	kind, _, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(kind, "/") || strings.HasPrefix(kind, "multipart/") || kind == "application/x-www-form-urlencoded" {
		return "application/octet-stream"
	}
	return kind
}

// entriesMarked are the ids of our entries with a marker.
func (t *Tracker) entriesMarked(ctx context.Context, op string, r *record, m event.Marker) ([]string, error) {
	me, err := t.account(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := t.journal(ctx, op, r, query{}.and("value", "LIKE", string(m)))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if _, have := marker.Cut(e.text); have == m && e.own(me) && !slices.Contains(out, e.id) {
			out = append(out, e.id)
		}
	}
	return out, nil
}

var errNoMarker = errors.New("a step without a marker cannot be looked for")
