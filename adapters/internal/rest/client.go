package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The defaults of Options.
const (
	DefaultTimeout  = 30 * time.Second
	DefaultMaxBody  = 16 << 20
	DefaultMaxFile  = 1 << 30
	DefaultParallel = 4
)

const (
	maxHeader    = 64 << 10
	maxRedirects = 3
	// minRate is the slowest transfer waited for, in bytes a second: what is
	// moved adds to a request's time.
	minRate = 64 << 10
	// idleTimeout is shorter than what servers keep a connection open for: a
	// write on a connection just being closed would be in doubt for nothing.
	idleTimeout = 3 * time.Second
)

// Options configure a Client. Zero numbers mean the defaults.
type Options struct {
	// Base is the address that paths are relative to; http or https, without
	// user, query and fragment.
	Base *url.URL
	// Sign adds the credential to a request to the base origin; nil adds none.
	Sign func(*http.Request) error
	// Token gets the access tokens that requests to the base origin are signed with
	// (Authorization: Bearer), after Sign; nil is none. See OAuth.Source.
	Token Source
	// Refused tells an answer that means 401 and does not say so: a page to sign in at
	// (Azure DevOps, 203 or 302). It counts as a 401. nil tells none.
	Refused func(*http.Response) bool
	// UserAgent is sent with every request.
	UserAgent string
	// Timeout bounds a request from its start to the end of the answer; bytes
	// moved add one second for each 64 KiB.
	Timeout time.Duration
	// MaxBody bounds an answer held in memory, MaxFile one that is streamed.
	MaxBody int64
	MaxFile int64
	// Parallel bounds the requests at once.
	Parallel int
	// Transport replaces the HTTP transport; tests put faults there.
	Transport http.RoundTripper
}

// Client sends requests to one tracker. It is safe for several goroutines.
type Client struct {
	opt       Options
	origin    string
	transport http.RoundTripper
	idle      func()
	slots     chan struct{}
	tokens    *tokens // nil without Options.Token

	mu    sync.Mutex // guards the field below
	clock clock
}

// New checks the options and returns a client. It makes no request.
func New(opt Options) (*Client, error) {
	if opt.Base == nil || opt.Base.Host == "" || (opt.Base.Scheme != "http" && opt.Base.Scheme != "https") {
		return nil, errors.New("the address must start with http:// or https:// and name a host")
	}
	if opt.Base.User != nil || opt.Base.RawQuery != "" || opt.Base.Fragment != "" {
		return nil, errors.New("the address must hold no user, password, query or fragment")
	}
	setDefaults(&opt)
	c := &Client{
		opt:       opt,
		origin:    originOf(opt.Base),
		transport: opt.Transport,
		idle:      func() {},
		slots:     make(chan struct{}, opt.Parallel),
	}
	if opt.Token != nil {
		c.tokens = &tokens{source: opt.Token, timeout: opt.Timeout}
	}
	if c.transport == nil {
		t := newTransport(opt)
		c.transport, c.idle = t, t.CloseIdleConnections
	}
	return c, nil
}

func setDefaults(opt *Options) {
	if opt.Timeout <= 0 {
		opt.Timeout = DefaultTimeout
	}
	if opt.MaxBody <= 0 {
		opt.MaxBody = DefaultMaxBody
	}
	if opt.MaxFile <= 0 {
		opt.MaxFile = DefaultMaxFile
	}
	if opt.Parallel <= 0 {
		opt.Parallel = DefaultParallel
	}
}

func newTransport(opt Options) *http.Transport {
	d := newDialer(opt)
	return &http.Transport{
		Proxy:                  d.proxy,
		DialContext:            d.dial,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    opt.Timeout,
		MaxIdleConnsPerHost:    opt.Parallel,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// Close lets idle connections go, and waits for a token that is being renewed. It
// may be called twice.
func (c *Client) Close() {
	if c.tokens != nil {
		c.tokens.close()
	}
	c.idle()
}

// Resolve reads a link that the tracker gave: absolute, or relative to base.
func (c *Client) Resolve(link string) (*url.URL, error) {
	u, err := c.opt.Base.Parse(link)
	if err != nil {
		return nil, fmt.Errorf("read a link of the tracker: %w", err)
	}
	return u, nil
}

// originOf is scheme, host and port in one spelling.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func (c *Client) acquire(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
