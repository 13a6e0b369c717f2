//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// sizes are what a growth run is asked for.
type sizes struct {
	connections, twins []int
	// events of each burst, and how many are under way at most.
	events, most int
	hot          int
	// changes on tickets while the peer is away.
	changes, tickets int
}

func (z *sizes) read() (err error) {
	list := func(name, otherwise string) (out []int) {
		text, ok := os.LookupEnv(name)
		if !ok {
			text = otherwise
		}
		for _, word := range strings.Fields(text) {
			n, errWord := strconv.Atoi(word)
			if errWord != nil || n < 1 {
				err = fmt.Errorf("%s=%q: %q is not a size", name, text, word)
			}
			out = append(out, n)
		}
		return out
	}
	one := func(name string, otherwise int) int {
		n, errNumber := number(name, otherwise)
		err = errors.Join(err, errNumber)
		return n
	}
	z.connections, z.twins = list("CONNECTIONS", "10 200 1000"), list("TWINS", "1000 100000 1000000")
	z.events, z.most, z.hot = one("EVENTS", 20_000), 1000, one("HOT", 20_000)
	z.changes, z.tickets = one("CHANGES", 1_000_000), one("TICKETS", 200_000)
	return err
}

// figures are those of one part.
type figures struct {
	Part      string  `json:"part"`
	Size      int     `json:"size"`
	PerSecond float64 `json:"events_per_s,omitempty"`
	// Ratio is the speed against the smallest of the same part.
	Ratio   float64    `json:"ratio,omitempty"`
	P99     float64    `json:"settled_p99_ms,omitempty"`
	CPU     float64    `json:"cpu_s_per_1000,omitempty"`
	Idle    [2]float64 `json:"idle_core_percent,omitzero"` // of A and B
	Anon    [2]float64 `json:"peak_anon_mb"`
	Opened  float64    `json:"open_s,omitempty"`    // A's start
	Back    int        `json:"sent_back,omitempty"` // events of B's that A applied: nobody edits there
	Seconds float64    `json:"seconds"`
}

// growth measures every part that has a size.
func growth(ctx context.Context, workers int, profiles string) error {
	var z sizes
	if err := z.read(); err != nil {
		return err
	}
	g := &grower{sizes: z, workers: workers, profiles: profiles, out: os.Stderr}
	for _, n := range z.connections {
		if err := g.connected(ctx, n); err != nil {
			return fmt.Errorf("%d connections: %w", n, err)
		}
	}
	for _, n := range z.twins {
		if err := g.twinned(ctx, n); err != nil {
			return fmt.Errorf("%d twins: %w", n, err)
		}
	}
	if z.changes > 0 {
		if err := g.backlog(ctx); err != nil {
			return fmt.Errorf("backlog: %w", err)
		}
	}
	return g.print(os.Stdout)
}

type grower struct {
	sizes
	workers int
	// profiles is a directory for profiles, or "".
	profiles string
	out      io.Writer
	all      []figures
}

// within runs fn with a folder and a setup of its own.
func (g *grower) within(s setup, fn func(setup) error) (err error) {
	if s.Dir, err = os.MkdirTemp("", "parley-growth-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	s.Shelf, s.Workers, s.Profiles = true, g.workers, g.profiles
	if err := s.draw(); err != nil {
		return err
	}
	return fn(s)
}

// paces of the part that is measured for its latency.
const slowEvents = 500

// connected measures a node with n connections.
func (g *grower) connected(ctx context.Context, n int) error {
	s := setup{Connections: n, Tickets: tickets, Events: warmUp + g.events + slowEvents}
	return g.within(s, func(s setup) error {
		return g.measure(ctx, s, "connections", n)
	})
}

// twinned measures a node with n twins in its store: edits of few of them, then
// of any.
func (g *grower) twinned(ctx context.Context, n int) error {
	return g.within(setup{Tickets: 1, Events: 1}, func(s setup) error {
		if err := g.sow(ctx, s, n); err != nil {
			return err
		}
		// Each part begins with the stores as they were sown.
		second := s
		second.Dir = filepath.Join(s.Dir, "second")
		for _, side := range []string{"A", "B"} {
			if err := os.CopyFS(filepath.Join(second.Dir, side), os.DirFS(filepath.Join(s.Dir, side))); err != nil {
				return fmt.Errorf("copy the stores: %w", err)
			}
		}
		for _, part := range []struct {
			setup
			name    string
			tickets int
		}{{s, "twins, hot", min(n, g.hot)}, {second, "twins, uniform", n}} {
			s := part.setup
			s.Life, s.Seeded, s.Tickets, s.Events = 1, n, part.tickets, warmUp+g.events+slowEvents
			if err := g.measure(ctx, s, part.name, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// sow syncs one ticket and writes n twins like it at both sides.
func (g *grower) sow(ctx context.Context, s setup, n int) error {
	began := time.Now()
	s.Silent = true
	a, b, err := start(ctx, s)
	if err != nil {
		return err
	}
	_, err = a.ask(command{Do: doWindow, First: 1, Last: 1, Most: 1})
	if err = errors.Join(err, a.stop(), b.stop()); err != nil {
		return err
	}
	s.Seed = n
	for _, side := range []string{"A", "B"} {
		s.Side = side
		c, _, err := launch(ctx, s)
		if err != nil {
			return err
		}
		if err := errors.Join(c.in.Close(), c.cmd.Wait()); err != nil {
			return fmt.Errorf("seed %s: %w", side, err)
		}
	}
	fmt.Fprintf(g.out, "%d twins written in %.0f s\n", n, time.Since(began).Seconds())
	return nil
}

// measure is a burst, a paced part and a rest between two nodes.
func (g *grower) measure(ctx context.Context, s setup, part string, size int) error {
	began := time.Now()
	a, b, err := start(ctx, s)
	if err != nil {
		return err
	}
	f := figures{Part: part, Size: size, Opened: round(a.opened.Seconds())}
	err = g.load(a, b, &f)
	if err = errors.Join(err, a.stop(), b.stop()); err != nil {
		return err
	}
	f.Seconds = round(time.Since(began).Seconds())
	g.add(f)
	return nil
}

// restTime is how long the nodes are watched doing nothing, coolTime how long after
// the load that begins: the store still writes tables, and the garbage goes.
const (
	restTime = 30 * time.Second
	coolTime = 5 * time.Second
)

func (g *grower) load(a, b *child, f *figures) error {
	if _, err := a.ask(command{Do: doWindow, First: 1, Last: warmUp, Most: g.most}); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	last := warmUp + g.events
	said, used, err := phase(a, b, "burst", command{Do: doWindow, First: warmUp + 1, Last: last, Most: g.most})
	if err != nil {
		return err
	}
	f.PerSecond, f.CPU = round(float64(g.events)/said.Took.Seconds()), perThousand(used, g.events)
	f.Back = said.Seen["applied"]
	said, _, err = phase(a, b, "paced", command{Do: doPaced, First: last + 1, Last: last + slowEvents, Every: pace})
	if err != nil {
		return err
	}
	var settled []time.Duration
	for i := range slowEvents {
		settled = append(settled, time.Duration(said.Settled[i]-said.Handed[i]))
	}
	slices.Sort(settled)
	f.P99 = ms(quantile(settled, 0.99))
	if _, _, err := phase(a, b, "cool", command{Do: doIdle, Every: coolTime}); err != nil {
		return err
	}
	_, used, err = phase(a, b, "rest", command{Do: doIdle, Every: restTime})
	for i := range used {
		f.Idle[i], f.Anon[i] = round(100*used[i].CPU.Seconds()/restTime.Seconds()), mib(used[i].Anon)
	}
	return errors.Join(err, alike(a, b))
}

// alike compares what stands in both trackers.
func alike(a, b *child) error {
	ours, errOurs := a.ask(command{Do: doSums})
	theirs, errTheirs := b.ask(command{Do: doSums})
	if err := errors.Join(errOurs, errTheirs); err != nil {
		return err
	}
	if ours.Sum != theirs.Sum {
		return errors.New("the trackers do not hold the same")
	}
	return nil
}

func (g *grower) add(f figures) {
	for _, before := range g.all {
		if before.Part == f.Part && f.PerSecond > 0 {
			f.Ratio = round(f.PerSecond / before.PerSecond)
			break
		}
	}
	g.all = append(g.all, f)
	fmt.Fprintf(g.out, "%+v\n", f)
}

// print writes the table and the line.
func (g *grower) print(line io.Writer) error {
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "part\tsize\tevents/s\tof the first\tsettled p99 ms\tCPU s per 1,000\tidle % A, B\tpeak anon MiB A, B\tstart of A s")
	for _, f := range g.all {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.2f\t%.1f\t%.2f\t%.1f, %.1f\t%.0f, %.0f\t%.1f\n",
			f.Part, f.Size, f.PerSecond, f.Ratio, f.P99, f.CPU, f.Idle[0], f.Idle[1], f.Anon[0], f.Anon[1], f.Opened)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return json.NewEncoder(line).Encode(map[string]any{"program": "growth", "parts": g.all})
}
