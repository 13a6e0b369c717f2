package desk

import (
	"net/http"
	"strconv"
	"strings"
)

const maxMarker = 64

func (r result) wire() wireWritten {
	return wireWritten{ID: strconv.FormatInt(r.id, 10), Key: r.key, Created: r.created, Version: r.version, Item: r.item}
}

func wrote(r result, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return r.wire(), nil
}

func checkMarker(m string) error {
	if len(m) > maxMarker {
		return invalidf("a marker has at most %d characters", maxMarker)
	}
	return nil
}

func (s *Server) apiCreate(w http.ResponseWriter, r *http.Request, who Person) (any, error) {
	var in wireCreate
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if err := checkMarker(in.Marker); err != nil {
		return nil, err
	}
	res, err := s.create(r.Context(), who.ID, in.Marker, in.Fields)
	if err != nil {
		return nil, err
	}
	answer(w, http.StatusCreated, res.wire())
	return nil, nil
}

// apiUpdate sets fields and adds a comment. If-Match with a version makes sure
// that nobody was faster.
func (s *Server) apiUpdate(_ http.ResponseWriter, r *http.Request, who Person) (any, error) {
	var in update
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	var version uint64
	if match := r.Header.Get("If-Match"); match != "" {
		var err error
		if version, err = strconv.ParseUint(strings.Trim(match, `"`), 10, 64); err != nil || version == 0 {
			return nil, errChanged
		}
	}
	if in.Comment != nil {
		if err := checkMarker(in.Comment.Marker); err != nil {
			return nil, err
		}
	}
	return wrote(s.update(r.Context(), who.ID, r.PathValue("id"), version, in))
}

func (s *Server) apiComment(_ http.ResponseWriter, r *http.Request, who Person) (any, error) {
	var in commentWanted
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if err := checkMarker(in.Marker); err != nil {
		return nil, err
	}
	return wrote(s.update(r.Context(), who.ID, r.PathValue("id"), 0, update{Comment: &in}))
}

func (s *Server) apiReword(_ http.ResponseWriter, r *http.Request, who Person) (any, error) {
	var in struct {
		Body string `json:"body"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	return wrote(s.reword(r.Context(), who.ID, r.PathValue("id"), r.PathValue("comment"), in.Body))
}

func (s *Server) apiDelete(_ http.ResponseWriter, r *http.Request, who Person) (any, error) {
	return wrote(s.remove(r.Context(), who.ID, r.PathValue("id")))
}

func (s *Server) apiTake(_ http.ResponseWriter, r *http.Request, who Person) (any, error) {
	return wrote(s.take(r.Context(), who.ID, r.PathValue("id"), removal{Comment: r.PathValue("comment"), File: r.PathValue("file")}))
}

// apiAttach takes the bytes as they come; name, marker and the rest are in the
// query. The ticket is looked up first, so that nothing is stored in vain.
func (s *Server) apiAttach(_ http.ResponseWriter, r *http.Request, who Person) (any, error) {
	query := r.URL.Query()
	if err := checkMarker(query.Get("marker")); err != nil {
		return nil, err
	}
	name, err := cleanName(query.Get("name"))
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if err := s.view(func(st *state) error { _, err := st.live(id); return err }); err != nil {
		return nil, err
	}
	digest, size, err := s.storeFile(r.Body)
	if err != nil {
		return nil, err
	}
	if want := query.Get("sha256"); want != "" && want != digest {
		return nil, invalidf("the bytes do not have the digest announced")
	}
	return wrote(s.attach(r.Context(), who.ID, id, file{
		Name: name, MIME: r.Header.Get("Content-Type"), Size: size, SHA256: digest,
		Internal: query.Get("internal") == "true", Marker: query.Get("marker"),
	}))
}
