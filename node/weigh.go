package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/flow"
)

// How much is looked at before filters are published, where nobody says otherwise.
const (
	mostTwins  = 200
	mostListed = 200
	mostNamed  = 20
)

// weigh finds what a version lets pass that did not pass before, and how many
// tickets it changes.
func (n *Node) weigh(ctx context.Context, p *publication, most int) error {
	if p.before == nil {
		if p.result.Before != "" {
			p.result.Wider = []string{"the connection does not work, so what its version in force lets pass cannot be compared"}
		}
		return nil
	}
	p.result.Wider = append(widerOut(p.before, p.rules), widerIn(&p.before.Accept, &p.rules.Accept)...)
	if err := n.survey(ctx, p, most); err != nil {
		return err
	}
	return n.widerScope(ctx, p)
}

// leaves are the fields and collections that may leave under rules.
func leaves(r *flow.Rules) []string {
	var out []string
	for _, name := range r.Outgoing.Targets() {
		if len(r.Egress.Allow) == 0 && name != event.FieldURL || slices.Contains(r.Egress.Allow, name) {
			out = append(out, name)
		}
	}
	return out
}

// widerOut names what may leave that could not before: fields, what they are made
// of, and what the gate permits.
func widerOut(before, next *flow.Rules) []string {
	var out []string
	for _, name := range added(leaves(before), leaves(next)) {
		out = append(out, name+" leaves")
	}
	for _, name := range added(before.Outgoing.Reads(), next.Outgoing.Reads()) {
		out = append(out, "the outgoing filter reads issue."+name)
	}
	if len(before.Egress.Allow) > 0 && len(next.Egress.Allow) == 0 {
		out = append(out, "the gate has no list of fields any more")
	} else if len(before.Egress.Allow) > 0 {
		for _, name := range added(before.Egress.Allow, next.Egress.Allow) {
			out = append(out, "the gate lets "+name+" leave")
		}
	}
	if next.Egress.InternalComments && !before.Egress.InternalComments {
		out = append(out, "the gate lets internal comments leave")
	}
	if next.Egress.Restricted && !before.Egress.Restricted {
		out = append(out, "restricted tickets leave")
	}
	if next.Egress.MaxBytes != before.Egress.MaxBytes && (next.Egress.MaxBytes == 0 || before.Egress.MaxBytes != 0 && next.Egress.MaxBytes > before.Egress.MaxBytes) {
		out = append(out, "more of a ticket leaves")
	}
	out = append(out, widerGate(&before.Egress, &next.Egress)...)
	for _, name := range added(before.Forward, next.Forward) {
		out = append(out, "what came from "+name+" leaves")
	}
	return out
}

// widerIn names what may enter that could not before.
func widerIn(before, next *filters.Accept) []string {
	var out []string
	for _, list := range []struct {
		what         string
		before, next []string
	}{{"project", before.Projects, next.Projects}, {"type", before.Types, next.Types}, {"field", before.Fields, next.Fields}} {
		if len(list.before) > 0 && len(list.next) == 0 {
			out = append(out, "any "+list.what+" enters")
		} else if len(list.before) > 0 {
			for _, name := range added(list.before, list.next) {
				out = append(out, list.what+" "+name+" enters")
			}
		}
	}
	if next.Visible < before.Visible {
		out = append(out, map[filters.Visible]string{filters.VisibleAll: "comments for all enter", filters.VisibleInternal: "internal comments enter"}[next.Visible])
	}
	if before.Kinds != nil && next.Kinds == nil {
		out = append(out, "files of any kind enter")
	} else if before.Kinds != nil {
		for _, kind := range added(before.Kinds, next.Kinds) {
			out = append(out, "files that are "+kind+" enter")
		}
	}
	if before.MaxAttachment > 0 && (next.MaxAttachment == 0 || next.MaxAttachment > before.MaxAttachment) {
		out = append(out, "larger files enter")
	}
	switch {
	case next.Impersonate && !before.Impersonate:
		out = append(out, "comments enter in the name of people here")
	case next.Impersonate && len(before.Impersonated) > 0 && len(next.Impersonated) == 0:
		out = append(out, "comments enter in anybody's name")
	case next.Impersonate && len(before.Impersonated) > 0:
		for _, name := range added(before.Impersonated, next.Impersonated) {
			out = append(out, "comments enter in the name of "+name)
		}
	}
	for _, kind := range added(before.Create, next.Create) {
		out = append(out, kind+" are made here")
	}
	if next.CreatesPerHour > before.CreatesPerHour && before.CreatesPerHour > 0 {
		out = append(out, fmt.Sprintf("%d tickets an hour may be created, %d before", next.CreatesPerHour, before.CreatesPerHour))
	}
	return out
}

func added(before, next []string) []string {
	var out []string
	for _, name := range next {
		if !slices.Contains(before, name) {
			out = append(out, name)
		}
	}
	return out
}

// survey runs both filters on tickets in step.
func (n *Node) survey(ctx context.Context, p *publication, most int) error {
	if most == 0 {
		most = mostTwins
	}
	all, err := n.inStep(p.link.flow)
	if err != nil {
		return err
	}
	p.result.Twins = len(all)
	for _, c := range all[:min(most, len(all))] {
		ticket, err := n.tracker.Read(ctx, c.Ref)
		if errors.Is(err, adapters.ErrGone) {
			continue
		}
		if err != nil {
			return trackerFailed("read ticket "+c.Key, err)
		}
		p.result.Looked++
		if err := n.weighOne(ctx, p, c, ticket); err != nil {
			return err
		}
	}
	return nil
}

// weighOne finds what the version would send of one ticket that the one before would not.
func (n *Node) weighOne(ctx context.Context, p *publication, c event.Change, ticket event.Ticket) error {
	con := p.link.flow
	was, err := n.path.TryOut(ctx, con, p.before, ticket)
	if err != nil {
		return tryFailed("run the filters in force on "+c.Key, err)
	}
	is, err := n.path.TryOut(ctx, con, p.rules, ticket)
	if err != nil {
		return tryFailed("run the filters on "+c.Key, err)
	}
	switch is.Ending {
	case flow.TrialBusy:
		p.result.Busy++
		return nil
	case flow.TrialLeaves:
		if was.Ending != flow.TrialLeaves {
			p.result.Leave++
		}
		return nil
	case flow.TrialHeld:
		if was.Ending != flow.TrialHeld {
			p.result.Held++
		}
		return nil
	}
	other := false
	for _, name := range slices.Sorted(maps.Keys(is.Change.Fields)) {
		value, had := was.Change.Fields[name]
		if had && event.HashValue(value) == event.HashValue(is.Change.Fields[name]) {
			continue
		}
		if p.result.Fields == nil {
			p.result.Fields = map[string]int{}
		}
		p.result.Fields[name]++
		other = true
	}
	if other || len(is.Change.Items) > len(was.Change.Items) {
		p.result.Changed++
		p.changed = append(p.changed, c)
		if len(p.result.Keys) < mostNamed {
			p.result.Keys = append(p.result.Keys, c.Key)
		}
	}
	return nil
}

// widerScope looks for tickets that are in scope under the version and were not.
func (n *Node) widerScope(ctx context.Context, p *publication) error {
	if p.before.Scope.Version() == p.rules.Scope.Version() {
		return nil
	}
	listed, cut, err := n.list(ctx, n.configured().Connections[p.link.record.Name].Query, mostListed)
	if err != nil {
		return err
	}
	count, example := 0, ""
	for _, c := range listed {
		is, err := n.path.InScope(ctx, p.link.flow, p.rules, c.Ref)
		if err != nil {
			return tryFailed("run the scope on "+c.Key, err)
		}
		if !is {
			continue
		}
		was, err := n.path.InScope(ctx, p.link.flow, p.before, c.Ref)
		if err != nil {
			return tryFailed("run the scope in force on "+c.Key, err)
		}
		if !was {
			count, example = count+1, c.Key
		}
	}
	if count > 0 {
		p.result.Wider = append(p.result.Wider, fmt.Sprintf("the scope takes in %d of %d tickets looked at that it left out, %s for one", count, len(listed), example))
	} else if cut {
		p.result.Wider = append(p.result.Wider, fmt.Sprintf("the scope is another one, and not all tickets were looked at; of %d it takes in no more", len(listed)))
	}
	return nil
}
