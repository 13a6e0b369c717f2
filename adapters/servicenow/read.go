package servicenow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/marker"
	"parley/sync/event"
)

const (
	public   = "comments"
	internal = "work_notes"
	// conversation shows the entries of both, the newest first.
	conversation = "comments_and_work_notes"
)

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read ticket " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	r, err := t.ticket(ctx, op, ref)
	if err != nil {
		return event.Ticket{}, err
	}
	entries, err := t.journal(ctx, op, r, query{})
	if err != nil {
		return event.Ticket{}, err
	}
	arrange(entries, r.row[conversation].Display)
	files, _, err := t.attachments(ctx, op, r)
	if err != nil {
		return event.Ticket{}, err
	}
	people, err := t.peopleOf(ctx, r, entries, files)
	if err != nil {
		return event.Ticket{}, err
	}
	fields, err := t.fieldsOf(ctx, r, people)
	if errors.Is(err, errIncomplete) {
		err = incomplete(op, adapters.ErrConfiguration)
	}
	if err != nil {
		return event.Ticket{}, err
	}
	out := event.Ticket{
		Ref: r.ref(), Key: r.key(), URL: t.webURL(r), Fields: fields, Updated: r.updated,
		Marker: ticketMarker(r, me),
	}
	for _, e := range entries {
		out.Comments = append(out.Comments, e.comment(me, people))
	}
	var state stamp
	for _, f := range files {
		state = state.with(f.updated, f.id)
		if f.updated.After(out.Updated) {
			out.Updated = f.updated
		}
		out.Attachments = append(out.Attachments, f.attachment(me, people))
	}
	out.Version = r.version(state)
	return out, nil
}

// ticketMarker is the one that our create left: only what our own account made can have
// one.
func ticketMarker(r *record, me user) event.Marker {
	if !strings.EqualFold(r.value("sys_created_by"), me.Login) {
		return ""
	}
	return markerIn(r.value("correlation_id"))
}

// entry is a row of sys_journal_field.
type entry struct {
	id, element, author, text string
	created                   time.Time
}

// journal reads the entries of a ticket, or those that also fulfil more. Entries that
// are hidden from the account are an error: a ticket without comments looks the same.
func (t *Tracker) journal(ctx context.Context, op string, r *record, more query) ([]entry, error) {
	rows, hidden, err := t.api.all(ctx, asked{
		op: op, table: "sys_journal_field", order: []string{"sys_created_on", "sys_id"},
		where:  query{}.and("element_id", "=", r.id()).and("element", "IN", public+","+internal).joined(more),
		fields: []string{"element", "value", "sys_created_on", "sys_created_by"},
	})
	if err != nil {
		return nil, err
	}
	if hidden > 0 {
		return nil, journalHidden(op)
	}
	var out []entry
	for _, row := range rows {
		at, err := row.time("sys_created_on")
		if err != nil || !isID(row.id()) {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		out = append(out, entry{
			id: row.id(), element: row.value("element"), author: row.value("sys_created_by"), text: row.value("value"), created: at,
		})
	}
	if len(out) == 0 && len(more.all) == 0 && r.hasEntries() {
		return nil, journalHidden(op)
	}
	return out, nil
}

// hasEntries tells whether the ticket itself shows comments: what people see of a
// journal field is all that it ever got.
func (r *record) hasEntries() bool { return r.row[public].Display+r.row[internal].Display != "" }

// arrange puts entries of one second into the order that people see: their times tell
// none.
func arrange(entries []entry, shown string) {
	place := func(e entry) int { return strings.Index(shown, strings.TrimSpace(e.text)) }
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(place(b), place(a)))
	})
}

func journalHidden(op string) error {
	return &adapters.Error{
		Class: adapters.ErrDenied, Op: op, Err: errors.New("the ticket has comments that sys_journal_field hides from the account"),
		Hint: "let the account read sys_journal_field: without it, comments would be lost or written twice",
	}
}

func (e *entry) own(me user) bool { return strings.EqualFold(e.author, me.Login) }

// comment: only what is surely for the caller is public. A marker that somebody else
// wrote, in a quotation or by another node, is neither believed nor text.
func (e *entry) comment(me user, people map[string]user) event.Comment {
	c := event.Comment{ID: e.id, Author: author(e.author, people), Created: e.created, Internal: e.element != public}
	text, m := marker.Cut(e.text)
	if e.own(me) {
		c.Marker = m
	}
	c.Body = toMarkdown(text)
	return c
}

// author is somebody by the login that ServiceNow notes.
func author(login string, people map[string]user) event.User {
	if u, ok := people[login]; ok {
		return u.event()
	}
	login = orDefault(login, "unknown")
	return event.User{ID: login, Name: login}
}

// file is a row of sys_attachment.
type file struct {
	id, name, kind, author, hash string
	size                         int64
	created, updated             time.Time
}

func fileFields() []string {
	return []string{
		"table_name", "table_sys_id", "file_name", "content_type", "size_bytes", "hash", "sys_created_on", "sys_created_by", "sys_updated_on",
	}
}

var errFile = errors.New("a file without name, size or time")

func fileOf(r row) (file, error) {
	f := file{
		id: r.id(), name: lines(r.value("file_name")), kind: r.value("content_type"), author: r.value("sys_created_by"),
		hash: r.value("hash"),
	}
	var errs [3]error
	f.size, errs[0] = strconv.ParseInt(r.value("size_bytes"), 10, 64)
	f.created, errs[1] = r.time("sys_created_on")
	f.updated, errs[2] = r.time("sys_updated_on")
	if errors.Join(errs[:]...) != nil || f.name == "" || f.size < 0 || !isID(f.id) {
		return f, errFile
	}
	return f, nil
}

// attachments are the files of a ticket, oldest first, and how many are hidden from the
// account. Pictures of image fields have another table's name and are none.
func (t *Tracker) attachments(ctx context.Context, op string, r *record) ([]file, int, error) {
	rows, hidden, err := t.api.all(ctx, asked{
		op: op, table: "sys_attachment", order: []string{"sys_created_on", "sys_id"}, fields: fileFields(),
		where: query{}.and("table_name", "=", t.set.table).and("table_sys_id", "=", r.id()),
	})
	if err != nil {
		return nil, 0, err
	}
	var out []file
	for _, row := range rows {
		f, err := fileOf(row)
		if err != nil {
			return nil, 0, incomplete(op, adapters.ErrConfiguration)
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b file) int { return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id)) })
	return out, hidden, nil
}

var sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (f *file) attachment(me user, people map[string]user) event.Attachment {
	a := event.Attachment{
		ID: f.id, Name: f.name, Size: f.size, MIME: f.kind, Author: author(f.author, people), Created: f.created,
	}
	if sha256Hex.MatchString(f.hash) {
		a.SHA256 = f.hash
	}
	var m event.Marker
	if a.Name, m = cutMark(f.name); strings.EqualFold(f.author, me.Login) {
		a.Marker = m
	}
	return a
}

// peopleOf looks up all whom a ticket names, in two requests at most.
func (t *Tracker) peopleOf(ctx context.Context, r *record, entries []entry, files []file) (map[string]user, error) {
	var logins, ids []string
	for _, e := range entries {
		logins = append(logins, e.author)
	}
	for _, f := range files {
		logins = append(logins, f.author)
	}
	all, err := t.dir.fields(ctx)
	if err != nil {
		return nil, err
	}
	for _, def := range all {
		switch def.kind {
		case event.TypeUser, event.TypeUsers:
			ids = append(ids, strings.Split(r.value(def.name), ",")...)
		}
	}
	return t.dir.people(ctx, ids, logins)
}

// Open implements adapters.Files. The address that ServiceNow gives is not used: it
// names the host that it was told, which the credential was not entered for.
func (t *Tracker) Open(ctx context.Context, ref event.Ref, id string) (io.ReadCloser, error) {
	op := "open attachment " + id
	if !isID(id) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not a sys_id", id)}
	}
	r, err := t.ticket(ctx, op, ref, "sys_created_by")
	if err != nil {
		return nil, err
	}
	all, hidden, err := t.attachments(ctx, op, r)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(all, func(f file) bool { return f.id == id })
	switch {
	case n < 0 && hidden > 0:
		return nil, &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: errors.New("files of the ticket are hidden from the account"),
			Hint: "let the account read sys_attachment",
		}
	case n < 0:
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the ticket has no such file")}
	}
	s, err := t.api.download(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if s.Size >= 0 && s.Size != all[n].size {
		_ = s.Close()
		return nil, &adapters.Error{
			Class: adapters.ErrTransient, Op: op, Err: fmt.Errorf("the file has %d bytes, %d are announced", all[n].size, s.Size),
		}
	}
	return s, nil
}
