package gitlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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
		Class: adapters.ErrConfiguration, Op: "write to GitLab", Err: fmt.Errorf("a step of kind %q cannot be done as given", step.Kind),
	}
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	e := &edit{t: t, op: "create an issue", patch: map[string]any{}}
	if _, ok := step.Fields[event.FieldSummary]; !ok {
		return event.Written{}, e.reject("an issue needs a summary")
	}
	if err := e.encode(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	links, err := e.linking(step, nil, 0)
	if err != nil {
		return event.Written{}, err
	}
	parent, _, err := e.above(step.Fields)
	if err != nil {
		return event.Written{}, err
	}
	if e.patch["description"], err = e.body(e.text, step.Marker); err != nil {
		return event.Written{}, err
	}
	closing := e.patch["state_event"] == "close"
	delete(e.patch, "state_event")
	if len(e.labels) > 0 {
		e.patch["labels"] = e.labels
	}
	for _, name := range []string{"milestone_id", "due_date", "assignee_ids"} {
		if v, ok := e.patch[name]; ok && isEmpty(v) {
			delete(e.patch, name) // what is empty need not be said
		}
	}
	made, err := t.api.create(ctx, e.patch)
	if err != nil {
		// There is nothing yet that could be gone.
		return event.Written{}, t.api.listError(ctx, err, e.op)
	}
	if closing {
		// The issue is there by now: what fails here shows when it is read back.
		_ = t.api.update(ctx, made.id(), map[string]any{"state_event": "close"})
	}
	done := event.Written{Ref: made.ref(), Key: made.key()}
	if done.Partly, err = t.relate(ctx, made, links); err != nil {
		done.Partly = "the links of the issue could not all be made"
	}
	if t.lift(ctx, e.op, made, made.Type, parent) != nil {
		done.Partly = strings.TrimPrefix(done.Partly+"; the issue could not be put below its parent", "; ")
	}
	return done, nil
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case int64:
		return v == 0
	case []int64:
		return len(v) == 0
	}
	return v == nil
}

// update sets the fields, then adds the comment: the marker comes last, so that who
// finds it knows that all of the step was done.
func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	op := "update issue " + step.Ref.ID
	i, err := t.issue(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, err
	}
	if step, err = t.pointed(ctx, op, i, step); err != nil {
		return event.Written{}, err
	}
	e := &edit{t: t, op: op, of: i, patch: map[string]any{}}
	if err := e.encode(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	if e.setText {
		me, err := t.account(ctx)
		if err != nil {
			return event.Written{}, err
		}
		// The line that the create left must stay.
		_, kept := cutMarker(i.Description, isAuthor(i.Author, me))
		if e.patch["description"], err = e.body(e.text, kept); err != nil {
			return event.Written{}, err
		}
	}
	if e.setLabels {
		add, remove := difference(i.Labels, e.labels)
		if len(add) > 0 {
			e.patch["add_labels"] = add
		}
		if len(remove) > 0 {
			e.patch["remove_labels"] = remove
		}
	}
	have, err := t.linksFor(ctx, op, i, step)
	if err != nil {
		return event.Written{}, err
	}
	links, err := e.linking(step, have, i.Project)
	if err != nil {
		return event.Written{}, err
	}
	parent, lifts, err := e.above(step.Fields)
	if err != nil {
		return event.Written{}, err
	}
	said := ""
	if step.Comment != nil {
		if said, err = e.body(step.Comment.Body, step.Marker); err != nil {
			return event.Written{}, err
		}
	}
	if len(e.patch) > 0 {
		if err := t.api.update(ctx, i.id(), e.patch); err != nil {
			return event.Written{}, t.believeGone(ctx, op, err)
		}
	}
	if lifts {
		kind, ok := e.patch["issue_type"].(string)
		if !ok {
			kind = i.Type
		}
		if err := t.lift(ctx, op, i, kind, parent); err != nil {
			return event.Written{}, err
		}
	}
	done := event.Written{Ref: i.ref(), Key: i.key()}
	if done.Partly, err = t.relate(ctx, i, links); err != nil {
		return event.Written{}, err
	}
	if step.Comment != nil {
		if done.Item, err = t.api.addNote(ctx, i.id(), notEmpty(said), step.Comment.Internal); err != nil {
			return event.Written{}, t.believeGone(ctx, op, err)
		}
	}
	return done, nil
}

// notEmpty: a note is never empty in GitLab, and one of an emoji alone is a reaction.
func notEmpty(s string) string {
	if strings.TrimSpace(s) == "" || !strings.ContainsAny(s, " \n") && strings.HasPrefix(s, ":") && strings.HasSuffix(s, ":") {
		return s + "\u200b"
	}
	return s
}

// difference is what to add and what to remove. Labels of GitLab differ by letters.
func difference(have, want []string) (add, remove []string) {
	for _, s := range want {
		if !slices.Contains(have, s) {
			add = append(add, s)
		}
	}
	for _, s := range have {
		if !slices.Contains(want, s) {
			remove = append(remove, s)
		}
	}
	return add, remove
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
	talk, err := t.talk(ctx, op, i, me)
	if err != nil {
		return event.Written{}, err
	}
	n := slices.IndexFunc(talk.comments, func(c event.Comment) bool { return c.ID == step.Comment.ID && c.Author.ID == me.Username })
	if n < 0 {
		return event.Written{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the issue has no such comment of ours")}
	}
	e := &edit{t: t, op: op, of: i}
	if talk.comments[n].Internal != step.Comment.Internal {
		return event.Written{}, e.reject("GitLab cannot change who may read a comment")
	}
	if step, err = t.pointed(ctx, op, i, step); err != nil {
		return event.Written{}, err
	}
	said, err := e.body(step.Comment.Body, talk.comments[n].Marker)
	if err != nil {
		return event.Written{}, err
	}
	if err := t.api.editNote(ctx, i.id(), step.Comment.ID, notEmpty(said)); err != nil {
		return event.Written{}, t.believeGone(ctx, op, err)
	}
	return event.Written{Ref: i.ref(), Key: i.key(), Item: step.Comment.ID}, nil
}

var linkText = strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "\n", " ", "\r", " ")

// attach uploads a file, which nobody sees yet, and then says where it is.
func (t *Tracker) attach(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	op := "attach a file to issue " + step.Ref.ID
	i, err := t.issue(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, err
	}
	a := step.Attachment
	u, err := t.api.upload(ctx, i.Project, a.Name, a.MIME, a.Size, body)
	if err != nil {
		return event.Written{}, uploadError(err)
	}
	said := "[" + linkText.Replace(a.Name) + "](" + u.URL + ")"
	if step.Marker != "" {
		said += "\n\n<!-- parley:" + string(step.Marker) + " -->"
	}
	if _, err := t.api.addNote(ctx, i.id(), said, a.Internal); err != nil {
		return event.Written{}, t.believeGone(ctx, op, err)
	}
	done := event.Written{Ref: i.ref(), Key: i.key(), Item: u.Secret + "/" + u.FileName}
	done.Partly = t.repoint(ctx, step.Ref, event.Attachment{ID: done.Item, Name: a.Name, Internal: a.Internal})
	return done, nil
}

// uploadError: an upload that nothing links to did nothing, whatever became of it.
func uploadError(err error) error {
	var known *adapters.Error
	if !errors.As(err, &known) {
		return err
	}
	out := *known
	switch {
	case errors.Is(known.Class, adapters.ErrDoubt):
		out.Class = adapters.ErrTransient
	case errors.Is(known.Class, adapters.ErrGone):
		out.Class = adapters.ErrConfiguration
	default:
		return err
	}
	return &out
}
