package filtertest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"parley/filters"
	"parley/sync/event"
)

// Pair is the scripts of one side, compiled.
type Pair struct {
	Outgoing *filters.Outgoing
	Incoming *filters.Incoming
}

// Run runs one case and returns what differs from what it expects; nothing means
// that it passed.
func (p Pair) Run(ctx context.Context, c Case) []Difference {
	if c.Filter == "outgoing" {
		return p.outgoing(ctx, c)
	}
	return p.incoming(ctx, c)
}

func (p Pair) outgoing(ctx context.Context, c Case) []Difference {
	issue := c.Issue.ours()
	out, err := p.Outgoing.Run(ctx, filters.OutInput{Context: c.context(), Issue: issue, Previous: c.Previous.replica()})
	if differences, done := c.Expect.ending(err, out.Stop); done {
		return differences
	}
	passed, findings := filters.Egress{}.Check(out.Replica, filters.MetaOf(issue, false))
	differences := c.Expect.held(findings)
	return append(differences, c.Expect.content(passed.Fields, passed.Comments, passed.Attachments)...)
}

func (p Pair) incoming(ctx context.Context, c Case) []Difference {
	out, err := p.Incoming.Run(ctx, c.incoming())
	if differences, done := c.Expect.ending(err, out.Stop); done {
		return differences
	}
	differences := c.Expect.content(out.Fields, out.Comments, out.Attachments)
	add, remove := setChanges(out)
	differences = append(differences, compare("add", add, c.Expect.Add)...)
	differences = append(differences, compare("remove", remove, c.Expect.Remove)...)
	connect := ""
	if out.Connect != nil {
		connect = out.Connect.ID
	}
	return append(differences, compare("connect", connect, c.Expect.Connect)...)
}

// incoming is what the case's incoming filter runs on.
func (c Case) incoming() filters.InInput {
	in := filters.InInput{Context: c.context(), Previous: c.Previous.replica()}
	if replica := c.Replica.replica(); replica != nil {
		in.Replica = *replica
	}
	if c.Issue != nil {
		issue := c.Issue.ours()
		in.Issue = &issue
	}
	return in
}

// setChanges is what += and -= did, without what they did nothing to.
func setChanges(out filters.InResult) (add, remove map[string][]any) {
	add, remove = map[string][]any{}, map[string][]any{}
	for name, change := range out.Sets {
		if len(change.Add) > 0 {
			add[name] = change.Add
		}
		if len(change.Remove) > 0 {
			remove[name] = change.Remove
		}
	}
	return add, remove
}

// ending compares how the run ended; done is set when there is nothing more to
// compare.
func (e Expect) ending(err error, stop *filters.Stop) (differences []Difference, done bool) {
	if err != nil {
		if e.Error == "" || !strings.Contains(err.Error(), e.Error) {
			return []Difference{{"error", show(err.Error()), show(e.Error)}}, true
		}
		return nil, true
	}
	if e.Error != "" {
		return []Difference{{"error", "none", show(e.Error)}}, true
	}
	kind := filters.StopKind("")
	if stop != nil {
		kind = stop.Kind
	}
	return compare("stop", kind, e.Stop), kind != "" || e.Stop != ""
}

func (e Expect) held(findings []filters.Finding) []Difference {
	var got []filters.FindingCode
	for _, f := range findings {
		got = append(got, f.Code)
	}
	return compare("held", got, e.Held)
}

func (e Expect) content(fields event.Fields, comments []filters.Comment, attachments []filters.Attachment) []Difference {
	differences := fieldDifferences(fields, e.Fields)
	differences = append(differences, members("comments", plain(comments), e.Comments)...)
	return append(differences, members("attachments", plain(attachments), e.Attachments)...)
}

func fieldDifferences(got, want event.Fields) []Difference {
	names := map[string]bool{}
	for name := range got {
		names[name] = true
	}
	for name := range want {
		names[name] = true
	}
	var differences []Difference
	for name := range names {
		g, have := got[name]
		w, wanted := want[name]
		switch {
		case !have:
			differences = append(differences, Difference{"fields." + name, notSet, show(w)})
		case !wanted:
			differences = append(differences, Difference{"fields." + name, show(g), notSet})
		default:
			differences = append(differences, compare("fields."+name, anyID(g, w), w)...)
		}
	}
	sortDifferences(differences)
	return differences
}

// anyID lets id: "*" stand for any id: those of people differ per connection.
func anyID(got, want any) any {
	g, ok := got.(map[string]any)
	w, ok2 := want.(map[string]any)
	if !ok || !ok2 || w["id"] != "*" || g["id"] == "" || g["id"] == nil {
		return got
	}
	out := maps.Clone(g)
	out["id"] = "*"
	return out
}

// members compares entries by the members that are wanted.
func members(what string, got, want []map[string]any) []Difference {
	if len(got) != len(want) {
		return []Difference{{what, fmt.Sprintf("%d of them", len(got)), fmt.Sprintf("%d", len(want))}}
	}
	var differences []Difference
	for i, w := range want {
		for name, v := range w {
			differences = append(differences, compare(fmt.Sprintf("%s[%d].%s", what, i, name), got[i][name], v)...)
		}
	}
	sortDifferences(differences)
	return differences
}

// plain turns entries into what a file can say.
func plain[T any](list []T) []map[string]any {
	var out []map[string]any
	raw, err := json.Marshal(list)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		// Comments and files are plain data; this cannot be.
		return []map[string]any{{"error": err.Error()}}
	}
	return out
}

func compare(what string, got, want any) []Difference {
	g, w := show(got), show(want)
	if g == w || empty(got) && empty(want) {
		return nil
	}
	return []Difference{{what, g, w}}
}

func empty(v any) bool {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Map, reflect.Slice:
		return r.Len() == 0
	}
	return false
}

func show(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%v", v)
	}
	return string(raw)
}
