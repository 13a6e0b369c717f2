package rt

import (
	"context"
	"strconv"
	"time"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/adapters/internal/once"
	"parley/sync/event"
)

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read ticket " + ref.ID
	// The lock and the version come first: what changes while the rest is read
	// makes a newer version, never an older text under a newer lock.
	body, lock, err := t.same(ctx, op, ref)
	if err != nil {
		return event.Ticket{}, err
	}
	c, err := change(op, body)
	if err != nil {
		return event.Ticket{}, err
	}
	self, err := t.whoami(ctx, op)
	if err != nil {
		return event.Ticket{}, err
	}
	out := event.Ticket{
		Ref: c.Ref, Key: c.Key, URL: webURL(t.web, c.Key), Version: c.Version, Updated: c.Updated, Lock: lock,
	}
	if err := t.requestors(ctx, op, body); err != nil {
		return event.Ticket{}, err
	}
	out.Fields = t.standard(body)
	if err := t.custom(ctx, op, body, out.Fields); err != nil {
		return event.Ticket{}, err
	}
	out.Marker = t.fieldMarker(body)
	history, err := t.history(ctx, op, ref.ID, lock)
	if err != nil {
		return event.Ticket{}, err
	}
	talk, err := t.messages(ctx, op, ref.ID, messagesOf(history))
	if err != nil {
		return event.Ticket{}, err
	}
	assemble(&out, talk, self)
	return out, nil
}

// fieldMarker is the marker in the custom field for it.
func (t *Tracker) fieldMarker(b *ticketBody) event.Marker {
	if t.set.markerField == "" {
		return ""
	}
	for _, c := range b.CustomFields {
		if string(c.Name) == t.set.markerField {
			for _, v := range c.texts() {
				return event.Marker(v)
			}
		}
	}
	return ""
}

// requestors fills in what RT says of requestors only in lists.
func (t *Tracker) requestors(ctx context.Context, op string, b *ticketBody) error {
	if len(b.Requestor) == 0 {
		return nil
	}
	query := rows("id = "+string(b.ID), 1)
	query.Set("fields", "Requestor")
	query.Set("fields[Requestor]", "Name,RealName,EmailAddress")
	found, err := list[ticketBody](ctx, t, op, "tickets", nil, query)
	if err != nil {
		return err
	}
	if len(found.Items) > 0 && found.Items[0] != nil && len(found.Items[0].Requestor) > 0 {
		b.Requestor = found.Items[0].Requestor
	}
	return nil
}

// whoami is our own login: nothing is ours as long as we have done nothing.
func (t *Tracker) whoami(ctx context.Context, op string) (string, error) {
	t.mu.Lock()
	self := t.self
	t.mu.Unlock()
	if self != "" {
		return self, nil
	}
	query := map[string][]string{
		"query":  {"ObjectType = 'RT::Ticket' AND Creator = '__CurrentUser__'"},
		"fields": {"Creator"}, "fields[Creator]": {"Name"},
		"orderby": {"id"}, "order": {"DESC"}, "per_page": {"20"},
	}
	found, err := list[transaction](ctx, t, op, "transactions", nil, query)
	if err != nil {
		return "", err
	}
	for _, tx := range found.Items {
		if tx != nil {
			self = user(tx.Creator).ID
			break
		}
	}
	t.mu.Lock()
	t.self = self
	t.mu.Unlock()
	return self, nil
}

// history is every transaction of a ticket that we may see up to the one that
// the lock names, oldest first. The lock tells the end: rows that we may not
// see are taken out of a page after it is cut, so that an empty page is none.
func (t *Tracker) history(ctx context.Context, op, id, lock string) ([]transaction, error) {
	end := number64(text(lock))
	var out []transaction
	for number := 1; number <= maxPages; number++ {
		query := map[string][]string{
			"fields":          {"Type,Field,OldValue,NewValue,Created,Creator"},
			"fields[Creator]": {"Name,RealName,EmailAddress"},
			"orderby":         {"id"}, "order": {"ASC"},
			"page": {itoa(number)}, "per_page": {itoa(pageSize)},
		}
		found, err := list[transaction](ctx, t, op, "ticket/{id}/history", []string{id}, query)
		if err != nil {
			return nil, err
		}
		for _, tx := range found.Items {
			if tx != nil {
				out = append(out, *tx)
			}
		}
		if len(out) > 0 && number64(out[len(out)-1].ID) >= end {
			return once.Rows(out, func(tx *transaction) text { return tx.ID }), nil
		}
	}
	return nil, failed(adapters.ErrConfiguration, op, "the ticket's history cannot be read to its end", "")
}

func number64(s text) int {
	n, _ := strconv.Atoi(string(s)) // what is no number sorts first
	return n
}

// message is a transaction that holds text or files.
type message struct {
	transaction
	body  string
	files []part
}

// messagesOf picks what people wrote. The rest is left out: EmailRecord and
// CommentEmailRecord are copies of outgoing mail.
func messagesOf(history []transaction) []message {
	var out []message
	for _, tx := range history {
		switch tx.Type {
		case "Create", "Correspond", "Comment":
			out = append(out, message{transaction: tx})
		}
	}
	return out
}

// assemble puts description, comments and files into the ticket.
func assemble(out *event.Ticket, talk []message, self string) {
	out.Fields[event.FieldDescription] = nil
	for _, m := range talk {
		author := user(m.Creator)
		body, marker := m.body, event.Marker("")
		if self != "" && author.ID == self {
			body, marker = cutMarker(body)
		}
		body = defuse.MeantFormula(body)
		at := readTime(m.Created)
		internal := m.Type == "Comment"
		for _, f := range m.files {
			file := attachment(f, author, at, internal)
			if m.Type != "Create" {
				file.Marker = marker
			}
			out.Attachments = append(out.Attachments, file)
		}
		if m.Type == "Create" {
			if out.Marker == "" {
				out.Marker = marker
			} else {
				// The custom field holds ours: a line in the text is a person's.
				body = defuse.MeantFormula(m.body)
			}
			out.Fields[event.FieldDescription] = nilIfEmpty(body)
			continue
		}
		if body == "" && (len(m.files) > 0 || marker == "") {
			continue // a message that only carries files, or nothing at all
		}
		out.Comments = append(out.Comments, event.Comment{
			ID: string(m.ID), Author: author, Body: body, Created: at, Internal: internal, Marker: marker,
		})
	}
}

func nilIfEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func attachment(f part, author event.User, at time.Time, internal bool) event.Attachment {
	size, _ := strconv.ParseInt(string(f.ContentLength), 10, 64) // 0 where RT does not say
	return event.Attachment{
		ID: string(f.ID), Name: fileName(f), Size: size, MIME: string(f.ContentType),
		Author: author, Created: at, Internal: internal, Inline: hasContentID(f),
	}
}
