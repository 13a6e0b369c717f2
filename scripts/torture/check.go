//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"parley/sync/event"
)

// agreed are the fields that the filters keep equal.
var agreed = [...]string{
	event.FieldSummary, event.FieldDescription, event.FieldType, event.FieldStatus, event.FieldPriority,
	event.FieldDue, event.FieldLabels, "fields.Severity",
}

// remoteKey is where a twin says whose it is.
const remoteKey = "fields.Remote key"

// finding collects what is wrong.
type finding struct {
	*summary
	problems []string
}

func (f *finding) wrong(count *int, format string, args ...any) {
	*count++
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

func (f *finding) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	const most = 40
	shown := f.problems[:min(most, len(f.problems))]
	text := strings.Join(shown, "\n")
	if more := len(f.problems) - len(shown); more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	return errors.New(text)
}

// tickets reads a whole desk.
func (s *site) read(ctx context.Context) ([]event.Ticket, error) {
	refs, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	var out []event.Ticket
	for _, ref := range refs {
		t, err := s.people[0].Read(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("read %s's ticket %s: %w", s.name, ref, err)
		}
		out = append(out, t)
	}
	return out, nil
}

func byNode(t event.Ticket) bool {
	creator, _ := t.Fields[event.FieldCreator].(map[string]any)
	return creator["id"] == account
}

// check compares both desks; counts in s are begun anew.
func (w *world) check(ctx context.Context, s *summary) (*finding, error) {
	s.Tickets, s.Comments, s.Files, s.Lost, s.Twice, s.Apart, s.Crossed = 0, 0, 0, 0, 0, 0, 0
	f := &finding{summary: s}
	var desks [2][]event.Ticket
	for i, at := range w.sites {
		var err error
		if desks[i], err = at.read(ctx); err != nil {
			return nil, err
		}
	}
	for i, home := range w.sites {
		f.twins(home, w.sites[1-i], desks[i], desks[1-i])
	}
	return f, nil
}

// twins holds every ticket that people made at home to its twin away.
func (f *finding) twins(home, away *site, ours, theirs []event.Ticket) {
	twins := map[string][]event.Ticket{}
	for _, t := range theirs {
		if byNode(t) {
			key, _ := t.Fields[remoteKey].(string)
			twins[key] = append(twins[key], t)
		}
	}
	for _, t := range ours {
		if byNode(t) {
			continue
		}
		f.Tickets++
		found := twins[t.Key]
		delete(twins, t.Key)
		if len(found) == 0 {
			f.wrong(&f.Lost, "%s has no twin at %s", t.Key, away.name)
			continue
		}
		for _, second := range found[1:] {
			f.wrong(&f.Twice, "%s has a second twin, %s beside %s", t.Key, second.Key, found[0].Key)
		}
		f.compare(t, found[0])
		f.crossed(t, found[0])
		f.crossed(found[0], t)
	}
	for key, strays := range twins {
		for _, t := range strays {
			f.wrong(&f.Twice, "%s's %s is the twin of no ticket of %s (%q)", away.name, t.Key, home.name, key)
		}
	}
}

// compare holds fields to each other.
func (f *finding) compare(a, b event.Ticket) {
	for _, name := range agreed {
		if ours, theirs := a.Fields[name], b.Fields[name]; !reflect.DeepEqual(ours, theirs) {
			f.wrong(&f.Apart, "%s is %v in %s, %v in %s", name, ours, a.Key, theirs, b.Key)
		}
	}
}

// crossed holds what the node wrote into b to what people wrote into a.
func (f *finding) crossed(a, b event.Ticket) {
	var said, came []string
	for _, c := range a.Comments {
		if c.Author.ID != account && !c.Internal {
			said = append(said, c.Body)
		}
	}
	for _, c := range b.Comments {
		if c.Author.ID != account {
			continue
		}
		if strings.Contains(c.Body, internalWord) || c.Internal {
			f.wrong(&f.Crossed, "%s has an internal comment of %s: %q", b.Key, a.Key, c.Body)
			continue
		}
		// A byline stands before it, and an empty line.
		_, body, _ := strings.Cut(c.Body, "\n\n")
		came = append(came, body)
	}
	f.Comments += len(said)
	f.sequence(b.Key+": comment", said, came, true)
	f.files(a, b)
}

// files holds names and digests to each other.
func (f *finding) files(a, b event.Ticket) {
	var said, came []string
	for _, x := range a.Attachments {
		if x.Author.ID != account {
			said = append(said, x.Name+" "+x.SHA256)
		}
	}
	for _, x := range b.Attachments {
		if x.Author.ID == account {
			came = append(came, x.Name+" "+x.SHA256)
		}
	}
	f.Files += len(said)
	f.sequence(b.Key+": file", said, came, false)
}

// sequence counts what is missing, there twice, there for no reason, and, if
// order matters, out of order.
func (f *finding) sequence(what string, want, got []string, ordered bool) {
	if slices.Equal(want, got) {
		return
	}
	left := map[string]int{}
	for _, x := range got {
		left[x]++
	}
	counts := len(f.problems)
	for _, x := range want {
		switch left[x]--; {
		case left[x] < 0:
			f.wrong(&f.Lost, "%s %q did not come", what, x)
		case left[x] > 0:
			f.wrong(&f.Twice, "%s %q stands %d times", what, x, left[x]+1)
		}
		delete(left, x)
	}
	for x := range left {
		f.wrong(&f.Twice, "%s %q is nobody's", what, x)
	}
	if ordered && counts == len(f.problems) {
		f.wrong(&f.Apart, "%ss came out of order: %q, want %q", what, got, want)
	}
}
