package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"parley/adapters"
)

// Request is one request.
type Request struct {
	// Op says what is being done ("read ticket 12"), for errors; no ticket text.
	Op string
	// Method is GET if empty.
	Method string
	// Path is a template below the base: each {…} takes the next of Args,
	// escaped ("ticket/{id}/history"). The template is what the trace shows.
	Path string
	Args []string
	// URL, if set, is used in place of Path, Args and Query: a link from the
	// tracker. Outside the base origin it is requested without the credential,
	// and by Stream only.
	URL    *url.URL
	Query  url.Values
	Header http.Header
	// JSON is a value to send as the body; or Body is one to stream.
	JSON any
	Body *Body
	// Write is set when the request changes something at the tracker.
	Write bool
	// Expect are the statuses of success; empty means 200, 201 and 204.
	Expect []int
	// Out, if not nil, takes the decoded answer, which must then be JSON.
	Out any
	// Judge, if not nil, may correct what was made of an answer of no expected status:
	// some trackers say in a code of their own what the status does not tell.
	Judge func(*Response, *adapters.Error)
}

// Body is a streamed request body.
type Body struct {
	Reader io.Reader
	Type   string
	// Size is the exact length; a reader that ends sooner fails the request.
	// -1 is unknown and sends chunks, which not every tracker takes.
	Size int64
}

// Response is an answer of an expected status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

func (r *Request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

func (r *Request) expects(status int) bool {
	if len(r.Expect) == 0 {
		return status == http.StatusOK || status == http.StatusCreated || status == http.StatusNoContent
	}
	return slices.Contains(r.Expect, status)
}

// template is the path as the trace may show it.
func (r *Request) template() string {
	if r.URL != nil {
		return "(link)"
	}
	return r.Path
}

// address builds the URL. Arguments come from trackers and peers: escaping
// keeps one from reaching another path.
func (c *Client) address(r *Request) (*url.URL, error) {
	if r.URL != nil {
		return r.URL, nil
	}
	path, args := "", r.Args
	for rest := strings.TrimPrefix(r.Path, "/"); rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		path += before
		if !found {
			break
		}
		_, after, closed := strings.Cut(after, "}")
		if !closed || len(args) == 0 {
			return nil, fmt.Errorf("path %q does not fit its arguments", r.Path)
		}
		if a := args[0]; a == "" || a == "." || a == ".." {
			return nil, fmt.Errorf("%q cannot stand in a path", a)
		}
		path += url.PathEscape(args[0])
		rest, args = after, args[1:]
	}
	if len(args) > 0 {
		return nil, fmt.Errorf("path %q does not fit its arguments", r.Path)
	}
	u, err := url.Parse(strings.TrimSuffix(c.opt.Base.String(), "/") + "/" + path)
	if err != nil {
		return nil, fmt.Errorf("build the address for %q: %w", r.Path, err)
	}
	u.RawQuery = r.Query.Encode()
	return u, nil
}

// payload makes the body; nil if there is none.
func (r *Request) payload() (*Body, error) {
	if r.Body != nil || r.JSON == nil {
		return r.Body, nil
	}
	raw, err := json.Marshal(r.JSON)
	if err != nil {
		return nil, fmt.Errorf("encode the body: %w", err)
	}
	return &Body{Reader: bytes.NewReader(raw), Type: "application/json", Size: int64(len(raw))}, nil
}

// build makes the HTTP request for one hop.
func (c *Client) build(ctx context.Context, r *Request, u *url.URL, body *guardedBody, token string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method(), u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("build the request: %w", err)
	}
	for k, v := range r.Header {
		req.Header[k] = slices.Clone(v)
	}
	if body != nil {
		req.Body, req.ContentLength = body, body.size
		req.Header.Set("Content-Type", body.mime)
	}
	if req.Header.Get("Accept") == "" && r.Out != nil {
		req.Header.Set("Accept", "application/json")
	}
	req.Header.Set("User-Agent", c.opt.UserAgent)
	if originOf(req.URL) != c.origin {
		return req, nil
	}
	if c.opt.Sign != nil {
		if err := c.opt.Sign(req); err != nil {
			return nil, fmt.Errorf("sign the request: %w", err)
		}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

var errBodyClosed = errors.New("the request is over")

// guardedBody hands the caller's reader to the transport and takes it back:
// after Close nobody reads from it, though the transport may go on for a
// moment after its answer. It also checks the length.
type guardedBody struct {
	mime string
	size int64

	mu   sync.Mutex // guards what follows
	r    io.Reader
	left int64
	read bool
}

func guard(b *Body) *guardedBody {
	if b == nil {
		return nil
	}
	return &guardedBody{mime: b.Type, size: b.Size, r: b.Reader, left: b.Size}
}

// Read implements io.Reader.
func (g *guardedBody) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.r == nil && g.left == 0:
		return 0, io.EOF // all of it was read
	case g.r == nil:
		return 0, errBodyClosed
	}
	g.read = true
	n, err := g.r.Read(p)
	if g.size < 0 {
		return n, err
	}
	g.left -= int64(n)
	if g.left < 0 || (errors.Is(err, io.EOF) && g.left > 0) {
		return 0, fmt.Errorf("the body is not as long as announced: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}

// untouched tells whether nothing was read from the body yet.
func (g *guardedBody) untouched() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.read
}

// Close implements io.Closer.
func (g *guardedBody) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.r = nil
	return nil
}
