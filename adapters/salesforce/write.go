package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

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
		Class: adapters.ErrConfiguration, Op: "write to Salesforce", Err: fmt.Errorf("a step of kind %q cannot be done as given", step.Kind),
	}
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	const op = "create a case"
	cat, err := t.dir.catalog(ctx)
	if err != nil {
		return event.Written{}, err
	}
	e := &encoder{t: t, op: op, cat: cat, create: true, out: map[string]any{}}
	if !cat.keyed {
		e.mark = step.Marker
	}
	if _, ok := step.Fields[event.FieldSummary]; !ok {
		return event.Written{}, e.reject("a case needs a summary")
	}
	fields := event.Fields{event.FieldDescription: nil}
	for name, v := range step.Fields {
		fields[name] = v
	}
	if err := e.encode(ctx, fields); err != nil {
		return event.Written{}, err
	}
	for field, v := range e.out {
		if v == nil {
			delete(e.out, field) // what is empty need not be said
		}
	}
	id, err := t.insert(ctx, op, cat, step.Marker, e.out)
	if err != nil {
		return event.Written{}, t.explain(err)
	}
	found, err := rows[caseRow](ctx, t.api, op, "query", "SELECT "+caseFields+" FROM Case WHERE Id = "+quote(id))
	if err != nil || len(found) != 1 || !found[0].whole() {
		// It was made: what it is called is to be looked up.
		return event.Written{}, &adapters.Error{Class: adapters.ErrDoubt, Op: op, Err: errors.New("the case was made and does not show")}
	}
	return event.Written{Ref: found[0].ref(), Key: found[0].Number}, nil
}

// insert makes the case: by its marker, where there is a field for it, so that the
// same create makes one case however often it is sent.
func (t *Tracker) insert(ctx context.Context, op string, cat *catalog, m event.Marker, body map[string]any) (string, error) {
	if cat.keyed && m != "" {
		return t.api.upsert(ctx, op, t.set.keyField, string(m), body)
	}
	return t.api.create(ctx, op, "Case", body)
}

// explain drops what is kept of the metadata where a write shows that it has changed.
func (t *Tracker) explain(err error) error {
	for _, code := range []string{"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "NOT_FOUND"} {
		if hasCode(err, code) {
			t.dir.forget()
		}
	}
	return err
}

// prepare reads the case that a step is about and checks that it may be written to.
func (t *Tracker) prepare(ctx context.Context, step event.Step) (record, *encoder, error) {
	op := "update case " + step.Ref.ID
	x, err := t.caseOf(ctx, op, step.Ref)
	if err != nil {
		return nil, nil, err
	}
	if step.Lock != "" && step.Lock != lock(x) {
		return nil, nil, &adapters.Error{Class: adapters.ErrChanged, Op: op, Err: errors.New("the case is another one than was read")}
	}
	cat, err := t.dir.catalog(ctx)
	return x, &encoder{t: t, op: op, cat: cat, out: map[string]any{}}, err
}

// update sets fields and adds a comment: both or none.
func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	x, e, err := t.prepare(ctx, step)
	if err != nil {
		return event.Written{}, err
	}
	row := rowOf(x)
	if _, ok := step.Fields[event.FieldDescription]; ok {
		// Whose marker it may be: it stays in the text.
		_, e.mark = cutMarker(x.text("Description"), true)
	}
	if err := e.encode(ctx, step.Fields); err != nil {
		return event.Written{}, err
	}
	comment, err := e.comment(step)
	if err != nil {
		return event.Written{}, err
	}
	done := event.Written{Ref: row.ref(), Key: row.Number}
	unmodified := ""
	if step.Lock != "" {
		unmodified = row.Modified.UTC().Format(http.TimeFormat)
	}
	switch {
	case len(e.out) > 0 && comment != nil:
		done.Item, err = t.both(ctx, e.op, row.ID, unmodified, e.out, comment)
	case len(e.out) > 0:
		err = t.api.update(ctx, e.op, row.ID, unmodified, e.out)
	case comment != nil:
		done.Item, err = t.api.create(ctx, e.op, "CaseComment", comment)
	}
	if errors.Is(err, adapters.ErrGone) {
		err = t.whyGone(ctx, e.op, row.ID)
	}
	if err != nil {
		return event.Written{}, t.explain(err)
	}
	return done, nil
}

// both is one request: what was written of it would be hard to tell otherwise.
func (t *Tracker) both(ctx context.Context, op, id, unmodified string, fields, comment map[string]any) (string, error) {
	header := map[string]string{"Sforce-Auto-Assign": "FALSE"}
	if unmodified != "" {
		header["If-Unmodified-Since"] = unmodified
	}
	raw, err := t.api.together(
		ctx, op,
		part{Method: http.MethodPatch, URL: "sobjects/Case/" + id, Headers: header, Body: fields},
		part{Method: http.MethodPost, URL: "sobjects/CaseComment", Body: comment},
	)
	if err != nil {
		return "", err
	}
	var made saved
	if json.Unmarshal(raw, &made) != nil || !made.whole() {
		return "", incomplete(op, adapters.ErrDoubt)
	}
	return made.ID, nil
}

// comment is what adds the comment of a step; nil if it has none.
func (e *encoder) comment(step event.Step) (map[string]any, error) {
	c := step.Comment
	if c == nil {
		return nil, nil //nolint:nilnil // no comment
	}
	if c.ID != "" {
		return nil, e.reject("Salesforce lets nobody change a comment who may not modify all data")
	}
	if !e.cat.mayComment {
		return nil, &adapters.Error{Class: adapters.ErrDenied, Op: e.op, Err: errors.New("the account may not comment"), Hint: "let it create case comments"}
	}
	published := e.cat.published
	if !c.Internal && (published == nil || !published.Createable) {
		return nil, &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: errors.New("the account may not publish comments: this one would be internal"),
			Hint: "let the account edit CaseComment.IsPublished",
		}
	}
	body := withMarker(c.Body, step.Marker)
	// The limit counts bytes: a letter with an accent is two of them.
	if n := len(body); n > e.cat.commentBytes() {
		return nil, &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("the comment has %d bytes with its marker, Salesforce takes %d", n, e.cat.commentBytes()),
			Hint: "shorten it at its origin, or send it as a file",
		}
	}
	out := map[string]any{"ParentId": step.Ref.ID, "CommentBody": body}
	if published != nil && published.Createable {
		out["IsPublished"] = !c.Internal
	}
	return out, nil
}

// commentBytes is how long a comment may be.
func (c *catalog) commentBytes() int {
	const documented = 4000
	most := documented
	for _, n := range []int{c.body.Length, c.body.Bytes} {
		if n > 0 {
			most = min(most, n)
		}
	}
	return most
}

// attach uploads the bytes, which makes a file of the account's own, then links it to
// the case: that is what attaches it, and says who may see it.
func (t *Tracker) attach(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	x, e, err := t.prepare(ctx, step)
	if err != nil {
		return event.Written{}, err
	}
	row, a := rowOf(x), step.Attachment
	about := map[string]any{"Title": cutTitle(a.Name), "PathOnClient": a.Name}
	if step.Marker != "" {
		about["Description"] = withMarker("", step.Marker)
	}
	id, err := t.api.upload(ctx, e.op, about, a.Name, a.MIME, a.Size, body)
	if err != nil {
		return event.Written{}, err
	}
	found, err := rows[versionRow](ctx, t.api, e.op, "query", "SELECT Id, ContentDocumentId FROM ContentVersion WHERE Id = "+quote(id))
	if err != nil {
		return event.Written{}, err
	}
	if len(found) != 1 || found[0].Document == "" {
		return event.Written{}, incomplete(e.op, adapters.ErrTransient)
	}
	visibility := allUsers
	if a.Internal {
		visibility = "InternalUsers"
	}
	_, err = t.api.create(ctx, e.op, "ContentDocumentLink", map[string]any{
		"ContentDocumentId": found[0].Document, "LinkedEntityId": row.ID, "ShareType": "V", "Visibility": visibility,
	})
	if err != nil {
		return event.Written{}, err
	}
	return event.Written{Ref: row.ref(), Key: row.Number, Item: id}, nil
}

// cutTitle: a title is no more than a label beside the name.
func cutTitle(name string) string {
	const most = 255
	if all := []rune(name); len(all) > most {
		return string(all[:most])
	}
	return name
}

// Delete implements adapters.Deleter: the case is in the recycle bin for fifteen days.
func (t *Tracker) Delete(ctx context.Context, ref event.Ref) error {
	op := "delete case " + ref.ID
	if _, err := t.caseOf(ctx, op, ref); err != nil {
		return err
	}
	err := t.api.remove(ctx, op, ref.ID)
	if errors.Is(err, adapters.ErrGone) {
		return t.whyGone(ctx, op, ref.ID)
	}
	return err
}
