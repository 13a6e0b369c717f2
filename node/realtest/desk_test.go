//go:build real

package realtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The three organisations.
const (
	acme    = "acme"
	globex  = "globex"
	initech = "initech"
)

// values are fields as a person sets them, under the names of the wire; "" is
// left as it is.
type values struct {
	summary, status, priority, description string
	systems                                []string
}

// desk is what people do in one tracker, by its REST API and as alice. What is
// read at the end is read by an administrator, who sees everything.
type desk interface {
	create(ctx context.Context, v values) (id string, err error)
	edit(ctx context.Context, id string, v values) error
	comment(ctx context.Context, id, text string, internal bool) error
	// attach adds a file; message goes with it where the tracker wants one.
	attach(ctx context.Context, id, name, message string, data []byte) error
	// list tells the ids of all tickets by the first word of their summary.
	list(ctx context.Context) (map[string][]string, error)
	read(ctx context.Context, id string) (*seen, error)
}

// seen is a ticket as it stands in a tracker, with all that is in it.
type seen struct {
	// Fields, status and priority under the names of the wire.
	values
	notes []note
	files []file
	// raw is every byte that the tracker tells of the ticket.
	raw strings.Builder
}

type note struct {
	body     string
	internal bool
}

type file struct{ name, sum string }

// web calls a tracker's API.
type web struct {
	base   string
	header http.Header
}

// call sends a body of a content type and reads a JSON answer into out, if any.
func (w web) call(ctx context.Context, method, path, kind string, body io.Reader, out any) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header = w.header.Clone()
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %d %.300s", method, path, res.StatusCode, raw)
	}
	if out == nil {
		return raw, nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return raw, nil
}

func (w web) get(ctx context.Context, path string, out any) ([]byte, error) {
	return w.call(ctx, http.MethodGet, path, "", nil, out)
}

// send sends a value as JSON.
func (w web) send(ctx context.Context, method, path string, body, out any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = w.call(ctx, method, path, "application/json", bytes.NewReader(raw), out)
	return err
}

// tagOf is the first word of a summary: it names the ticket at every desk.
func tagOf(summary string) string {
	tag, _, _ := strings.Cut(summary, " ")
	return tag
}

// flat is a text with the ends of its lines made alike.
func flat(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}
