package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

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
		if step.Comment != nil && step.Comment.ID != "" {
			return t.editComment(ctx, step)
		}
		if step.Comment != nil {
			return t.update(ctx, step)
		}
	case event.StepAttach:
		if step.Attachment != nil && body != nil {
			return t.attach(ctx, step, body)
		}
	}
	return event.Written{}, &adapters.Error{
		Class: adapters.ErrConfiguration, Op: "write to Jira", Err: fmt.Errorf("a step of kind %q cannot be done as given", step.Kind),
	}
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	const op = "create an issue"
	e := &encoder{t: t, op: op, out: map[string]any{}}
	if _, ok := step.Fields[event.FieldSummary]; !ok {
		return event.Written{}, e.reject("an issue needs a summary")
	}
	project, err := e.target(step.Fields)
	if err != nil {
		return event.Written{}, err
	}
	kind, _ := step.Fields[event.FieldType].(string)
	e.out["project"] = map[string]any{"key": project}
	e.out["issuetype"] = map[string]any{"name": orDefault(kind, t.set.kind)}
	if err := e.encode(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	if parent := step.Fields[event.FieldParent]; parent != nil {
		if err := e.parent(parent); err != nil {
			return event.Written{}, err
		}
	}
	links, err := e.linking(ctx, nil, step)
	if err != nil {
		return event.Written{}, err
	}
	for id, v := range e.out {
		if v == nil {
			delete(e.out, id) // what is empty need not be said
		}
	}
	body := map[string]any{"fields": e.out}
	if step.Marker != "" {
		body["properties"] = []any{map[string]any{"key": propertyKey, "value": string(step.Marker)}}
	}
	t.attempted(step.Marker)
	id, err := t.api.create(ctx, body)
	t.attempted(step.Marker)
	if err != nil {
		return event.Written{}, err
	}
	// The answer does not tell when it was made.
	made, err := t.api.issue(ctx, op, id, only("created", "updated", "status"))
	if err != nil {
		return event.Written{}, &adapters.Error{Class: adapters.ErrDoubt, Op: op, Err: withoutClass(err)}
	}
	t.firstStatus(ctx, made, step.Fields)
	done := event.Written{Ref: made.ref(), Key: made.Key}
	// The issue is there: what lacks shows when it is read back, and a later step adds it.
	if err := links.apply(ctx, t, op, made.ID); err != nil {
		done.Partly = "not all links were made: " + classOf(err).Error()
	}
	return done, nil
}

// withoutClass keeps the words of an error whose class does not hold for the
// whole step.
func withoutClass(err error) error {
	var known *adapters.Error
	if errors.As(err, &known) && known.Err != nil {
		return known.Err
	}
	return errors.New("the issue made could not be read")
}

// target is the project to create in.
func (e *encoder) target(fields event.Fields) (string, error) {
	key, _ := fields[event.FieldProject].(string)
	if key == "" {
		key = e.t.set.projects[0]
	}
	if !slices.Contains(e.t.set.projects, key) {
		return "", e.reject("project %q is not among the adapter's projects", key)
	}
	return key, nil
}

// firstStatus moves a new issue where the create could not put it. The issue is
// there by now: what fails here shows when it is read back.
func (t *Tracker) firstStatus(ctx context.Context, made *issue, fields event.Fields) {
	want, _ := fields[event.FieldStatus].(string)
	var status named
	if want == "" || made.field("status", &status) != nil || status.Name == want {
		return
	}
	e := &encoder{t: t, op: "change the status of issue " + made.ID, out: map[string]any{}}
	if m, err := t.move(ctx, e, made, want); err == nil && m != nil {
		_ = t.api.transit(ctx, made.ID, map[string]any{"transition": map[string]any{"id": m.ID}})
	}
}

// update sets fields, then the status, then the links, then adds the comment: the marker comes
// last, so that who finds it knows that all of the step was done.
func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	op := "update issue " + step.Ref.ID
	i, err := t.issue(ctx, op, step.Ref, only("created", "updated", "status", "project", "issuetype", "attachment", "parent", linksField))
	if err != nil {
		return event.Written{}, err
	}
	if step, err = t.pointed(ctx, i, step); err != nil {
		return event.Written{}, incomplete(op, adapters.ErrConfiguration)
	}
	e := &encoder{t: t, op: op, out: map[string]any{}}
	if err := e.fixed(i, step.Fields); err != nil {
		return event.Written{}, err
	}
	if err := e.encode(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	links, err := e.linking(ctx, i, step)
	if err != nil {
		return event.Written{}, err
	}
	var said map[string]any
	if step.Comment != nil {
		if said, err = t.commentBody(op, i, step); err != nil {
			return event.Written{}, err
		}
	}
	if err := t.apply(ctx, e, i, step); err != nil {
		return event.Written{}, err
	}
	if err := links.apply(ctx, t, op, i.ID); err != nil {
		return event.Written{}, err
	}
	done := event.Written{Ref: i.ref(), Key: i.Key}
	if said != nil {
		if done.Item, err = t.api.addComment(ctx, i.ID, said); err != nil {
			return event.Written{}, t.believeGone(ctx, op, err)
		}
	}
	return done, nil
}

// fixed handles project, type and parent.
func (e *encoder) fixed(i *issue, fields event.Fields) error {
	var project, kind named
	if i.field("project", &project) != nil || i.field("issuetype", &kind) != nil || project.Key == "" {
		return incomplete(e.op, adapters.ErrConfiguration)
	}
	if v, ok := fields[event.FieldProject]; ok && v != project.Key {
		return e.reject("Jira's API cannot move an issue to another project")
	}
	if v, ok := fields[event.FieldType]; ok && v != kind.Name {
		name, _ := v.(string)
		if name == "" {
			return e.reject("the type cannot be empty")
		}
		e.out["issuetype"] = map[string]any{"name": name}
	}
	if v, ok := fields[event.FieldParent]; ok {
		return e.reparent(i, v)
	}
	return nil
}

// apply writes fields and status: those that only the transition's screen has go
// with it.
func (t *Tracker) apply(ctx context.Context, e *encoder, i *issue, step event.Step) error {
	var move *transition
	if want, ok := step.Fields[event.FieldStatus]; ok {
		name, _ := want.(string)
		var err error
		if move, err = t.move(ctx, e, i, name); err != nil {
			return err
		}
	}
	transit := map[string]any{}
	if move != nil {
		transit["transition"] = map[string]any{"id": move.ID}
		with := map[string]any{}
		for id := range move.Fields {
			if v, ok := e.out[id]; ok {
				with[id] = v
				delete(e.out, id)
			}
		}
		if len(with) > 0 {
			transit["fields"] = with
		}
	}
	if body := e.body(); len(body) > 0 {
		if err := t.api.update(ctx, i.ID, body); err != nil {
			return t.believeGone(ctx, e.op, err)
		}
	}
	if move == nil {
		return nil
	}
	return t.believeGone(ctx, e.op, t.api.transit(ctx, i.ID, transit))
}

// move is the transition to a status; nil if the issue is there already.
func (t *Tracker) move(ctx context.Context, e *encoder, i *issue, want string) (*transition, error) {
	var status named
	if i.field("status", &status) != nil || status.Name == "" {
		return nil, incomplete(e.op, adapters.ErrConfiguration)
	}
	if status.Name == want {
		return nil, nil
	}
	all, err := t.api.transitions(ctx, e.op, i.ID)
	if err != nil {
		return nil, t.believeGone(ctx, e.op, err)
	}
	var best *transition
	for n := range all {
		m := &all[n]
		if m.To.Name == want && (best == nil || e.lacks(m) < e.lacks(best)) {
			best = m
		}
	}
	if best == nil {
		return nil, &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op,
			Err:  fmt.Errorf("status %q is not allowed after %q; allowed are %q", want, status.Name, targets(all)),
			Hint: "map the status in the filter, or allow the transition in Jira's workflow for the account",
		}
	}
	return best, nil
}

// lacks counts the fields that a transition demands and the step does not have.
func (e *encoder) lacks(m *transition) int {
	n := 0
	for id, f := range m.Fields {
		if _, ok := e.out[id]; f.Required && !f.HasDefault && !ok {
			n++
		}
	}
	return n
}

// targets are the statuses that transitions lead to.
func targets(all []transition) []string {
	var out []string
	for _, m := range all {
		if m.To.Name != "" && !slices.Contains(out, m.To.Name) {
			out = append(out, m.To.Name)
		}
	}
	return out
}

const serviceProject = "service_desk"

// commentBody is a comment with its marker and who may read it.
func (t *Tracker) commentBody(op string, i *issue, step event.Step) (map[string]any, error) {
	properties := []any{}
	if step.Marker != "" {
		properties = append(properties, map[string]any{"key": propertyKey, "value": string(step.Marker)})
	}
	out := map[string]any{"body": t.commentText(step.Comment.Body)}
	var project named
	if err := i.field("project", &project); err != nil {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	switch {
	case project.Type == serviceProject:
		properties = append(properties, map[string]any{"key": internalKey, "value": map[string]any{"internal": step.Comment.Internal}})
	case !step.Comment.Internal:
	case t.set.audience == nil:
		return nil, &adapters.Error{
			Class: adapters.ErrRejected, Op: op, Err: errors.New("there are no internal comments in this project: this one would be public"),
			Hint: "set internal_comments to a role or group that may read them",
		}
	default:
		out["visibility"] = map[string]any{"type": t.set.audience.kind, "value": t.set.audience.name}
	}
	if len(properties) > 0 {
		out["properties"] = properties
	}
	return out, nil
}

// commentText: a comment is never empty in Jira.
func (t *Tracker) commentText(md string) any {
	if md == "" {
		md = "\u200b"
	}
	return t.api.fromMarkdown(md)
}

func (t *Tracker) editComment(ctx context.Context, step event.Step) (event.Written, error) {
	op := "edit comment " + step.Comment.ID
	i, err := t.issue(ctx, op, step.Ref, only("created", "updated", "project", "attachment"))
	if err != nil {
		return event.Written{}, err
	}
	if step, err = t.pointed(ctx, i, step); err != nil {
		return event.Written{}, incomplete(op, adapters.ErrConfiguration)
	}
	me, err := t.account(ctx)
	if err != nil {
		return event.Written{}, err
	}
	all, err := t.comments(ctx, op, i, me)
	if err != nil {
		return event.Written{}, t.believeGone(ctx, op, err)
	}
	n := slices.IndexFunc(all, func(c event.Comment) bool { return c.ID == step.Comment.ID && c.Author.ID == me.id() })
	if n < 0 {
		return event.Written{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the issue has no such comment of ours")}
	}
	// Who may read it is said again: an edit that leaves it out makes it public.
	step.Marker = all[n].Marker
	body, err := t.commentBody(op, i, step)
	if err != nil {
		return event.Written{}, err
	}
	if err := t.api.editComment(ctx, i.ID, step.Comment.ID, body); err != nil {
		return event.Written{}, t.believeGone(ctx, op, err)
	}
	return event.Written{Ref: i.ref(), Key: i.Key, Item: step.Comment.ID}, nil
}

func (t *Tracker) attach(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	op := "attach a file to issue " + step.Ref.ID
	if step.Attachment.Internal {
		return event.Written{}, &adapters.Error{
			Class: adapters.ErrRejected, Op: op, Err: errors.New("there are no internal files in Jira: everybody who sees the issue sees its files"),
		}
	}
	i, err := t.issue(ctx, op, step.Ref, only("created", "updated"))
	if err != nil {
		return event.Written{}, err
	}
	name := markedName(step.Attachment.Name, step.Marker)
	if len(name) > 255 {
		return event.Written{}, &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: fmt.Errorf("the file's name has %d bytes with its marker, Jira takes 255", len(name))}
	}
	id, err := t.api.attach(ctx, i.ID, name, step.Attachment.MIME, step.Attachment.Size, body)
	if err != nil {
		return event.Written{}, t.believeGone(ctx, op, err)
	}
	return event.Written{Ref: i.ref(), Key: i.Key, Item: id, Partly: t.repoint(ctx, step.Ref, step.Attachment.Name)}, nil
}

// saysInternal reads the property of Jira Service Management.
func saysInternal(all []property) bool {
	for _, p := range all {
		if p.Key != internalKey {
			continue
		}
		var v struct {
			Internal *bool `json:"internal"`
		}
		// What cannot be read for certain is internal.
		return json.NewDecoder(bytes.NewReader(p.Value)).Decode(&v) != nil || v.Internal == nil || *v.Internal
	}
	return false
}
