package filters_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"parley/filters"
)

// load compiles n filters that differ, as a node with n connections holds them.
func load(tb testing.TB, n int) []*filters.Outgoing {
	tb.Helper()
	env := sampleEnv()
	out := make([]*filters.Outgoing, n)
	for i := range out {
		out[i] = outgoing(tb, fmt.Sprintf("%s\nreplica.fields[\"Customer\"] = %q\n", benchOutgoing, fmt.Sprint("customer ", i)), env)
	}
	return out
}

// BenchmarkLoaded runs one filter while others are loaded, and all of them in
// turn, where none finds its own in the processor's caches.
func BenchmarkLoaded(b *testing.B) {
	for _, n := range []int{1, 100, 2000} {
		for _, turn := range []int{1, n} {
			b.Run(fmt.Sprintf("%d of %d", turn, n), func(b *testing.B) {
				list := load(b, n)[:turn]
				in := filters.OutInput{Context: sampleContext(), Issue: sampleIssue()}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if _, err := list[i%turn].Run(b.Context(), in); err != nil {
						b.Fatal(err)
					}
					i++
				}
			})
		}
	}
}

// What a run of a dozen statements and a compilation may cost. The figures that
// are measured on a quiet machine are a third to a tenth of it; what fails here
// has become slower by a multiple.
const (
	runMay     = 15 * time.Microsecond
	compileMay = 2 * time.Millisecond
	// leeway is for the machine; crowd is for what else it does.
	leeway = 2
)

func TestCost_OfARunAndOfACompilation(t *testing.T) { //nolint:paralleltest // it measures
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	each := func(n int, f func()) time.Duration {
		start := threadTime(t)
		for range n {
			f()
		}
		return (threadTime(t) - start) / time.Duration(n)
	}
	in := filters.OutInput{Context: sampleContext(), Issue: sampleIssue()}
	cost := func(list []*filters.Outgoing) time.Duration {
		i := 0
		return each(4000, func() {
			if _, err := list[i%len(list)].Run(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			i++
		})
	}
	list := load(t, 500)
	one, many := cost(list[:1]), cost(list)
	compiled := each(100, func() { outgoing(t, benchOutgoing, sampleEnv()) })
	t.Logf("a run %s, of 500 filters in turn %s, a compilation %s", one, many, compiled)
	times := slower * leeway * crowd(t)
	most := time.Duration(times) * runMay
	if one > most || compiled > time.Duration(times)*compileMay {
		t.Errorf("a run took %s, a compilation %s", one, compiled)
	}
	if many > 2*leeway*one+most {
		t.Errorf("a run takes %s with one filter and %s with 500", one, many)
	}
}
