package salesforce

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"slices"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read case " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	x, err := t.caseOf(ctx, op, ref)
	if err != nil {
		return event.Ticket{}, err
	}
	cat, err := t.dir.catalog(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	said, err := t.comments(ctx, op, ref.ID)
	if err != nil {
		return event.Ticket{}, err
	}
	links, files, err := t.files(ctx, op, ref.ID)
	if err != nil {
		return event.Ticket{}, err
	}
	people, err := t.dir.people(ctx, peopleIn(x, said, files)...)
	if err != nil {
		return event.Ticket{}, err
	}
	row := rowOf(x)
	out := event.Ticket{Ref: row.ref(), Key: row.Number, URL: t.webURL(row.ID), Lock: lock(x), Next: cat.next()}
	out.Version, out.Updated = versionOf(&row, said, links)
	if out.Fields, err = t.fieldsOf(ctx, x, cat, people); err != nil {
		return event.Ticket{}, err
	}
	var text string
	text, out.Marker = cutMarker(x.text("Description"), row.Creator == me.ID)
	out.Fields[event.FieldDescription] = emptyNil(text)
	if key := x.text(t.set.keyField); cat.keyed && row.Creator == me.ID && markerText.MatchString(key) {
		out.Marker = event.Marker(key)
	}
	for i := range said {
		out.Comments = append(out.Comments, said[i].event(people, me))
	}
	out.Attachments = attachments(links, files, people, me)
	return out, nil
}

// next are the statuses that may follow: all that there are. What a record type or a
// validation rule forbids, Salesforce says when it is written.
func (c *catalog) next() []string { return c.status().active() }

// versionOf tells a case from what it was before. Neither a comment nor a file need
// change the case's own time.
func versionOf(x *caseRow, said []commentRow, links []linkRow) (string, time.Time) {
	h, newest := sha256.New(), x.Modified.Time
	add := func(id string, at time.Time) {
		_, _ = fmt.Fprintf(h, "%s %d\n", id, at.Unix()) // never fails
		if at.After(newest) {
			newest = at
		}
	}
	for i := range said {
		add(said[i].ID, said[i].Modified.Time)
	}
	links = slices.SortedFunc(slices.Values(links), func(a, b linkRow) int { return cmp.Compare(a.ID, b.ID) })
	for i := range links {
		add(links[i].ID, links[i].Modified.Time)
	}
	return moment(x.Modified.Time) + "/" + hex.EncodeToString(h.Sum(nil)[:8]), newest.UTC()
}

func (t *Tracker) comments(ctx context.Context, op, id string) ([]commentRow, error) {
	all, err := rows[commentRow](ctx, t.api, op, "query",
		"SELECT Id, ParentId, CommentBody, IsPublished, CreatedById, CreatedDate, SystemModstamp FROM CaseComment "+
			"WHERE ParentId = "+quote(id)+" ORDER BY CreatedDate, Id")
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == "" || all[i].Created.IsZero() || all[i].Modified.IsZero() || all[i].Author == "" {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
	}
	slices.SortStableFunc(all, func(a, b commentRow) int {
		return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

func (c *commentRow) event(people map[string]person, me account) event.Comment {
	out := event.Comment{ID: c.ID, Author: people[c.Author].event(), Created: c.Created.UTC(), Internal: c.internal()}
	out.Body, out.Marker = cutMarker(c.Body, c.Author == me.ID)
	return out
}

// files are the links of a case to files, and the newest version of each.
func (t *Tracker) files(ctx context.Context, op, id string) ([]linkRow, []versionRow, error) {
	links, err := rows[linkRow](ctx, t.api, op, "query",
		"SELECT Id, ContentDocumentId, LinkedEntityId, Visibility, SystemModstamp FROM ContentDocumentLink WHERE LinkedEntityId = "+quote(id))
	if err != nil {
		return nil, nil, err
	}
	var documents []string
	for _, l := range links {
		if l.ID == "" || l.Document == "" {
			return nil, nil, incomplete(op, adapters.ErrConfiguration)
		}
		documents = append(documents, l.Document)
	}
	var files []versionRow
	for part := range slices.Chunk(documents, chunk) {
		found, err := rows[versionRow](ctx, t.api, op, "query",
			"SELECT Id, ContentDocumentId, Title, PathOnClient, FileExtension, ContentSize, Description, CreatedById, CreatedDate "+
				"FROM ContentVersion WHERE IsLatest = true AND ContentDocumentId IN "+oneOf(part))
		if err != nil {
			return nil, nil, err
		}
		files = append(files, found...)
	}
	return links, files, nil
}

func attachments(links []linkRow, files []versionRow, people map[string]person, me account) []event.Attachment {
	var out []event.Attachment
	for _, f := range files {
		n := slices.IndexFunc(links, func(l linkRow) bool { return l.Document == f.Document })
		if n < 0 || f.ID == "" || f.Size == nil || f.name() == "" || f.Created.IsZero() {
			continue
		}
		a := event.Attachment{
			ID: f.ID, Name: f.name(), Size: *f.Size, MIME: orDefault(mime.TypeByExtension(path.Ext(f.name())), "application/octet-stream"),
			Author: people[f.Author].event(), Created: f.Created.UTC(), Internal: links[n].Visibility != allUsers,
		}
		if f.Author == me.ID {
			_, a.Marker = cutMarker(f.About, true)
		}
		out = append(out, a)
	}
	slices.SortStableFunc(out, func(a, b event.Attachment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func peopleIn(x record, said []commentRow, files []versionRow) []string {
	out := []string{x.text("OwnerId"), x.text("ContactId"), x.text("CreatedById")}
	for i := range said {
		out = append(out, said[i].Author)
	}
	for i := range files {
		out = append(out, files[i].Author)
	}
	return out
}

// Open implements adapters.Files.
func (t *Tracker) Open(ctx context.Context, ref event.Ref, id string) (io.ReadCloser, error) {
	op := "open attachment " + id
	if !isID(id, idVersion) {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of a file", id)}
	}
	found, err := rows[versionRow](ctx, t.api, op, "query", "SELECT Id, ContentSize FROM ContentVersion WHERE Id = "+quote(id))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0].Size == nil {
		return nil, t.noFile(ctx, op, ref)
	}
	s, err := t.api.rest.Stream(ctx, rest.Request{
		Op: op, Path: "services/data/v" + t.set.version + "/sobjects/ContentVersion/{id}/VersionData", Args: []string{id}, Expect: []int{200},
		Judge: func(answer *rest.Response, e *adapters.Error) { judge(answer, e, false) },
	})
	if errors.Is(err, adapters.ErrGone) {
		return nil, t.noFile(ctx, op, ref)
	}
	if err != nil {
		return nil, err
	}
	if s.Size >= 0 && s.Size != *found[0].Size {
		_ = s.Close()
		return nil, &adapters.Error{
			Class: adapters.ErrTransient, Op: op, Err: fmt.Errorf("the file has %d bytes, %d are announced", s.Size, *found[0].Size),
		}
	}
	return s, nil
}

// noFile: a file that is not there is gone only if its case can be read.
func (t *Tracker) noFile(ctx context.Context, op string, ref event.Ref) error {
	if _, err := t.caseOf(ctx, op, ref); err != nil {
		return err
	}
	return &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("there is no such file")}
}
