//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report is what a run found.
type report struct {
	round, events int
	disk          time.Duration

	took         time.Duration
	burst, paced [2]usage // of A and B
	slow         int
	settled      []time.Duration
	applied      []time.Duration
	wrong        wrong
	seen         [2]map[string]int
}

// run takes both nodes through the phases.
func (r *report) run(a, b *child, slow int) error {
	r.slow = slow
	if _, err := a.ask(command{Do: doBurst, First: 1, Last: warmUp}); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	last := warmUp + r.events
	said, used, err := phase(a, b, "burst", command{Do: doBurst, First: warmUp + 1, Last: last})
	if err != nil {
		return err
	}
	r.took, r.burst = said.Took, used
	if slow > 0 {
		said, r.paced, err = phase(a, b, "paced", command{Do: doPaced, First: last + 1, Last: last + slow, Every: pace})
		if err != nil {
			return err
		}
	}
	found, err := b.ask(command{Do: doCheck, First: last + 1, Last: last + slow})
	if err != nil {
		return err
	}
	r.wrong = found.Wrong
	r.seen = [2]map[string]int{said.Seen, found.Seen}
	for i := range slow {
		r.settled = append(r.settled, time.Duration(said.Settled[i]-said.Handed[i]))
		r.applied = append(r.applied, time.Duration(found.Applied[i]-said.Handed[i]))
	}
	slices.Sort(r.settled)
	slices.Sort(r.applied)
	return nil
}

// phase runs one command at A between begin and end at both.
func phase(a, b *child, name string, c command) (said answer, used [2]usage, err error) {
	for _, n := range []*child{a, b} {
		if _, err := n.ask(command{Do: doBegin, Phase: name}); err != nil {
			return said, used, fmt.Errorf("%s: %w", name, err)
		}
	}
	if said, err = a.ask(c); err != nil {
		return said, used, fmt.Errorf("%s: %w", name, err)
	}
	for i, n := range []*child{a, b} {
		ended, err := n.ask(command{Do: doEnd})
		if err != nil {
			return said, used, fmt.Errorf("%s: %w", name, err)
		}
		used[i] = ended.Usage
	}
	return said, used, nil
}

// line is the one line of JSON.
type line struct {
	Program   string  `json:"program"`
	Round     int     `json:"round"`
	Events    int     `json:"events"`
	PerSecond float64 `json:"events_per_s"`
	CPU       float64 `json:"cpu_s_per_1000"`
	Settled50 float64 `json:"settled_p50_ms"`
	Settled99 float64 `json:"settled_p99_ms"`
	Applied50 float64 `json:"applied_p50_ms"`
	Applied99 float64 `json:"applied_p99_ms"`
	PacedCPU  float64 `json:"paced_cpu_s_per_1000"`
	AnonA     float64 `json:"peak_anon_a_mb"`
	AnonB     float64 `json:"peak_anon_b_mb"`
	Puts      float64 `json:"puts_per_event"`
	Bytes     float64 `json:"bytes_per_event"`
	Syncs     float64 `json:"syncs_per_event"`
	DiskSync  float64 `json:"disk_sync_us"`
}

func (r *report) line() line {
	l := line{
		Program: "product", Round: r.round, Events: r.events, PerSecond: round(float64(r.events) / r.took.Seconds()),
		CPU: perThousand(r.burst, r.events), PacedCPU: perThousand(r.paced, r.slow),
		Settled50: ms(quantile(r.settled, 0.5)), Settled99: ms(quantile(r.settled, 0.99)),
		Applied50: ms(quantile(r.applied, 0.5)), Applied99: ms(quantile(r.applied, 0.99)),
		DiskSync: round(float64(r.disk.Nanoseconds()) / 1e3),
	}
	for i := range r.burst {
		n := float64(r.events)
		l.Puts += float64(r.burst[i].Puts) / n
		l.Bytes += float64(r.burst[i].Bytes) / n
		l.Syncs += float64(r.burst[i].Commits) / n
	}
	l.Puts, l.Bytes, l.Syncs = round(l.Puts), round(l.Bytes), round(l.Syncs)
	l.AnonA, l.AnonB = mib(max(r.burst[0].Anon, r.paced[0].Anon)), mib(max(r.burst[1].Anon, r.paced[1].Anon))
	return l
}

func round(x float64) float64 { return float64(int64(x*1000+0.5)) / 1000 }

func ms(d time.Duration) float64 { return round(float64(d.Nanoseconds()) / 1e6) }

func mib(n int64) float64 { return round(float64(n) / (1 << 20)) }

func perThousand(used [2]usage, events int) float64 {
	if events == 0 {
		return 0
	}
	return round((used[0].CPU + used[1].CPU).Seconds() * 1000 / float64(events))
}

// print writes the table and the line; what is wrong is an error.
func (r *report) print(out, table io.Writer) error {
	l := r.line()
	w := tabwriter.NewWriter(table, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	row("burst", "%d events in %.2f s: %.0f events/s", r.events, r.took.Seconds(), l.PerSecond)
	row("CPU per 1,000 events", "%.3f s (A %.3f, B %.3f)", l.CPU,
		perThousand([2]usage{r.burst[0]}, r.events), perThousand([2]usage{r.burst[1]}, r.events))
	for i, name := range []string{"A", "B"} {
		u, n := r.burst[i], float64(r.events)
		row("store of "+name+" per event", "%.1f transactions, %.3f syncs, %.1f puts, %.0f bytes",
			float64(u.Transactions)/n, float64(u.Commits)/n, float64(u.Puts)/n, float64(u.Bytes)/n)
	}
	row("paced", "%d events, %.3f s CPU per 1,000", r.slow, l.PacedCPU)
	row("applied", "p50 %.1f ms, p99 %.1f ms", l.Applied50, l.Applied99)
	row("settled", "p50 %.1f ms, p99 %.1f ms", l.Settled50, l.Settled99)
	row("peak anonymous memory", "A %.0f MiB, B %.0f MiB", l.AnonA, l.AnonB)
	row("disk sync", "%.0f µs", l.DiskSync)
	row("seen by A", "%v", r.seen[0])
	row("seen by B", "%v", r.seen[1])
	row("wrong", "%d lost, %d repeated, %d out of order, %d different", r.wrong.Lost, r.wrong.Repeated, r.wrong.OutOfOrder, r.wrong.Different)
	if err := w.Flush(); err != nil {
		return err
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s\n", raw); err != nil {
		return err
	}
	if !r.wrong.none() {
		return fmt.Errorf("the receiving map is not as it should be: %s", r.wrong.Example)
	}
	return nil
}
