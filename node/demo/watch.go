package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// watcher looks at both desks, as a person with both pages open would, and
// tells what crossed from one to the other.
type watcher struct {
	desks [2]*watched
	match *matcher
}

// watched is one desk and what was seen there.
type watched struct {
	*company
	side   int
	cursor event.Cursor
	seen   map[event.Ref]sight
}

// sight is what was seen of a ticket.
type sight struct {
	comments map[string]time.Time // when each was edited last
	files    map[string]bool
	// edited is the time of the last edit seen, edits how many there were at it.
	edited time.Time
	edits  int
}

// kind is what kind of thing happened.
type kind int

const (
	madeTicket kind = iota
	madeComment
	editedComment
	madeNote // an internal comment
	addedFile
	setField
)

// happening is one thing that happened to a ticket at a desk.
type happening struct {
	side   int
	key    string
	remote string // what the ticket's field Remote key says
	kind   kind
	at     time.Time
	// own: a node did it, not a person.
	own bool
	who string
	// name of the file or field; text is a summary, a comment or a value as text.
	name, text, old string
	digest          string
	size            int64
}

const lookEvery = time.Second

func newWatcher(companies [2]*company, say *printer) *watcher {
	w := &watcher{match: newMatcher(companies, say)}
	for i, c := range companies {
		w.desks[i] = &watched{company: c, side: i, seen: map[event.Ref]sight{}}
	}
	return w
}

// begin takes in what is there, without telling of it.
func (w *watcher) begin(ctx context.Context) error {
	for _, d := range w.desks {
		_, cursor, err := d.person.Changes(ctx, "", 1)
		if err != nil {
			return fmt.Errorf("look at %s's desk: %w", d.name, err)
		}
		d.cursor = cursor
		for page := event.Cursor(""); ; {
			changes, next, err := d.person.List(ctx, "", page, 100)
			if err != nil {
				return fmt.Errorf("look at %s's desk: %w", d.name, err)
			}
			for _, c := range changes {
				all, err := d.see(ctx, c)
				if err != nil {
					return err
				}
				w.match.remember(all)
			}
			if page = next; next == "" {
				break
			}
		}
	}
	return nil
}

// run looks whenever a desk says that something changed, until ctx ends.
func (w *watcher) run(ctx context.Context) {
	hints := [2]<-chan struct{}{w.desks[0].person.Watch(), w.desks[1].person.Watch()}
	for ctx.Err() == nil {
		w.look(ctx)
		timer := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
		case <-hints[0]:
		case <-hints[1]:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// look takes in what changed since the last look. What could not be read is
// looked at again the next time.
func (w *watcher) look(ctx context.Context) {
	for _, d := range w.desks {
		for more := true; more; {
			const page = 100
			changes, next, err := d.person.Changes(ctx, d.cursor, page)
			if err != nil {
				return
			}
			for _, c := range changes {
				all, err := d.see(ctx, c)
				if err != nil {
					return
				}
				w.match.add(all)
			}
			d.cursor, more = next, len(changes) == page
		}
	}
	w.match.settle(time.Now())
}

// see reads a ticket and returns what happened to it since it was seen last.
func (d *watched) see(ctx context.Context, c event.Change) ([]happening, error) {
	if c.Deleted {
		delete(d.seen, c.Ref)
		return nil, nil
	}
	ticket, err := d.person.Read(ctx, c.Ref)
	if errors.Is(err, adapters.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s at %s's desk: %w", c.Key, d.name, err)
	}
	before, known := d.seen[c.Ref]
	base := happening{side: d.side, key: ticket.Key}
	base.remote, _ = ticket.Fields[remoteKey].(string)
	var all []happening
	if !known {
		before = sight{comments: map[string]time.Time{}, files: map[string]bool{}}
		if base.at, err = d.born(ctx, c.Ref); err != nil {
			return nil, err
		}
		all = append(all, base.made(ticket))
	}
	after := sight{comments: maps.Clone(before.comments), files: maps.Clone(before.files)}
	all = append(all, base.entries(ticket, after)...)
	edits, err := d.person.History(ctx, c.Ref, before.edited)
	if err != nil {
		return nil, fmt.Errorf("read the history of %s at %s's desk: %w", c.Key, d.name, err)
	}
	after.edited, after.edits = before.edited, before.edits
	all = append(all, base.edits(edits, &after)...)
	d.seen[c.Ref] = after
	return all, nil
}

// remoteKey is the field in which a twin names the ticket that it came from.
const remoteKey = event.CustomPrefix + "Remote key"

func (h happening) made(t event.Ticket) happening {
	h.kind, h.text = madeTicket, text(t.Fields[event.FieldSummary])
	if creator, ok := t.Fields[event.FieldCreator].(map[string]any); ok {
		h.own, h.who = creator["id"] == account, text(creator["name"])
	}
	return h
}

// entries are the comments and files that seen does not hold; they are added.
func (h happening) entries(t event.Ticket, seen sight) []happening {
	var all []happening
	for _, c := range t.Comments {
		last, known := seen.comments[c.ID]
		if known && last.Equal(c.Edited) {
			continue
		}
		seen.comments[c.ID] = c.Edited
		n := h
		n.kind, n.at, n.own, n.who, n.text = madeComment, c.Created, c.Author.ID == account, c.Author.Name, c.Body
		if c.Internal {
			n.kind = madeNote
		} else if known {
			n.kind, n.at = editedComment, c.Edited
		}
		all = append(all, n)
	}
	for _, f := range t.Attachments {
		if seen.files[f.ID] {
			continue
		}
		seen.files[f.ID] = true
		n := h
		n.kind, n.at, n.own, n.who = addedFile, f.Created, f.Author.ID == account, f.Author.Name
		n.name, n.digest, n.size = f.Name, f.SHA256, f.Size
		all = append(all, n)
	}
	return all
}

// edits are the changes of fields after those that seen counts. The desk tells
// times in milliseconds: several may have the same.
func (h happening) edits(edits []adapters.Edit, seen *sight) []happening {
	var all []happening
	same := seen.edits
	for _, e := range edits {
		if e.At.Equal(seen.edited) {
			if same > 0 {
				same--
				continue
			}
			seen.edits++
		} else {
			seen.edited, seen.edits = e.At, 1
		}
		n := h
		n.kind, n.at, n.own, n.who = setField, e.At, e.Author.ID == account, e.Author.Name
		n.name, n.text, n.old = e.Field, text(e.New), text(e.Old)
		all = append(all, n)
	}
	return all
}

// text shows a field's value.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any:
		for _, name := range []string{"name", "key", "value", "id"} {
			if s, ok := v[name].(string); ok {
				return s
			}
		}
		return ""
	case []any:
		words := make([]string, len(v))
		for i, w := range v {
			words[i] = text(w)
		}
		return strings.Join(words, ", ")
	}
	return fmt.Sprint(v)
}
