package jiradouble

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const uploadLimit = 10 << 20

type file struct {
	id         int64
	name, kind string
	author     *Account
	created    time.Time
	data       []byte
}

func (d *Double) fileShown(f *file) map[string]any {
	id := strconv.FormatInt(f.id, 10)
	out := map[string]any{
		"id": id, "filename": f.name, "author": d.user(f.author), "created": d.time(f.created), "size": len(f.data), "mimeType": f.kind,
		"self": d.self("attachment/" + id), "content": d.self("attachment/content/" + id),
	}
	if !d.opt.Cloud {
		out["content"] = d.opt.Site + "/secure/attachment/" + id + "/file"
	}
	return out
}

func (d *Double) attach(c *call) {
	if c.r.Header.Get("X-Atlassian-Token") != "no-check" {
		c.fail(http.StatusForbidden, "XSRF check failed")
		return
	}
	// Nothing is kept before all of it came.
	all, err := uploads(c.r)
	if err != nil {
		c.fail(http.StatusBadRequest, "The upload is broken.")
		return
	}
	d.with(c, func(i *issue) {
		out := []any{}
		for _, f := range all {
			if len(f.data) > uploadLimit {
				c.fail(http.StatusRequestEntityTooLarge, "The file exceeds its maximum permitted size.")
				return
			}
			d.nextID++
			f.id, f.author, f.created = d.nextID, c.me, d.now().Truncate(time.Millisecond)
			i.files = append(i.files, f)
			out = append(out, d.fileShown(f))
		}
		d.touch(i)
		c.answer(http.StatusOK, out)
	})
}

func uploads(r *http.Request) ([]*file, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	var all []*file
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if part.FormName() == "file" && part.FileName() != "" {
			all = append(all, &file{name: part.FileName(), kind: part.Header.Get("Content-Type"), data: data})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no file")
	}
	return all, nil
}

func (d *Double) fileBy(id string) *file {
	for _, i := range d.issues {
		for _, f := range i.files {
			if !i.gone && strconv.FormatInt(f.id, 10) == id {
				return f
			}
		}
	}
	return nil
}

func (d *Double) attachment(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.fileBy(c.r.PathValue("file"))
	if f == nil || c.me == nil {
		c.fail(http.StatusNotFound, "The attachment with id '"+c.r.PathValue("file")+"' does not exist")
		return
	}
	out := d.fileShown(f)
	out["id"] = f.id // a number in this answer, a text in an issue
	c.answer(http.StatusOK, out)
}

// content is on another host in the Cloud.
func (d *Double) content(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.fileBy(c.r.PathValue("file"))
	if f == nil || c.me == nil {
		c.fail(http.StatusNotFound, "The attachment does not exist")
		return
	}
	if d.opt.Cloud && d.opt.Media != "" {
		c.w.Header().Set("Location", strings.TrimSuffix(d.opt.Media, "/")+"/file/"+strconv.FormatInt(f.id, 10))
		c.w.WriteHeader(http.StatusSeeOther)
		return
	}
	send(c.w, f)
}

func send(w http.ResponseWriter, f *file) {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(f.data)))
	_, _ = w.Write(f.data)
}

// Files is the other host: whoever comes with a credential is turned away.
func (d *Double) Files() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /file/{id}", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		f := d.fileBy(r.PathValue("id"))
		if f == nil || r.Header.Get("Authorization") != "" {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		send(w, f)
	})
	return mux
}

func (d *Double) attachmentMeta(c *call) {
	if c.must() {
		c.answer(http.StatusOK, map[string]any{"enabled": true, "uploadLimit": uploadLimit})
	}
}
