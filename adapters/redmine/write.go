package redmine

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
		Class: adapters.ErrConfiguration, Op: "write to Redmine", Err: fmt.Errorf("a step of kind %q cannot be done as given", step.Kind),
	}
}

func (t *Tracker) encoder(op string, p project) *encoder {
	return &encoder{t: t, op: op, project: p, out: map[string]any{}, unknown: event.Fields{}}
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	const op = "create an issue"
	p, err := t.target(ctx, op, step.Fields)
	if err != nil {
		return event.Written{}, err
	}
	e := t.encoder(op, p)
	if _, ok := step.Fields[event.FieldSummary]; !ok {
		return event.Written{}, e.reject("an issue needs a summary")
	}
	if err := e.encode(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	if err := t.encodeNew(ctx, e, step); err != nil {
		return event.Written{}, err
	}
	if err := t.mayLink(ctx, op, step, p.ID); err != nil {
		return event.Written{}, err
	}
	made, err := t.api.create(ctx, e.out)
	if err != nil {
		return event.Written{}, err
	}
	t.dir.learn(*made)
	t.complete(ctx, e, step, made)
	done := event.Written{Ref: made.ref(), Key: made.id()}
	if done.Partly, err = t.linkNew(ctx, op, step, made); err != nil {
		return event.Written{}, err
	}
	return done, nil
}

// target is the project to create in. An unknown one would be answered with
// "Project cannot be blank".
func (t *Tracker) target(ctx context.Context, op string, fields event.Fields) (project, error) {
	name, _ := fields[event.FieldProject].(string)
	if name == "" && len(t.set.projects) > 0 {
		name = t.set.projects[0]
	}
	if name == "" {
		return project{}, &adapters.Error{
			Class: adapters.ErrRejected, Op: op, Err: errors.New("no project is named"),
			Hint: "set project in the filter, or projects in the adapter's settings",
		}
	}
	if len(t.set.projects) > 0 && !slices.Contains(t.set.projects, name) {
		return project{}, &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: fmt.Errorf("project %q is not among the adapter's projects", name)}
	}
	if !identifierPattern.MatchString(name) {
		return project{}, &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: fmt.Errorf("%q is not a project's identifier", name)}
	}
	return t.dir.project(ctx, name)
}

// encodeNew adds what only a create has: project, tracker, first status, and
// the marker.
func (t *Tracker) encodeNew(ctx context.Context, e *encoder, step event.Step) error {
	e.out["project_id"] = e.project.ID
	tracker, _ := step.Fields[event.FieldType].(string)
	if tracker == "" {
		tracker = t.set.tracker
	}
	if tracker != "" {
		if err := e.named("tracker_id", "tracker", tracker, e.project.Trackers); err != nil {
			return err
		}
	}
	if v, ok := step.Fields[event.FieldStatus]; ok {
		all, err := t.dir.statuses(ctx)
		if err != nil {
			return err
		}
		if err := e.named("status_id", "status", v, all); err != nil {
			return err
		}
	}
	text, err := e.text(event.FieldDescription, step.Fields[event.FieldDescription])
	if err != nil {
		return err
	}
	marker := step.Marker
	if t.set.markerField != "" && marker != "" {
		fields, err := t.dir.customFields(ctx)
		if err != nil {
			return err
		}
		if def, ok := fields[t.set.markerField]; ok {
			e.custom = append(e.custom, map[string]any{"id": def.id, "value": string(marker)})
			e.out["custom_fields"] = e.custom
			marker = ""
		}
	}
	e.out["description"] = t.set.withMarker(text, marker)
	return nil
}

// complete writes what the create could not hold: a status that is no first
// status, and custom fields whose numbers the first issue of a project tells.
// The issue is there by now: what fails here shows when it is read back.
func (t *Tracker) complete(ctx context.Context, e *encoder, step event.Step, made *issue) {
	rest := t.encoder(e.op, e.project)
	if err := rest.encode(ctx, e.unknown); err != nil {
		rest.out = map[string]any{}
	}
	status, _ := step.Fields[event.FieldStatus].(string)
	if status != "" && status != made.Status.Name {
		rest.out["status_id"] = e.out["status_id"]
	}
	if len(rest.out) > 0 {
		_ = t.api.update(ctx, made.id(), rest.out)
	}
}

func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	op := "update issue " + step.Ref.ID
	i, err := t.issue(ctx, op, step.Ref, "allowed_statuses,relations")
	if err != nil {
		return event.Written{}, err
	}
	me, err := t.account(ctx)
	if err != nil {
		return event.Written{}, err
	}
	if err := t.mayUpdate(ctx, op, step, i, me); err != nil {
		return event.Written{}, err
	}
	links, err := t.linking(ctx, op, step, i, me)
	if err != nil {
		return event.Written{}, err
	}
	if links.unblocks() {
		// What may follow is another matter once the blocker is gone.
		i.AllowedStatuses = nil
	}
	e, err := t.encodeUpdate(ctx, op, step, i, me)
	if err != nil {
		return event.Written{}, err
	}
	done := event.Written{Ref: i.ref(), Key: i.id()}
	if step.Comment != nil {
		e.out["notes"] = t.set.withMarker(step.Comment.Body, step.Marker)
		e.out["private_notes"] = step.Comment.Internal
	}
	err = links.around(ctx, step.Comment != nil, func() error {
		if len(e.out) == 0 {
			// A PUT that changes nothing would still move the change time.
			return nil
		}
		return t.believeGone(ctx, t.api.update(ctx, i.id(), e.out))
	})
	if err != nil {
		return event.Written{}, err
	}
	if step.Comment != nil {
		done.Item = t.itemOf(ctx, step)
	}
	done.Partly = links.partly()
	return done, nil
}

// mayUpdate asks before a write what Redmine would ignore without a word: all
// fields of an account that may only comment, and, worse, that a note is to be
// private.
func (t *Tracker) mayUpdate(ctx context.Context, op string, step event.Step, i *issue, me account) error {
	may, known, err := t.permissionsIn(ctx, me, i.Project.ID)
	if err != nil {
		return err
	}
	edits := may["edit_issues"] || may["edit_own_issues"] && i.Author.ID == me.ID
	fields := len(step.Fields)
	if _, ok := step.Fields[event.FieldLinks]; ok {
		fields-- // of another permission
	}
	if known && fields > 0 && !edits {
		return denied(op, "the account may not change this issue", "edit_issues")
	}
	if step.Comment != nil && step.Comment.Internal && !may["set_notes_private"] {
		return denied(op, "the account may not write private notes: this one would be public", "set_notes_private")
	}
	return nil
}

func denied(op, why, permission string) error {
	return &adapters.Error{
		Class: adapters.ErrDenied, Op: op, Err: errors.New(why),
		Hint: "give the account's role the permission " + permission + " in this project",
	}
}

// itemOf looks up the note just written: Redmine answers 204 without its id.
// What is not found here is found when the issue is read.
func (t *Tracker) itemOf(ctx context.Context, step event.Step) string {
	if step.Marker == "" {
		return ""
	}
	found, err := t.Find(ctx, step)
	if err != nil {
		return ""
	}
	return found.Written.Item
}

func (t *Tracker) encodeUpdate(ctx context.Context, op string, step event.Step, i *issue, me account) (*encoder, error) {
	p, err := t.dir.projectByID(ctx, i.Project.ID)
	if err != nil {
		return nil, err
	}
	if name, _ := step.Fields[event.FieldProject].(string); name != "" && name != p.Identifier {
		if p, err = t.target(ctx, op, step.Fields); err != nil {
			return nil, err
		}
	}
	e := t.encoder(op, p)
	if p.ID != i.Project.ID {
		e.out["project_id"] = p.ID
	}
	if name, ok := step.Fields[event.FieldType]; ok && name != i.Tracker.Name {
		if err := e.named("tracker_id", "tracker", name, p.Trackers); err != nil {
			return nil, err
		}
	}
	if err := e.encode(ctx, step.Fields); err != nil {
		return nil, err
	}
	if len(e.unknown) > 0 {
		return nil, e.reject("no issue of this account shows these custom fields")
	}
	if v, ok := step.Fields[event.FieldDescription]; ok {
		text, err := e.text(event.FieldDescription, v)
		if err != nil {
			return nil, err
		}
		// The line that the create left must stay.
		var kept event.Marker
		if i.Author.ID == me.ID {
			_, kept = cutMarker(i.Description)
		}
		e.out["description"] = t.set.withMarker(text, kept)
	}
	return e, t.encodeStatus(ctx, e, step, i)
}

// encodeStatus refuses a status that the workflow does not allow: Redmine
// would answer 204 and keep the old one.
func (t *Tracker) encodeStatus(ctx context.Context, e *encoder, step event.Step, i *issue) error {
	v, ok := step.Fields[event.FieldStatus]
	if !ok || v == i.Status.Name {
		return nil
	}
	// Before Redmine 5 the answer has no such list; an empty one allows nothing.
	allowed := i.AllowedStatuses
	if _, moves := e.out["tracker_id"]; moves || allowed == nil {
		var err error
		if allowed, err = t.dir.statuses(ctx); err != nil {
			return err
		}
	}
	name, err := e.text(event.FieldStatus, v)
	if err != nil {
		return err
	}
	id, ok := byName(allowed, name)
	if !ok {
		return &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op,
			Err:  fmt.Errorf("status %q is not allowed after %q; allowed are %s", name, i.Status.Name, quoteList(names(allowed))),
			Hint: "map the status in the filter, or allow the transition in Redmine's workflow for the account's role",
		}
	}
	e.out["status_id"] = id
	return nil
}

func (t *Tracker) editComment(ctx context.Context, step event.Step) (event.Written, error) {
	op := "edit note " + step.Comment.ID
	i, err := t.issue(ctx, op, step.Ref, "journals")
	if err != nil {
		return event.Written{}, err
	}
	me, err := t.account(ctx)
	if err != nil {
		return event.Written{}, err
	}
	if err := t.mayUpdate(ctx, op, event.Step{Comment: step.Comment}, i, me); err != nil {
		return event.Written{}, err
	}
	for _, j := range i.Journals {
		c := t.comment(j, me)
		if c.ID != step.Comment.ID || j.Notes == "" {
			continue
		}
		notes := t.set.withMarker(step.Comment.Body, c.Marker)
		if notes == "" {
			// Redmine deletes a note that becomes empty.
			return event.Written{}, &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: errors.New("a note cannot be empty")}
		}
		err := t.api.updateJournal(ctx, c.ID, map[string]any{"notes": notes, "private_notes": step.Comment.Internal})
		if err != nil {
			return event.Written{}, t.believeGone(ctx, err)
		}
		return event.Written{Ref: i.ref(), Key: i.id(), Item: c.ID}, nil
	}
	return event.Written{}, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the issue has no such note")}
}

func (t *Tracker) attach(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	op := "attach a file to issue " + step.Ref.ID
	if step.Attachment.Internal {
		return event.Written{}, &adapters.Error{
			Class: adapters.ErrRejected, Op: op, Err: errors.New("there are no internal files in Redmine: everybody who sees the issue sees its files"),
		}
	}
	i, err := t.issue(ctx, op, step.Ref, "")
	if err != nil {
		return event.Written{}, err
	}
	token, err := t.api.upload(ctx, step.Attachment.Name, step.Attachment.Size, body)
	if err != nil {
		return event.Written{}, err
	}
	upload := map[string]any{
		"token": token, "filename": step.Attachment.Name, "content_type": step.Attachment.MIME,
		"description": fileDescription(step.Attachment.Name, step.Marker),
	}
	if err := t.api.update(ctx, i.id(), map[string]any{"uploads": []any{upload}}); err != nil {
		return event.Written{}, t.believeGone(ctx, err)
	}
	return event.Written{Ref: i.ref(), Key: i.id(), Item: t.itemOf(ctx, step)}, nil
}
