package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"parley/adapters"
)

var errTooSlow = errors.New("no answer in time")

// flight is one request under way, redirects included.
type flight struct {
	c       *Client
	r       *Request
	ctx     context.Context
	timer   *time.Timer
	started time.Time
	// stream is set for Stream.
	stream bool
	// renewed is set once the request was refused for its token: that happens once.
	renewed bool
	// dialed without connected proves that nothing was sent. The hooks about
	// writing come too late to rely on: when the context ends, the transport
	// may still be about to write.
	dialed, connected atomic.Bool
	finish            func()
}

// Do sends a request and reads the whole answer. The error is always an
// *adapters.Error.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	f, err := c.start(ctx, &r)
	if err != nil {
		return nil, err
	}
	defer f.finish()
	res, err := f.travel()
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, bodyErr := f.readAll(res.Body)
	out := &Response{Status: res.StatusCode, Header: res.Header, Body: body}
	if !r.expects(res.StatusCode) {
		return nil, f.statusError(out)
	}
	if bodyErr != nil {
		return nil, bodyErr
	}
	if err := f.decode(out); err != nil {
		return nil, err
	}
	return out, nil
}

// start takes a slot and sets the time that the request may take.
func (c *Client) start(ctx context.Context, r *Request) (*flight, error) {
	f := &flight{c: c, r: r, ctx: ctx}
	if err := c.acquire(ctx); err != nil {
		return nil, f.fail(adapters.ErrTransient, err)
	}
	inner, cancel := context.WithCancelCause(ctx)
	f.ctx = httptrace.WithClientTrace(inner, &httptrace.ClientTrace{
		GetConn: func(string) { f.dialed.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { f.connected.Store(true) },
	})
	budget := c.opt.Timeout
	if r.Body != nil {
		budget += transferTime(r.Body.Size)
	}
	f.started = time.Now()
	f.finish = sync.OnceFunc(func() {
		f.timer.Stop()
		cancel(nil)
		<-c.slots
	})
	f.timer = time.AfterFunc(budget, func() { cancel(errTooSlow) })
	return f, nil
}

func transferTime(size int64) time.Duration {
	return time.Duration(max(size, 0)/minRate) * time.Second
}

// travel sends the request and follows the redirects of a read.
func (f *flight) travel() (*http.Response, error) {
	u, err := f.c.address(f.r)
	if err != nil {
		return nil, f.fail(adapters.ErrConfiguration, err)
	}
	if err := f.mayVisit(u); err != nil {
		return nil, err
	}
	for hop := 0; ; hop++ {
		res, err := f.signed(u)
		if err != nil {
			return nil, err
		}
		if f.r.expects(res.StatusCode) || !isRedirect(res.StatusCode) {
			return res, nil
		}
		_ = res.Body.Close()
		if u, err = f.redirect(res, u, hop); err != nil {
			return nil, err
		}
	}
}

// signed sends one hop, with a token where one is used. A request that is refused
// because its token has ended did nothing: it is sent once more with a fresh one.
func (f *flight) signed(u *url.URL) (*http.Response, error) {
	tokens := f.c.tokens
	if tokens == nil || originOf(u) != f.c.origin {
		res, _, err := f.once(u, "")
		return res, err
	}
	token, err := tokens.get(f.ctx)
	if err != nil {
		return nil, f.tokenless(err)
	}
	res, again, err := f.once(u, token)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		if err == nil {
			tokens.accepted(token)
		}
		return res, err
	}
	if f.renewed {
		return res, nil
	}
	f.renewed = true
	fresh, better, err := tokens.refused(f.ctx, token)
	if err == nil && !better {
		return res, nil
	}
	_ = res.Body.Close()
	switch {
	case err != nil:
		return nil, f.tokenless(err)
	case !again:
		return nil, f.fail(adapters.ErrTransient, errTokenEnded)
	}
	f.dialed.Store(false)
	f.connected.Store(false)
	if res, _, err = f.once(u, fresh); err == nil && res.StatusCode != http.StatusUnauthorized {
		tokens.accepted(fresh)
	}
	return res, err
}

// errTokenEnded: a file that was streamed cannot be sent once more from here.
var errTokenEnded = errors.New("the access token had ended, nothing was written; it has been renewed")

// once sends one hop; again tells whether its body can be sent once more.
func (f *flight) once(u *url.URL, token string) (_ *http.Response, again bool, _ error) {
	payload, err := f.r.payload()
	if err != nil {
		return nil, false, f.fail(adapters.ErrConfiguration, err)
	}
	body := guard(payload)
	req, err := f.c.build(f.ctx, f.r, u, body, token)
	if err != nil {
		return nil, false, f.unsent(err)
	}
	if body != nil {
		defer func() { _ = body.Close() }()
	}
	sent := time.Now()
	res, err := f.c.transport.RoundTrip(req)
	if err != nil {
		f.trace(0)
		return nil, false, f.transportError(err)
	}
	f.trace(res.StatusCode)
	if f.c.opt.Refused != nil && f.c.opt.Refused(res) {
		res.StatusCode = http.StatusUnauthorized
	}
	if originOf(u) == f.c.origin && byTracker(res) {
		f.c.noteClock(res.Header, sent, time.Now())
	}
	return res, f.r.Body == nil || body.untouched(), nil
}

func (f *flight) readAll(body io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(body, f.c.opt.MaxBody+1))
	if err != nil {
		return raw, f.fail(f.class(adapters.ErrTransient, adapters.ErrDoubt), f.cause(err))
	}
	if int64(len(raw)) > f.c.opt.MaxBody {
		return raw[:f.c.opt.MaxBody], f.fail(f.class(adapters.ErrConfiguration, adapters.ErrDoubt),
			fmt.Errorf("the answer is larger than %d bytes", f.c.opt.MaxBody))
	}
	return raw, nil
}

func (f *flight) trace(status int) {
	zerolog.Ctx(f.ctx).Debug().Str("method", f.r.method()).Str("path", f.r.template()).
		Int("status", status).Dur("took", time.Since(f.started)).Msg("tracker request")
}
