package zendesk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read ticket " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	x, err := t.ticket(ctx, op, ref)
	if err != nil {
		return event.Ticket{}, err
	}
	said, err := t.conversation(ctx, op, x, me)
	if err != nil {
		return event.Ticket{}, err
	}
	cat, err := t.dir.catalog(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	people, err := t.dir.people(ctx, append(said.authors(), x.Assignee, x.Requester, x.Submitter)...)
	if err != nil {
		return event.Ticket{}, err
	}
	out := event.Ticket{
		Ref: x.ref(), Key: x.key(), URL: t.webURL(x.key()), Marker: x.marker(me), Version: x.version(), Updated: x.changed(),
		Lock: x.lock(), Next: cat.next(x),
	}
	if out.Fields, err = t.fieldsOf(ctx, x, cat, people); err != nil {
		return event.Ticket{}, err
	}
	said.into(&out, people)
	return out, nil
}

// markerPrefix tells our external ids from those of others.
const markerPrefix = "parley-"

// marker is the one that our create left: only what our own account made can have one.
func (t *ticket) marker(me user) event.Marker {
	m, ok := cutPrefix(t.ExternalID)
	if !ok || t.Submitter != me.ID {
		return ""
	}
	return m
}

func cutPrefix(id string) (event.Marker, bool) {
	if len(id) <= len(markerPrefix) || id[:len(markerPrefix)] != markerPrefix || !markerText.MatchString(id[len(markerPrefix):]) {
		return "", false
	}
	return event.Marker(id[len(markerPrefix):]), true
}

// conversation is what was said on a ticket, the first comment being its
// description, and the marks of ours by the audits that left them.
type conversation struct {
	comments []comment
	marks    map[int64]mark
}

func (c *conversation) authors() []int64 {
	var out []int64
	for i := range c.comments {
		out = append(out, c.comments[i].Author)
	}
	return out
}

func (t *Tracker) conversation(ctx context.Context, op string, x *ticket, me user) (*conversation, error) {
	all, err := t.api.comments(ctx, op, x.key())
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	slices.SortStableFunc(all, func(a, b comment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	out := &conversation{comments: all}
	if slices.ContainsFunc(all, func(c comment) bool { return c.Author == me.ID }) {
		// Comments do not tell what was left with them; audits do.
		out.marks, err = t.marks(ctx, op, x.key(), me)
	}
	return out, err
}

// marks are those of our own account, by audit.
func (t *Tracker) marks(ctx context.Context, op, id string, me user) (map[int64]mark, error) {
	all, err := t.api.audits(ctx, op, id)
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	out := map[int64]mark{}
	for i := range all {
		if m := all[i].mark(); m.Marker != "" && all[i].Author == me.ID {
			out[all[i].ID] = m
		}
	}
	return out, nil
}

// into sorts the conversation into a ticket.
func (c *conversation) into(out *event.Ticket, people map[int64]user) {
	out.Fields[event.FieldDescription] = nil
	files := filesOf(c.comments, true)
	for i := range c.comments {
		x := &c.comments[i]
		author := people[x.Author]
		m := c.marks[x.Audit]
		for _, f := range x.Files {
			if a, ok := f.attachment(x, author); ok {
				if m.File {
					a.Marker = m.Marker
				}
				out.Attachments = append(out.Attachments, a)
			}
		}
		switch {
		case i == 0:
			out.Fields[event.FieldDescription] = emptyNil(refer(x.toMarkdown(), files))
			out.Restricted = x.internal()
		case m.File || x.onlyCarries():
		default:
			out.Comments = append(out.Comments, event.Comment{
				ID: strconv.FormatInt(x.ID, 10), Author: author.event(), Body: refer(x.toMarkdown(), files),
				Created: x.Created.UTC(), Internal: x.internal(), Marker: m.Marker,
			})
		}
	}
	slices.SortStableFunc(out.Attachments, func(a, b event.Attachment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(number(a.ID), number(b.ID)))
	})
}

// onlyCarries tells a comment that says no more than the file that it is there for.
func (c *comment) onlyCarries() bool {
	if len(c.Files) == 0 {
		return false
	}
	text := c.toMarkdown()
	return text == "" || len(c.Files) == 1 && strings.TrimSpace(lines(c.Body)) == strings.TrimSpace(c.Files[0].name())
}

func (f *file) attachment(c *comment, author user) (event.Attachment, bool) {
	if f.ID <= 0 || f.Size == nil || f.Deleted || f.name() == "" {
		return event.Attachment{}, false
	}
	return event.Attachment{
		ID: strconv.FormatInt(f.ID, 10), Name: lines(f.name()), Size: *f.Size, MIME: f.Type, Author: author.event(),
		Created: c.Created.UTC(), Internal: c.internal(), Inline: f.Inline,
	}, true
}

// next are the statuses that may follow: new is for tickets that nobody touched,
// and Zendesk alone closes.
func (c *catalog) next(x *ticket) []string {
	if x.Status == statusClosed {
		return nil
	}
	var out []string
	for _, s := range c.statuses {
		if s.active && s.category != statusClosed && (s.category != statusNew || x.Status == statusNew) {
			out = append(out, s.name)
		}
	}
	return out
}

const scanFound = "malware_found"

// Open implements adapters.Files. The bytes may lie with another host, which gets a
// signed address and no credential.
func (t *Tracker) Open(ctx context.Context, _ event.Ref, id string) (io.ReadCloser, error) {
	op := "open attachment " + id
	if !isID(id) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of an attachment", id)}
	}
	f, err := t.api.file(ctx, id)
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	switch {
	case f.Deleted:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the file was deleted")}
	case f.Scan == scanFound && !f.Override:
		return nil, &adapters.Error{
			Class: adapters.ErrRejected, Op: op, Err: errors.New("the file holds malware and is held back"),
			Hint: "an administrator may let agents open it in the ticket",
		}
	}
	link, err := t.api.rest.Resolve(f.URL)
	if err != nil {
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
	}
	s, err := t.api.rest.Stream(ctx, rest.Request{Op: op, URL: link, Expect: []int{200}})
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	if s.Size >= 0 && s.Size != *f.Size {
		_ = s.Close()
		return nil, &adapters.Error{
			Class: adapters.ErrTransient, Op: op, Err: fmt.Errorf("the file has %d bytes, %d are announced", *f.Size, s.Size),
		}
	}
	return s, nil
}
