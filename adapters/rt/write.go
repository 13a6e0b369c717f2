package rt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Write implements adapters.Tracker.
func (t *Tracker) Write(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	switch step.Kind {
	case event.StepCreate:
		return t.create(ctx, step)
	case event.StepUpdate, event.StepComment:
		return t.update(ctx, step)
	case event.StepAttach:
		return t.attach(ctx, step, body)
	}
	return event.Written{}, failed(adapters.ErrConfiguration, "write", "no such step: "+string(step.Kind), "")
}

func (t *Tracker) create(ctx context.Context, step event.Step) (event.Written, error) {
	const op = "create ticket"
	known, err := t.queueInfo(ctx, op, false)
	if err != nil {
		return event.Written{}, sure(err)
	}
	queue, err := t.queueFor(op, known, step.Fields)
	if err != nil {
		return event.Written{}, err
	}
	record, err := t.encode(ctx, op, known[queue], step.Fields)
	if err != nil {
		return event.Written{}, sure(err)
	}
	partly, err := t.encodeNewLinks(ctx, op, step, record)
	if err != nil {
		return event.Written{}, err
	}
	record["Queue"] = known[queue].name
	if err := t.markCreate(op, known[queue], record, step); err != nil {
		return event.Written{}, err
	}
	id, later, err := t.make(ctx, op, record)
	if err != nil {
		if !rest.HasStatus(err, http.StatusForbidden) {
			return event.Written{}, err
		}
		// RT answers so for a queue that it does not know, too.
		return event.Written{}, reclass(err, adapters.ErrDenied, adapters.ErrConfiguration,
			"RT says this of queues that do not exist and of those without the right CreateTicket")
	}
	made, _, err := t.ticket(ctx, op, id)
	if err != nil {
		// It is there, but without its time it has no ref: Find will tell.
		return event.Written{}, doubt(op, err)
	}
	t.noteMarker(made, step.Marker)
	c, err := change(op, made)
	if err != nil {
		return event.Written{}, doubt(op, err)
	}
	if len(later) > 0 {
		// The ticket is there: what fails here shows when it is read back.
		_ = t.put(ctx, op, made, "", later)
	}
	return event.Written{Ref: c.Ref, Key: c.Key, Partly: partly}, nil
}

// make posts a new ticket and returns its id, and what has to be set later: a
// queue's lifecycle says which statuses a new ticket may have, and RT refuses
// the whole ticket for another.
func (t *Tracker) make(ctx context.Context, op string, record map[string]any) (id string, later map[string]any, err error) {
	var made struct {
		ID text `json:"id"`
	}
	request := rest.Request{
		Op: op, Method: http.MethodPost, Path: "ticket", Header: english(), JSON: record,
		Write: true, Expect: []int{http.StatusCreated}, Out: &made,
	}
	_, err = t.client.Do(ctx, request)
	status, set := record["Status"]
	if set && rest.HasStatus(err, http.StatusBadRequest) && strings.Contains(err.Error(), "New tickets can not have status") {
		later = map[string]any{"Status": status}
		delete(record, "Status")
		_, err = t.client.Do(ctx, request)
	}
	return string(made.ID), later, err
}

// queueFor is the id of the queue to create in.
func (t *Tracker) queueFor(op string, known map[string]queueFields, fields event.Fields) (string, error) {
	name, _ := fields[event.FieldProject].(string)
	if name == "" && len(t.set.queues) == 1 {
		name = t.set.queues[0]
	}
	for id, q := range known {
		if q.name == name {
			return id, nil
		}
	}
	if name == "" {
		return "", failed(adapters.ErrRejected, op, "no project: RT needs the name of a queue", "set project in the incoming filter")
	}
	return "", failed(adapters.ErrConfiguration, op, "the account sees no queue named "+name, "check the queue's name, and that the account has SeeQueue on it")
}

// markCreate puts marker and text into the record of a create.
func (t *Tracker) markCreate(op string, queue queueFields, record map[string]any, step event.Step) error {
	description, _ := step.Fields[event.FieldDescription].(string)
	if t.set.markerField == "" {
		if text := withMarker(description, step.Marker); text != "" {
			record["Content"], record["ContentType"] = text, "text/plain"
		}
		return nil
	}
	t.mu.Lock()
	unmarked := t.unmarked
	t.mu.Unlock()
	if _, ok := queue.fields[t.set.markerField]; !ok || unmarked {
		// RT drops what it does not know or may not set, and says nothing: a
		// create without its marker could happen twice.
		return failed(adapters.ErrConfiguration, op, "", "the custom field "+t.set.markerField+
			" (setting marker_field) cannot be set on tickets of queue "+queue.name+
			": add it to the queue and grant the account SeeCustomField, ModifyCustomField and SetInitialCustomField")
	}
	if description != "" {
		record["Content"], record["ContentType"] = description, "text/plain"
	}
	if step.Marker != "" {
		customFields(record)[t.set.markerField] = string(step.Marker)
	}
	return nil
}

// noteMarker remembers that RT dropped a marker, so that the next create is
// refused before it is made.
func (t *Tracker) noteMarker(b *ticketBody, want event.Marker) {
	if t.set.markerField == "" || want == "" || t.fieldMarker(b) == want {
		return
	}
	t.mu.Lock()
	t.unmarked = true
	t.mu.Unlock()
}

// update sets fields and adds a comment. The status goes with the comment: a
// reply may move a ticket to open by itself, so that a status set before it
// would be lost.
func (t *Tracker) update(ctx context.Context, step event.Step) (event.Written, error) {
	op := "update ticket " + step.Ref.ID
	if step.Comment != nil && step.Comment.ID != "" {
		return event.Written{}, failed(adapters.ErrRejected, op, "RT cannot change a comment", "")
	}
	body, lock, err := t.same(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, sure(err)
	}
	if step.Lock != "" && step.Lock != lock {
		return event.Written{}, failed(adapters.ErrChanged, op, "", "")
	}
	record := map[string]any{}
	var links []event.Link
	if len(step.Fields) > 0 {
		known, err := t.queueInfo(ctx, op, false)
		if err != nil {
			return event.Written{}, sure(err)
		}
		queue, ok := known[string(body.Queue.ID)]
		if !ok {
			queue = queueFields{id: string(body.Queue.ID), name: string(body.Queue.Name)}
		}
		if record, err = t.encode(ctx, op, queue, step.Fields); err != nil {
			return event.Written{}, sure(err)
		}
		if links, err = encodeLinks(op, step, body, record); err != nil {
			return event.Written{}, err
		}
	}
	message := map[string]any{}
	if step.Comment != nil {
		message["Content"] = withMarker(newlines(step.Comment.Body), step.Marker)
		message["ContentType"] = "text/plain"
		if status, ok := record["Status"]; ok {
			message["Status"] = status
			delete(record, "Status")
		} else {
			// A reply moves a ticket to open by itself: the peer's word would undo
			// what a person has just made of the status, on both sides.
			message["Status"] = string(body.Status)
		}
	}
	written := event.Written{Ref: event.NewRef(step.Ref.ID, readTime(body.Created)), Key: step.Ref.ID}
	later := afterLinks(record)
	if len(record) > 0 {
		if err := t.put(ctx, op, body, step.Lock, record); err != nil {
			return event.Written{}, err
		}
	}
	if len(later) > 0 {
		// The lock has moved with what was just written.
		if err := t.put(ctx, op, body, "", later); err != nil {
			return event.Written{}, err
		}
	}
	lock = step.Lock
	if len(record) > 0 {
		lock = ""
	}
	if written.Partly, err = t.link(ctx, op, body, lock, links); err != nil || step.Comment == nil {
		return written, err
	}
	written.Item, err = t.post(ctx, op, step.Ref.ID, step.Comment.Internal, rest.Request{JSON: message})
	if err != nil {
		return event.Written{}, err
	}
	return written, nil
}

// put sets fields. RT answers 200 also when it refused some of them, with a
// sentence about each.
func (t *Tracker) put(ctx context.Context, op string, ticket *ticketBody, lock string, record map[string]any) error {
	head := english()
	where := "ticket/{id}"
	steal, err := t.mustSteal(ctx, op, ticket, record)
	if err != nil {
		return sure(err)
	}
	if steal {
		where = "ticket/{id}/steal"
	}
	if lock != "" {
		head.Set("If-Match", `"`+lock+`"`)
	}
	var said []text
	_, err = t.client.Do(ctx, rest.Request{
		Op: op, Method: http.MethodPut, Path: where, Args: []string{string(ticket.ID)}, Header: head, JSON: record,
		Write: true, Expect: []int{http.StatusOK}, Out: &said,
	})
	if err != nil {
		return err
	}
	return refusal(op, said)
}

// mustSteal tells whether a ticket has to be taken from its owner before
// another can have it: RT lets only its owner hand it on.
func (t *Tracker) mustSteal(ctx context.Context, op string, ticket *ticketBody, record map[string]any) (bool, error) {
	to, ok := record["Owner"].(string)
	owner := user(ticket.Owner).ID
	if !ok || owner == to || owner == nobody || owner == "" {
		return false, nil
	}
	self, err := t.whoami(ctx, op)
	return owner != self, err
}

// post adds a message and returns its transaction. Sentences are not looked
// at: whatever RT refused, the message is there, and an error would repeat it.
func (t *Tracker) post(ctx context.Context, op, id string, internal bool, r rest.Request) (string, error) {
	r.Op, r.Method, r.Path, r.Args = op, http.MethodPost, "ticket/{id}/correspond", []string{id}
	if internal {
		r.Path = "ticket/{id}/comment"
	}
	r.Header, r.Write, r.Expect = english(), true, []int{http.StatusCreated}
	var said []text
	r.Out = &said
	res, err := t.client.Do(ctx, r)
	if err != nil {
		return "", err
	}
	// Location is a path, not an address.
	at := res.Header.Get("Location")
	if !strings.HasSuffix(path.Dir(at), "/transaction") || number64(text(path.Base(at))) == 0 {
		return "", nil
	}
	return path.Base(at), nil
}

func (t *Tracker) attach(ctx context.Context, step event.Step, body io.Reader) (event.Written, error) {
	op := "attach a file to ticket " + step.Ref.ID
	if step.Attachment == nil || body == nil {
		return event.Written{}, failed(adapters.ErrConfiguration, op, "no file", "")
	}
	ticket, _, err := t.same(ctx, op, step.Ref)
	if err != nil {
		return event.Written{}, sure(err)
	}
	// A reply may reopen the ticket; a file says nothing about its status.
	request, err := upload(*step.Attachment, body, map[string]any{
		"Content": markerLine(step.Marker), "ContentType": "text/plain", "Status": string(ticket.Status),
	})
	if err != nil {
		return event.Written{}, failed(adapters.ErrConfiguration, op, err.Error(), "")
	}
	written := event.Written{Ref: event.NewRef(step.Ref.ID, readTime(ticket.Created)), Key: step.Ref.ID}
	transaction, err := t.post(ctx, op, step.Ref.ID, step.Attachment.Internal, request)
	if err != nil {
		return event.Written{}, err
	}
	written.Item = t.fileOf(ctx, op, step.Ref.ID, transaction)
	return written, nil
}

// upload makes the request that adds a file: multipart, since base64 in JSON
// breaks names that are not ASCII.
func upload(file event.AttachmentWrite, body io.Reader, message map[string]any) (rest.Request, error) {
	if file.Size == 0 {
		// RT refuses an empty part. A space is base64 of nothing; the name is
		// given byte by byte, since RT takes its characters for bytes.
		message["Attachments"] = []map[string]string{{
			"FileName": bytewise(file.Name), "FileType": uploadType(file.MIME), "FileContent": " ",
		}}
		return rest.Request{JSON: message}, nil
	}
	text, err := json.Marshal(message)
	if err != nil {
		return rest.Request{}, err
	}
	form, err := rest.Multipart(
		rest.Part{Name: "JSON", Type: "application/json", Size: int64(len(text)), Reader: bytes.NewReader(text)},
		rest.Part{Name: "Attachments", FileName: file.Name, Type: uploadType(file.MIME), Size: file.Size, Reader: body},
	)
	return rest.Request{Body: form}, err
}

func bytewise(s string) string {
	var out strings.Builder
	for _, b := range []byte(s) {
		out.WriteRune(rune(b))
	}
	return out.String()
}

// fileOf is the id of the file in a message, "" if it cannot be told: the
// file is there all the same.
func (t *Tracker) fileOf(ctx context.Context, op, ticket, transaction string) string {
	if transaction == "" {
		return ""
	}
	parts, err := t.parts(ctx, op, ticket, []string{transaction})
	if err != nil {
		return ""
	}
	if _, files := divide(parts); len(files) == 1 {
		return string(files[0].ID)
	}
	return ""
}

// uploadType keeps RT from changing bytes: it recodes texts and takes messages
// apart.
func uploadType(mime string) string {
	kind, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(mime)), "/")
	switch kind {
	case "", "text", "message", "multipart":
		return "application/octet-stream"
	}
	return mime
}

// sure is for what goes wrong before the write: nothing happened.
func sure(err error) error {
	return reclass(err, adapters.ErrDoubt, adapters.ErrTransient, "")
}

func doubt(op string, err error) error {
	return &adapters.Error{Class: adapters.ErrDoubt, Op: op, Err: errors.New(firstLine(err)), Hint: "the ticket was created and could not be read back"}
}

// firstLine is an error's text without its classes: two would contradict.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return rest.Cut(line)
}

// refusal makes an error of the sentences that say no.
func refusal(op string, said []text) error {
	var no []string
	class := adapters.ErrRejected
	for _, s := range said {
		if !refuses(string(s)) {
			continue
		}
		no = append(no, string(s))
		if len(no) == 1 && strings.Contains(strings.ToLower(string(s)), "permission") {
			class = adapters.ErrDenied
		}
	}
	if len(no) == 0 {
		return nil
	}
	e := failed(class, op, strings.Join(no, "; "), "RT saved the other fields of this write")
	return &refusedError{e}
}

// refusedError is what RT answered with 200: it wrote the rest.
type refusedError struct{ error }

// Unwrap implements the interface of package errors.
func (e *refusedError) Unwrap() error { return e.error }

// refuses knows RT's ways to say no. A sentence names old and new values, so
// only its beginning, or words that stand outside of quotes, can be trusted.
func refuses(s string) bool {
	// "Ticket 12: " stands before most.
	if before, after, ok := strings.Cut(s, ": "); ok && strings.HasPrefix(before, "Ticket ") {
		s = after
	}
	for _, start := range []string{
		"Invalid value for custom field", "That user does not exist", "You can only reassign tickets",
		"You may not", "You can't", "You cannot", "Couldn't ", "Could not ", "Link could not be ", "Linking to a deleted ", "Refused to add link",
		"Permission Denied", "Permission denied", "That ticket has unresolved dependencies",
		"No permission", "Queue does not exist", "That queue does not exist", "Unable to ", "Illegal value",
		"Invalid ", "Custom field", "Owner could not be set", "Nonexistant field", "Ticket could not",
		"User could not", "Error: ", "That user may not own",
	} {
		if strings.HasPrefix(s, start) {
			return true
		}
	}
	return strings.HasPrefix(s, "Status '") && strings.Contains(s, "isn't a valid status") ||
		strings.HasSuffix(s, "is not a valid value.") || strings.HasSuffix(s, "could not be set.")
}
