package adaptertest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between adapter and tracker and does what it is told to some of
// the requests.
type proxy struct {
	url     *url.URL
	forward http.Handler

	mu    sync.Mutex // guards the fields below
	match func(*http.Request) bool
	act   fault
	hits  int
}

// fault answers a request in the tracker's place. forward asks the tracker and
// keeps its answer; it may be called once or not at all.
type fault func(w http.ResponseWriter, r *http.Request, forward func() *httptest.ResponseRecorder)

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	p := &proxy{forward: &httputil.ReverseProxy{
		// The tracker sees the name that the adapter used, and makes its links
		// with it.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
			r.Out.Host = r.In.Host
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			// What the tracker cut, the proxy cuts.
			panic(http.ErrAbortHandler)
		},
		ErrorLog: quiet(),
	}}
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = quiet()
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		transport.CloseIdleConnections()
	})
	if p.url, err = url.Parse(server.URL + to.Path); err != nil {
		t.Fatal(err)
	}
	return p
}

// set makes the proxy do act to the requests that match.
func (p *proxy) set(match func(*http.Request) bool, act fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.match, p.act, p.hits = match, act, 0
}

// heal makes the proxy pass everything on, and tells how many requests were
// hit.
func (p *proxy) heal() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.act = nil
	return p.hits
}

func (p *proxy) pick(r *http.Request) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.act == nil || !p.match(r) {
		return nil
	}
	p.hits++
	return p.act
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	act := p.pick(r)
	if act == nil {
		p.forward.ServeHTTP(w, r)
		return
	}
	// The whole request is taken in first: a fault is about the answer, and a
	// hung handler learns that its client left only once the body is read.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	act(w, r, func() *httptest.ResponseRecorder {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		p.forward.ServeHTTP(answer, again)
		return answer
	})
}

func everything(*http.Request) bool { return true }

// once makes a match that holds for its first request only.
func once(match func(*http.Request) bool) func(*http.Request) bool {
	done := false
	return func(r *http.Request) bool { // called with proxy.mu held
		if done || !match(r) {
			return false
		}
		done = true
		return true
	}
}
