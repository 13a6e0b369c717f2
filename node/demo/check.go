package demo

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"parley/sync/event"
)

// compared are the fields that the demo's filters keep equal.
var compared = [...]string{
	event.FieldSummary, event.FieldDescription, event.FieldType, event.FieldStatus, event.FieldPriority,
	event.FieldDue, event.FieldLabels, "fields.Severity",
}

// check says what is not at the desks as it should be.
func (p *play) check(ctx context.Context) ([]string, error) {
	var problems []string
	for _, c := range p.companies {
		doubled, err := c.doubled(ctx)
		if err != nil {
			return nil, err
		}
		problems = append(problems, doubled...)
	}
	for _, s := range p.made {
		found, err := s.check(ctx)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	return problems, nil
}

// doubled finds twins of one ticket, and node-made tickets that are nobody's.
func (c *company) doubled(ctx context.Context) ([]string, error) {
	var problems []string
	from := map[string]string{}
	for page := event.Cursor(""); ; {
		changes, next, err := c.person.List(ctx, "", page, 100)
		if err != nil {
			return nil, err
		}
		for _, change := range changes {
			t, err := c.person.Read(ctx, change.Ref)
			if err != nil {
				return nil, err
			}
			creator, _ := t.Fields[event.FieldCreator].(map[string]any)
			if creator["id"] != account {
				continue
			}
			remote, _ := t.Fields[remoteKey].(string)
			if first := from[remote]; first != "" || remote == "" {
				problems = append(problems, fmt.Sprintf("%s's %s is a second twin of %q beside %q", c.name, t.Key, remote, first))
			}
			from[remote] = t.Key
		}
		if page = next; next == "" {
			return problems, nil
		}
	}
}

// check holds both tickets of a story against what people did.
func (s *story) check(ctx context.Context) ([]string, error) {
	twins, err := s.away.person.ByField(ctx, remoteKey, s.at[s.home].Key, 10)
	if err != nil {
		return nil, err
	}
	if len(twins) != 1 {
		return []string{fmt.Sprintf("%s has %d twins", s.at[s.home].Key, len(twins))}, nil
	}
	home, err := s.home.person.Read(ctx, s.at[s.home].Ref)
	if err != nil {
		return nil, err
	}
	away, err := s.away.person.Read(ctx, twins[0].Ref)
	if err != nil {
		return nil, err
	}
	var problems []string
	for _, name := range compared {
		if ours, theirs := home.Fields[name], away.Fields[name]; !reflect.DeepEqual(ours, theirs) {
			problems = append(problems, fmt.Sprintf("%s of %s is %q, of %s %q", name, home.Key, text(ours), away.Key, text(theirs)))
		}
	}
	problems = append(problems, s.arrived(home, s.home, s.away)...)
	return append(problems, s.arrived(away, s.away, s.home)...), nil
}

// arrived holds what nodes wrote into t at one desk against what people wrote
// at the other.
func (s *story) arrived(t event.Ticket, here, there *company) []string {
	var problems []string
	wrong := func(format string, args ...any) {
		problems = append(problems, here.name+"'s "+t.Key+": "+fmt.Sprintf(format, args...))
	}
	theirs := 0
	for _, c := range t.Comments {
		if c.Author.ID == account {
			theirs++
		}
		for _, note := range s.noted[there] {
			if strings.Contains(c.Body, note) {
				wrong("an internal note crossed: %q", note)
			}
		}
	}
	for _, said := range s.said[there] {
		times := 0
		for _, c := range t.Comments {
			if c.Author.ID == account && !c.Internal && strings.HasSuffix(c.Body, said) {
				times++
			}
		}
		if times != 1 {
			wrong("comment %q stands %d times", said, times)
		}
	}
	if theirs != len(s.said[there]) {
		wrong("%d comments came, %d were public", theirs, len(s.said[there]))
	}
	came := map[string]string{}
	for _, f := range t.Attachments {
		if f.Author.ID != account {
			continue
		}
		if _, twice := came[f.Name]; twice {
			wrong("file %q came twice", f.Name)
		}
		came[f.Name] = f.SHA256
	}
	if want := s.filed[there]; len(came)+len(want) > 0 && !reflect.DeepEqual(came, want) {
		wrong("files that came are %v, want %v", came, want)
	}
	return problems
}
