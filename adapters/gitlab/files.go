package gitlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/marker"
	"parley/sync/event"
)

var (
	// fileLink is a link to an upload, as GitLab's editor writes it.
	fileLink = regexp.MustCompile(`(!?)\[((?:[^\]\\\n]|\\.)*)\]\(((?:/-/project/[0-9]+)?/uploads/[0-9a-f]{32}/[^/\s()]+)\)`)
	// fileNote is a note that is nothing but such a link.
	fileNote = regexp.MustCompile(`^\[(?:[^\]\\\n]|\\.)*\]\((?:/-/project/[0-9]+)?/uploads/[0-9a-f]{32}/[^/\s()]+\)$`)
	// fileAt is the address of an upload, of the text's own project if it names none.
	fileAt = regexp.MustCompile(`^(?:/-/project/([0-9]+))?/uploads/([0-9a-f]{32}/[^/\s()]+)$`)
	fileID = regexp.MustCompile(`^([0-9a-f]{32})/([^/\s()]+)$`)
	// unkept is what GitLab replaces in the names of files.
	unkept  = regexp.MustCompile(`[^\p{L}\p{M}\p{Nd}\p{Pc}.+-]`)
	escaped = regexp.MustCompile(`\\([!-/:-@\[-` + "`" + `{-~])`)
)

// upload is the file at an address, if it is one of the project.
func (i *issue) upload(address string) (string, bool) {
	m := fileAt.FindStringSubmatch(address)
	if m == nil || m[1] != "" && number(m[1]) != i.Project {
		return "", false
	}
	return m[2], true
}

// filesIn are the uploads that a text of an issue links to. The words of a link are a file's
// name if GitLab made of them the name that the upload has; other words are about it.
func (i *issue) filesIn(text string, about event.Attachment) []event.Attachment {
	var out []event.Attachment
	for _, m := range fileLink.FindAllStringSubmatch(text, -1) {
		f := about
		id, ok := i.upload(m[3])
		if !ok {
			continue
		}
		f.ID, f.Name = id, fileName(path.Base(id))
		if words := escaped.ReplaceAllString(m[2], "$1"); m[1] == "" && unkept.ReplaceAllString(words, "_") == f.Name {
			f.Name = words
		}
		f.Inline = m[1] != ""
		if !slices.ContainsFunc(out, func(x event.Attachment) bool { return x.ID == f.ID }) {
			out = append(out, f)
		}
	}
	return out
}

// carried is the file of a note that is nothing but the link to it, whose words are its name.
func (i *issue) carried(text string, about event.Attachment) (event.Attachment, bool) {
	text, _ = marker.Cut(text)
	files := i.filesIn(text, about)
	if len(files) != 1 || !fileNote.MatchString(strings.TrimSpace(text)) {
		return event.Attachment{}, false
	}
	if words := escaped.ReplaceAllString(fileLink.FindStringSubmatch(text)[2], "$1"); strings.TrimSpace(words) != "" {
		files[0].Name = words
	}
	return files[0], true
}

// once makes one file of each upload, however many texts link to it: it is internal if
// only internal ones do.
func once(files []event.Attachment) []event.Attachment {
	var out []event.Attachment
	for _, f := range files {
		n := slices.IndexFunc(out, func(x event.Attachment) bool { return x.ID == f.ID })
		if n < 0 {
			out = append(out, f)
			continue
		}
		out[n].Internal = out[n].Internal && f.Internal
		if out[n].Marker == "" {
			out[n].Marker = f.Marker
		}
	}
	return out
}

// sized asks for the sizes. What a text links to and is not there is no file.
func (t *Tracker) sized(ctx context.Context, op string, project int64, files []event.Attachment) ([]event.Attachment, error) {
	var out []event.Attachment
	for _, f := range files {
		m := fileID.FindStringSubmatch(f.ID)
		size, err := t.dir.size(ctx, project, m[1], fileName(m[2]))
		if errors.Is(err, adapters.ErrGone) {
			if _, err := t.check(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		f.Size = size
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b event.Attachment) int { return a.Created.Compare(b.Created) })
	return out, nil
}

// fileName is the last part of an address as a name, to be escaped anew.
func fileName(part string) string {
	if name, err := url.PathUnescape(part); err == nil {
		return name
	}
	return part
}

// Open implements adapters.Files. Any text can link to any upload of the project: only
// what this issue links to is given.
func (t *Tracker) Open(ctx context.Context, ref event.Ref, id string) (io.ReadCloser, error) {
	const op = "open a file"
	m := fileID.FindStringSubmatch(id)
	if m == nil {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: fmt.Errorf("%q is not the id of a file", id)}
	}
	ticket, err := t.Read(ctx, ref)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(ticket.Attachments, func(a event.Attachment) bool { return a.ID == id })
	if n < 0 {
		return nil, &adapters.Error{Class: adapters.ErrGone, Op: op, Err: errors.New("the issue has no such file")}
	}
	p, err := t.dir.project(ctx)
	if err != nil {
		return nil, err
	}
	s, err := t.api.stream(ctx, op, p.ID, m[1], fileName(m[2]))
	if err != nil {
		return nil, t.believeGone(ctx, op, err)
	}
	return &whole{ReadCloser: s, left: ticket.Attachments[n].Size, wrong: func(size int64) error {
		// Either of the two was not the file: it is measured again.
		t.dir.forget(m[1], fileName(m[2]))
		return &adapters.Error{
			Class: adapters.ErrTransient, Op: op, Err: fmt.Errorf("the file has %d bytes, %d came", ticket.Attachments[n].Size, size),
		}
	}}, nil
}

// whole are the bytes of a file that must be as many as were announced.
type whole struct {
	io.ReadCloser
	came, left int64
	wrong      func(came int64) error
}

// Read implements io.Reader.
func (w *whole) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.came, w.left = w.came+int64(n), w.left-int64(n)
	if w.left < 0 || errors.Is(err, io.EOF) && w.left != 0 {
		return 0, w.wrong(w.came)
	}
	return n, err
}
