package rest

import (
	"context"
	"errors"
	"sync"
	"time"

	"parley/adapters"
)

// Token is what requests are signed with for a while.
type Token struct {
	Value string
	// Expires is when it ends by this machine's clock; zero is unsaid, and it is
	// used until it is refused.
	Expires time.Time
}

// Source gets a fresh token. Its errors are *adapters.Error. It is called by one
// goroutine at a time.
type Source func(ctx context.Context) (Token, error)

const (
	// mostEarly is how long before its end a token is renewed, or a quarter of a
	// short one's life.
	mostEarly = time.Minute
	// earlyPause is how long a token that still holds is used after its early
	// renewal did not work.
	earlyPause = 10 * time.Second
)

// tokens holds the token of a client.
type tokens struct {
	source  Source
	timeout time.Duration
	all     sync.WaitGroup // the renewal under way

	mu      sync.Mutex // guards the fields below
	token   Token
	renewAt time.Time // zero: not before it is refused
	// proven is set once a request with the token was let in: what never was is
	// not renewed when it is refused, another one would be refused as well.
	proven  bool
	renewal *renewal
	closed  bool
}

// renewal is one call of the source; all who need a token wait for it.
type renewal struct {
	done  chan struct{}
	token string
	err   error
}

var errClosed = errors.New("the tracker is closed")

// get returns a token that is not known to have ended.
func (t *tokens) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	now := time.Now()
	if t.token.Value != "" && (t.renewAt.IsZero() || now.Before(t.renewAt)) {
		defer t.mu.Unlock()
		return t.token.Value, nil
	}
	holding := ""
	if now.Before(t.token.Expires) {
		holding = t.token.Value
	}
	r := t.renew(ctx)
	t.mu.Unlock()
	token, err := r.wait(ctx)
	if err == nil || holding == "" || errors.Is(err, adapters.ErrDenied) {
		return token, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.Value == holding {
		t.renewAt = now.Add(earlyPause)
	}
	return holding, nil
}

// refused returns the token to try again with, after the tracker did not let in
// one; false if there is none that could do better.
func (t *tokens) refused(ctx context.Context, token string) (string, bool, error) {
	t.mu.Lock()
	if t.token.Value != "" && t.token.Value != token {
		defer t.mu.Unlock()
		return t.token.Value, true, nil // renewed meanwhile
	}
	if !t.proven && t.renewal == nil {
		// The next request asks anew: what stood in the way may be mended then.
		t.token = Token{}
		t.mu.Unlock()
		return "", false, nil
	}
	t.token = Token{}
	r := t.renew(ctx)
	t.mu.Unlock()
	fresh, err := r.wait(ctx)
	return fresh, err == nil, err
}

// accepted notes that a token was let in.
func (t *tokens) accepted(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proven = t.proven || t.token.Value == token
}

// renew joins the renewal under way or begins one; t.mu is held. It goes on when
// whoever began it gives up: its answer may hold the only refresh token that counts.
func (t *tokens) renew(ctx context.Context) *renewal {
	if t.renewal != nil {
		return t.renewal
	}
	r := &renewal{done: make(chan struct{})}
	if t.closed {
		r.err = &adapters.Error{Class: adapters.ErrTransient, Op: opToken, Err: errClosed}
		close(r.done)
		return r
	}
	t.renewal = r
	t.all.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.timeout)
		defer cancel()
		began := time.Now()
		token, err := t.source(ctx)
		err = tokenError(err)
		t.mu.Lock()
		defer t.mu.Unlock()
		defer close(r.done)
		t.renewal, r.token, r.err = nil, token.Value, err
		if err == nil {
			t.token, t.proven, t.renewAt = token, false, renewAt(token, began)
		}
	})
	return r
}

// wait returns the token, or why there is none.
func (r *renewal) wait(ctx context.Context) (string, error) {
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return "", &adapters.Error{Class: adapters.ErrTransient, Op: opToken, Err: context.Cause(ctx)}
	}
}

// tokenError keeps what says something about a token host from being taken for the
// tracker's word: its 404 is no ticket that is gone.
func tokenError(err error) error {
	var known *adapters.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &known):
		return &adapters.Error{Class: adapters.ErrConfiguration, Op: opToken, Err: err}
	}
	out := &adapters.Error{Class: adapters.ErrConfiguration, Op: known.Op, Detail: known.Detail, Hint: known.Hint, After: known.After}
	for _, class := range []error{adapters.ErrTransient, adapters.ErrLimited, adapters.ErrDenied} {
		if errors.Is(known.Class, class) {
			out.Class = class
		}
	}
	if errors.Is(known.Class, adapters.ErrDoubt) {
		out.Class = adapters.ErrTransient
	}
	if errors.Is(out.Class, adapters.ErrConfiguration) && out.Hint == "" {
		out.Hint = "check the address for tokens"
	}
	// Its cause as text: a status below would be taken for the tracker's, too.
	if out.Err = known.Err; out.Err != nil {
		out.Err = errors.New(known.Err.Error())
	}
	return out
}

func renewAt(token Token, began time.Time) time.Time {
	if token.Expires.IsZero() {
		return time.Time{}
	}
	return token.Expires.Add(-min(mostEarly, token.Expires.Sub(began)/4))
}

// close waits for a renewal under way: see renew.
func (t *tokens) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.all.Wait()
}
