//go:build real

package realtest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// world is what stands in all trackers at one time.
type world struct {
	// ids and tickets by desk and tag.
	ids     map[string]map[string][]string
	tickets map[string]map[string]*seen
}

// observe reads all trackers whole.
func observe(ctx context.Context, w *workload, sites []*site) (*world, error) {
	out := &world{ids: map[string]map[string][]string{}, tickets: map[string]map[string]*seen{}}
	for _, s := range sites {
		all, err := s.desk.list(ctx)
		if err != nil {
			return nil, err
		}
		out.ids[s.name], out.tickets[s.name] = all, map[string]*seen{}
		for _, t := range w.tickets {
			for _, id := range all[t.tag] {
				if out.tickets[s.name][t.tag], err = s.desk.read(ctx, id); err != nil {
					return nil, fmt.Errorf("read %s at %s: %w", id, s.name, err)
				}
			}
		}
	}
	return out, nil
}

// problems is everything that is not as promised.
func (w *workload) problems(now *world, sites []*site) []string {
	var out []string
	for _, s := range sites {
		out = append(out, w.counts(now, s.name)...)
	}
	for _, t := range w.tickets {
		for _, at := range []string{acme, globex, initech} {
			if here := now.tickets[at][t.tag]; here != nil && slices.Contains(t.on, at) {
				out = append(out, t.contentsAt(at, here)...)
			}
		}
		out = append(out, t.disagreements(now)...)
	}
	return append(out, w.leaks(now)...)
}

// counts: every ticket stands once where it belongs, and nothing else does.
func (w *workload) counts(now *world, at string) []string {
	var out []string
	known := map[string]bool{}
	for _, t := range w.tickets {
		known[t.tag] = true
		want := 0
		if slices.Contains(t.on, at) {
			want = 1
		}
		if got := len(now.ids[at][t.tag]); got != want {
			out = append(out, fmt.Sprintf("%s stands %d times at %s, want %d", t.tag, got, at, want))
		}
	}
	for tag := range now.ids[at] {
		if !known[tag] {
			out = append(out, fmt.Sprintf("a ticket %q at %s is nobody's", tag, at))
		}
	}
	return out
}

// reaches tells whether what is made at one desk of a ticket belongs at
// another: Acme's own goes to both peers, a peer's stays between it and Acme.
func reaches(from, to string) bool { return from == to || from == acme || to == acme }

// contentsAt: public comments and files stand once, with the bytes they had.
func (t *ticket) contentsAt(at string, here *seen) []string {
	var out []string
	for _, c := range t.texts {
		want, got := 0, 0
		if reaches(c.at, at) && (!c.internal || c.at == at) {
			want = 1
		}
		for _, n := range here.notes {
			if !strings.Contains(n.body, c.tag+":") {
				continue
			}
			got++
			if n.internal != c.internal {
				out = append(out, fmt.Sprintf("comment %s at %s: internal is %v", c.tag, at, n.internal))
			}
		}
		if got != want {
			out = append(out, fmt.Sprintf("comment %s stands %d times at %s, want %d", c.tag, got, at, want))
		}
	}
	for _, a := range t.files {
		var want, got []file
		if reaches(a.at, at) {
			want = []file{{a.name, a.sum}}
		}
		for _, f := range here.files {
			if f.name == a.name || f.sum == a.sum {
				got = append(got, f)
			}
		}
		if !slices.Equal(got, want) {
			out = append(out, fmt.Sprintf("file %q of %s at %s: got %v, want %v", a.name, a.at, at, got, want))
		}
	}
	return out
}

// disagreements: fields are alike at all desks.
func (t *ticket) disagreements(now *world) []string {
	home := now.tickets[t.home][t.tag]
	if home == nil {
		return nil // counted already
	}
	var out []string
	for _, at := range t.on[1:] {
		there := now.tickets[at][t.tag]
		if there == nil {
			continue
		}
		for _, f := range [][3]string{
			{"summary", home.summary, there.summary},
			{"status", home.status, there.status},
			{"priority", home.priority, there.priority},
			{"description", home.description, there.description},
		} {
			if f[1] != f[2] {
				out = append(out, fmt.Sprintf("%s of %s: %q at %s, %q at %s", f[0], t.tag, f[1], t.home, f[2], at))
			}
		}
	}
	return out
}

// leaks looks for texts anywhere in what a tracker says of a ticket.
func (w *workload) leaks(now *world) []string {
	var out []string
	for at, tickets := range now.tickets {
		var all strings.Builder
		for _, s := range tickets {
			all.WriteString(s.raw.String())
		}
		everything := all.String()
		for _, t := range w.tickets {
			for _, c := range t.texts {
				if (c.internal && c.at != at || !reaches(c.at, at)) && strings.Contains(everything, c.tag) {
					out = append(out, fmt.Sprintf("%s of %s can be read at %s", c.tag, c.at, at))
				}
			}
			if !reaches(t.home, at) && strings.Contains(everything, t.tag) {
				out = append(out, fmt.Sprintf("%s can be read at %s", t.tag, at))
			}
		}
	}
	return out
}

// mailed looks into what RT has sent to people.
func (w *workload) mailed(s *server) []string {
	raw, err := os.ReadFile(filepath.Join(s.Dir, "mail.mbox"))
	if err != nil {
		return []string{err.Error()}
	}
	// Mail wraps lines in ways of its own; a tag has no place to break at.
	mail, replies := string(raw), 0
	var out []string
	for _, t := range w.tickets {
		for _, c := range t.texts {
			if !strings.Contains(mail, c.tag) {
				continue
			}
			replies++
			if c.internal {
				out = append(out, "internal comment "+c.tag+" was mailed")
			}
		}
	}
	if replies == 0 {
		out = append(out, "RT has mailed no reply at all: the look at its mail proves nothing")
	}
	return out
}

// settled is an error as long as a node has something to do. What is parked
// waits for a person.
func settled(ctx context.Context, sites []*site) error {
	for _, s := range sites {
		all, err := s.admin.Connections(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.Waiting+c.Sending+c.Applying+c.Files > c.Parked {
				return fmt.Errorf("%s to %s: waiting %d, sending %d, applying %d, files %d, parked %d",
					s.name, c.Name, c.Waiting, c.Sending, c.Applying, c.Files, c.Parked)
			}
		}
	}
	return nil
}

// parked is what waits for a person, with the reason.
func parked(ctx context.Context, sites []*site) (out []string, err error) {
	for _, s := range sites {
		entries, err := s.admin.Queue(ctx, "")
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Parked {
				out = append(out, fmt.Sprintf("parked at %s: %s %s of %s, %s: %s", s.name, e.Kind, e.ID, e.Key, e.Code, e.Reason))
			}
		}
	}
	return out, nil
}
