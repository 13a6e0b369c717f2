package desk

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

func (s *Server) apiWho(_ http.ResponseWriter, _ *http.Request, who Person) (any, error) {
	return wireWho{Desk: s.journal.id, Name: s.options.Name, Account: who}, nil
}

func (s *Server) apiSchema(_ http.ResponseWriter, _ *http.Request, who Person) (any, error) {
	out := wireSchema{
		Desk: s.journal.id, Fields: map[string]event.Field{}, Projects: s.options.Projects, Types: s.options.Types,
		Impersonate:   who.ID == s.options.Account.ID,
		MaxAttachment: s.options.MaxAttachment, Moves: map[string][]string{},
	}
	for _, status := range statuses() {
		out.Moves[status] = nextStatuses(status)
	}
	for _, d := range s.options.definitions() {
		out.Fields[d.name] = d.Field
	}
	for name, t := range readOnly() {
		out.Fields[name] = event.Field{Type: t}
	}
	return out, nil
}

func (s *Server) apiPeople(_ http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	query, out := r.FormValue("query"), []Person{}
	for _, p := range s.options.everyone() {
		if query == "" || p.ID == query || strings.EqualFold(p.Email, query) && p.Email != "" {
			out = append(out, p)
		}
	}
	return wirePeople{People: &out}, nil
}

// apiChanges answers what changed after a number; without one, where the
// numbers are.
func (s *Server) apiChanges(_ http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	out := wireChanges{Desk: s.journal.id, Changes: &[]wireChange{}}
	project, err := s.projectOf(r)
	if err != nil {
		return nil, err
	}
	err = s.view(func(st *state) error {
		next := st.seq
		if raw := r.FormValue("after"); raw != "" {
			after, err := strconv.ParseUint(raw, 10, 64)
			if err != nil || after > st.seq || r.FormValue("desk") != s.journal.id {
				return errCursor
			}
			limit := pageSize(r)
			for _, t := range st.changes(after, project, limit) {
				*out.Changes = append(*out.Changes, t.wireChange())
			}
			if n := len(*out.Changes); n == limit {
				next = (*out.Changes)[n-1].Version
			}
		}
		out.Next = strconv.FormatUint(next, 10)
		return nil
	})
	return out, err
}

func (s *Server) projectOf(r *http.Request) (string, error) {
	project := r.FormValue("project")
	if project != "" && !slices.Contains(s.options.Projects, project) {
		return "", invalidf("there is no project %q", project)
	}
	return project, nil
}

func (s *Server) apiList(_ http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	q, err := parseQuery(r.FormValue("query"))
	if err != nil {
		return nil, err
	}
	project, err := s.projectOf(r)
	if err != nil {
		return nil, err
	}
	after, err := strconv.ParseInt("0"+r.FormValue("after"), 10, 64)
	if err != nil {
		return nil, invalidf("after must be a number")
	}
	out, limit := wireChanges{Desk: s.journal.id, Changes: &[]wireChange{}}, pageSize(r)
	err = s.view(func(st *state) error {
		for _, t := range st.byAge() {
			if t.id <= after || !q.matches(t) || (project != "" && t.fields[event.FieldProject] != project) {
				continue
			}
			if len(*out.Changes) == limit {
				out.Next = (*out.Changes)[limit-1].ID
				return nil
			}
			*out.Changes = append(*out.Changes, t.wireChange())
		}
		return nil
	})
	return out, err
}

func (s *Server) apiTicket(_ http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	var out wireTicket
	err := s.view(func(st *state) error {
		t, err := st.live(r.PathValue("id"))
		if err == nil {
			out = st.wire(t)
		}
		return err
	})
	return out, err
}

func (s *Server) apiHistory(_ http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	out := []wireEdit{}
	since, err := time.Parse(time.RFC3339, r.FormValue("since"))
	if err != nil {
		return nil, invalidf("since must be a time like 2026-01-31T12:00:00Z")
	}
	err = s.view(func(st *state) error {
		t, err := st.live(r.PathValue("id"))
		if err != nil {
			return err
		}
		for _, e := range t.history {
			if !e.At.Before(since) {
				def := st.defs[e.Field]
				e.Old, e.New = st.expand(def, e.Old), st.expand(def, e.New)
				out = append(out, wireEdit{e, st.whois(e.By)})
			}
		}
		return nil
	})
	return wireHistory{History: &out}, err
}

func (s *Server) apiKey(_ http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	var out wireChange
	err := s.view(func(st *state) error {
		t, err := st.byKey(r.PathValue("key"))
		if err == nil {
			out = t.wireChange()
		}
		return err
	})
	return out, err
}

func (s *state) byKey(key string) (*ticket, error) {
	return s.live(strconv.FormatInt(s.keys[strings.ToUpper(key)], 10))
}

func (s *Server) apiByField(_ http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	out, limit := wireChanges{Desk: s.journal.id, Changes: &[]wireChange{}}, pageSize(r)
	err := s.view(func(st *state) error {
		name := r.PathValue("field")
		if _, ok := st.defs[name]; !ok {
			return invalidf("there is no field %q", name)
		}
		for _, t := range st.byAge() {
			if len(*out.Changes) < limit && t.fields[name] == any(r.FormValue("value")) {
				*out.Changes = append(*out.Changes, t.wireChange())
			}
		}
		return nil
	})
	return out, err
}

func (s *Server) apiMarker(_ http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	out := []wirePlace{}
	err := s.view(func(st *state) error {
		for _, p := range st.markers[r.PathValue("marker")] {
			if t := st.tickets[p.ticket]; !t.deleted {
				out = append(out, wirePlace{Kind: p.kind, wireWritten: wireWritten{
					ID: strconv.FormatInt(t.id, 10), Key: t.key, Created: t.created, Version: t.version, Item: p.item,
				}})
			}
		}
		return nil
	})
	return wireFound{Places: &out}, err
}

func (s *Server) apiDownload(w http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	return nil, s.download(w, r, r.PathValue("id"), r.PathValue("file"))
}

// download streams a file as something to save, never to show: what is in it
// must not act on behalf of the page.
func (s *Server) download(w http.ResponseWriter, r *http.Request, id, fileID string) error {
	var found *file
	err := s.view(func(st *state) error {
		t, err := st.live(id)
		if err != nil {
			return err
		}
		for i := range t.files {
			if t.files[i].ID == fileID {
				found = &t.files[i]
				return nil
			}
		}
		return errGone
	})
	if err != nil {
		return err
	}
	f, err := s.openFile(found.SHA256)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(found.Size, 10))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": found.Name}))
	h.Set("X-Content-Type-Options", "nosniff")
	_, err = io.Copy(w, f)
	if err != nil && r.Context().Err() == nil {
		panic(http.ErrAbortHandler) // the answer has begun: it can only be cut
	}
	return nil
}

// apiWatch sends an event for every change, as long as the caller listens.
func (s *Server) apiWatch(w http.ResponseWriter, r *http.Request, _ Person) (any, error) {
	s.stream(w, r)
	return nil, nil
}

const heartbeat = 15 * time.Second

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		wait := s.hub.wait()
		var seq uint64
		if s.view(func(st *state) error { seq = st.seq; return nil }) != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %d\n\n", seq); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-wait:
		case <-beat.C:
		case <-r.Context().Done():
			return
		case <-s.quit:
			return
		}
	}
}
