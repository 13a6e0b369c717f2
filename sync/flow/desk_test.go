package flow_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// desk is a tracker in memory. It may be used from several goroutines.
type desk struct {
	name string
	now  func() time.Time
	// on is asked before ("read") and after ("read done") each call; it may act
	// on desk and path meanwhile, and its error is what the call answers.
	on func(call string, step event.Step) error
	// takes is what an update makes of a field in the tracker; nil takes all as given.
	takes func(k *event.Ticket, field string, value any) any
	// moves is the workflow, by status; nil allows every move.
	moves map[string][]string
	// stamps is set if a ticket's version is a field of it.
	stamps bool
	// first is the status of every ticket made by a write, where that is fixed.
	first string
	// edits lets comments be edited.
	edits bool
	// history is what everybody changed, nil if nobody writes it down.
	history []adapters.Edit
	// mute is set if a write does not answer with the id of what it added.
	mute bool
	// partly is what each write says of itself.
	partly string
	// noSchema is set while it does not answer for its schema.
	noSchema bool

	mu      sync.Mutex // guards all below
	serial  int64
	tickets []*event.Ticket
	digests map[string]string // attachment to content's digest
	content map[string][]byte
	numbers map[string]int // last given out, by ticket and kind
}

var (
	_ adapters.Tracker = (*desk)(nil)
	_ adapters.Files   = (*desk)(nil)
	_ adapters.Deleter = (*desk)(nil)
	_ adapters.Remover = (*desk)(nil)
)

func newDesk(name string, now func() time.Time) *desk {
	return &desk{
		name: name, now: now, on: func(string, event.Step) error { return nil },
		digests: map[string]string{}, content: map[string][]byte{},
	}
}

func trouble(class error, op string) error { return &adapters.Error{Class: class, Op: op} }

// open makes a ticket as a person does.
func (d *desk) open(summary string) event.Ref {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.create(event.Fields{"summary": summary}, "").Ref
}

// set is a person's edit.
func (d *desk) set(ref event.Ref, field string, value any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	d.edited(k, false, field, value)
	k.Fields[field] = value
	d.touch(k)
}

// atOnce is set within the second of the ticket's last change: its version stays.
func (d *desk) atOnce(ref event.Ref, field string, value any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.find(ref).Fields[field] = value
}

func (d *desk) edited(k *event.Ticket, own bool, field string, value any) {
	if d.history != nil {
		d.history = append(d.history, adapters.Edit{At: d.now(), Own: own, Field: field, Old: k.Fields[field], New: value})
	}
}

// allows tells whether the workflow does.
func (d *desk) allows(k *event.Ticket, to string) bool {
	from, _ := k.Fields["status"].(string)
	return d.moves == nil || from == to || slices.Contains(d.moves[from], to)
}

func (d *desk) comment(ref event.Ref, body string, internal bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addComment(d.find(ref), event.Comment{Body: body, Internal: internal, Author: event.User{ID: "ana", Name: "Ana"}})
}

// secretly edits a comment as Redmine lets people do: the change time stays.
func (d *desk) secretly(ref event.Ref, body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Comments[len(k.Comments)-1].Body = body
}

// reword is a person's edit of a comment.
func (d *desk) reword(ref event.Ref, i int, body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Comments[i].Body, k.Comments[i].Edited = body, d.now()
	d.touch(k)
}

// hide makes a comment internal.
func (d *desk) hide(ref event.Ref, i int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Comments[i].Internal = true
	d.touch(k)
}

// show makes a comment public, in other words.
func (d *desk) show(ref event.Ref, i int, body string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Comments[i].Internal, k.Comments[i].Body, k.Comments[i].Edited = false, body, d.now()
	d.touch(k)
}

// unsay deletes a comment.
func (d *desk) unsay(ref event.Ref, i int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Comments = slices.Delete(k.Comments, i, i+1)
	d.touch(k)
}

// discard deletes a file.
func (d *desk) discard(ref event.Ref, i int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Attachments = slices.Delete(k.Attachments, i, i+1)
	d.touch(k)
}

// hideFile makes a file internal, or public again.
func (d *desk) hideFile(ref event.Ref, i int, internal bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Attachments[i].Internal = internal
	d.touch(k)
}

// restrict keeps a ticket from most people.
func (d *desk) restrict(ref event.Ref, restricted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.find(ref)
	k.Restricted = restricted
	d.touch(k)
}

func (d *desk) attach(ref event.Ref, name, content string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addFile(d.find(ref), event.Attachment{Name: name, Author: event.User{ID: "ana", Name: "Ana"}}, []byte(content))
}

// drop deletes a ticket.
func (d *desk) drop(ref event.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets = slices.DeleteFunc(d.tickets, func(k *event.Ticket) bool { return k.Ref == ref })
}

// reuse gives the id of a ticket out again, to one that was created later.
func (d *desk) reuse(old event.Ref, summary string) event.Ref {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.create(event.Fields{"summary": summary}, "")
	k.Ref.ID, k.Key = old.ID, d.name+"-"+old.ID
	return k.Ref
}

// all returns copies of all tickets.
func (d *desk) all() []event.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []event.Ticket
	for _, k := range d.tickets {
		out = append(out, *clone(k))
	}
	return out
}

func (d *desk) create(fields event.Fields, marker event.Marker) *event.Ticket {
	d.serial++
	id := strconv.FormatInt(d.serial, 10)
	k := &event.Ticket{Ref: event.NewRef(id, d.now()), Key: d.name + "-" + id, Marker: marker}
	k.Fields = event.Fields{"summary": "", "status": "Open", "labels": []any{}, "key": k.Key}
	maps.Copy(k.Fields, fields)
	d.tickets = append(d.tickets, k)
	d.touch(k)
	return k
}

func (d *desk) touch(k *event.Ticket) {
	d.serial++
	k.Version, k.Updated = strconv.FormatInt(d.serial, 10), d.now()
	if d.stamps {
		k.Fields["updated"] = k.Version
	}
}

// numbered is the next number of a ticket's comments or files: both are numbered from 1,
// as many trackers do, and none is given out again.
func (d *desk) numbered(k *event.Ticket, what string) string {
	if d.numbers == nil {
		d.numbers = map[string]int{}
	}
	d.numbers[k.Ref.ID+what]++
	return k.Ref.ID + "." + strconv.Itoa(d.numbers[k.Ref.ID+what])
}

func (d *desk) addComment(k *event.Ticket, c event.Comment) string {
	c.ID, c.Created = d.numbered(k, "comment"), d.now()
	k.Comments = append(k.Comments, c)
	d.touch(k)
	return c.ID
}

func (d *desk) addFile(k *event.Ticket, a event.Attachment, content []byte) string {
	sum := sha256.Sum256(content)
	a.ID, a.Size, a.MIME, a.Created = d.numbered(k, "file"), int64(len(content)), "text/plain", d.now()
	k.Attachments = append(k.Attachments, a)
	d.digests[a.ID] = hex.EncodeToString(sum[:])
	d.content[a.ID] = content
	d.touch(k)
	return a.ID
}

func (d *desk) find(ref event.Ref) *event.Ticket {
	for _, k := range d.tickets {
		if k.Ref == ref {
			return k
		}
	}
	return nil
}

func clone(k *event.Ticket) *event.Ticket {
	out := *k
	out.Fields, out.Comments, out.Attachments = maps.Clone(k.Fields), slices.Clone(k.Comments), slices.Clone(k.Attachments)
	return &out
}

// Changes lists by version.
func (d *desk) Changes(_ context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	if err := d.on("changes", event.Step{}); err != nil {
		return nil, "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	from, _ := strconv.ParseInt(string(cursor), 10, 64)
	var out []event.Change
	for _, k := range d.tickets {
		if at, _ := strconv.ParseInt(k.Version, 10, 64); at > from {
			out = append(out, event.Change{Ref: k.Ref, Key: k.Key, Version: k.Version, Updated: k.Updated})
		}
	}
	slices.SortFunc(out, func(a, b event.Change) int {
		x, _ := strconv.Atoi(a.Version)
		y, _ := strconv.Atoi(b.Version)
		return x - y
	})
	out = out[:min(len(out), limit)]
	if len(out) > 0 {
		cursor = event.Cursor(out[len(out)-1].Version)
	}
	return out, cursor, nil
}

// Read returns a copy.
func (d *desk) Read(_ context.Context, ref event.Ref) (event.Ticket, error) {
	if err := d.on("read", event.Step{Ref: ref}); err != nil {
		return event.Ticket{}, err
	}
	d.mu.Lock()
	k := d.find(ref)
	if k == nil {
		d.mu.Unlock()
		return event.Ticket{}, trouble(adapters.ErrGone, "read")
	}
	out := *clone(k)
	d.mu.Unlock()
	return out, d.on("read done", event.Step{Ref: ref})
}

// Write does a step.
func (d *desk) Write(_ context.Context, step event.Step, body io.Reader) (event.Written, error) {
	if err := d.on("write", step); err != nil {
		return event.Written{}, err
	}
	w, err := d.write(step, body)
	if err != nil {
		return w, err
	}
	if d.mute {
		w.Item = ""
	}
	w.Partly = d.partly
	return w, d.on("write done", step)
}

func (d *desk) write(step event.Step, body io.Reader) (event.Written, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if step.Kind == event.StepCreate {
		k := d.create(step.Fields, step.Marker)
		if d.first != "" {
			k.Fields["status"] = d.first
		}
		return event.Written{Ref: k.Ref, Key: k.Key, Version: k.Version}, nil
	}
	k := d.find(step.Ref)
	if k == nil {
		return event.Written{}, trouble(adapters.ErrGone, "write")
	}
	w := event.Written{Ref: k.Ref, Key: k.Key}
	bot := event.User{ID: "bot", Name: "Bot"}
	switch step.Kind {
	case event.StepUpdate:
		if step.Lock != "" && step.Lock != k.Version {
			return event.Written{}, trouble(adapters.ErrChanged, "write")
		}
		if to, ok := step.Fields["status"].(string); ok && !d.allows(k, to) {
			return event.Written{}, trouble(adapters.ErrRejected, "write")
		}
		for name, value := range step.Fields {
			if name == event.FieldLinks {
				have := event.LinksOf(k.Fields[name])
				add, remove := step.LinkChanges(have)
				value = event.LinksValue(append(slices.DeleteFunc(have, func(l event.Link) bool { return slices.ContainsFunc(remove, l.Same) }), add...))
			}
			if d.takes != nil {
				value = d.takes(k, name, value)
			}
			d.edited(k, true, name, value)
			k.Fields[name] = value
		}
		d.touch(k)
	case event.StepComment:
		if at := slices.IndexFunc(k.Comments, func(c event.Comment) bool { return c.ID == step.Comment.ID }); at >= 0 {
			k.Comments[at].Body, w.Item = step.Comment.Body, step.Comment.ID
			break
		}
		by := bot
		if as := step.Comment.As; as != "" {
			by = event.User{ID: as, Name: as}
		}
		w.Item = d.addComment(k, event.Comment{Body: step.Comment.Body, Internal: step.Comment.Internal, Author: by, Marker: step.Marker})
	case event.StepAttach:
		content, err := io.ReadAll(body)
		if err != nil {
			return w, err
		}
		w.Item = d.addFile(k, event.Attachment{Name: step.Attachment.Name, Author: bot, Marker: step.Marker}, content)
	}
	w.Version = k.Version
	return w, nil
}

// Delete implements adapters.Deleter.
func (d *desk) Delete(_ context.Context, ref event.Ref) error {
	if err := d.on("delete", event.Step{Ref: ref}); err != nil {
		return err
	}
	d.mu.Lock()
	there := d.find(ref) != nil
	d.mu.Unlock()
	if !there {
		return trouble(adapters.ErrGone, "delete")
	}
	d.drop(ref)
	return d.on("delete done", event.Step{Ref: ref})
}

// Remove implements adapters.Remover.
func (d *desk) Remove(_ context.Context, ref event.Ref, what event.Removal) error {
	step := event.Step{Kind: event.StepRemove, Ref: ref, Remove: &what}
	if err := d.on("remove", step); err != nil {
		return err
	}
	d.mu.Lock()
	k := d.find(ref)
	if k == nil {
		d.mu.Unlock()
		return trouble(adapters.ErrGone, "remove")
	}
	if what.File {
		k.Attachments = slices.DeleteFunc(k.Attachments, func(a event.Attachment) bool { return a.ID == what.ID })
	} else {
		k.Comments = slices.DeleteFunc(k.Comments, func(c event.Comment) bool { return c.ID == what.ID })
	}
	d.touch(k)
	d.mu.Unlock()
	return d.on("remove done", step)
}

// Find looks for a marker.
func (d *desk) Find(_ context.Context, step event.Step) (event.Found, error) {
	if err := d.on("find", step); err != nil {
		return event.Found{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var hits []event.Written
	for _, k := range d.tickets {
		if step.Kind == event.StepCreate && k.Marker == step.Marker && k.Ref.Created >= step.Since {
			hits = append(hits, event.Written{Ref: k.Ref, Key: k.Key, Version: k.Version})
		}
		for _, c := range k.Comments {
			if step.Kind == event.StepComment && k.Ref == step.Ref && c.Marker == step.Marker {
				hits = append(hits, event.Written{Ref: k.Ref, Key: k.Key, Item: c.ID})
			}
		}
		for _, a := range k.Attachments {
			if step.Kind == event.StepAttach && k.Ref == step.Ref && a.Marker == step.Marker {
				hits = append(hits, event.Written{Ref: k.Ref, Key: k.Key, Item: a.ID})
			}
		}
	}
	switch len(hits) {
	case 0:
		return event.Found{Presence: event.FoundNone}, nil
	case 1:
		return event.Found{Presence: event.FoundOne, Written: hits[0]}, nil
	}
	return event.Found{Presence: event.FoundMany}, nil
}

// Schema tells the few fields that the tests use.
func (d *desk) Schema(context.Context) (event.Schema, error) {
	if d.noSchema {
		return event.Schema{}, trouble(adapters.ErrTransient, "schema")
	}
	s := schema()
	s.EditComments = d.edits
	return s, nil
}

func schema() event.Schema {
	return event.Schema{
		Fields: map[string]event.Field{
			"summary": {Type: event.TypeText, Writable: true, Required: true},
			"status":  {Type: event.TypeOption, Writable: true, Options: []string{"Open", "Waiting", "Testing", "Done", "Reopened"}},
			"labels":  {Type: event.TypeSet, Writable: true},
			"key":     {Type: event.TypeText},
			"parent":  {Type: event.TypeRef, Writable: true},
			"links":   {Type: event.TypeLinks, Writable: true},
		},
		Comments: true, Internal: true, Attachments: true, Impersonate: true,
	}
}

// FindUser implements adapters.People: there is Ann.
func (d *desk) FindUser(_ context.Context, query string) ([]event.User, error) {
	if query != "ann" {
		return nil, nil
	}
	return []event.User{{ID: "ann", Name: "Ann", Email: "ann@b.example"}}, nil
}

// Open reads a file.
func (d *desk) Open(_ context.Context, _ event.Ref, id string) (io.ReadCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return io.NopCloser(bytes.NewReader(d.content[id])), nil
}

// List is not used.
func (d *desk) List(context.Context, string, event.Cursor, int) ([]event.Change, event.Cursor, error) {
	return nil, "", errors.ErrUnsupported
}

// Locate finds a ticket by its key.
func (d *desk) Locate(_ context.Context, key string) (event.Change, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.tickets {
		if k.Key == key {
			return event.Change{Ref: k.Ref, Key: k.Key}, nil
		}
	}
	return event.Change{}, trouble(adapters.ErrGone, "locate")
}

// get returns a copy of a ticket.
func (d *desk) get(ref event.Ref) event.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *clone(d.find(ref))
}

// settleTime is how long a write that was cut off may still land.
const settleTime = 3 * time.Second

// SettleTime of the desk.
func (d *desk) SettleTime() time.Duration { return settleTime }

// Precision of the desk's change times.
func (d *desk) Precision() time.Duration { return 0 }

// Close does nothing.
func (d *desk) Close() error { return nil }
