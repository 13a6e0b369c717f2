package adaptertest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func TestPatient_ABusyMachineIsNoFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const while = 2 * time.Second
		p, cancel := newPatient(t.Context(), while)
		defer cancel()
		ctx, stop := context.WithCancel(p) // as an adapter derives its own
		defer stop()
		var struck time.Time
		act := p.watch(func(w http.ResponseWriter, r *http.Request, forward forwarder) {
			forward()
			struck = time.Now()
			<-ctx.Done()
		})
		time.Sleep(5 * while) // until the call comes to the request that is hit
		act(nil, nil, func() *httptest.ResponseRecorder {
			time.Sleep(5 * while) // until the tracker has done it
			return nil
		})
		if lasted := time.Since(struck); lasted != while {
			t.Errorf("the fault lasted %v, want %v", lasted, while)
		}
		for _, c := range []context.Context{p, ctx} {
			if err := context.Cause(c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended with %v, want a deadline that has passed", err)
			}
		}
	})
}

func TestPatient_ItEndsWithTheTestOrWhenNothingStrikes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, end := context.WithCancel(t.Context())
		one, cancelOne := newPatient(parent, time.Second)
		defer cancelOne()
		other, cancelOther := newPatient(t.Context(), time.Second)
		defer cancelOther()
		end()
		<-one.Done()
		began := time.Now()
		<-other.Done()
		if took := time.Since(began); took != longest {
			t.Errorf("a call that nothing struck was ended after %v, want %v", took, longest)
		}
	})
}
