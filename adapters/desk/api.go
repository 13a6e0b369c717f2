package desk

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// The API lies under /api/v1. Every answer is JSON, errors too.

const (
	maxRequest = 2 << 20
	maxPage    = 200
)

var (
	errForbidden    = errors.New("only the author may do that")
	errUnauthorized = errors.New("this token signs nobody in")
	errCursor       = errors.New("this place in the list of changes is not of this desk")
)

type apiHandler func(w http.ResponseWriter, r *http.Request, who Person) (any, error)

func (s *Server) apiRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]apiHandler{
		"GET /api/v1/whoami":                             s.apiWho,
		"GET /api/v1/schema":                             s.apiSchema,
		"GET /api/v1/people":                             s.apiPeople,
		"GET /api/v1/changes":                            s.apiChanges,
		"GET /api/v1/tickets":                            s.apiList,
		"GET /api/v1/tickets/{id}":                       s.apiTicket,
		"GET /api/v1/tickets/{id}/history":               s.apiHistory,
		"GET /api/v1/tickets/{id}/attachments/{file}":    s.apiDownload,
		"GET /api/v1/keys/{key}":                         s.apiKey,
		"GET /api/v1/fields/{field}":                     s.apiByField,
		"GET /api/v1/markers/{marker}":                   s.apiMarker,
		"GET /api/v1/watch":                              s.apiWatch,
		"POST /api/v1/tickets":                           s.apiCreate,
		"PATCH /api/v1/tickets/{id}":                     s.apiUpdate,
		"DELETE /api/v1/tickets/{id}":                    s.apiDelete,
		"POST /api/v1/tickets/{id}/comments":             s.apiComment,
		"PATCH /api/v1/tickets/{id}/comments/{comment}":  s.apiReword,
		"POST /api/v1/tickets/{id}/attachments":          s.apiAttach,
		"DELETE /api/v1/tickets/{id}/comments/{comment}": s.apiTake,
		"DELETE /api/v1/tickets/{id}/attachments/{file}": s.apiTake,
	} {
		mux.HandleFunc(pattern, s.signedIn(h))
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		answerError(w, http.StatusNotFound, "no-route", "the API has no such address")
	})
}

// signedIn lets a request in whose token is somebody's.
func (s *Server) signedIn(h apiHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, ok := s.bearer(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer realm="desk"`)
			writeError(w, errUnauthorized)
			return
		}
		if err := s.sameTicket(r); err != nil {
			writeError(w, err)
			return
		}
		out, err := h(w, r, who)
		switch {
		case err != nil:
			writeError(w, err)
		case out != nil:
			answer(w, http.StatusOK, out)
		}
	}
}

// sameTicket holds the parameter created, in seconds since 1970, against the
// ticket in the path: whoever means another ticket by this id finds none. It
// never changes, so that it may be checked ahead of the write.
func (s *Server) sameTicket(r *http.Request) error {
	want := r.URL.Query().Get("created")
	if want == "" || r.PathValue("id") == "" {
		return nil
	}
	return s.view(func(st *state) error {
		t, err := st.live(r.PathValue("id"))
		if err == nil && strconv.FormatInt(t.created.Unix(), 10) != want {
			return errGone
		}
		return err
	})
}

func (s *Server) bearer(r *http.Request) (Person, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Person{}, false
	}
	equal := func(want string) bool { return subtle.ConstantTimeCompare([]byte(token), []byte(want)) == 1 }
	if equal(s.options.Token) {
		return s.options.Account, true
	}
	for want, id := range s.options.Tokens {
		if equal(want) {
			return s.options.person(id)
		}
	}
	return Person{}, false
}

func answer(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"code":"internal","message":"encode the answer"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}

func answerError(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, wireError{Code: code, Message: message})
}

func writeError(w http.ResponseWriter, err error) {
	status, code := statusOf(err)
	answerError(w, status, code, err.Error())
}

func statusOf(err error) (int, string) {
	switch {
	case errors.Is(err, errUnauthorized):
		return http.StatusUnauthorized, "unauthorized"
	case errors.Is(err, errForbidden):
		return http.StatusForbidden, "forbidden"
	case errors.Is(err, errGone):
		return http.StatusNotFound, "gone"
	case errors.Is(err, errChanged):
		return http.StatusPreconditionFailed, "changed"
	case errors.Is(err, errInvalid):
		return http.StatusUnprocessableEntity, "invalid"
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge, "too-large"
	case errors.Is(err, errCursor):
		return http.StatusBadRequest, "cursor"
	case errors.Is(err, errClosed), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, "closed"
	default:
		return http.StatusInternalServerError, "internal"
	}
}

// decode reads a JSON body strictly.
func decode(r *http.Request, v any) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if len(raw) > maxRequest {
		return errTooLarge
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return invalidf("the body: %v", err)
	}
	return nil
}

// pageSize is the limit asked for, within bounds.
func pageSize(r *http.Request) int {
	n, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil || n < 1 || n > maxPage {
		return maxPage
	}
	return n
}
