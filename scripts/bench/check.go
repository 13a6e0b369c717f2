//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"parley/scripts/bench/workload"
	"parley/sync/event"
	"parley/sync/twin"
)

// receiver looks at what the node writes into B's map.
type receiver struct {
	tracker *tracker
	tickets int
	applied []int64
}

// receipts are the events that one ticket of B got, as they came.
type receipts struct {
	from     string // A's key
	events   []int
	comments int
}

// public comments of every event.
const public = 2

// wrote notes a step; the tracker calls it under its lock.
func (r *receiver) wrote(k *ticket, step event.Step, at time.Time) {
	got, ok := k.state.(*receipts)
	if !ok {
		got = &receipts{}
		k.state = got
	}
	if from, ok := step.Fields["fields.Remote key"].(string); ok {
		got.from = from
	}
	if n, ok := step.Fields["fields.Seq"].(float64); ok {
		got.events = append(got.events, int(n))
	}
	if step.Comment != nil {
		got.comments++
	}
	if n := len(got.events); n > 0 && got.comments == public*n {
		if last := got.events[n-1]; last > 0 && last < len(r.applied) {
			r.applied[last] = at.UnixNano()
		}
	}
}

// check compares the map with what the filters make of events 1 to last.
func (r *receiver) check(last int) wrong {
	r.tracker.mu.Lock()
	defer r.tracker.mu.Unlock()
	want := map[string][]int{}
	for i := 1; i <= last; i++ {
		k := key(i, r.tickets)
		want[k] = append(want[k], i)
	}
	var w wrong
	for _, k := range r.tracker.byID {
		got, ok := k.state.(*receipts)
		if !ok || want[got.from] == nil {
			w.Different++
			w.example("%s belongs to no ticket of A", k.Key)
			continue
		}
		w.order(got.from, got.events, want[got.from])
		r.compare(&w, k, want[got.from])
		delete(want, got.from)
	}
	for from, events := range want {
		w.Lost += len(events)
		w.example("%s never came", from)
	}
	return w
}

func (w *wrong) example(format string, args ...any) {
	if w.Example == "" {
		w.Example = fmt.Sprintf(format, args...)
	}
}

// order counts what is missing, twice, or after a later one.
func (w *wrong) order(from string, got, want []int) {
	if slices.Equal(got, want) {
		return
	}
	w.example("%s got %v, want %v", from, got, want)
	seen := map[int]bool{}
	for i, n := range got {
		if seen[n] {
			w.Repeated++
		}
		seen[n] = true
		if i > 0 && n < got[i-1] {
			w.OutOfOrder++
		}
	}
	for _, n := range want {
		if !seen[n] {
			w.Lost++
		}
	}
}

// compare holds a ticket's content to what it should be after its last event.
func (r *receiver) compare(w *wrong, k *ticket, events []int) {
	var bodies, have []string
	var last workload.Replica
	for _, i := range events {
		last = workload.Make(uint64(i), r.tickets)
		for _, c := range last.Comments {
			if !c.Internal {
				bodies = append(bodies, c.Body)
			}
		}
	}
	for _, c := range k.Comments {
		have = append(have, c.Body)
	}
	if !slices.Equal(have, bodies) {
		w.Different++
		w.example("%s: %d comments, want %d, or others", k.Key, len(have), len(bodies))
	}
	for name, want := range expected(last) {
		if got := k.Fields[name]; !twin.Equal(schemaB().Fields[name].Type, got, want) {
			w.Different++
			w.example("%s: %s is %v, want %v", k.Key, name, got, want)
		}
	}
}

// expected is what both filters make of a ticket at A.
func expected(r workload.Replica) event.Fields {
	priority, ok := map[string]string{"Highest": "Critical", "High": "Major", "Medium": "Minor"}[r.Priority]
	if !ok {
		priority = "Trivial"
	}
	status := r.Status
	if status == "Resolved" {
		status = "Done"
	}
	tags := []any{"acme"}
	for _, l := range r.Labels {
		if l != "internal-note" && !slices.Contains(tags, any(l)) {
			tags = append(tags, l)
		}
	}
	return event.Fields{
		"fields.Seq": float64(r.Seq), "fields.Remote key": r.Ticket, "summary": "[Acme] " + r.Summary, "description": r.Description,
		"priority": priority, "fields.Severity": r.Fields["Severity"], "status": status, "labels": tags,
		"fields.Impact": r.Fields["Customer impact"], "fields.Last change": r.Updated,
	}
}
