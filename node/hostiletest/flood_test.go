package hostiletest_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"parley/sync/envelope"
	"parley/sync/event"
)

// costs are what this process has used: the victim, its desk, the friend and the liar.
type costs struct {
	cpu  time.Duration
	heap uint64
}

func cost() costs {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return costs{time.Duration(use.Utime.Nano() + use.Stime.Nano()), mem.HeapAlloc}
}

func (c costs) since(before costs) string {
	return fmt.Sprintf("%v of processor, heap %d to %d MiB", c.cpu-before.cpu, before.heap>>20, c.heap>>20)
}

// TestHostile_AFloodOfTinyEventsCostsItsQuota: as fast as one peer can, for some
// seconds, while an honest connection keeps ten tickets in step.
func TestHostile_AFloodOfTinyEventsCostsItsQuota(t *testing.T) {
	t.Parallel()
	victim, friend := honest(t, "liar")
	l := newLiar(t, victim, "liar")
	before := inStep(t, victim, friend, "before")
	begin, disk, logged := cost(), sizeOf(t, victim.dir), len(victim.log.String())
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		taken := 0
		defer func() { done <- taken }()
		for until := time.Now().Add(4 * time.Second); time.Now().Before(until); {
			select {
			case <-stop:
				return
			default:
			}
			events := make([][]byte, envelope.MaxEvents)
			for i := range events {
				events[i] = []byte("{}")
			}
			c := l.cut(events...)
			r, err := l.send(c)
			if err != nil || r.Through != c.Last() {
				continue
			}
			l.at.Through, l.at.Run = c.Last(), c.After()
			taken += len(events)
		}
	}()
	during := inStep(t, victim, friend, "during")
	taken := <-done
	close(stop)
	grown := sizeOf(t, victim.dir) - disk
	after := cost()
	t.Logf("%d events taken; ten tickets in %v before, %v during; %s; disk %d KiB, log %d bytes",
		taken, before, during, after.since(begin), grown>>10, len(victim.log.String())-logged)
	if during > before+15*time.Second {
		t.Errorf("ten tickets took %v, %v before", during, before)
	}
	if lines := victim.security("liar"); len(lines) == 0 || len(lines) > 6 {
		t.Errorf("%d lines of the security log for %d events", len(lines), taken)
	}
	if got := len(victim.log.String()) - logged; got > 64<<10 {
		t.Errorf("the log grew by %d bytes", got)
	}
	if after.heap > begin.heap+256<<20 {
		t.Errorf("the heap grew from %d to %d", begin.heap, after.heap)
	}
	if most := int64(taken+1)*4<<10 + 16<<20; grown > most {
		t.Errorf("the disk grew by %d bytes for %d events", grown, taken)
	}
	if seq := event.Seq(taken); l.at.Through < seq {
		t.Errorf("through %d of %d", l.at.Through, seq)
	}
}
