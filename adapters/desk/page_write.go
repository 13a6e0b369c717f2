package desk

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strconv"

	"parley/sync/event"
)

func (p *pages) idOf(r *http.Request) (string, error) {
	var id string
	err := p.server.view(func(st *state) error {
		t, err := st.byKey(r.PathValue("key"))
		if err == nil {
			id = strconv.FormatInt(t.id, 10)
		}
		return err
	})
	return id, err
}

// readForm bounds and reads a form that holds no file.
func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	// The script sends forms as multipart, the browser itself as urlencoded.
	if err := r.ParseMultipartForm(maxRequest); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return fmt.Errorf("%w: %w", errUpload, err)
	}
	return nil
}

func (p *pages) newTicket(w http.ResponseWriter, r *http.Request, who Person) error {
	var form []inputView
	err := p.server.view(func(st *state) error {
		form = st.form(nil)
		return nil
	})
	if err != nil {
		return err
	}
	p.render(w, r, http.StatusOK, "new", who, "New ticket", form)
	return nil
}

func (p *pages) formFields(r *http.Request) (event.Fields, error) {
	var fields event.Fields
	err := p.server.view(func(st *state) (err error) {
		fields, err = st.formFields(r.PostForm)
		return err
	})
	return fields, err
}

// linksBefore are the links that the form began with: only those can have been taken
// out of it.
func (p *pages) linksBefore(r *http.Request) (event.Fields, error) {
	var links any
	err := p.server.view(func(st *state) (err error) {
		links, err = st.parseLinks(r.PostForm.Get("was." + event.FieldLinks))
		return err
	})
	return event.Fields{event.FieldLinks: links}, err
}

func (p *pages) create(w http.ResponseWriter, r *http.Request, who Person) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	fields, err := p.formFields(r)
	if err != nil {
		return err
	}
	res, err := p.server.create(r.Context(), who.ID, "", fields)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/tickets/"+res.key, http.StatusSeeOther)
	return nil
}

// change does one change to the ticket in the path and shows it again.
func (p *pages) change(w http.ResponseWriter, r *http.Request, who Person, what func() (update, error)) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	id, err := p.idOf(r)
	if err != nil {
		return err
	}
	u, err := what()
	if err != nil {
		return err
	}
	if _, err := p.server.update(r.Context(), who.ID, id, 0, u); err != nil {
		return err
	}
	http.Redirect(w, r, "/tickets/"+r.PathValue("key"), http.StatusSeeOther)
	return nil
}

func (p *pages) comment(w http.ResponseWriter, r *http.Request, who Person) error {
	return p.change(w, r, who, func() (update, error) {
		// Whoever sends a form without the choice meant no public reply.
		internal := r.PostFormValue("visibility") != "public"
		return update{Comment: &commentWanted{Body: r.PostFormValue("body"), Internal: internal}}, nil
	})
}

func (p *pages) status(w http.ResponseWriter, r *http.Request, who Person) error {
	return p.change(w, r, who, func() (update, error) {
		return update{Fields: event.Fields{event.FieldStatus: r.PostFormValue("status")}}, nil
	})
}

func (p *pages) edit(w http.ResponseWriter, r *http.Request, who Person) error {
	return p.change(w, r, who, func() (update, error) {
		fields, err := p.formFields(r)
		if err != nil {
			return update{}, err
		}
		was, err := p.linksBefore(r)
		return update{Fields: fields, Was: was}, err
	})
}

// attach takes the files of a form as they come.
func (p *pages) attach(w http.ResponseWriter, r *http.Request, who Person) error {
	id, err := p.idOf(r)
	if err != nil {
		return err
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return fmt.Errorf("%w: %w", errUpload, err)
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errUpload, err)
		}
		if part.FormName() != "file" || part.FileName() == "" {
			continue
		}
		if err := p.attachOne(r, who, id, part.FileName(), part); err != nil {
			return err
		}
	}
	http.Redirect(w, r, "/tickets/"+r.PathValue("key"), http.StatusSeeOther)
	return nil
}

func (p *pages) attachOne(r *http.Request, who Person, id, fileName string, body io.Reader) error {
	name, err := cleanName(fileName)
	if err != nil {
		return err
	}
	digest, size, err := p.server.storeFile(body)
	if err != nil {
		return err
	}
	kind := mime.TypeByExtension(filepath.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	_, err = p.server.attach(r.Context(), who.ID, id, file{Name: name, MIME: kind, Size: size, SHA256: digest})
	return err
}
