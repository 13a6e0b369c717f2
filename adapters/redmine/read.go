package redmine

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	me, err := t.account(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	i, err := t.issue(ctx, "read issue "+ref.ID, ref, "journals,attachments,allowed_statuses,relations,children")
	if err != nil {
		return event.Ticket{}, err
	}
	description, marker := t.issueMarker(i, me)
	fields, err := t.fieldsOf(ctx, i, description)
	if err != nil {
		return event.Ticket{}, err
	}
	below := map[string]string{}
	for _, c := range i.Children {
		below[strconv.FormatInt(c.ID, 10)] = strconv.FormatInt(c.ID, 10)
	}
	fields[event.FieldChildren] = event.RefsValue(below)
	fields[event.FieldLinks] = event.LinksValue(i.links())
	ticket := event.Ticket{
		Ref: i.ref(), Key: i.id(), URL: webURL(t.web, i.ID), Fields: fields, Marker: marker,
		Version: i.version(), Updated: i.UpdatedOn.UTC(), Restricted: i.IsPrivate,
		Next: names(i.AllowedStatuses),
	}
	for _, j := range i.Journals {
		if j.Notes != "" {
			ticket.Comments = append(ticket.Comments, t.comment(j, me))
		}
	}
	for _, a := range i.Attachments {
		ticket.Attachments = append(ticket.Attachments, fileOf(a, me))
	}
	return ticket, nil
}

// issueMarker is the marker that our create left, and the description without
// it. Only what our own account made can have one.
func (t *Tracker) issueMarker(i *issue, me account) (string, event.Marker) {
	if i.Author.ID != me.ID {
		return i.Description, ""
	}
	description, marker := cutMarker(i.Description)
	if t.set.markerField != "" {
		for _, c := range i.CustomFields {
			if s, ok := c.Value.(string); ok && c.Name == t.set.markerField && markerText.MatchString(s) {
				marker = event.Marker(s)
			}
		}
	}
	return description, marker
}

func (t *Tracker) comment(j journal, me account) event.Comment {
	c := event.Comment{
		ID: strconv.FormatInt(j.ID, 10), Author: userOf(j.User), Created: j.CreatedOn.UTC(),
		Internal: j.PrivateNotes == nil || *j.PrivateNotes,
	}
	if j.UpdatedOn.After(j.CreatedOn) {
		c.Edited = j.UpdatedOn.UTC()
	}
	notes := j.Notes
	if j.User.ID == me.ID {
		notes, c.Marker = cutMarker(notes)
	}
	c.Body = t.set.toMarkdown(notes)
	return c
}

func fileOf(a attachment, me account) event.Attachment {
	out := event.Attachment{
		ID: strconv.FormatInt(a.ID, 10), Name: a.FileName, Size: a.FileSize, MIME: a.ContentType,
		Author: userOf(a.Author), Created: a.CreatedOn.UTC(),
	}
	if a.Author.ID == me.ID {
		out.Name, out.Marker = cutFileMarker(a.FileName, a.Description)
	}
	return out
}

// Open implements adapters.Files. The address that Redmine gives is not used:
// it names the host that Redmine was told, which the key was not entered for.
func (t *Tracker) Open(ctx context.Context, ref event.Ref, id string) (io.ReadCloser, error) {
	op := "open attachment " + id
	if !isID(id) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of an attachment", id)}
	}
	// With a wrong key the bytes are a redirect to the sign-in page, and its
	// HTML would pass for them: what the file is, is asked first.
	a, err := t.api.attachment(ctx, id)
	if err != nil {
		return nil, t.believeGone(ctx, err)
	}
	s, err := t.api.download(ctx, id)
	if err != nil {
		return nil, t.believeGone(ctx, err)
	}
	if s.Size != a.FileSize {
		_ = s.Close()
		return nil, &adapters.Error{
			Class: adapters.ErrTransient, Op: op,
			Err: fmt.Errorf("the file has %d bytes, %d are announced", a.FileSize, s.Size),
		}
	}
	return s, nil
}

var _ io.ReadCloser = (*rest.Stream)(nil)
