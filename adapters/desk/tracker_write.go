package desk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Write implements adapters.Tracker.
func (t *Tracker) Write(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	fields, err := t.texts(ctx, step.Fields, defuse.Line, defuse.Formula)
	if err != nil {
		return event.Written{}, err
	}
	step.Fields = fields
	var out wireWritten
	r := rest.Request{Op: string(step.Kind) + " at the desk", Args: []string{step.Ref.ID}, Out: &out}
	if step.Kind != event.StepCreate {
		r.Op = string(step.Kind) + " at ticket " + step.Ref.ID
		// The desk itself checks that the id still means this ticket. Where a
		// tracker cannot, an adapter reads before it writes.
		r.Query = url.Values{"created": {strconv.FormatInt(step.Ref.Created, 10)}}
	}
	switch step.Kind {
	case event.StepCreate:
		t.createRequest(&r, step)
	case event.StepUpdate:
		updateRequest(&r, step)
	case event.StepComment:
		if step.Comment == nil {
			return event.Written{}, malformed(r.Op)
		}
		commentRequest(&r, step)
	case event.StepAttach:
		if step.Attachment == nil || body == nil {
			return event.Written{}, malformed(r.Op)
		}
		attachRequest(&r, step, body)
	default:
		return event.Written{}, malformed(r.Op)
	}
	if err := t.send(ctx, r); err != nil {
		return event.Written{}, err
	}
	w, err := out.written()
	if err != nil {
		return event.Written{}, &adapters.Error{Class: adapters.ErrDoubt, Op: r.Op, Err: err}
	}
	return w, nil
}

func malformed(op string) error {
	return &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: errors.New("the step is not whole")}
}

func (t *Tracker) createRequest(r *rest.Request, step event.Step) {
	fields := event.Fields{}
	if t.project != "" {
		fields[event.FieldProject] = t.project
	}
	for name, v := range step.Fields {
		fields[name] = v
	}
	r.Method, r.Path, r.Args = http.MethodPost, "tickets", nil
	r.JSON = wireCreate{Marker: string(step.Marker), Fields: fields}
}

func updateRequest(r *rest.Request, step event.Step) {
	in := update{Fields: step.Fields, Was: step.Was}
	if step.Comment != nil {
		in.Comment = &commentWanted{
			Marker: string(step.Marker), Body: defuse.Formula(step.Comment.Body), Internal: step.Comment.Internal, As: step.Comment.As,
		}
	}
	r.Method, r.Path, r.JSON = http.MethodPatch, "tickets/{id}", in
	if step.Lock != "" {
		r.Header = http.Header{"If-Match": {`"` + step.Lock + `"`}}
	}
}

func commentRequest(r *rest.Request, step event.Step) {
	c := step.Comment
	if c.ID != "" {
		r.Method, r.Path, r.Args = http.MethodPatch, "tickets/{id}/comments/{comment}", []string{step.Ref.ID, c.ID}
		r.JSON = map[string]string{"body": defuse.Formula(c.Body)}
		return
	}
	r.Method, r.Path = http.MethodPost, "tickets/{id}/comments"
	r.JSON = commentWanted{Marker: string(step.Marker), Body: defuse.Formula(c.Body), Internal: c.Internal, As: c.As}
}

func attachRequest(r *rest.Request, step event.Step, body io.Reader) {
	a := step.Attachment
	r.Method, r.Path = http.MethodPost, "tickets/{id}/attachments"
	r.Query.Set("name", a.Name)
	r.Query.Set("marker", string(step.Marker))
	r.Query.Set("sha256", a.SHA256)
	r.Query.Set("internal", strconv.FormatBool(a.Internal))
	r.Body = &rest.Body{Reader: body, Type: a.MIME, Size: a.Size}
}

func (w *wireWritten) written() (event.Written, error) {
	if w.ID == "" || w.Key == "" || w.Created.IsZero() {
		return event.Written{}, errors.New("the answer does not say what was written")
	}
	return event.Written{Ref: event.NewRef(w.ID, w.Created), Key: w.Key, Item: w.Item}, nil
}

// Delete implements adapters.Deleter.
func (t *Tracker) Delete(ctx context.Context, ref event.Ref) error {
	return t.send(ctx, rest.Request{
		Op: "delete ticket " + ref.ID, Method: http.MethodDelete, Path: "tickets/{id}", Args: []string{ref.ID},
		Query: url.Values{"created": {strconv.FormatInt(ref.Created, 10)}},
	})
}

// Remove implements adapters.Remover.
func (t *Tracker) Remove(ctx context.Context, ref event.Ref, what event.Removal) error {
	path := "tickets/{id}/comments/{item}"
	if what.File {
		path = "tickets/{id}/attachments/{item}"
	}
	return t.send(ctx, rest.Request{
		Op: "remove from ticket " + ref.ID, Method: http.MethodDelete, Path: path, Args: []string{ref.ID, what.ID},
		Query: url.Values{"created": {strconv.FormatInt(ref.Created, 10)}},
	})
}

// Find implements adapters.Tracker. Markers are an index of the desk: what it
// says is exact once the request in doubt has ended.
func (t *Tracker) Find(ctx context.Context, step event.Step) (event.Found, error) {
	const op = "look a marker up"
	if step.Marker == "" {
		return event.Found{}, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: errors.New("the step has no marker")}
	}
	var in wireFound
	r := rest.Request{Op: op, Path: "markers/{marker}", Args: []string{string(step.Marker)}, Out: &in}
	if err := t.get(ctx, r); err != nil {
		return event.Found{}, err
	}
	if in.Places == nil {
		return event.Found{}, notTheDesk(op, nil)
	}
	out := event.Found{Presence: event.FoundNone}
	for _, p := range *in.Places {
		w, err := p.written()
		if err != nil {
			return event.Found{}, notTheDesk(op, err)
		}
		if p.Kind != placeKind(step.Kind) || (step.Kind != event.StepCreate && w.Ref != step.Ref) {
			continue
		}
		if out.Presence != event.FoundNone && out.Written != w {
			return event.Found{Presence: event.FoundMany}, nil
		}
		out = event.Found{Presence: event.FoundOne, Written: w}
	}
	return out, nil
}

func placeKind(k event.StepKind) string {
	switch k {
	case event.StepCreate:
		return "ticket"
	case event.StepAttach:
		return "file"
	default:
		return "comment"
	}
}
