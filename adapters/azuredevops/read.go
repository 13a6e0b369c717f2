package azuredevops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read work item " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	i, err := t.item(ctx, op, ref)
	if err != nil {
		return event.Ticket{}, err
	}
	fields, err := t.fieldsOf(ctx, i)
	if errors.Is(err, errIncomplete) {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	if err != nil {
		return event.Ticket{}, err
	}
	ticket := event.Ticket{
		Ref: i.ref(), Key: i.key(), URL: t.webURL(i), Fields: fields, Marker: t.markerOf(i, me),
		Version: i.version(), Updated: i.changed, Lock: i.version(),
	}
	if ticket.Comments, err = t.comments(ctx, op, i, me); err != nil {
		return event.Ticket{}, err
	}
	if ticket.Attachments, err = files(i); err != nil {
		return event.Ticket{}, incomplete(op, adapters.ErrConfiguration)
	}
	referTicket(&ticket)
	kind, err := t.dir.typeOf(ctx, i.text(refProject), i.text(refType))
	if err != nil {
		return event.Ticket{}, err
	}
	if kind != nil {
		ticket.Next = kind.next(i.text(refState))
	}
	return ticket, nil
}

// comments reads the conversation. All of it is public to who sees the work item.
func (t *Tracker) comments(ctx context.Context, op string, i *item, me identity) ([]event.Comment, error) {
	all, err := t.api.comments(ctx, op, i.text(refProject), i.key())
	if err != nil {
		return nil, t.believeGone(ctx, op, i.key(), err)
	}
	out := make([]event.Comment, 0, len(all))
	for n := range all {
		s := &all[n]
		c := event.Comment{ID: fmt.Sprint(s.number()), Author: s.By.event(), Created: s.Created.UTC()}
		if s.Modified.After(s.Created) {
			c.Edited = s.Modified.UTC()
		}
		if c.Author.ID == me.ID {
			c.Body, c.Marker = cutComment(s.Text, s.Format)
		} else {
			c.Body = toMarkdown(s.Text, s.Format)
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b event.Comment) int { return a.Created.Compare(b.Created) })
	return out, nil
}

// files are the relations to attached files. Who attached one is not told there.
func files(i *item) ([]event.Attachment, error) {
	var out []event.Attachment
	for n := range i.Relations {
		r := &i.Relations[n]
		if r.Rel != relFile {
			continue
		}
		at := r.Attributes.Created
		if at.IsZero() {
			at = r.Attributes.Added
		}
		if !guid.MatchString(r.last()) || r.Attributes.Name == "" || at.IsZero() {
			return nil, errIncomplete
		}
		out = append(out, event.Attachment{
			ID: strings.ToLower(r.last()), Name: r.Attributes.Name, Size: r.Attributes.Size, MIME: typeByName(r.Attributes.Name),
			Author: (*identity)(nil).event(), Created: at.UTC().Truncate(time.Millisecond), Marker: markOf(r.Attributes.Comment),
		})
	}
	slices.SortStableFunc(out, func(a, b event.Attachment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

func typeByName(name string) string {
	return orDefault(mime.TypeByExtension(path.Ext(name)), "application/octet-stream")
}

// Open implements adapters.Files. The address in the relation is not used: it names the
// host that Azure DevOps was told.
func (t *Tracker) Open(ctx context.Context, ref event.Ref, id string) (io.ReadCloser, error) {
	op := "open attachment " + id
	if !guid.MatchString(id) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of an attachment", id)}
	}
	i, err := t.item(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(i.Relations, func(r relation) bool { return r.Rel == relFile && strings.EqualFold(r.last(), id) })
	if n < 0 {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the work item has no such file")}
	}
	s, err := t.api.download(ctx, op, i.text(refProject), id)
	if err != nil {
		return nil, t.believeGone(ctx, op, i.key(), err)
	}
	if want := i.Relations[n].Attributes.Size; s.Size >= 0 && want > 0 && s.Size != want {
		_ = s.Close()
		return nil, &adapters.Error{Class: adapters.ErrTransient, Op: op, Err: fmt.Errorf("the file has %d bytes, %d are announced", want, s.Size)}
	}
	return s, nil
}
