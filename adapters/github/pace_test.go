package github

// The pace of writes is internal: from outside it shows only as time.

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"parley/adapters"
)

func TestPace_WritesAreApartAndOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Second)
		began := time.Now()
		for n := range 4 {
			done, err := p.wait(t.Context(), "write")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := time.Since(began), time.Duration(n)*time.Second; got != want {
				t.Errorf("write %d began after %v, want %v", n, got, want)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if _, err := p.wait(ctx, "another"); !errors.Is(err, adapters.ErrTransient) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a second write began beside the first: %v", err)
			}
			cancel()
			began = began.Add(time.Minute)
			done()
		}
	})
}

func TestPace_AWriteThatIsGivenUpLeavesTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(time.Hour)
		done, err := p.wait(t.Context(), "write")
		if err != nil {
			t.Fatal(err)
		}
		done()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.wait(ctx, "too soon"); !errors.Is(err, adapters.ErrTransient) {
			t.Errorf("got %v, want ErrTransient", err)
		}
		if _, err := p.wait(t.Context(), "write"); err != nil {
			t.Errorf("the turn was not given back: %v", err)
		}
	})
}
