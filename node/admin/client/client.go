// Package client steers a running node through its socket: an admin.Service
// that asks the node of a folder. The CLI uses it, and so can programs.
//
// It promises that an error of the node is the *admin.Error that its Service
// gave, and that it is a *NoNode if nobody answers. Answers are bounded. It
// repeats nothing: a request whose answer was lost may have been done.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"parley/adapters"
	"parley/node/admin"
	"parley/sync/event"
)

// NoNode says that no node runs in a folder.
type NoNode struct {
	Dir string
	// Err is what the system said.
	Err error
}

// Error implements error.
func (e *NoNode) Error() string { return "no node is running in " + e.Dir }

// Hint says what to do next.
func (*NoNode) Hint() string { return "start it with `parley run`" }

// Unwrap returns the cause.
func (e *NoNode) Unwrap() error { return e.Err }

const (
	maxAnswer   = 256 << 20
	maxRequest  = admin.MaxSetup
	dialTimeout = 5 * time.Second
	// waitTimeout is longer than the node's own bound, so that its answer comes first.
	waitTimeout = 6 * time.Minute
)

// Client asks the node of one folder.
type Client struct {
	dir  string
	http http.Client
}

var _ admin.Service = (*Client)(nil)

// New makes a client for the node whose folder is dir. It connects when asked
// something.
func New(dir string) *Client {
	return newClient(dir, func(ctx context.Context) (net.Conn, error) { return admin.Dial(ctx, dir) })
}

// At makes a client for the node that answers at a socket, as admin.ListenShared makes one.
func At(socket string) *Client {
	return newClient(socket, func(ctx context.Context) (net.Conn, error) { return admin.DialSocket(ctx, socket) })
}

func newClient(where string, dial func(context.Context) (net.Conn, error)) *Client {
	return &Client{dir: where, http: http.Client{
		Timeout: waitTimeout,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, dialTimeout)
				defer cancel()
				return dial(ctx)
			},
			MaxIdleConns: 2, IdleConnTimeout: time.Minute,
		},
	}}
}

// Close gives back connections that are kept open.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// do asks one thing and reads the answer into out.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	request, err := newRequest(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.unreached(ctx, err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the node's answer: %w", err)
	case len(text) > maxAnswer:
		return &admin.Error{Kind: admin.KindInternal, Message: "the node's answer is too long", Hint: "ask for less, as with --limit"}
	case response.StatusCode != http.StatusOK:
		return asError(response, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the node's answer: %w", err)
	}
	return nil
}

func newRequest(ctx context.Context, method, path string, query url.Values, in any) (*http.Request, error) {
	address := url.URL{Scheme: "http", Host: "node", Path: path, RawQuery: query.Encode()}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("ask the node: %w", err)
		}
		if len(text) > maxRequest {
			return nil, &admin.Error{
				Kind:    admin.KindInvalid,
				Message: fmt.Sprintf("that is too much for one request (%d bytes, %d at most)", len(text), maxRequest),
				Hint:    "do it in several parts",
			}
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return nil, fmt.Errorf("ask the node: %w", err)
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// unreached tells why there is no answer.
func (c *Client) unreached(ctx context.Context, err error) error {
	if own := (*admin.Error)(nil); errors.As(err, &own) {
		return own
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "dial" {
		dir := c.dir
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		if errors.Is(op, fs.ErrPermission) {
			return &admin.Error{
				Kind: admin.KindConflict, Message: "the socket in " + dir + " is another user's",
				Hint: "run this as the user that the node runs as",
			}
		}
		return &NoNode{Dir: dir, Err: op}
	}
	return fmt.Errorf("ask the node: %w", err)
}

// asError reads a problem.
func asError(response *http.Response, text []byte) error {
	var p admin.Problem
	if err := json.Unmarshal(text, &p); err != nil || p.Kind == "" {
		return &admin.Error{
			Kind: admin.KindInternal, Message: "the node answered " + response.Status,
			Hint: "is the node of another version than this command? see `parley version`",
		}
	}
	return &admin.Error{Kind: p.Kind, Message: p.Message, Hint: p.Hint}
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var out T
	err := c.do(ctx, http.MethodGet, path, query, nil, &out)
	return out, err
}

// list is get for lists: none is an empty list, not nil.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	out, err := get[[]T](ctx, c, path, query)
	if err == nil && out == nil {
		out = []T{}
	}
	return out, err
}

func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	var out T
	err := c.do(ctx, http.MethodPost, path, nil, in, &out)
	return out, err
}

func connection(name, rest string) string { return "/v1/connections/" + url.PathEscape(name) + rest }

// Status implements admin.Service.
func (c *Client) Status(ctx context.Context) (admin.Status, error) {
	return get[admin.Status](ctx, c, "/v1/status", nil)
}

// Key implements admin.Service.
func (c *Client) Key(ctx context.Context) (admin.Key, error) {
	return get[admin.Key](ctx, c, "/v1/key", nil)
}

// Connections implements admin.Service.
func (c *Client) Connections(ctx context.Context) ([]admin.Connection, error) {
	return list[admin.Connection](ctx, c, "/v1/connections", nil)
}

// Invite implements admin.Service.
func (c *Client) Invite(ctx context.Context, r admin.InviteRequest) (admin.Invitation, error) {
	return post[admin.Invitation](ctx, c, "/v1/connections/invite", r)
}

// Accept implements admin.Service.
func (c *Client) Accept(ctx context.Context, r admin.AcceptRequest) (admin.Connection, error) {
	return post[admin.Connection](ctx, c, "/v1/connections/accept", r)
}

// Words implements admin.Service.
func (c *Client) Words(ctx context.Context, name string) (admin.Words, error) {
	return get[admin.Words](ctx, c, connection(name, "/words"), nil)
}

// Confirm implements admin.Service.
func (c *Client) Confirm(ctx context.Context, name string, r admin.ConfirmRequest) (admin.Connection, error) {
	return post[admin.Connection](ctx, c, connection(name, "/confirm"), r)
}

// RemoveConnection implements admin.Service.
func (c *Client) RemoveConnection(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, connection(name, ""), nil, nil, &struct{}{})
}

// Pause implements admin.Service.
func (c *Client) Pause(ctx context.Context, name string, r admin.PauseRequest) (admin.Connection, error) {
	return post[admin.Connection](ctx, c, connection(name, "/pause"), r)
}

// Verify implements admin.Service.
func (c *Client) Verify(ctx context.Context, name string, r admin.VerifyRequest) (admin.Verification, error) {
	return post[admin.Verification](ctx, c, connection(name, "/verify"), r)
}

// Resume implements admin.Service.
func (c *Client) Resume(ctx context.Context, name string) (admin.Connection, error) {
	return post[admin.Connection](ctx, c, connection(name, "/resume"), nil)
}

// Fields implements admin.Service.
func (c *Client) Fields(ctx context.Context, name string) (admin.Fields, error) {
	return get[admin.Fields](ctx, c, connection(name, "/fields"), nil)
}

// FieldsSeen implements admin.Service.
func (c *Client) FieldsSeen(ctx context.Context, name string) (admin.Fields, error) {
	return post[admin.Fields](ctx, c, connection(name, "/fields/seen"), nil)
}

// ScopeCount implements admin.Service.
func (c *Client) ScopeCount(ctx context.Context, name string) (admin.ScopeCount, error) {
	return get[admin.ScopeCount](ctx, c, connection(name, "/scope"), nil)
}

// Preview implements admin.Service.
func (c *Client) Preview(ctx context.Context, name string, r admin.PreviewRequest) (admin.Preview, error) {
	return post[admin.Preview](ctx, c, connection(name, "/preview"), r)
}

// ScopeExplain implements admin.Service.
func (c *Client) ScopeExplain(ctx context.Context, name, key string) (admin.ScopeExplanation, error) {
	return get[admin.ScopeExplanation](ctx, c, connection(name, "/scope/explain"), url.Values{"key": {key}})
}

// StartLoad implements admin.Service.
func (c *Client) StartLoad(ctx context.Context, name string, r admin.LoadRequest) (admin.Load, error) {
	return post[admin.Load](ctx, c, connection(name, "/load"), r)
}

// Load implements admin.Service.
func (c *Client) Load(ctx context.Context, name string) (admin.Load, error) {
	return get[admin.Load](ctx, c, connection(name, "/load"), nil)
}

// PauseLoad implements admin.Service.
func (c *Client) PauseLoad(ctx context.Context, name string) (admin.Load, error) {
	return post[admin.Load](ctx, c, connection(name, "/load/pause"), struct{}{})
}

// ResumeLoad implements admin.Service.
func (c *Client) ResumeLoad(ctx context.Context, name string) (admin.Load, error) {
	return post[admin.Load](ctx, c, connection(name, "/load/resume"), struct{}{})
}

// AbortLoad implements admin.Service.
func (c *Client) AbortLoad(ctx context.Context, name string) (admin.Load, error) {
	var out admin.Load
	err := c.do(ctx, http.MethodDelete, connection(name, "/load"), nil, nil, &out)
	return out, err
}

// Tickets implements admin.Service.
func (c *Client) Tickets(ctx context.Context, q admin.TicketQuery) ([]admin.Ticket, error) {
	query := url.Values{}
	for name, value := range map[string]string{"connection": q.Connection, "state": q.State} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.Limit != 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	return list[admin.Ticket](ctx, c, "/v1/tickets", query)
}

// Explain implements admin.Service.
func (c *Client) Explain(ctx context.Context, key string) (admin.Explanation, error) {
	return get[admin.Explanation](ctx, c, "/v1/tickets/explain", url.Values{"key": {key}})
}

// Sync implements admin.Service.
func (c *Client) Sync(ctx context.Context, r admin.SyncRequest) (admin.SyncResult, error) {
	return post[admin.SyncResult](ctx, c, "/v1/tickets/sync", r)
}

// Unsync implements admin.Service.
func (c *Client) Unsync(ctx context.Context, r admin.SyncRequest) (admin.SyncResult, error) {
	return post[admin.SyncResult](ctx, c, "/v1/tickets/unsync", r)
}

// History implements admin.Service.
func (c *Client) History(ctx context.Context, key string) (admin.History, error) {
	var out admin.History
	err := c.do(ctx, http.MethodGet, "/v1/tickets/history", url.Values{"key": {key}}, nil, &out)
	return out, err
}

// Undo implements admin.Service.
func (c *Client) Undo(ctx context.Context, r admin.UndoRequest) (admin.UndoResult, error) {
	return post[admin.UndoResult](ctx, c, "/v1/undo", r)
}

// Queue implements admin.Service.
func (c *Client) Queue(ctx context.Context, connection string) ([]admin.QueueEntry, error) {
	query := url.Values{}
	if connection != "" {
		query.Set("connection", connection)
	}
	return list[admin.QueueEntry](ctx, c, "/v1/queue", query)
}

// Publish implements admin.Service.
func (c *Client) Publish(ctx context.Context, r admin.PublishRequest) (admin.PublishResult, error) {
	return post[admin.PublishResult](ctx, c, "/v1/filters/publish", r)
}

// Export implements admin.Service.
func (c *Client) Export(ctx context.Context) (admin.Setup, error) {
	return get[admin.Setup](ctx, c, "/v1/setup", nil)
}

// Apply implements admin.Service.
func (c *Client) Apply(ctx context.Context, r admin.ApplyRequest) (admin.ApplyResult, error) {
	return post[admin.ApplyResult](ctx, c, "/v1/setup", r)
}

// FilterHistory implements admin.Service.
func (c *Client) FilterHistory(ctx context.Context, connection string) (admin.FilterHistory, error) {
	return get[admin.FilterHistory](ctx, c, "/v1/filters/history", url.Values{"connection": {connection}})
}

// FilterDiff implements admin.Service.
func (c *Client) FilterDiff(ctx context.Context, connection, from, to string) (admin.FilterDiff, error) {
	return get[admin.FilterDiff](ctx, c, "/v1/filters/diff", url.Values{"connection": {connection}, "from": {from}, "to": {to}})
}

// QueueEntry implements admin.Service.
func (c *Client) QueueEntry(ctx context.Context, id string) (admin.QueueEntry, error) {
	return get[admin.QueueEntry](ctx, c, "/v1/queue/entry", url.Values{"id": {id}})
}

// Retry implements admin.Service.
func (c *Client) Retry(ctx context.Context, q admin.QueueSelect) (int, error) {
	out, err := post[admin.Count](ctx, c, "/v1/queue/retry", q)
	return out.Count, err
}

// Skip implements admin.Service.
func (c *Client) Skip(ctx context.Context, q admin.QueueSelect) (int, error) {
	out, err := post[admin.Count](ctx, c, "/v1/queue/skip", q)
	return out.Count, err
}

// Probe implements admin.Service.
func (c *Client) Probe(ctx context.Context) ([]adapters.Finding, error) {
	return list[adapters.Finding](ctx, c, "/v1/tracker/probe", nil)
}

// Schema implements admin.Service.
func (c *Client) Schema(ctx context.Context) (event.Schema, error) {
	return get[event.Schema](ctx, c, "/v1/tracker/schema", nil)
}

// Record implements admin.Service.
func (c *Client) Record(ctx context.Context, r admin.RecordRequest) (admin.RecordResult, error) {
	return post[admin.RecordResult](ctx, c, "/v1/filters/record", r)
}

// Try implements admin.Service.
func (c *Client) Try(ctx context.Context, r admin.TryRequest) (admin.TryResult, error) {
	return post[admin.TryResult](ctx, c, "/v1/filters/try", r)
}

// Reload implements admin.Service.
func (c *Client) Reload(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/reload", nil, nil, &struct{}{})
}

// Conflicts implements admin.Service.
func (c *Client) Conflicts(ctx context.Context, connection string) ([]admin.Conflict, error) {
	return get[[]admin.Conflict](ctx, c, "/v1/conflicts", url.Values{"connection": {connection}})
}

// Conflict implements admin.Service.
func (c *Client) Conflict(ctx context.Context, s admin.ConflictSelect) ([]admin.Conflict, error) {
	return post[[]admin.Conflict](ctx, c, "/v1/conflicts/show", s)
}

// Resolve implements admin.Service.
func (c *Client) Resolve(ctx context.Context, r admin.ResolveRequest) error {
	return c.do(ctx, http.MethodPost, "/v1/conflicts/resolve", nil, r, &struct{}{})
}

// Connect implements admin.Service.
func (c *Client) Connect(ctx context.Context, r admin.ConnectRequest) (admin.ConnectResult, error) {
	return post[admin.ConnectResult](ctx, c, "/v1/tickets/connect", r)
}

// ConnectState implements admin.Service.
func (c *Client) ConnectState(ctx context.Context, r admin.ConnectRequest) (admin.ConnectResult, error) {
	return post[admin.ConnectResult](ctx, c, "/v1/tickets/connect/state", r)
}

// Match implements admin.Service.
func (c *Client) Match(ctx context.Context, r admin.MatchRequest) ([]admin.Pair, error) {
	return post[[]admin.Pair](ctx, c, "/v1/tickets/match", r)
}

// Resync implements admin.Service.
func (c *Client) Resync(ctx context.Context, name string, r admin.ResyncRequest) (int, error) {
	out, err := post[admin.Count](ctx, c, connection(name, "/resync"), r)
	return out.Count, err
}

// Approve implements admin.Service.
func (c *Client) Approve(ctx context.Context, q admin.QueueSelect) (int, error) {
	out, err := post[admin.Count](ctx, c, "/v1/queue/approve", q)
	return out.Count, err
}
