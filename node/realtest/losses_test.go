//go:build real

package realtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/node/admin"
)

// pair is Acme on Redmine, whose bot the workflow holds to one way, with Globex
// on Request Tracker. What Acme's node asks of Redmine passes through a gate.
type pair struct {
	t            *testing.T
	acme, globex *site
	redmine      redmineDesk
	rt           rtDesk
	gate         *gate
}

// gate stands between a node and its tracker, and lets a person be faster than
// the next write to an issue: after the node has read it, before it writes.
type gate struct {
	mu     sync.Mutex // guards the field below
	before map[string]func(context.Context) error
}

// faster has do done once, before the next write to an issue passes.
func (g *gate) faster(id string, do func(context.Context) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.before["/issues/"+id+".json"] = do
}

// through is the gate's address; what do says goes to the test.
func (g *gate) through(t *testing.T, s *server) string {
	t.Helper()
	target, err := s.URL()
	must(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if r.Method == http.MethodPut {
			g.mu.Lock()
			do := g.before[r.URL.Path]
			delete(g.before, r.URL.Path)
			g.mu.Unlock()
			if do != nil {
				if err := do(r.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(door.Close)
	return door.URL
}

func newPair(t *testing.T) *pair {
	t.Helper()
	dir := folder(t)
	binary := build(t, dir)
	first, second := newServer(t, "redmine", acme, dir), newServer(t, "rt", globex, dir)
	p := &pair{t: t, redmine: newRedmine(first), rt: newRT(second), gate: &gate{before: map[string]func(context.Context) error{}}}
	p.narrow(first)
	p.acme = &site{name: acme, server: first, url: p.gate.through(t, first), port: freePort(t), desk: p.redmine, links: map[string]link{globex: fromInitech()}}
	p.globex = &site{name: globex, server: second, desk: p.rt, links: map[string]link{acme: fromGlobex()}}
	for _, s := range []*site{p.acme, p.globex} {
		must(t, s.open(t, dir, binary))
	}
	must(t, connect(t, p.acme, p.globex))
	return p
}

// narrow lets Redmine's bot move an issue New, In Progress, Resolved, Closed and
// no other way, and lets it change no priority. One issue stands in each status on
// the way: only by issues alike can an adapter learn what follows a status.
func (p *pair) narrow(s *server) {
	p.t.Helper()
	for _, status := range []string{"Open", "In progress", "Resolved"} {
		id, err := p.redmine.create(p.t.Context(), values{summary: "old " + status, description: "x", priority: "Normal"})
		must(p.t, err)
		// A second call: Redmine ignores a status that is no first status of an issue.
		must(p.t, p.redmine.edit(p.t.Context(), id, values{status: status}))
	}
	must(p.t, s.SQL(p.t.Context(), `DELETE FROM workflows WHERE type = 'WorkflowTransition'
		AND role_id = (SELECT id FROM roles WHERE name = 'Manager');
		INSERT INTO workflows (tracker_id, role_id, old_status_id, new_status_id, assignee, author, type)
		SELECT 1, r.id, m.a, m.b, 0, 0, 'WorkflowTransition' FROM roles r,
		(SELECT 0 a, 1 b UNION SELECT 1, 2 UNION SELECT 2, 3 UNION SELECT 3, 5) m WHERE r.name = 'Manager';
		INSERT INTO workflows (tracker_id, role_id, old_status_id, new_status_id, field_name, rule, type)
		SELECT 1, r.id, s.id, 0, 'priority_id', 'readonly', 'WorkflowPermission' FROM roles r, issue_statuses s WHERE r.name = 'Manager'`))
}

// TestTwoOrganisations_WhatATrackerDoesNotTakeIsOnBothRecords: people at Globex
// change their ticket; what Redmine takes by a way of its own, ignores without a
// word, or takes over somebody's edit, is as promised in both trackers and known at
// both nodes.
func TestTwoOrganisations_WhatATrackerDoesNotTakeIsOnBothRecords(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	t.Run("a status is walked to", p.walk)
	t.Run("a status that no way leads to", p.noWay)
	t.Run("a field that is ignored without a word", p.ignored)
	t.Run("an edit that a write ran over", p.overrun)
}

// made makes a ticket at Globex, and says what it is called at both desks once it
// has arrived.
func (p *pair) made(t *testing.T, tag string) (here, there string) {
	t.Helper()
	here, err := p.rt.create(t.Context(), values{summary: tag + " Printer on fire", description: "It burns.", priority: "Normal"})
	must(t, err)
	must(t, poll(t.Context(), time.Minute, func() error {
		all, err := p.redmine.list(t.Context())
		if err != nil || len(all[tag]) != 1 {
			return fmt.Errorf("%s stands at Acme as %q: %w", tag, all[tag], err)
		}
		there = all[tag][0]
		return settled(t.Context(), []*site{p.acme, p.globex})
	}))
	return here, there
}

// change is an edit at Globex, of which nothing is under way any more afterwards.
func (p *pair) change(t *testing.T, id string, v values) {
	t.Helper()
	sent, err := p.record(p.globex, acme, id)
	must(t, err)
	must(t, p.rt.edit(t.Context(), id, v))
	must(t, poll(t.Context(), time.Minute, func() error {
		e, err := p.record(p.globex, acme, id)
		if err != nil {
			return err
		}
		if fmt.Sprint(e.Sent) == fmt.Sprint(sent.Sent) {
			return fmt.Errorf("the edit %+v has not left", v)
		}
		return settled(t.Context(), []*site{p.acme, p.globex})
	}))
}

// record is what a node says of a ticket.
func (p *pair) record(s *site, connection, id string) (admin.Explained, error) {
	all, err := s.admin.Explain(p.t.Context(), id)
	if err != nil {
		return admin.Explained{}, err
	}
	for _, e := range all.Tickets {
		if e.Connection == connection {
			return e, nil
		}
	}
	return admin.Explained{}, fmt.Errorf("ticket %s is not on %s", id, connection)
}

// lost fails unless both nodes have the loss of one field on record.
func (p *pair) lost(t *testing.T, here, there string, ours, theirs []string) {
	t.Helper()
	at, err := p.record(p.acme, globex, there)
	must(t, err)
	if !slices.Equal(at.LostOurs, ours) {
		t.Errorf("lost at Acme: %q, want %q", at.LostOurs, ours)
	}
	told, err := p.record(p.globex, acme, here)
	must(t, err)
	if !slices.Equal(told.LostTheirs, theirs) {
		t.Errorf("Globex knows that Acme lost %q, want %q", told.LostTheirs, theirs)
	}
}

// moves are the statuses that an issue went through.
func (p *pair) moves(t *testing.T, id string) []string {
	t.Helper()
	var got struct {
		Issue struct {
			Journals []struct {
				Details []struct {
					Name     string
					NewValue string `json:"new_value"`
				}
			}
		}
	}
	_, err := p.redmine.admin.get(t.Context(), "/issues/"+id+".json?include=journals", &got)
	must(t, err)
	var out []string
	for _, j := range got.Issue.Journals {
		for _, d := range j.Details {
			if d.Name == "status_id" {
				out = append(out, d.NewValue)
			}
		}
	}
	return out
}

func (p *pair) walk(t *testing.T) {
	t.Parallel()
	here, there := p.made(t, "WALK")
	// Redmine refuses the direct step of the same account, and does not say so.
	bot := web{p.acme.server.Env["URL"], http.Header{"X-Redmine-Api-Key": {p.acme.server.Env["BOT_API_KEY"]}}}
	must(t, bot.send(t.Context(), http.MethodPut, "/issues/"+there+".json", issue(values{status: "Resolved"}), nil))
	if got := p.moves(t, there); len(got) != 0 {
		t.Fatalf("the direct step was taken: %q", got)
	}
	p.change(t, here, values{status: "Resolved"})
	if got, want := p.moves(t, there), []string{"2", "3"}; !slices.Equal(got, want) {
		t.Errorf("the issue went through %q, want %q", got, want)
	}
	p.lost(t, here, there, nil, nil)
}

func (p *pair) noWay(t *testing.T) {
	t.Parallel()
	here, there := p.made(t, "NOWAY")
	p.change(t, here, values{status: "Waiting", summary: "NOWAY Printer waits"})
	if got := p.moves(t, there); len(got) != 0 {
		t.Errorf("the issue went through %q", got)
	}
	p.lost(t, here, there, []string{"status (workflow)"}, []string{"status (workflow)"})
	if got, err := p.redmine.read(t.Context(), there); err != nil || got.summary != "NOWAY Printer waits" {
		t.Errorf("the rest of the change: %+v, %v", got, err)
	}
}

func (p *pair) ignored(t *testing.T) {
	t.Parallel()
	here, there := p.made(t, "IGNORED")
	p.change(t, here, values{priority: "High", summary: "IGNORED Printer is urgent"})
	got, err := p.redmine.read(t.Context(), there)
	must(t, err)
	if got.priority != "Normal" || got.summary != "IGNORED Printer is urgent" {
		t.Fatalf("the issue is %+v: Redmine took the priority, or not the rest", got.values)
	}
	p.lost(t, here, there, []string{"priority"}, []string{"priority"})
	// A person at Acme sets it: it is nothing lost any more.
	must(t, p.redmine.edit(t.Context(), there, values{priority: "High"}))
	must(t, poll(t.Context(), time.Minute, func() error {
		e, err := p.record(p.globex, acme, here)
		if err == nil && len(e.LostTheirs) > 0 {
			err = fmt.Errorf("Globex still knows of lost %q", e.LostTheirs)
		}
		return err
	}))
}

func (p *pair) overrun(t *testing.T) {
	t.Parallel()
	here, there := p.made(t, "OVERRUN")
	edited := time.Now()
	p.gate.faster(there, func(ctx context.Context) error {
		// The later edit is the newer one beyond doubt: trackers count in seconds.
		err := poll(ctx, time.Minute, func() error {
			if time.Since(edited) < 3*time.Second {
				return fmt.Errorf("too early")
			}
			return nil
		})
		if err != nil {
			return err
		}
		return p.redmine.edit(ctx, there, values{summary: "OVERRUN says alice at Acme"})
	})
	p.change(t, here, values{summary: "OVERRUN says alice at Globex"})
	must(t, poll(t.Context(), time.Minute, func() error {
		for s, id := range map[*site]string{p.acme: there, p.globex: here} {
			got, err := s.desk.read(t.Context(), id)
			if err != nil {
				return err
			}
			if got.summary != "OVERRUN says alice at Acme" {
				return fmt.Errorf("at %s it is %q: the later edit is lost", s.name, got.summary)
			}
		}
		return settled(t.Context(), []*site{p.acme, p.globex})
	}))
	var told struct{ Code, Ticket string }
	line := p.acme.tail(`"overran"`, 5)
	if err := json.Unmarshal([]byte(line), &told); err != nil || told.Code != "conflict" || told.Ticket != there {
		t.Errorf("the log of Acme has %q (%v): want one conflict of %s", line, err, there)
	}
	if strings.Contains(line, "alice") {
		t.Errorf("the log holds a ticket's text: %s", line)
	}
}
