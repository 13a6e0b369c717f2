package zendesk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"parley/adapters"
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
		Class: adapters.ErrConfiguration, Op: "write to Zendesk", Err: fmt.Errorf("a step of kind %q cannot be done as given", step.Kind),
	}
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	e, err := t.encoder(ctx, "create a ticket", nil)
	if err != nil {
		return event.Written{}, err
	}
	if _, ok := step.Fields[event.FieldSummary]; !ok {
		return event.Written{}, e.reject("a ticket needs a summary")
	}
	if err := e.encode(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	for member, v := range e.out {
		if v == nil {
			delete(e.out, member) // what is empty need not be said
		}
	}
	description, _ := step.Fields[event.FieldDescription].(string)
	e.out["comment"] = map[string]any{"html_body": fromMarkdown(description), "public": true}
	if step.Marker != "" {
		e.out["external_id"] = markerPrefix + string(step.Marker)
	}
	made, err := t.api.create(ctx, string(step.Marker), e.out)
	if err != nil {
		return event.Written{}, err
	}
	return event.Written{Ref: made.Ticket.ref(), Key: made.Ticket.key()}, nil
}

// update is one request: each counts against what Zendesk lets an account do to one
// ticket.
func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	x, e, err := t.prepare(ctx, step)
	if err != nil {
		return event.Written{}, err
	}
	if v, ok := step.Fields[event.FieldDescription]; ok {
		return event.Written{}, e.reject("the description is the ticket's first comment, which Zendesk lets nobody change (%d characters were to be written)", length(v))
	}
	if err := e.encode(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	if step.Comment != nil {
		if step.Comment.ID != "" {
			return event.Written{}, e.reject("Zendesk lets nobody change a comment")
		}
		said, err := t.pointed(ctx, e.op, x, step.Comment)
		if err != nil {
			return event.Written{}, err
		}
		e.say(step, fromMarkdown(said), step.Comment.Internal)
	}
	done := event.Written{Ref: x.ref(), Key: x.key()}
	if len(e.out) == 0 {
		return done, nil
	}
	e.lock(step)
	answer, err := t.api.update(ctx, x.key(), e.out)
	if err != nil {
		return event.Written{}, t.believeGone(ctx, e.op, err)
	}
	if said := answer.Audit.comment(); step.Comment != nil && said != nil {
		done.Item = strconv.FormatInt(said.ID, 10)
	}
	return done, nil
}

func length(v any) int {
	s, _ := v.(string)
	return len([]rune(s))
}

// prepare reads the ticket that a step is about and checks that it may be written to.
func (t *Tracker) prepare(ctx context.Context, step event.Step) (*ticket, *encoder, error) {
	op := "update ticket " + step.Ref.ID
	x, err := t.ticket(ctx, op, step.Ref)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case x.Status == statusClosed:
		return nil, nil, &adapters.Error{
			Class: adapters.ErrRejected, Op: op, Err: errors.New("the ticket is closed, which is final in Zendesk"), Hint: closedHint,
		}
	case step.Lock != "" && step.Lock != x.lock():
		return nil, nil, &adapters.Error{Class: adapters.ErrChanged, Op: op, Err: errors.New("the ticket is another one than was read")}
	}
	e, err := t.encoder(ctx, op, x)
	return x, e, err
}

// say adds a comment. Who may read it is said every time: what the last one said
// would hold otherwise.
func (e *encoder) say(step event.Step, html string, internal bool) {
	e.out["comment"] = map[string]any{"html_body": html, "public": !internal}
	if step.Marker != "" {
		e.out["metadata"] = map[string]any{"parley": string(step.Marker)}
	}
}

// lock makes Zendesk refuse the update if the ticket has changed since it was read.
func (e *encoder) lock(step event.Step) {
	if step.Lock == "" {
		return
	}
	e.out["safe_update"] = true
	e.out["updated_stamp"] = e.now.Updated.UTC().Format(time.RFC3339)
}

// attach uploads the bytes, then adds a comment that carries them: nothing else can.
// The upload is used at once, since it is there for an hour only.
func (t *Tracker) attach(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	x, e, err := t.prepare(ctx, step)
	if err != nil {
		return event.Written{}, err
	}
	a := step.Attachment
	token, err := t.api.upload(ctx, a.Name, a.MIME, a.Size, body)
	if err != nil {
		return event.Written{}, err
	}
	e.out["comment"] = map[string]any{"body": a.Name, "uploads": []string{token}, "public": !a.Internal}
	if step.Marker != "" {
		e.out["metadata"] = map[string]any{"parley": string(step.Marker), "parley_kind": kindFile}
	}
	answer, err := t.api.update(ctx, x.key(), e.out)
	if err != nil {
		return event.Written{}, t.believeGone(ctx, e.op, err)
	}
	added := answer.Audit.comment()
	if added == nil || len(added.Files) != 1 || added.Files[0].ID <= 0 {
		// Zendesk leaves out what an upload that has run out stood for.
		return event.Written{}, &adapters.Error{Class: adapters.ErrDoubt, Op: e.op, Err: errors.New("the file is not on the comment that was to carry it")}
	}
	return event.Written{Ref: x.ref(), Key: x.key(), Item: strconv.FormatInt(added.Files[0].ID, 10)}, nil
}

// Delete implements adapters.Deleter: the ticket can be restored for thirty days.
func (t *Tracker) Delete(ctx context.Context, ref event.Ref) error {
	op := "delete ticket " + ref.ID
	x, err := t.ticket(ctx, op, ref)
	if err != nil {
		return err
	}
	return t.believeGone(ctx, op, t.api.remove(ctx, x.key()))
}
