package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// client is Salesforce's REST API, typed: one method a call. An answer that lacks what
// it must hold is an error, never an empty result.
type client struct {
	rest    *rest.Client
	version string
	usage   *usage
}

// usage is how many of the day's calls the org has made, as the last answer said.
type usage struct {
	mu         sync.Mutex // guards the fields below
	used, most int64
}

// note reads "api-usage=18/5000".
func (u *usage) note(h http.Header) {
	for part := range strings.SplitSeq(h.Get("Sforce-Limit-Info"), ";") {
		text, ok := strings.CutPrefix(strings.TrimSpace(part), "api-usage=")
		if !ok {
			continue
		}
		a, b, _ := strings.Cut(text, "/")
		used, errUsed := strconv.ParseInt(a, 10, 64)
		most, errMost := strconv.ParseInt(strings.TrimSpace(b), 10, 64)
		if errUsed == nil && errMost == nil && most > 0 {
			u.mu.Lock()
			u.used, u.most = used, most
			u.mu.Unlock()
		}
	}
}

func (u *usage) last() (used, most int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.used, u.most
}

var errIncomplete = errors.New("the answer lacks what it must hold")

func incomplete(op string, class error) error {
	return &adapters.Error{
		Class: class, Op: op, Err: errIncomplete,
		Hint: "what answered is not Salesforce's API: check the address, and what stands in front of it",
	}
}

func (c client) do(ctx context.Context, r rest.Request) (*rest.Response, error) {
	r.Path = "services/data/v" + c.version + "/" + r.Path
	return c.send(ctx, r)
}

func (c client) send(ctx context.Context, r rest.Request) (*rest.Response, error) {
	r.Judge = func(answer *rest.Response, e *adapters.Error) {
		c.usage.note(answer.Header)
		judge(answer, e, r.Write)
	}
	answer, err := c.rest.Do(ctx, r)
	if err == nil {
		c.usage.note(answer.Header)
	}
	return answer, err
}

// page is one page of rows.
type page struct {
	Done    *bool             `json:"done"`
	Next    string            `json:"nextRecordsUrl"`
	Records []json.RawMessage `json:"records"`
}

// maxRows bounds what is held of one query.
const maxRows = 20_000

// rows reads all rows of a query; resource is query, or queryAll for the deleted too.
func rows[T any](ctx context.Context, c client, op, resource, soql string) ([]T, error) {
	r := rest.Request{Op: op, Path: resource + "/", Query: url.Values{"q": {soql}}}
	r.Path = "services/data/v" + c.version + "/" + r.Path
	var all []T
	seen := map[string]bool{}
	for {
		var got page
		r.Out, r.Expect = &got, []int{http.StatusOK}
		if _, err := c.send(ctx, r); err != nil {
			return nil, listError(err, op)
		}
		if got.Done == nil || got.Records == nil || !*got.Done && got.Next == "" {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		for _, raw := range got.Records {
			// What moves between two pages is on both.
			if seen[string(raw)] {
				continue
			}
			seen[string(raw)] = true
			var one T
			if err := rest.Decode(raw, &one); err != nil {
				return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
			}
			all = append(all, one)
		}
		switch {
		case *got.Done:
			return all, nil
		case len(all) >= maxRows:
			return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: fmt.Errorf("there are more than %d rows", maxRows)}
		}
		next, err := c.rest.Resolve(got.Next)
		if err != nil {
			return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
		}
		r = rest.Request{Op: op, URL: next}
	}
}

// chunk is how many ids one query names: the address of a request is bounded.
const chunk = 200

// record reads one record whole, as far as the account may see its fields.
func (c client) record(ctx context.Context, op, object, id string) (record, error) {
	var out record
	if _, err := c.do(ctx, rest.Request{
		Op: op, Path: "sobjects/" + object + "/{id}", Args: []string{id}, Out: &out, Expect: []int{http.StatusOK},
	}); err != nil {
		return nil, err
	}
	if out.text("Id") != id {
		return nil, incomplete(op, adapters.ErrConfiguration)
	}
	return out, nil
}

func (c client) describe(ctx context.Context, object string) (description, error) {
	op := "read the metadata of " + object
	var out description
	if _, err := c.do(ctx, rest.Request{Op: op, Path: "sobjects/" + object + "/describe", Out: &out, Expect: []int{http.StatusOK}}); err != nil {
		return out, listError(err, op)
	}
	if out.Name != object || len(out.Fields) == 0 {
		return out, incomplete(op, adapters.ErrConfiguration)
	}
	return out, nil
}

// saved is the answer to what makes a record.
type saved struct {
	ID      string `json:"id"`
	Success *bool  `json:"success"`
}

func (s saved) whole() bool { return recordID.MatchString(s.ID) && s.Success != nil && *s.Success }

// noAssign keeps assignment rules from giving a case to somebody else.
func noAssign() http.Header { return http.Header{"Sforce-Auto-Assign": {"FALSE"}} }

func (c client) create(ctx context.Context, op, object string, body map[string]any) (string, error) {
	var out saved
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "sobjects/" + object, Header: noAssign(), JSON: body,
		Out: &out, Write: true, Expect: []int{http.StatusCreated},
	})
	if err == nil && !out.whole() {
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out.ID, createError(err)
}

// upsert makes the case that has key in field, or says which has it already.
func (c client) upsert(ctx context.Context, op, field, key string, body map[string]any) (string, error) {
	var out saved
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: http.MethodPatch, Path: "sobjects/Case/{field}/{key}", Args: []string{field, key}, Header: noAssign(), JSON: body,
		Out: &out, Write: true, Expect: []int{http.StatusOK, http.StatusCreated},
	})
	switch {
	case rest.HasStatus(err, http.StatusMultipleChoices):
		err = &adapters.Error{Class: adapters.ErrDoubt, Op: op, Err: errors.New("several cases have the marker of this create")}
	case err == nil && !out.whole():
		err = incomplete(op, adapters.ErrDoubt)
	}
	return out.ID, createError(err)
}

// createError: where a create says that there is no such thing, the object or a field
// is hidden; where it says that the key is taken, an earlier attempt arrived.
func createError(err error) error {
	var known *adapters.Error
	switch {
	case !errors.As(err, &known):
	case errors.Is(known.Class, adapters.ErrGone):
		known.Class = adapters.ErrConfiguration
	case hasCode(err, "DUPLICATE_VALUE"), hasCode(err, "DUPLICATE_EXTERNAL_ID"):
		known.Class = adapters.ErrDoubt
	}
	return err
}

func (c client) update(ctx context.Context, op, id, unmodified string, body map[string]any) error {
	header := noAssign()
	if unmodified != "" {
		header.Set("If-Unmodified-Since", unmodified)
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: http.MethodPatch, Path: "sobjects/Case/{id}", Args: []string{id}, Header: header, JSON: body,
		Write: true, Expect: []int{http.StatusNoContent},
	})
	return err
}

func (c client) remove(ctx context.Context, op, id string) error {
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: http.MethodDelete, Path: "sobjects/Case/{id}", Args: []string{id}, Write: true, Expect: []int{http.StatusNoContent},
	})
	return err
}

// part is one request within a composite one, and its answer.
type part struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Ref     string            `json:"referenceId"`
	Headers map[string]string `json:"httpHeaders,omitempty"`
	Body    map[string]any    `json:"body,omitempty"`
}

type partAnswer struct {
	Body   json.RawMessage `json:"body"`
	Status int             `json:"httpStatusCode"`
	Ref    string          `json:"referenceId"`
}

// together does all of the parts or none, and answers the body of the last.
func (c client) together(ctx context.Context, op string, parts ...part) (json.RawMessage, error) {
	for i := range parts {
		parts[i].URL = "/services/data/v" + c.version + "/" + parts[i].URL
		parts[i].Ref = "step" + strconv.Itoa(i)
	}
	var out struct {
		Answers []partAnswer `json:"compositeResponse"`
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "composite/", Header: noAssign(), Write: true, Expect: []int{http.StatusOK}, Out: &out,
		JSON: map[string]any{"allOrNone": true, "compositeRequest": parts},
	})
	if err != nil {
		return nil, createError(err)
	}
	if len(out.Answers) != len(parts) {
		return nil, incomplete(op, adapters.ErrDoubt)
	}
	for _, a := range out.Answers {
		if a.Status >= 200 && a.Status < 300 || halted(a.Body) {
			continue
		}
		if a.Status < 400 {
			return nil, incomplete(op, adapters.ErrDoubt)
		}
		return nil, refusal(op, a.Status, a.Body)
	}
	last := out.Answers[len(parts)-1]
	if last.Status >= 300 {
		return nil, incomplete(op, adapters.ErrDoubt)
	}
	return last.Body, nil
}

// upload makes a file, which belongs to nothing yet.
func (c client) upload(ctx context.Context, op string, about map[string]any, name, kind string, size int64, r io.Reader) (string, error) {
	raw, err := json.Marshal(about)
	if err != nil {
		return "", &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
	}
	body, err := rest.Multipart(
		rest.Part{Name: "entity_content", Type: "application/json", Size: int64(len(raw)), Reader: strings.NewReader(string(raw))},
		rest.Part{Name: "VersionData", FileName: name, Type: kind, Size: size, Reader: r},
	)
	if err != nil {
		return "", &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: err}
	}
	var out saved
	_, err = c.do(ctx, rest.Request{
		Op: op, Method: http.MethodPost, Path: "sobjects/ContentVersion", Body: body, Out: &out, Write: true, Expect: []int{http.StatusCreated},
	})
	if err == nil && !out.whole() {
		err = incomplete(op, adapters.ErrDoubt)
	}
	// A file that no case refers to is no attachment, whatever became of it.
	var known *adapters.Error
	if errors.As(err, &known) && errors.Is(known.Class, adapters.ErrDoubt) {
		known.Class = adapters.ErrTransient
	}
	return out.ID, createError(err)
}
