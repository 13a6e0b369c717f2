package github

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"parley/adapters"
	"parley/sync/event"
)

// Write implements adapters.Tracker.
func (t *Tracker) Write(ctx context.Context, step event.Step, _ io.Reader) (event.Written, error) {
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
		return event.Written{}, &adapters.Error{
			Class: adapters.ErrRejected, Op: "attach a file to issue " + step.Ref.ID,
			Err: errors.New("GitHub's API takes no files"), Hint: "leave attachments out in the filter, or put a link into the text",
		}
	}
	return event.Written{}, &adapters.Error{
		Class: adapters.ErrConfiguration, Op: "write to GitHub", Err: fmt.Errorf("a step of kind %q cannot be done as given", step.Kind),
	}
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	e := &edit{t: t, op: "create an issue", patch: map[string]any{}}
	if _, ok := step.Fields[event.FieldSummary]; !ok {
		return event.Written{}, e.reject("an issue needs a summary")
	}
	if err := e.encode(ctx, step); err != nil {
		return event.Written{}, err
	}
	var err error
	if e.patch["body"], err = e.body(e.text, step.Marker); err != nil {
		return event.Written{}, err
	}
	closing := map[string]any{}
	for _, name := range []string{"state", "state_reason"} {
		if v, ok := e.patch[name]; ok {
			closing[name] = v
			delete(e.patch, name)
		}
	}
	for name, v := range e.patch {
		if v == nil {
			delete(e.patch, name) // what is empty need not be said
		}
	}
	for name, all := range map[string][]string{"labels": e.labels, "assignees": e.people} {
		if len(all) > 0 {
			e.patch[name] = all
		}
	}
	if len(e.values) > 0 {
		e.patch["issue_field_values"] = e.values
	}
	made, err := t.api.create(ctx, e.patch)
	if err != nil {
		// There is nothing yet that could be gone.
		return event.Written{}, t.api.listError(ctx, err, e.op)
	}
	for _, d := range e.dependencies {
		if err := t.depend(ctx, made, d); err != nil && !refused(err) {
			return event.Written{}, unfinished(e.op, err)
		}
	}
	// The issue is there by now: what fails here shows when it is read back.
	if e.parent != "" {
		_ = t.api.addChild(ctx, e.parent, made.ID)
	}
	if len(closing) > 0 {
		_ = t.api.update(ctx, made.id(), closing)
	}
	return event.Written{Ref: made.ref(), Key: made.key()}, nil
}

// refused tells whether GitHub took a request and said no: that shows when the issue is
// read back.
func refused(err error) bool {
	return errors.Is(err, adapters.ErrRejected) || errors.Is(err, adapters.ErrGone)
}

// unfinished is a create after which something is not done. Who looks finds the issue by
// its marker, and does what lacks.
func unfinished(op string, err error) error {
	var known *adapters.Error
	if errors.As(err, &known) {
		return &adapters.Error{Class: adapters.ErrDoubt, Op: op, Detail: known.Detail, After: known.After, Err: known.Err, Hint: known.Hint}
	}
	return &adapters.Error{Class: adapters.ErrDoubt, Op: op, Err: err}
}

// update does what prepares first, then the issue itself, then adds the comment: the
// marker comes last, so that who finds it knows that all of the step was done.
func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	op := "update issue " + step.Ref.ID
	i, err := t.issue(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, err
	}
	e := &edit{t: t, op: op, of: i, patch: map[string]any{}}
	if err := e.encode(ctx, step); err != nil {
		return event.Written{}, err
	}
	if e.setText {
		me, err := t.account(ctx)
		if err != nil {
			return event.Written{}, err
		}
		// The line that the create left must stay.
		_, kept := t.issueText(i, me)
		if e.patch["body"], err = e.body(e.text, kept); err != nil {
			return event.Written{}, err
		}
	}
	said := ""
	if step.Comment != nil {
		if said, err = e.comment(step.Comment, step.Marker); err != nil {
			return event.Written{}, err
		}
	}
	if err := e.apply(ctx); err != nil {
		return event.Written{}, t.believeGone(ctx, op, i.ref(), err)
	}
	done := event.Written{Ref: i.ref(), Key: i.key()}
	if step.Comment != nil {
		if done.Item, err = t.api.addComment(ctx, i.id(), said); err != nil {
			return event.Written{}, t.believeGone(ctx, op, i.ref(), err)
		}
	}
	return done, nil
}

func (e *edit) apply(ctx context.Context) error {
	api, number := e.t.api, e.of.id()
	steps := []func() error{func() error { return e.applyParent(ctx) }}
	for _, id := range e.cleared {
		steps = append(steps, func() error { return api.clearValue(ctx, number, id) })
	}
	if len(e.values) > 0 {
		steps = append(steps, func() error { return api.setValues(ctx, number, e.values) })
	}
	if e.setLabels {
		add, remove := difference(e.of.labelNames(), e.labels)
		if len(add) > 0 {
			steps = append(steps, func() error { return api.addLabels(ctx, number, add) })
		}
		for _, name := range remove {
			steps = append(steps, func() error { return api.removeLabel(ctx, number, name) })
		}
	}
	if e.setPeople {
		add, remove := difference(e.of.logins(), e.people)
		if len(add) > 0 {
			steps = append(steps, func() error { return api.assign(ctx, number, add) })
		}
		if len(remove) > 0 {
			steps = append(steps, func() error { return api.unassign(ctx, number, remove) })
		}
	}
	for _, d := range e.dependencies {
		steps = append(steps, func() error { return e.t.depend(ctx, e.of, d) })
	}
	if len(e.patch) > 0 {
		steps = append(steps, func() error { return api.update(ctx, number, e.patch) })
	}
	for _, do := range steps {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// applyParent moves the issue below another one. The parent that it has is told by
// its number only.
func (e *edit) applyParent(ctx context.Context) error {
	have, _ := e.t.parentOf(e.of).(map[string]any)
	id, _ := have["id"].(string)
	switch {
	case !e.setParent || id == e.parent:
		return nil
	case e.parent != "":
		err := e.t.api.addChild(ctx, e.parent, e.of.ID)
		if errors.Is(err, adapters.ErrGone) {
			return e.reject("there is no issue %s to put this one below", e.parent)
		}
		return err
	case !isID(id):
		return e.reject("the parent is in another repository")
	}
	return e.t.api.removeChild(ctx, id, e.of.ID)
}

// comment is a comment as it is written.
func (e *edit) comment(c *event.CommentWrite, m event.Marker) (string, error) {
	if c.Internal {
		return "", &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: errors.New("GitHub has no internal comments: this one would be public"),
			Hint: "leave internal comments out in the filter",
		}
	}
	md := c.Body
	if fromMarkdown(md) == "" && m == "" {
		md = "\u200b" // a comment is never empty at GitHub
	}
	return e.body(md, m)
}

func (t *Tracker) editComment(ctx context.Context, step event.Step) (event.Written, error) {
	op := "edit comment " + step.Comment.ID
	i, err := t.issue(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, err
	}
	me, err := t.account(ctx)
	if err != nil {
		return event.Written{}, err
	}
	all, err := t.comments(ctx, op, i)
	if err != nil {
		return event.Written{}, err
	}
	n := slices.IndexFunc(all, func(c event.Comment) bool { return c.ID == step.Comment.ID && c.Author.ID == me.Login })
	if n < 0 {
		return event.Written{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the issue has no such comment of ours")}
	}
	e := &edit{t: t, op: op, of: i}
	said, err := e.comment(step.Comment, all[n].Marker)
	if err != nil {
		return event.Written{}, err
	}
	if err := t.api.editComment(ctx, step.Comment.ID, said); err != nil {
		return event.Written{}, t.believeGone(ctx, op, i.ref(), err)
	}
	return event.Written{Ref: i.ref(), Key: i.key(), Item: step.Comment.ID}, nil
}
