package adaptertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// longest bounds a call that no fault delays, on a machine that is very busy.
const longest = time.Minute

// patient is a context whose deadline passes a while after a fault struck, however long
// the call took to come there: a busy machine is no fault.
type patient struct {
	context.Context
	while time.Duration
	timer *time.Timer
	once  sync.Once
	ended chan struct{}
}

func newPatient(parent context.Context, while time.Duration) (*patient, context.CancelFunc) {
	p := &patient{Context: parent, while: while, ended: make(chan struct{})}
	p.timer = time.AfterFunc(longest, p.end)
	stop := context.AfterFunc(parent, p.end)
	return p, func() {
		stop()
		p.timer.Stop()
		p.end()
	}
}

func (p *patient) end() { p.once.Do(func() { close(p.ended) }) }

// Done implements context.Context.
func (p *patient) Done() <-chan struct{} { return p.ended }

// Err implements context.Context.
func (p *patient) Err() error {
	select {
	case <-p.ended:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// watch lets the while begin when a fault strikes; what the tracker does before the fault
// goes on does not count.
func (p *patient) watch(act fault) fault {
	return func(w http.ResponseWriter, r *http.Request, forward forwarder) {
		p.timer.Reset(p.while)
		act(w, r, func() *httptest.ResponseRecorder {
			p.timer.Reset(longest)
			answer := forward()
			p.timer.Reset(p.while)
			return answer
		})
	}
}

// strike sets a fault and returns the context of the calls that are to meet it: with a
// deadline that ends those that hang.
func (e *env) strike(match func(*http.Request) bool, act fault, hangs bool) (context.Context, context.CancelFunc) {
	if !hangs {
		e.proxy.set(match, act)
		return context.WithTimeout(e.Context(), longest)
	}
	p, cancel := newPatient(e.Context(), e.subject.Patience)
	e.proxy.set(match, p.watch(act))
	return p, cancel
}
