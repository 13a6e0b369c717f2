package simtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// tracker is a ticket system in memory with people in it. It outlives the
// node in front of it.
type tracker struct {
	name   string
	clock  *clock
	rng    *rand.Rand
	coarse bool // change times in whole seconds, no lock
	// lag is how long Find does not see what was written: its index is behind.
	lag time.Duration
	// stubborn tickets take no priority from a node, and say nothing of it.
	stubborn bool
	// wrote is when a node wrote last.
	wrote  time.Time
	serial int64
	list   []*ticket
	files  map[string][]byte
	bot    event.User
	// fault is asked before and after each call of the node; it may panic
	// (the process dies) or return an error.
	fault func(op string, after bool) error
	// late tells whether a write is cut off and lands later.
	late    func() bool
	landing []landing
	// landed is when the write that is landing was due: its index counts from there,
	// since the world may have looked away at that moment.
	landed time.Time
	// meddle lets people act in the midst of the node's calls.
	meddle func(t *ticket)
	trace  func(format string, args ...any)
	// arrives is told of each text that a node writes.
	arrives func(text string)
	// refuses are the calls that the account may not make at present.
	refuses []string
	// noticed is set once a poll was refused too: before that nobody can tell when it is over.
	noticed bool
	// skew is how far the tracker's clock is ahead.
	skew time.Duration
	// ids is how many were given out, freed those of deleted tickets.
	ids   int
	freed []*ticket
}

// landing is a write whose caller was cut off before the tracker did it.
type landing struct {
	at      time.Time
	step    event.Step
	content []byte
}

// settleTime is how long a cut-off write may still land and not be found.
const settleTime = 3 * time.Second

// next is when the first of what was cut off lands; zero if there is none.
func (t *tracker) next() time.Time {
	var first time.Time
	for _, l := range t.landing {
		if first.IsZero() || l.at.Before(first) {
			first = l.at
		}
	}
	return first
}

// land does what was cut off and is due.
func (t *tracker) land() {
	for i := 0; i < len(t.landing); {
		l := t.landing[i]
		if l.at.After(t.clock.now()) {
			i++
			continue
		}
		t.landing = slices.Delete(t.landing, i, i+1)
		t.trace("%s: a late write lands: %s %v", t.name, l.step.Kind, l.step.Fields)
		t.landed = l.at
		_, _ = t.write(l.step, l.content) // who asked is gone
		t.landed = time.Time{}
	}
}

type ticket struct {
	event.Ticket
	made    time.Time
	serial  int64
	content map[string]string // attachment id to digest
	// edits are the values that people gave each field, in order.
	edits   map[string][]any
	history []adapters.Edit
	decided bool // a person decided a dispute in it
}

var (
	_ adapters.Tracker = (*tracker)(nil)
	_ adapters.Files   = (*tracker)(nil)
)

func newTracker(name string, c *clock, rng *rand.Rand, coarse bool) *tracker {
	return &tracker{
		name: name, clock: c, rng: rng, coarse: coarse, files: map[string][]byte{},
		bot:   event.User{ID: "bot", Name: "Bot"},
		fault: func(string, bool) error { return nil }, late: func() bool { return false }, meddle: func(*ticket) {}, arrives: func(string) {},
	}
}

// moment is when what is being written is written.
func (t *tracker) moment() time.Time {
	if !t.landed.IsZero() {
		return t.landed
	}
	return t.clock.now()
}

func (t *tracker) now() time.Time {
	at := t.clock.now().Add(t.skew)
	if t.coarse {
		return at.Truncate(time.Second)
	}
	return at
}

func (t *tracker) touch(k *ticket) {
	t.serial++
	k.serial = t.serial
	k.Updated = t.now()
	t.trace("%s has %s %v, %d comments, %d files", t.name, k.Key, k.Fields, len(k.Comments), len(k.Attachments))
	k.Version = strconv.FormatInt(k.serial, 10)
	if t.coarse {
		k.Version = k.Updated.Format(time.RFC3339)
	} else {
		k.Lock = k.Version
	}
}

func (t *tracker) create(fields event.Fields, marker event.Marker) *ticket {
	id := t.nextID()
	k := &ticket{made: t.moment(), content: map[string]string{}, edits: map[string][]any{}}
	k.Ref, k.Key, k.Marker = event.NewRef(id, t.now()), t.name+"-"+id, marker
	k.Fields = event.Fields{"summary": "", "status": "Open", "priority": nil, "labels": []any{}, "key": k.Key, "created": k.Key}
	maps.Copy(k.Fields, fields)
	if marker != "" && t.ignores(k, "priority") {
		k.Fields["priority"] = nil
	}
	t.list = append(t.list, k)
	t.touch(k)
	return k
}

func (t *tracker) comment(k *ticket, body string, internal bool, who event.User, marker event.Marker) string {
	id := k.Ref.ID + "c" + strconv.Itoa(len(k.Comments)+1)
	k.Comments = append(k.Comments, event.Comment{ID: id, Author: who, Body: body, Internal: internal, Created: t.moment(), Marker: marker})
	t.touch(k)
	return id
}

func (t *tracker) attach(k *ticket, name string, content []byte, who event.User, marker event.Marker) string {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	id := k.Ref.ID + "f" + strconv.Itoa(len(k.Attachments)+1)
	k.Attachments = append(k.Attachments, event.Attachment{
		ID: id, Name: name, Size: int64(len(content)), MIME: "text/plain", Author: who, Created: t.moment(), Marker: marker,
	})
	k.content[id], t.files[digest] = digest, content
	t.touch(k)
	return id
}

// set is a person's edit.
func (t *tracker) set(k *ticket, field string, value any) {
	k.history = append(k.history, adapters.Edit{At: t.now(), Field: field, Old: k.Fields[field], New: value})
	k.Fields[field] = value
	k.edits[field] = append(k.edits[field], value)
	t.touch(k)
}

func (t *tracker) find(ref event.Ref) *ticket {
	for _, k := range t.list {
		if k.Ref == ref {
			return k
		}
	}
	return nil
}

// Changes lists by serial, or by whole seconds with an overlap, as trackers do.
func (t *tracker) Changes(_ context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	if err := t.fault("changes", false); err != nil {
		return nil, "", err
	}
	from, _ := strconv.ParseInt(string(cursor), 10, 64)
	if t.coarse && from > t.now().Unix() {
		from = t.now().Add(-setBack).Unix()
	}
	all := slices.Clone(t.list)
	slices.SortFunc(all, func(a, b *ticket) int { return int(a.serial - b.serial) })
	var out []event.Change
	next := from
	for _, k := range all {
		at := k.serial
		if t.coarse {
			at = k.Updated.Unix()
		}
		if at < from || !t.coarse && at == from {
			continue
		}
		out = append(out, event.Change{Ref: k.Ref, Key: k.Key, Version: k.Version, Updated: k.Updated})
		if next = at; len(out) == limit && !t.coarse {
			break
		}
	}
	if t.coarse {
		// A change that is named later than the clock says does not move the place.
		next = min(next, t.now().Unix())
	}
	return out, event.Cursor(strconv.FormatInt(next, 10)), t.fault("changes", true)
}

// Read returns a copy of a ticket.
func (t *tracker) Read(_ context.Context, ref event.Ref) (event.Ticket, error) {
	if err := t.fault("read", false); err != nil {
		return event.Ticket{}, err
	}
	k := t.find(ref)
	if k == nil {
		return event.Ticket{}, &adapters.Error{Class: adapters.ErrGone, Op: "read"}
	}
	t.meddle(k)
	out := k.Ticket
	out.Fields, out.Comments, out.Attachments = maps.Clone(k.Fields), slices.Clone(k.Comments), slices.Clone(k.Attachments)
	t.meddle(k) // without a lock, our next write runs over it
	return out, t.fault("read", true)
}

// Write does a step.
func (t *tracker) Write(_ context.Context, step event.Step, body io.Reader) (event.Written, error) {
	if err := t.fault("write", false); err != nil {
		return event.Written{}, err
	}
	var content []byte
	if body != nil {
		var err error
		if content, err = io.ReadAll(body); err != nil {
			return event.Written{}, err
		}
	}
	t.wrote = t.clock.now()
	if t.late() {
		t.landing = append(t.landing, landing{t.clock.now().Add(time.Duration(t.rng.Int64N(int64(settleTime - t.lag)))), step, content})
		return event.Written{}, t.fault("cut", true)
	}
	w, err := t.write(step, content)
	if err != nil {
		return w, err
	}
	if k := t.find(w.Ref); k != nil && !t.coarse {
		w.Version = k.Version
	}
	if k := t.find(w.Ref); k != nil {
		t.meddle(k)
	}
	return w, t.fault("write", true)
}

func (t *tracker) write(step event.Step, content []byte) (event.Written, error) {
	if step.Kind == event.StepCreate {
		k := t.create(step.Fields, step.Marker)
		return event.Written{Ref: k.Ref, Key: k.Key}, nil
	}
	k := t.find(step.Ref)
	if k == nil {
		return event.Written{}, &adapters.Error{Class: adapters.ErrGone, Op: "write"}
	}
	w := event.Written{Ref: k.Ref, Key: k.Key}
	if step.Lock != "" && step.Lock != k.Lock {
		return w, &adapters.Error{Class: adapters.ErrChanged, Op: "write"}
	}
	switch step.Kind {
	case event.StepUpdate:
		linked := writeLinks(k, step)
		for _, name := range slices.Sorted(maps.Keys(step.Fields)) {
			if t.ignores(k, name) {
				continue
			}
			k.history = append(k.history, adapters.Edit{At: t.now(), Own: true, Field: name, Old: k.Fields[name], New: step.Fields[name]})
			if k.Fields[name] = step.Fields[name]; name == event.FieldLinks {
				k.Fields[name] = linked
			}
		}
		t.touch(k)
	case event.StepComment:
		t.arrives(step.Comment.Body)
		if step.Comment.ID == "" {
			w.Item = t.comment(k, step.Comment.Body, step.Comment.Internal, t.bot, step.Marker)
			break
		}
		for i := range k.Comments {
			if k.Comments[i].ID == step.Comment.ID {
				k.Comments[i].Body = step.Comment.Body
				t.touch(k)
			}
		}
	case event.StepAttach:
		t.arrives(step.Attachment.Name)
		w.Item = t.attach(k, step.Attachment.Name, content, t.bot, step.Marker)
	}
	if t.rng.IntN(2) == 0 {
		w.Item = "" // many trackers do not tell
	}
	return w, nil
}

// ignores tells whether a node's write of a field is dropped without a word.
func (t *tracker) ignores(k *ticket, field string) bool {
	return t.stubborn && field == "priority" && strings.HasSuffix(k.Key, "3")
}

// Find looks for a marker, in an index that may be behind.
func (t *tracker) Find(_ context.Context, step event.Step) (event.Found, error) {
	if err := t.fault("find", false); err != nil {
		return event.Found{}, err
	}
	var hits []event.Written
	for _, k := range t.list {
		if step.Kind == event.StepCreate && k.Marker == step.Marker && t.indexed(k.made) {
			hits = append(hits, event.Written{Ref: k.Ref, Key: k.Key})
		}
		if step.Kind == event.StepCreate || k.Ref != step.Ref {
			continue
		}
		for _, c := range k.Comments {
			if step.Kind == event.StepComment && c.Marker == step.Marker && t.indexed(c.Created) {
				hits = append(hits, event.Written{Ref: k.Ref, Key: k.Key, Item: c.ID})
			}
		}
		for _, a := range k.Attachments {
			if step.Kind == event.StepAttach && a.Marker == step.Marker && t.indexed(a.Created) {
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

func (t *tracker) indexed(made time.Time) bool { return t.clock.now().Sub(made) >= t.lag }

// Schema of the tracker.
func (t *tracker) Schema(context.Context) (event.Schema, error) {
	if slices.Contains(t.refuses, "schema") {
		return event.Schema{}, errDenied
	}
	return schema(), nil
}

func schema() event.Schema {
	return event.Schema{
		Fields: map[string]event.Field{
			"summary":  {Type: event.TypeText, Writable: true, Required: true},
			"status":   {Type: event.TypeOption, Writable: true, Options: statuses},
			"priority": {Type: event.TypeOption, Writable: true, Options: priorities},
			"labels":   {Type: event.TypeSet, Writable: true},
			"links":    {Type: event.TypeLinks, Writable: true},
			"parent":   {Type: event.TypeRef, Writable: true},
			"key":      {Type: event.TypeText}, "created": {Type: event.TypeText},
			"fields.Key at A": {Type: event.TypeText, Writable: true},
			"fields.Key at B": {Type: event.TypeText, Writable: true},
			"fields.Key at C": {Type: event.TypeText, Writable: true},
		},
		Comments: true, Internal: true, Attachments: true, EditComments: true,
	}
}

var (
	statuses   = []string{"Open", "Waiting", "Done"}
	priorities = []string{"Low", "High"}
)

// History tells who changed what.
func (t *tracker) History(_ context.Context, ref event.Ref, since time.Time) ([]adapters.Edit, error) {
	k := t.find(ref)
	if k == nil {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: "history"}
	}
	return slices.DeleteFunc(slices.Clone(k.history), func(e adapters.Edit) bool { return e.At.Before(since) }), nil
}

// List lists all tickets.
func (t *tracker) List(context.Context, string, event.Cursor, int) ([]event.Change, event.Cursor, error) {
	return nil, "", errors.New("not used")
}

// Locate finds a ticket by its key.
func (t *tracker) Locate(_ context.Context, key string) (event.Change, error) {
	return event.Change{}, fmt.Errorf("locate %s: not used", key)
}

// Open reads a file.
func (t *tracker) Open(_ context.Context, ref event.Ref, id string) (io.ReadCloser, error) {
	if err := t.fault("open", false); err != nil {
		return nil, err
	}
	k := t.find(ref)
	if k == nil {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: "open"}
	}
	return io.NopCloser(newReader(t.files[k.content[id]])), nil
}

// SettleTime is how long a cut-off write may still land.
func (t *tracker) SettleTime() time.Duration { return settleTime }

// Precision of the change times.
func (t *tracker) Precision() time.Duration {
	if t.coarse {
		return time.Second
	}
	return 0
}

// Close does nothing.
func (t *tracker) Close() error { return nil }
