package gitlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

var (
	// fileLink is a link to an upload, as GitLab's editor writes it.
	fileLink = regexp.MustCompile(`(!?)\[((?:[^\]\\\n]|\\.)*)\]\(/uploads/([0-9a-f]{32})/([^/\s()]+)\)`)
	// fileNote is a note that is nothing but such a link.
	fileNote = regexp.MustCompile(`^\[(?:[^\]\\\n]|\\.)*\]\(/uploads/[0-9a-f]{32}/[^/\s()]+\)$`)
	fileID   = regexp.MustCompile(`^([0-9a-f]{32})/([^/\s()]+)$`)
	escaped  = regexp.MustCompile(`\\([!-/:-@\[-` + "`" + `{-~])`)
)

// filesIn are the uploads that a text links to. Their names are those of the links;
// that of a picture is its description, and its file's name is taken.
func filesIn(text string, about event.Attachment) []event.Attachment {
	var out []event.Attachment
	for _, m := range fileLink.FindAllStringSubmatch(text, -1) {
		f := about
		f.ID = m[3] + "/" + m[4]
		f.Name = escaped.ReplaceAllString(m[2], "$1")
		if name, err := url.PathUnescape(m[4]); err == nil && (m[1] != "" || strings.TrimSpace(f.Name) == "") {
			f.Name = name
		}
		f.Inline = m[1] != ""
		if !slices.ContainsFunc(out, func(x event.Attachment) bool { return x.ID == f.ID }) {
			out = append(out, f)
		}
	}
	return out
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
