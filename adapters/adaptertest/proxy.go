package adaptertest

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
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
	broken := &breaks{}
	t.Cleanup(func() { broken.tell(t) })
	p := &proxy{forward: &httputil.ReverseProxy{
		// The tracker sees the name that the adapter used, and makes its links
		// with it.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
			r.Out.Host = r.In.Host
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			// What the tracker cut, the proxy cuts.
			broken.note(r.Method + " " + r.URL.Path + ": " + err.Error())
			panic(http.ErrAbortHandler)
		},
		ErrorLog: log.New(broken, "", 0),
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

// maxBreaks is how many broken requests a test that failed tells of.
const maxBreaks = 20

// breaks are the requests that broke between proxy and tracker, with the time:
// a test that fails tells them, for nobody sees them otherwise.
type breaks struct {
	mu   sync.Mutex // guards what follows
	told []string
}

func (b *breaks) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.told) < maxBreaks {
		b.told = append(b.told, time.Now().Format(time.StampMicro)+" "+what)
	}
}

// Write implements io.Writer for the log of the proxy.
func (b *breaks) Write(line []byte) (int, error) {
	b.note(strings.TrimSpace(string(line)))
	return len(line), nil
}

func (b *breaks) tell(t *testing.T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.Failed() && len(b.told) > 0 {
		t.Logf("broken between proxy and tracker:\n%s", strings.Join(b.told, "\n"))
	}
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
