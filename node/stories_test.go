package node_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"parley/adapters/desk"
	"parley/filters/examples"
	"parley/sync/event"
)

// scene is one step of a pair's story.yaml: what people do at a side, or what it shows.
type scene struct {
	At string `yaml:"at"`
	// Ticket is the story's name for a ticket: the same one at both sides.
	Ticket string `yaml:"ticket"`
	// Create makes the ticket of pair.yaml with these fields on top; Set changes fields.
	// A parent is one by its name in the story.
	Create map[string]any `yaml:"create"`
	Set    map[string]any `yaml:"set"`
	// Comment and Internal are comments to write, File the name of a file to attach.
	Comment  string `yaml:"comment"`
	Internal string `yaml:"internal"`
	File     string `yaml:"file"`
	// Shows are fields as they become, and are at the end unless people or a later step
	// say otherwise; null is empty. So are Comments, each a part of one, and the names of Files.
	Shows    map[string]any `yaml:"shows"`
	Comments []string       `yaml:"comments"`
	Files    []string       `yaml:"files"`
	// Tickets is how many the side has at the end, Never texts that stand nowhere in them.
	Tickets int      `yaml:"tickets"`
	Never   []string `yaml:"never"`
}

// acts tells whether people do something in it.
func (c scene) acts() bool {
	return c.Create != nil || c.Set != nil || c.Comment+c.Internal+c.File != ""
}

// pseudonyms are what the filters' function of that name makes.
var pseudonyms = regexp.MustCompile(`anon-[a-z2-7]{10}`)

// play is a story under way.
type play struct {
	t     *testing.T
	sites map[string]*site
	sides map[string]examples.Example
	// whole are the desks with all their projects.
	whole map[string]*desk.Tracker
	// refs are the tickets by side and name; wants what they must show at the end.
	refs  map[[2]string]event.Ref
	wants map[[2]string]scene
}

// TestPairs_PlayTheirStories: each pair between two real nodes does what its story says,
// and then nothing more: neither node writes anything by itself.
func TestPairs_PlayTheirStories(t *testing.T) {
	t.Parallel()
	pairs, err := examples.Pairs()
	must(t, err)
	for _, pair := range pairs {
		t.Run(pair.Name, func(t *testing.T) {
			t.Parallel()
			raw, err := fs.ReadFile(pair.Files, "story.yaml")
			must(t, err)
			var story []scene
			must(t, yaml.UnmarshalWithOptions(raw, &story, yaml.Strict()))
			p := staged(t, pair)
			for i, c := range story {
				p.scene(fmt.Sprintf("step %d at %s", i+1, c.At), c)
			}
			p.ends(story)
		})
	}
}

// staged is a pair installed at two nodes that are connected.
func staged(t *testing.T, pair examples.Pair) *play {
	t.Helper()
	p := &play{t: t, sites: map[string]*site{}, sides: map[string]examples.Example{}, whole: map[string]*desk.Tracker{}, refs: map[[2]string]event.Ref{}, wants: map[[2]string]scene{}}
	listen := "127.0.0.1:0"
	var both []*site
	for _, e := range pair.Sides {
		s := newSiteOf(t, e.Side, listen, deskFor(t, e))
		s.installs(e, listen)
		s.run()
		listen = ""
		both = append(both, s)
		p.sites[e.Side], p.sides[e.Side] = s, e
		p.whole[e.Side] = openDesk(t, s.web.URL, "alice-token", "")
	}
	join(t, both[0], both[1])
	return p
}

// installs makes a side's files those of the site's connection.
func (s *site) installs(e examples.Example, listen string) {
	s.t.Helper()
	must(s.t, os.CopyFS(filepath.Join(s.dir, "pair"), e.Files))
	vars := map[string]any{}
	settings := strings.TrimSpace(e.Settings)
	for _, v := range e.Vars {
		vars[v.Name] = v.Sample
		value, err := json.Marshal(v.Sample)
		must(s.t, err)
		settings = strings.ReplaceAll(settings, `"<`+v.Name+`>"`, string(value))
	}
	given, err := json.Marshal(vars)
	must(s.t, err)
	scope, err := json.Marshal(strings.TrimSpace(e.Scope))
	must(s.t, err)
	connection := fmt.Sprintf("  peer:\n    scope: %s\n    out: pair/outgoing.parley\n    in: pair/incoming.parley\n    vars: %s\n", scope, given)
	if len(e.Tables) > 0 {
		connection += "    tables: pair/tables\n"
	}
	connection += "    " + strings.ReplaceAll(settings, "\n", "\n    ") + "\n"
	listening := ""
	if listen != "" {
		listening = "listen:\n  nats: " + listen + "\n"
	}
	text := fmt.Sprintf(configuration, e.Side, listening, s.web.URL)
	before, _, found := strings.Cut(text, "  peer:")
	if !found {
		s.t.Fatal("the configuration has no connection to replace")
	}
	must(s.t, os.WriteFile(s.file(), []byte(before+connection), 0o600))
}

// scene plays one step.
func (p *play) scene(what string, c scene) {
	p.t.Helper()
	s := p.sites[c.At]
	if s == nil {
		p.t.Fatalf("%s: there is no such side", what)
	}
	key := [2]string{c.At, c.Ticket}
	if c.acts() {
		p.act(what, s, c)
		want := p.wants[key]
		maps.DeleteFunc(want.Shows, func(name string, _ any) bool { _, set := c.Set[name]; return set })
		if c.Comment+c.Internal != "" {
			want.Comments = nil
		}
		p.wants[key] = want
	}
	if c.Shows == nil && c.Comments == nil && c.Files == nil {
		return
	}
	want := p.wants[key]
	if want.Shows == nil {
		want.Shows = map[string]any{}
	}
	maps.Copy(want.Shows, c.Shows)
	if c.Comments != nil {
		want.Comments = c.Comments
	}
	if c.Files != nil {
		want.Files = c.Files
	}
	p.wants[key] = want
	eventually(p.t, what, func() error { return p.shown(key) })
}

// act is what people do.
func (p *play) act(what string, s *site, c scene) {
	p.t.Helper()
	key := [2]string{c.At, c.Ticket}
	if c.Create != nil {
		fields := maps.Clone(p.sides[c.At].Ticket)
		maps.Copy(fields, c.Create)
		made, err := s.people.Write(p.t.Context(), event.Step{Kind: event.StepCreate, Fields: p.fields(c.At, fields)}, nil)
		must(p.t, err)
		p.refs[key] = made.Ref
	}
	if err := p.find(key); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	ref := p.refs[key]
	if c.Set != nil {
		s.set(ref, p.fields(c.At, c.Set))
	}
	if c.Comment != "" {
		s.write(event.Step{Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{Body: c.Comment}}, "")
	}
	if c.Internal != "" {
		s.write(event.Step{Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{Body: c.Internal, Internal: true}}, "")
	}
	if c.File != "" {
		const content = "what a file says"
		s.write(event.Step{Kind: event.StepAttach, Ref: ref, Attachment: &event.AttachmentWrite{Name: c.File, Size: int64(len(content)), MIME: "text/plain"}}, content)
	}
}

// fields are those of a story as the desk takes them.
func (p *play) fields(side string, given map[string]any) event.Fields {
	out := event.Fields{}
	for name, v := range given {
		if parent, ok := v.(string); ok && name == event.FieldParent {
			v = map[string]any{"id": p.refs[[2]string{side, parent}].ID}
		}
		out[name] = v
	}
	return out
}

// tickets are all of a side.
func (p *play) tickets(side string) ([]event.Ticket, error) {
	desk := p.whole[side]
	changes, _, err := desk.List(p.t.Context(), "", "", 100)
	if err != nil {
		return nil, err
	}
	var all []event.Ticket
	for _, c := range changes {
		ticket, err := desk.Read(p.t.Context(), c.Ref)
		if err != nil {
			return nil, err
		}
		all = append(all, ticket)
	}
	return all, nil
}

// find names the one ticket of a side that has no name.
func (p *play) find(key [2]string) error {
	if _, known := p.refs[key]; known {
		return nil
	}
	all, err := p.tickets(key[0])
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(t event.Ticket) bool {
		for named, ref := range p.refs {
			if named[0] == key[0] && ref == t.Ref {
				return true
			}
		}
		return false
	})
	if len(all) != 1 {
		return fmt.Errorf("%d tickets could be %q", len(all), key[1])
	}
	p.refs[key] = all[0].Ref
	return nil
}

// shown tells what a ticket does not show of what it must.
func (p *play) shown(key [2]string) error {
	if err := p.find(key); err != nil {
		return err
	}
	ticket, err := p.sites[key[0]].people.Read(p.t.Context(), p.refs[key])
	if err != nil {
		return err
	}
	want := p.wants[key]
	var problems []error
	for name, v := range want.Shows {
		if got, wanted := p.plain(key[0], name, ticket.Fields[name]), p.plain(key[0], name, v); got != wanted {
			problems = append(problems, fmt.Errorf("%s is %s, want %s", name, got, wanted))
		}
	}
	bodies, names := []string{}, []string{}
	for _, c := range ticket.Comments {
		bodies = append(bodies, c.Body)
	}
	for _, a := range ticket.Attachments {
		names = append(names, a.Name)
	}
	if want.Comments != nil && !slices.EqualFunc(bodies, want.Comments, strings.Contains) {
		problems = append(problems, fmt.Errorf("comments are %q, want %q", bodies, want.Comments))
	}
	if want.Files != nil && !slices.Equal(names, want.Files) {
		problems = append(problems, fmt.Errorf("files are %q, want %q", names, want.Files))
	}
	return errors.Join(problems...)
}

// plain is a field's value in words to compare: sets in order, a parent by its name.
func (p *play) plain(side, name string, v any) string {
	raw, err := json.Marshal(v)
	must(p.t, err)
	switch {
	case v == nil:
	case name == event.FieldLabels:
		var labels []string
		must(p.t, json.Unmarshal(raw, &labels))
		slices.Sort(labels)
		return fmt.Sprintf("%q", labels)
	case name == event.FieldParent:
		var parent struct{ ID string }
		if json.Unmarshal(raw, &parent) != nil {
			return string(raw) // the name that the story gives
		}
		for named, known := range p.refs {
			if named[0] == side && known.ID == parent.ID {
				return fmt.Sprintf("%q", named[1])
			}
		}
	}
	return string(raw)
}

// ends proves that both sides came to rest, as the story says.
func (p *play) ends(story []scene) {
	p.t.Helper()
	both := slices.Collect(maps.Values(p.sites))
	quiet(p.t, both...)
	before, counted := map[string]int64{}, int64(0)
	for side, s := range p.sites {
		before[side] = s.writes.Load()
		counted += before[side]
	}
	if counted == 0 {
		p.t.Error("neither side was written to: nothing was counted")
	}
	quiet(p.t, both...)
	for side, s := range p.sites {
		if got := s.writes.Load(); got != before[side] {
			p.t.Errorf("%s was written to %d times more when nobody did anything", side, got-before[side])
		}
	}
	for key := range p.wants {
		if err := p.shown(key); err != nil {
			p.t.Errorf("at the end, %s %q: %v", key[0], key[1], err)
		}
	}
	for _, c := range story {
		all, err := p.tickets(c.At)
		must(p.t, err)
		if c.Tickets != 0 && len(all) != c.Tickets {
			p.t.Errorf("%s has %d tickets, want %d", c.At, len(all), c.Tickets)
		}
		raw, err := json.Marshal(all)
		must(p.t, err)
		// Ten letters by chance may spell a short name.
		raw = pseudonyms.ReplaceAll(raw, []byte("anon-"))
		for _, text := range c.Never {
			if at := strings.Index(string(raw), text); at >= 0 {
				p.t.Errorf("%s shows %q: …%s…", c.At, text, raw[max(at-60, 0):min(at+60, len(raw))])
			}
		}
	}
}
