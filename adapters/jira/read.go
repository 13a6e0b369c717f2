package jira

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"

	"parley/adapters"
	"parley/sync/event"
)

// only asks for these fields of an issue, and no others.
func only(fields ...string) url.Values {
	all := ""
	for n, f := range fields {
		if n > 0 {
			all += ","
		}
		all += f
	}
	return url.Values{"fields": {all}}
}

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read issue " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	i, err := t.issue(ctx, op, ref, url.Values{"fields": {"*all,-comment,-worklog"}, "properties": {propertyKey}})
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
		Ref: i.ref(), Key: i.Key, URL: t.webURL(i.Key), Fields: fields, Marker: issueMarker(i, me),
		Version: i.version(), Updated: i.updated,
	}
	var level *named
	if i.field("security", &level) != nil || level != nil {
		ticket.Restricted = true
	}
	if ticket.Comments, err = t.comments(ctx, op, i, me); err != nil {
		return event.Ticket{}, t.believeGone(ctx, op, err)
	}
	if ticket.Attachments, err = files(i, me); err != nil {
		return event.Ticket{}, incomplete(op, adapters.ErrConfiguration)
	}
	shelf, err := t.shelf(ctx, i)
	if err != nil {
		return event.Ticket{}, incomplete(op, adapters.ErrConfiguration)
	}
	t.referTicket(&ticket, shelf)
	moves, err := t.api.transitions(ctx, op, i.ID)
	if err != nil {
		return event.Ticket{}, t.believeGone(ctx, op, err)
	}
	ticket.Next = targets(moves)
	return ticket, nil
}

// issueMarker is the one that our create left: only what our own account made can
// have one.
func issueMarker(i *issue, me user) event.Marker {
	var creator *user
	if i.field("creator", &creator) != nil || creator == nil || creator.id() != me.id() {
		return ""
	}
	return markerOf(i.Properties[propertyKey])
}

// comments reads the conversation with markers and visibility.
func (t *Tracker) comments(ctx context.Context, op string, i *issue, me user) ([]event.Comment, error) {
	all, err := t.api.comments(ctx, op, i.ID)
	if err != nil {
		return nil, err
	}
	if err := t.addProperties(ctx, op, all, me); err != nil {
		return nil, err
	}
	out := make([]event.Comment, 0, len(all))
	for n := range all {
		c, err := t.comment(&all[n], me)
		if err != nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b event.Comment) int { return a.Created.Compare(b.Created) })
	return out, nil
}

// addProperties fills in what the list of comments leaves out.
func (t *Tracker) addProperties(ctx context.Context, op string, all []comment, me user) error {
	var ours []int64
	for n := range all {
		c := &all[n]
		if c.Properties != nil {
			continue
		}
		mine := c.Author.event().ID == me.id()
		if t.api.cloud {
			if id, err := strconv.ParseInt(c.ID, 10, 64); err == nil && mine {
				ours = append(ours, id)
			}
			continue
		}
		if err := t.askProperties(ctx, op, c, mine); err != nil {
			return err
		}
	}
	if len(ours) == 0 {
		return nil
	}
	found, err := t.api.commentProperties(ctx, op, ours)
	if err != nil {
		return err
	}
	for n := range all {
		if p, ok := found[all[n].ID]; ok {
			all[n].Properties = &p
		}
	}
	return nil
}

// askProperties asks for each by its name, where a list does not hold them.
func (t *Tracker) askProperties(ctx context.Context, op string, c *comment, mine bool) error {
	keys := []string{internalKey}
	if mine {
		keys = append(keys, propertyKey)
	}
	list := []property{}
	for _, key := range keys {
		raw, err := t.api.commentProperty(ctx, op, c.ID, key)
		if err != nil {
			return err
		}
		if raw != nil {
			list = append(list, property{Key: key, Value: raw})
		}
	}
	c.Properties = &list
	return nil
}

func (t *Tracker) comment(c *comment, me user) (event.Comment, error) {
	body, err := t.api.toMarkdown(c.Body)
	if err != nil {
		return event.Comment{}, err
	}
	out := event.Comment{
		ID: c.ID, Author: c.Author.event(), Body: body, Created: c.Created.Time, Internal: t.internal(c),
	}
	if c.Updated.After(c.Created.Time) {
		out.Edited = c.Updated.Time
	}
	if out.Author.ID == me.id() && c.Properties != nil {
		for _, p := range *c.Properties {
			if p.Key == propertyKey {
				out.Marker = markerOf(p.Value)
			}
		}
	}
	return out, nil
}

// internal: restricted to some people, or for the agents of a service project. In
// the Cloud each comment says whether customers see it, and one that does not say
// so counts as internal.
func (t *Tracker) internal(c *comment) bool {
	if c.Visibility != nil && c.Visibility.Type != "" {
		return true
	}
	if t.api.cloud {
		return c.Public == nil || !*c.Public
	}
	return c.Public != nil && !*c.Public || c.Properties == nil || saysInternal(*c.Properties)
}

func files(i *issue, me user) ([]event.Attachment, error) {
	var all []attachment
	if err := i.field("attachment", &all); err != nil {
		return nil, err
	}
	var out []event.Attachment
	for _, a := range all {
		if !isID(a.ID.String()) || a.Size == nil || a.Created.IsZero() || a.Name == "" {
			return nil, errIncomplete
		}
		f := event.Attachment{
			ID: a.ID.String(), Name: a.Name, Size: *a.Size, MIME: a.MIMEType, Author: a.Author.event(), Created: a.Created.Time,
		}
		if f.Author.ID == me.id() {
			f.Name, f.Marker = cutMark(a.Name)
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b event.Attachment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// Open implements adapters.Files. The address that Jira gives is not used: it names
// the host that Jira was told, which the credential was not entered for.
func (t *Tracker) Open(ctx context.Context, ref event.Ref, id string) (io.ReadCloser, error) {
	op := "open attachment " + id
	if !isID(id) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of an attachment", id)}
	}
	a, err := t.api.attachment(ctx, id)
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	s, err := t.api.download(ctx, id, a.Name)
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	if s.Size >= 0 && s.Size != *a.Size {
		_ = s.Close()
		return nil, &adapters.Error{
			Class: adapters.ErrTransient, Op: op,
			Err: fmt.Errorf("the file has %d bytes, %d are announced", *a.Size, s.Size),
		}
	}
	return s, nil
}
