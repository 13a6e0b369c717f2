package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Problem is how an error travels: RFC 9457 with our kind and hint. Its message
// is what Error.Message and its cause say.
type Problem struct {
	Status  int    `json:"status" doc:"HTTP status code"`
	Title   string `json:"title" doc:"What the status code means"`
	Kind    string `json:"kind" enum:"not-found,invalid,conflict,tracker,peer,internal" doc:"What kind of error it is"`
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
