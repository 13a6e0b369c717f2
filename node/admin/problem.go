package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Problem is how an error travels: RFC 9457 with our kind and hint. Its message
// is what Error.Message and its cause say.
type Problem struct {
	Status  int    `json:"status" doc:"HTTP status code"`
	Title   string `json:"title" doc:"What the status code means"`
	Kind    string `json:"kind" enum:"not-found,denied,invalid,conflict,tracker,peer,internal" doc:"What kind of error it is"`
	Message string `json:"message" doc:"What happened, for people"`
	Hint    string `json:"hint,omitempty" doc:"What to do next"`
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

// Error implements error.
func (p *Problem) Error() string { return p.Message }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// problemOf makes a Problem of a Service's error.
func problemOf(err error) *Problem {
	if own := (*Error)(nil); errors.As(err, &own) {
		return newProblem(statusOf(own.Kind), own.Kind, err.Error(), own.Hint)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return newProblem(http.StatusGatewayTimeout, KindTracker, "it took too long: "+err.Error(),
			"the node is busy or its tracker slow: see `parley status`, then try again")
	}
	return newProblem(http.StatusInternalServerError, KindInternal, err.Error(), "the node's log may say more")
}

func newProblem(status int, kind, message, hint string) *Problem {
	return &Problem{Status: status, Title: http.StatusText(status), Kind: kind, Message: message, Hint: hint}
}

func statusOf(kind string) int {
	switch kind {
	case KindNotFound:
		return http.StatusNotFound
	case KindDenied:
		return http.StatusForbidden
	case KindInvalid:
		return http.StatusUnprocessableEntity
	case KindConflict:
		return http.StatusConflict
	case KindTracker, KindPeer:
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// ownErrors turns what huma says about a request into a Problem, so that all
// errors have one shape.
func ownErrors(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	message := []string{model.Detail}
	for _, detail := range model.Errors {
		message = append(message, strings.TrimPrefix(detail.Location+": "+detail.Message, ": "))
	}
	kind := KindInvalid
	if model.Status >= http.StatusInternalServerError {
		kind = KindInternal
	}
	return newProblem(model.Status, kind, strings.Join(message, "; "), ""), nil
}

// write answers with p.
func (p *Problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	if err := json.NewEncoder(w).Encode(p); err != nil {
		return // the asker went away: nothing to do
	}
}

// orProblem makes a Problem of what the mux says in plain text of paths and methods that it does not have. A command
// of a later version meets it at a node that is older.
func orProblem(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		none, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := statusOnly{header: w.Header(), status: http.StatusNotFound}
		none.ServeHTTP(&answer, r)
		newProblem(answer.status, KindInvalid, fmt.Sprintf("this node cannot be asked %s %s", r.Method, r.URL.Path),
			"/openapi.json lists what it can; if it is of another version than this program, see `parley version` and `parley status`").write(w)
	})
}

// statusOnly takes the status and the headers of an answer, and drops its text.
type statusOnly struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (s *statusOnly) Header() http.Header { return s.header }

// WriteHeader implements http.ResponseWriter.
func (s *statusOnly) WriteHeader(status int) { s.status = status }

// Write implements http.ResponseWriter.
func (s *statusOnly) Write(text []byte) (int, error) { return len(text), nil }
