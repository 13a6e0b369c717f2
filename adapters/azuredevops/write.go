package azuredevops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

// Write implements adapters.Tracker.
func (t *Tracker) Write(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	if step.Comment != nil && step.Comment.Internal {
		return event.Written{}, &adapters.Error{
			Class: adapters.ErrRejected, Op: "comment on work item " + step.Ref.ID,
			Err: errors.New("there are no internal comments in Azure DevOps: this one would be public"),
		}
	}
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
		Class: adapters.ErrConfiguration, Op: "write to Azure DevOps", Err: fmt.Errorf("a step of kind %q cannot be done as given", step.Kind),
	}
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	project, _ := step.Fields[event.FieldProject].(string)
	kind, _ := step.Fields[event.FieldType].(string)
	e := &encoder{t: t, op: "create a work item", project: orDefault(project, t.set.projects[0]), kind: orDefault(kind, t.set.kind)}
	if _, ok := step.Fields[event.FieldSummary]; !ok {
		return event.Written{}, e.reject("a work item needs a summary")
	}
	if !t.ours(e.project) {
		return event.Written{}, e.reject("project %q is not among the adapter's projects", e.project)
	}
	known, err := t.dir.typeOf(ctx, e.project, e.kind)
	if err != nil {
		return event.Written{}, err
	}
	if known == nil {
		return event.Written{}, e.reject("project %q has no work items of type %q", e.project, e.kind)
	}
	if err := e.encode(ctx, step); err != nil {
		return event.Written{}, err
	}
	made, err := t.api.create(ctx, e.project, e.kind, t.marked(e.out, step.Marker))
	if err != nil {
		return event.Written{}, err
	}
	t.firstStatus(ctx, made, step.Fields)
	return event.Written{Ref: made.ref(), Key: made.key(), Version: made.version()}, nil
}

// marked adds the marker to what makes a work item: a tag among its tags, or a field.
func (t *Tracker) marked(ops []operation, m event.Marker) []operation {
	if m == "" {
		return ops
	}
	text := markPrefix + string(m)
	if t.set.marker != "" {
		return append(ops, operation{Op: "add", Path: "/fields/" + t.set.marker, Value: text})
	}
	for n := range ops {
		if ops[n].Path == "/fields/"+refTags {
			ops[n].Value = fmt.Sprint(ops[n].Value, "; ", text)
			return ops
		}
	}
	return append(ops, operation{Op: "add", Path: "/fields/" + refTags, Value: text})
}

// firstStatus moves what was made: a create takes the first state only. The work item
// is there by now: what fails here shows when it is read back.
func (t *Tracker) firstStatus(ctx context.Context, made *item, fields event.Fields) {
	want, _ := fields[event.FieldStatus].(string)
	if want == "" || made.text(refState) == want {
		return
	}
	op := "change the status of work item " + made.key()
	_, _ = t.api.update(ctx, op, made.key(), []operation{testRev(made.version()), {Op: "add", Path: "/fields/" + refState, Value: want}})
}

// testRev makes Azure DevOps refuse a patch of any other revision.
func testRev(rev string) operation {
	n, _ := strconv.ParseInt(rev, 10, 64)
	return operation{Op: "test", Path: "/rev", Value: n}
}

// tries is how often a patch is made for an item that changes meanwhile, where the step
// was not decided on one revision.
const tries = 4

// update is one patch: fields, status and comment are there together or not at all. It
// tests the revision if the step was decided on one, or if what it holds is true of one
// only: the place of a relation, all of the tags.
func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	op := "update work item " + step.Ref.ID
	var err error
	for range tries {
		var done event.Written
		if done, err = t.tryUpdate(ctx, op, step); !changed(err) || step.Lock != "" {
			return done, err
		}
	}
	return event.Written{}, &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: withoutClass(err)}
}

func (t *Tracker) tryUpdate(ctx context.Context, op string, step event.Step) (event.Written, error) {
	i, err := t.item(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, err
	}
	if step.Lock != "" && step.Lock != i.version() {
		return event.Written{}, &adapters.Error{Class: adapters.ErrChanged, Op: op, Err: errors.New("the work item is another one than was read")}
	}
	e := &encoder{t: t, op: op, now: i, project: i.text(refProject), kind: i.text(refType)}
	if err := e.place(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	if err := e.encode(ctx, step); err != nil {
		return event.Written{}, err
	}
	done := event.Written{Ref: i.ref(), Key: i.key()}
	if step.Comment != nil && len(e.out) == 0 && step.Lock == "" {
		done.Item, err = t.api.comment(ctx, op, http.MethodPost, "{project}/_apis/wit/workItems/{id}/comments",
			commentText(point(step.Comment.Body, i, ""), step.Marker, ""), i.text(refProject), i.key())
		if err != nil {
			return event.Written{}, t.believeGone(ctx, op, i.key(), err)
		}
		return done, nil
	}
	if step.Comment != nil {
		e.out = append(e.out, operation{Op: "add", Path: "/fields/" + refHistory, Value: commentText(point(step.Comment.Body, i, ""), step.Marker, "")})
	}
	if len(e.out) == 0 {
		return done, nil
	}
	if e.tied || step.Lock != "" {
		e.out = slices.Insert(e.out, 0, testRev(i.version()))
	}
	after, err := t.api.update(ctx, op, i.key(), e.out)
	if errors.Is(err, adapters.ErrGone) && relates(e.out) {
		if _, gone := t.item(ctx, op, step.Ref); gone == nil {
			err = unrelated(op, err)
		}
	}
	if err != nil {
		return event.Written{}, t.believeGone(ctx, op, i.key(), err)
	}
	done.Version = after.version()
	if step.Comment != nil && after.Comment != nil && after.Comment.ID > 0 {
		done.Item = strconv.FormatInt(after.Comment.ID, 10)
	}
	return done, nil
}

func (t *Tracker) editComment(ctx context.Context, step event.Step) (event.Written, error) {
	op := "edit comment " + step.Comment.ID
	i, err := t.item(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, err
	}
	me, err := t.account(ctx)
	if err != nil {
		return event.Written{}, err
	}
	all, err := t.api.comments(ctx, op, i.text(refProject), i.key())
	if err != nil {
		return event.Written{}, t.believeGone(ctx, op, i.key(), err)
	}
	n := slices.IndexFunc(all, func(s said) bool {
		return strconv.FormatInt(s.number(), 10) == step.Comment.ID && s.By.event().ID == me.ID
	})
	if n < 0 {
		return event.Written{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the work item has no such comment of ours")}
	}
	_, m := cutComment(all[n].Text, all[n].Format)
	_, err = t.api.comment(ctx, op, http.MethodPatch, "{project}/_apis/wit/workItems/{id}/comments/{comment}",
		commentText(point(step.Comment.Body, i, all[n].Format), m, all[n].Format), i.text(refProject), i.key(), step.Comment.ID)
	if err != nil {
		return event.Written{}, t.believeGone(ctx, op, i.key(), err)
	}
	return event.Written{Ref: i.ref(), Key: i.key(), Item: step.Comment.ID}, nil
}

// attach uploads the bytes, then makes the relation that hangs them on the item. An
// upload without one is nobody's.
func (t *Tracker) attach(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	op := "attach a file to work item " + step.Ref.ID
	if step.Attachment.Internal {
		return event.Written{}, &adapters.Error{
			Class: adapters.ErrRejected, Op: op, Err: errors.New("there are no internal files in Azure DevOps: everybody who sees the work item sees its files"),
		}
	}
	i, err := t.item(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, err
	}
	id, at, err := t.api.upload(ctx, op, i.text(refProject), step.Attachment.Name, step.Attachment.Size, body)
	if err != nil {
		return event.Written{}, t.believeGone(ctx, op, i.key(), err)
	}
	attributes := map[string]any{"name": step.Attachment.Name}
	if step.Marker != "" {
		attributes["comment"] = markPrefix + string(step.Marker)
	}
	after, err := t.api.update(ctx, op, i.key(), []operation{
		{Op: "add", Path: "/relations/-", Value: map[string]any{"rel": relFile, "url": at, "attributes": attributes}},
	})
	if err != nil {
		return event.Written{}, t.believeGone(ctx, op, i.key(), err)
	}
	version := t.repoint(ctx, step.Ref, step.Attachment.Name, after.version())
	return event.Written{Ref: i.ref(), Key: i.key(), Item: strings.ToLower(id), Version: version}, nil
}
