package adaptertest

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"parley/adapters"
	"parley/sync/event"
)

// writeFault is something that happens to the request that has the effect.
type writeFault struct {
	name    string
	act     fault
	classes []error
	// there tells whether the step must be found afterwards.
	there bool
	// harmless faults may also end well.
	harmless bool
	// follows: what ended well is there, and nothing else.
	follows bool
	// hangs: the deadline ends it. Such faults are waited for side by side.
	hangs bool
}

func writeFaultPromises() []promise {
	var out []promise
	for _, kind := range []string{"create", "comment", "comment in another's name", "update with comment", "attach"} {
		out = append(out, promise{"Doubt/" + kind, func(t *testing.T, s *Subject) { tryWriteFaults(t, s, kind) }})
	}
	return append(out,
		promise{"Doubt/update", updateFaults},
		promise{"RefusedConnectionIsNoDoubt", writeRefused},
	)
}

func writeFaults(s *Subject) []writeFault {
	const jsonType = "application/json"
	doubt := []error{adapters.ErrDoubt}
	var taken atomic.Int64
	retry := http.Header{"Retry-After": {"7"}}
	return []writeFault{
		{name: "limited", act: status(429, retry, "text/plain", ""), classes: []error{adapters.ErrLimited}},
		{name: "503 before", act: status(503, nil, "text/html", htmlPage), classes: []error{adapters.ErrTransient, adapters.ErrDoubt}},
		ended(s),
		{name: "cut before", act: cut, classes: doubt},
		{name: "no answer before", act: hang, classes: doubt, hangs: true},
		{name: "500 after", act: afterwards(status(500, nil, jsonType, `{"message":"oops"}`)), classes: doubt, there: true},
		{name: "502 after", act: afterwards(status(502, nil, "text/html", htmlPage)), classes: doubt, there: true},
		{name: "cut after", act: afterwards(cut), classes: doubt, there: true},
		{name: "no answer after", act: afterwards(hang), classes: doubt, there: true, hangs: true},
		{name: "cut in the body", act: cutConnection, classes: doubt, there: true, harmless: true},
		{name: "cut JSON", act: cutBody, classes: doubt, there: true, harmless: true},
		{name: "HTML page after", act: afterwards(status(200, nil, "text/html", htmlPage)), classes: doubt, there: true},
		{name: "other JSON after", act: afterwards(status(200, nil, jsonType, `{"hello":"world"}`)), classes: doubt, there: true, harmless: true},
		{name: "slow answer", act: slow, classes: doubt, there: true, harmless: true, hangs: true},
		{name: "endless answer", act: huge(&taken), classes: doubt, there: true, harmless: true},
	}
}

// ended is a 401 in the middle: final for a credential that was entered; with access
// tokens the request may go out once more with a fresh one, if it can be repeated.
func ended(s *Subject) writeFault {
	f := writeFault{name: "401", act: status(401, nil, "text/plain", ""), classes: []error{adapters.ErrDenied}}
	if s.Renews {
		f.classes, f.harmless, f.follows = append(f.classes, adapters.ErrTransient), true, true
	}
	return f
}

// isThere tells whether the step must be there.
func (x *tried) isThere() bool { return x.fault.there || x.fault.follows && x.err == nil }

// tried is a step that met a fault.
type tried struct {
	fault   writeFault
	step    event.Step
	written event.Written
	err     error
	hit     bool // the fault met a request
}

// tryWriteFaults does one step a fault, then asks Find about all of them: they
// settle together.
func tryWriteFaults(t *testing.T, s *Subject, kind string) {
	e := newEnv(t, s)
	ref := e.create(unique("doubt"))
	if kind == "attach" && s.NoFiles {
		e.refusesFiles(ref)
		return
	}
	if _, ok := adding(e, ref)[kind]; !ok {
		e.ownNameOnly()
		return
	}
	faults := writeFaults(s)
	all := make([]tried, len(faults))
	var hanging sync.WaitGroup
	for i, f := range faults {
		if f.hangs {
			own := newEnv(t, s)
			hanging.Go(func() { all[i] = own.tryStep(adding(own, ref)[kind], f) })
			continue
		}
		all[i] = e.tryStep(adding(e, ref)[kind], f)
	}
	hanging.Wait()
	e.settle()
	for _, x := range all {
		t.Run(x.fault.name, func(t *testing.T) {
			if !x.hit {
				t.Fatalf("no request of %s was one with an effect: Subject.Effect does not fit the adapter", kind)
			}
			if x.err != nil || !x.fault.harmless {
				wantClass(t, kind, x.err, x.fault.classes...)
			}
			e.checkFound(t, x)
		})
	}
}

func (e *env) tryStep(a addition, f writeFault) tried {
	ctx, cancel := e.strike(once(e.subject.Effect), f.act, f.hangs)
	defer cancel()
	w, err := e.tracker.Write(ctx, a.step, bodyOf(a.data))
	return tried{fault: f, step: a.step, written: w, err: err, hit: e.proxy.heal() > 0}
}

func (e *env) checkFound(t *testing.T, x tried) {
	t.Helper()
	want := event.FoundNone
	if x.isThere() {
		want = event.FoundOne
	}
	found := e.found(x.step)
	if found.Presence != want {
		t.Fatalf("Find says %q, want %q", found.Presence, want)
	}
	if x.err == nil && x.written.Ref != found.Written.Ref {
		t.Errorf("Write answered %v, Find says %v", x.written.Ref, found.Written.Ref)
	}
}

// updateFaults: what sets values is not looked up but read.
func updateFaults(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	faults := writeFaults(s)
	all := make([]tried, len(faults))
	var hanging sync.WaitGroup
	shared := e.create(unique("doubt"))
	for i, f := range faults {
		step := event.Step{
			Kind: event.StepUpdate, Ref: shared, Fields: event.Fields{event.FieldSummary: unique("doubt " + f.name)},
		}
		if f.hangs {
			own := newEnv(t, s)
			step.Ref = own.create(unique("doubt"))
			hanging.Go(func() { all[i] = own.tryStep(addition{step: step}, f) })
			continue
		}
		all[i] = e.tryStep(addition{step: step}, f)
		e.checkUpdate(all[i])
	}
	hanging.Wait()
	for _, x := range all {
		if x.fault.hangs {
			e.checkUpdate(x)
		}
	}
}

func (e *env) checkUpdate(x tried) {
	e.Helper()
	if x.err != nil || !x.fault.harmless {
		wantClass(e.T, x.fault.name, x.err, x.fault.classes...)
	}
	now := e.read(x.step.Ref).Fields[event.FieldSummary]
	if there := now == x.step.Fields[event.FieldSummary]; there != x.isThere() {
		e.Errorf("%s: the update is there: %v, want %v", x.fault.name, there, x.isThere())
	}
}

// writeRefused: a tracker that is down took nothing.
func writeRefused(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("refused"))
	gone := closedAddress(t, e.proxy.url)
	tracker := s.Open(t, gone) // must work although nobody is there
	t.Cleanup(func() { _ = tracker.Close() })
	for kind, a := range adding(e, ref) {
		_, err := tracker.Write(t.Context(), a.step, bodyOf(a.data))
		wantClass(t, kind+" at a tracker that is down", err, adapters.ErrTransient)
	}
	_, err := tracker.Read(t.Context(), ref)
	wantClass(t, "Read at a tracker that is down", err, adapters.ErrTransient)
	_, _, err = tracker.Changes(t.Context(), "", 10)
	wantClass(t, "Changes at a tracker that is down", err, adapters.ErrTransient)
}
