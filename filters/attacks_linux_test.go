package filters_test

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"parley/filters"
)

// spent is what an attack cost.
type spent struct {
	cpu   time.Duration
	bytes uint64
}

// measure runs f and tells the processor time of its thread, which another
// process on the machine does not lengthen, and what the process allocated.
func measure(t *testing.T, f func()) spent {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := threadTime(t)
	f()
	took := threadTime(t) - start
	runtime.ReadMemStats(&after)
	return spent{cpu: took, bytes: after.TotalAlloc - before.TotalAlloc}
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

const (
	attackTime   = 50 * time.Millisecond
	attackMemory = 64 << 20
	// tries is how often an attack is measured: the best one counts, for a machine
	// that does other work has colder caches and a slower clock.
	tries = 3
)

// crowd is how much longer processor time itself may be on this machine. Where more
// is to be done than there are processors they share their caches and their clock.
func crowd(t *testing.T) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	var load float64
	if _, err := fmt.Sscan(string(raw), &load); err != nil {
		t.Fatal(err)
	}
	switch each := load / float64(runtime.NumCPU()); {
	case each > 4:
		return 4
	case each > 1:
		return 2
	}
	return 1
}

// What a script costs at most, compiled or run, whatever is in it. With the
// race detector a step takes many times as long (slower), and what is usually used
// again is made anew (roomier).
func TestGuard_EveryAttackEndsInTimeAndMemory(t *testing.T) { //nolint:paralleltest // it reads the process's own counters
	attacks := allAttacks()
	if len(attacks) < 85 {
		t.Fatalf("there are %d attacks", len(attacks))
	}
	env := sampleEnv()
	env.Limits = filters.Limits{} // those of production
	for name, src := range attacks {
		var f *filters.Outgoing
		var err error
		compiled := best(t, func() { f, err = filters.CompileOutgoing(src, env) })
		if compiled.cpu > time.Duration(slower*crowd(t))*attackTime || compiled.bytes > roomier*attackMemory {
			t.Errorf("%s: compiling it took %s and %d KB", name, compiled.cpu, compiled.bytes>>10)
		}
		if err != nil {
			continue
		}
		ran := best(t, func() {
			_, err = f.Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: sampleIssue()})
		})
		if ran.cpu > time.Duration(slower*crowd(t))*attackTime || ran.bytes > roomier*attackMemory {
			t.Errorf("%s: running it took %s and %d KB", name, ran.cpu, ran.bytes>>10)
		}
		if err == nil {
			t.Errorf("%s: ran to its end", name)
		}
	}
}

// best measures until the bounds are kept, a few times at most.
func best(t *testing.T, f func()) spent {
	t.Helper()
	var found spent
	for range tries {
		if found = measure(t, f); found.cpu <= slower*attackTime && found.bytes <= roomier*attackMemory {
			break
		}
	}
	return found
}
