package salesforce

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// problem is one of the errors that an answer tells.
type problem struct {
	Code    string   `json:"errorCode"`
	Message string   `json:"message"`
	Fields  []string `json:"fields"`
}

// coded is the code of an error, kept as its cause.
type coded struct {
	code string
	err  error
}

// Error implements error.
func (c coded) Error() string { return c.code }

// Unwrap implements errors.Unwrap.
func (c coded) Unwrap() error { return c.err }

func hasCode(err error, code string) bool {
	var c coded
	return errors.As(err, &c) && c.code == code
}

func problems(body []byte) []problem {
	var all []problem
	if rest.Decode(body, &all) != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(p problem) bool { return p.Code == "" })
}

// words are the code, the message and the fields: the code is what people look up.
func words(all []problem) string {
	var out []string
	for _, p := range all {
		s := p.Code + ": " + p.Message
		if len(p.Fields) > 0 {
			s += " (fields: " + strings.Join(p.Fields, ", ") + ")"
		}
		out = append(out, s)
	}
	return rest.Cut(strings.Join(out, "; "))
}

// dailyWait is how long to leave an org alone whose calls of the day are used up: they
// come back little by little, over twenty-four hours.
const dailyWait = 15 * time.Minute

// judge corrects the class of an error by Salesforce's own code.
func judge(answer *rest.Response, e *adapters.Error, write bool) {
	if all := problems(answer.Body); len(all) > 0 {
		classify(e, all, write)
	}
}

func classify(e *adapters.Error, all []problem, write bool) {
	first := all[0]
	e.Detail, e.Err = words(all), coded{first.Code, e.Err}
	switch code := first.Code; {
	case code == "REQUEST_LIMIT_EXCEEDED":
		e.Class, e.Hint = adapters.ErrLimited, "the org has used up its API calls: let the poll be slower, or buy more"
		if strings.Contains(first.Message, "TotalRequests") {
			e.After = max(e.After, dailyWait)
		}
	case code == "UNABLE_TO_LOCK_ROW", code == "SERVER_UNAVAILABLE", code == "QUERY_TIMEOUT":
		// Nothing was written: somebody else is writing to the case or to what it belongs to.
		e.Class, e.Hint = adapters.ErrTransient, ""
	case code == "INVALID_FIELD" && !write:
		e.Class = adapters.ErrConfiguration
		e.Hint = "let the account see this field (field-level security), in its permission set"
	case code == "INVALID_TYPE", code == "MALFORMED_QUERY", code == "INVALID_QUERY_FILTER_OPERATOR", code == "INVALID_QUERY_LOCATOR":
		e.Class = adapters.ErrConfiguration
		e.Hint = "let the account see this object, in its permission set; or correct the condition of the listing"
	case code == "INVALID_FIELD_FOR_INSERT_UPDATE", code == "INVALID_FIELD":
		e.Class, e.Hint = adapters.ErrRejected, "let the account edit this field (field-level security), in its permission set"
	case strings.HasPrefix(code, "INSUFFICIENT_ACCESS"), code == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", strings.HasPrefix(code, "API_"):
		e.Class, e.Hint = adapters.ErrDenied, "check what the account may do, and what triggers and flows do as the account"
	case code == "ENTITY_IS_DELETED", code == "NOT_FOUND":
		e.Class = adapters.ErrGone
	case code == "FIELD_CUSTOM_VALIDATION_EXCEPTION":
		e.Hint = "a validation rule of the org refuses this: map the values in the filter, or let the rule pass the account"
	}
}

// refusal is the error of a part of a composite request, which was undone whole.
func refusal(op string, status int, body json.RawMessage) error {
	e := &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: rest.StatusError(status)}
	switch {
	case status == http.StatusPreconditionFailed:
		e.Class = adapters.ErrChanged
	case status == http.StatusNotFound:
		e.Class = adapters.ErrGone
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		e.Class, e.Hint = adapters.ErrDenied, "check what the account may do"
	case status >= 500:
		e.Class = adapters.ErrDoubt
	}
	if all := problems(body); len(all) > 0 {
		classify(e, all, true)
	}
	return e
}

// halted tells a part that was not done because of another one.
func halted(body json.RawMessage) bool {
	all := problems(body)
	return len(all) > 0 && all[0].Code == "PROCESSING_HALTED"
}

// listError: a list cannot be gone, nor can values be wrong where none are written.
func listError(err error, op string) error {
	var known *adapters.Error
	if !errors.As(err, &known) || !errors.Is(known.Class, adapters.ErrGone) && !errors.Is(known.Class, adapters.ErrRejected) {
		return err
	}
	hint := known.Hint
	if hint == "" {
		hint = "check the address and the API version, and that the account sees the object"
	}
	return &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Detail: known.Detail, Err: known.Err, Hint: hint}
}
