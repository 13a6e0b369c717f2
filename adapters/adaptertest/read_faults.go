package adaptertest

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
)

// readFault is something that happens to a read, and what must come of it.
type readFault struct {
	name    string
	act     fault
	classes []error
	// check looks at an error further.
	check func(*testing.T, string, error)
	// harmless faults may also end well.
	harmless bool
	// json faults say nothing about the bytes of a file.
	json bool
	// hangs: the deadline ends it.
	hangs bool
}

func readFaultPromises() []promise {
	var out []promise
	for _, f := range readFaults() {
		out = append(out, promise{f.name, func(t *testing.T, s *Subject) { tryReadFault(t, s, f) }})
	}
	return append(out, promise{"EndlessAnswerIsBounded", readEndless})
}

func readFaults() []readFault {
	const jsonType = "application/json"
	transient, configuration := adapters.ErrTransient, adapters.ErrConfiguration
	notAnAnswer := []error{transient, configuration}
	limited := func(after string) fault {
		return func(w http.ResponseWriter, r *http.Request, f forwarder) {
			header := http.Header{}
			switch after {
			case "":
			case "date":
				header.Set("Retry-After", time.Now().Add(30*time.Second).UTC().Format(http.TimeFormat))
			default:
				header.Set("Retry-After", after)
			}
			status(http.StatusTooManyRequests, header, "text/plain", "slow down")(w, r, f)
		}
	}
	return []readFault{
		{name: "LimitWithSeconds", act: limited("7"), classes: []error{adapters.ErrLimited}, check: after(7*time.Second, 7*time.Second)},
		{name: "LimitWithDate", act: limited("date"), classes: []error{adapters.ErrLimited}, check: after(20*time.Second, 32*time.Second)},
		{name: "LimitWithoutTime", act: limited(""), classes: []error{adapters.ErrLimited}, check: after(0, time.Hour)},
		{name: "Status503", act: status(503, nil, "text/html", htmlPage), classes: []error{transient}},
		{name: "Status500", act: status(500, nil, jsonType, `{"message":"oops"}`), classes: []error{transient}},
		{name: "Status502", act: status(502, nil, "text/html", htmlPage), classes: []error{transient}},
		{name: "Status403", act: status(403, nil, "text/html", htmlPage), classes: []error{adapters.ErrDenied}},
		// Nothing is there any more, not even what tells who is signed in: that
		// is not the tracker speaking.
		{name: "Status404OnEverything", act: status(404, nil, "text/html", htmlPage), classes: notAnAnswer, check: neverGone},
		{name: "CutConnection", act: cut, classes: []error{transient}},
		{name: "CutInTheMiddleOfTheBody", act: cutConnection, classes: []error{transient}},
		{name: "NoAnswer", act: hang, hangs: true, classes: []error{transient}, check: deadline},
		{name: "SlowBody", act: slow, hangs: true, classes: []error{transient}, harmless: true},
		{name: "CutJSON", act: cutBody, classes: notAnAnswer, json: true},
		{name: "HTMLPage", act: status(200, nil, "text/html; charset=utf-8", htmlPage), classes: notAnAnswer, json: true},
		{name: "HTMLPageThatClaimsToBeJSON", act: status(200, nil, jsonType, htmlPage), classes: notAnAnswer, json: true},
		{name: "EmptyBody", act: status(200, nil, jsonType, ""), classes: notAnAnswer, json: true},
		{name: "NoContent", act: status(204, nil, jsonType, ""), classes: notAnAnswer, json: true},
		{name: "EmptyObject", act: status(200, nil, jsonType, "{}"), classes: notAnAnswer, json: true},
		{name: "EmptyList", act: status(200, nil, jsonType, "[]"), classes: notAnAnswer, json: true},
		{name: "Null", act: status(200, nil, jsonType, "null"), classes: notAnAnswer, json: true},
		{name: "JSONOfSomethingElse", act: status(200, nil, jsonType, `{"hello":"world"}`), classes: notAnAnswer, json: true},
	}
}

// after checks how long an error says to wait.
func after(least, most time.Duration) func(*testing.T, string, error) {
	return func(t *testing.T, name string, err error) {
		t.Helper()
		var e *adapters.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: the error is no *adapters.Error: %v", name, err)
			return
		}
		if e.After < least || e.After > most {
			t.Errorf("%s: After is %v, want %v to %v", name, e.After, least, most)
		}
	}
}

func neverGone(t *testing.T, name string, err error) {
	t.Helper()
	if errors.Is(err, adapters.ErrGone) {
		t.Errorf("%s takes a 404 for everything for a ticket that is gone: %v", name, err)
	}
}

func deadline(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: the error does not tell that the deadline ended it: %v", name, err)
	}
}

func tryReadFault(t *testing.T, s *Subject, f readFault) {
	e := newEnv(t, s)
	calls := e.calls()
	e.must(calls["Read"](t.Context())) // the sign-in has worked
	if f.json {
		delete(calls, "Open") // whatever comes are the bytes
	}
	ctx, cancel := e.strike(everything, f.act, f.hangs)
	defer cancel()
	errs := each(ctx, calls)
	e.reopen() // a schema may be kept for a while: ask an adapter that has none
	errs["Schema"] = func() error { _, err := e.tracker.Schema(ctx); return err }()
	for _, name := range sortedNames(errs) {
		err := errs[name]
		if err == nil && f.harmless {
			continue
		}
		wantClass(t, name, err, f.classes...)
		if f.check != nil && err != nil {
			f.check(t, name, err)
		}
	}
	if e.proxy.heal() == 0 {
		t.Error("the adapter asked the tracker nothing")
	}
	for _, name := range []string{"Changes", "Read"} {
		if err := calls[name](t.Context()); err != nil {
			t.Errorf("%s after the fault is over: %v", name, err)
		}
	}
}

// mostTaken is what an adapter may take of one answer, with what lies in
// buffers between.
const mostTaken = 64 << 20

func readEndless(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	calls := e.calls()
	delete(calls, "Open")
	for _, name := range sortedNames(calls) {
		var taken atomic.Int64
		e.proxy.set(once(everything), huge(&taken))
		wantClass(t, name, calls[name](t.Context()), adapters.ErrTransient, adapters.ErrConfiguration)
		if n := taken.Load(); n > mostTaken {
			t.Errorf("%s took %d MiB of an answer without end", name, n>>20)
		}
	}
}
