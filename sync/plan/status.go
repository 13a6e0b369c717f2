package plan

import (
	"maps"
	"slices"

	"parley/sync/event"
)

// MostHops is how many moves a status is walked to where the tracker's workflow
// allows no direct one.
const MostHops = 5

// MovesStatus tells a step that does nothing but move a ticket's status, with the
// resolution that trackers want in the same request.
func MovesStatus(s event.Step) bool {
	if _, ok := s.Fields[event.FieldStatus]; !ok || s.Kind != event.StepUpdate || s.Comment != nil {
		return false
	}
	for name := range s.Fields {
		if !withStatus(name) {
			return false
		}
	}
	return true
}

func withStatus(field string) bool {
	return field == event.FieldStatus || field == event.FieldResolution
}

// StatusLast puts the status behind all other steps, as a step of its own if
// apart is set or something else follows the fields. A workflow may forbid what
// comes after, and a comment may move a ticket by itself. Where nothing follows,
// status and fields stay together: a transition may demand them.
func (p *Plan) StatusLast(apart bool) {
	i := slices.IndexFunc(p.Steps, func(s Step) bool {
		_, ok := s.Write.Fields[event.FieldStatus]
		return ok
	})
	if i < 0 || MovesStatus(p.Steps[i].Write) && i == len(p.Steps)-1 || !apart && i == len(p.Steps)-1 {
		return
	}
	step := &p.Steps[i]
	fields, status := maps.Clone(step.Write.Fields), event.Fields{}
	for name, value := range step.Write.Fields {
		if withStatus(name) {
			status[name] = value
			delete(fields, name)
		}
	}
	move := Step{State: Planned, Write: event.Step{Kind: event.StepUpdate, Ref: step.Write.Ref, Fields: status}}
	if step.Write.Fields = fields; len(fields) == 0 && step.Write.Kind == event.StepUpdate {
		p.Remove(i)
	}
	p.Steps = append(p.Steps, move)
}

// Hop tells whether step i moves the status on the way to where a later step
// brings it.
func (p *Plan) Hop(i int) bool {
	return MovesStatus(p.Steps[i].Write) && slices.ContainsFunc(p.Steps[i+1:], func(s Step) bool { return MovesStatus(s.Write) })
}

// Toward is what a status is moved to next on the way that is prescribed: from one that
// is not on it, to where it begins.
func (p *Plan) Toward(from, to string) string {
	way := append(slices.Clone(p.Via), to)
	return way[slices.Index(way[:len(way)-1], from)+1]
}

// Most is how many moves of the status there may be.
func (p *Plan) Most() int { return MostHops + len(p.Via) }

// Hops is how many moves of the status are done before step i.
func (p *Plan) Hops(i int) int {
	n := 0
	for _, s := range p.Steps[:i] {
		if s.State == Done && MovesStatus(s.Write) {
			n++
		}
	}
	return n
}

// StatusBefore is what the status is before step i, as far as the plan knows.
func (p *Plan) StatusBefore(i int) (any, bool) {
	for _, s := range slices.Backward(p.Steps[:i]) {
		if s.State == Done && MovesStatus(s.Write) {
			return s.Write.Fields[event.FieldStatus], true
		}
	}
	before, ok := p.Before[event.FieldStatus]
	return before, ok
}

// Passed tells whether a move of the status on the way made it so.
func (p *Plan) Passed(field string, value any) bool {
	return field == event.FieldStatus && slices.ContainsFunc(p.Steps, func(s Step) bool {
		return MovesStatus(s.Write) && s.State == Done && s.Write.Fields[event.FieldStatus] == value
	})
}

// Insert puts a step before step i.
func (p *Plan) Insert(i int, s Step) { p.Steps = slices.Insert(p.Steps, i, s) }

// Remove takes out step i, which did not happen.
func (p *Plan) Remove(i int) { p.Steps = slices.Delete(p.Steps, i, i+1) }

// Drop gives step i up: it did not happen and will not.
func (p *Plan) Drop(i int, why event.Code) { p.Steps[i].State, p.Steps[i].Why = Dropped, why }

// Why tells why a field was given up, "" if it was not.
func (p *Plan) Why(field string) event.Code {
	for _, s := range p.Steps {
		if _, ok := s.Write.Fields[field]; ok && s.State == Dropped {
			return s.Why
		}
	}
	return ""
}

// Route is the shortest way from one status to another over at most so many
// moves, to included; nil if there is none. Of two as short the one through
// statuses that moves names first.
func Route(moves map[string][]string, from, to string, most int) []string {
	if from == to || most < 1 {
		return nil
	}
	came := map[string]string{from: ""}
	edge := []string{from}
	for range most {
		var next []string
		for _, at := range edge {
			for _, status := range moves[at] {
				if _, seen := came[status]; seen {
					continue
				}
				came[status] = at
				next = append(next, status)
			}
		}
		if _, ok := came[to]; ok {
			return wayBack(came, to)
		}
		edge = next
	}
	return nil
}

func wayBack(came map[string]string, to string) []string {
	var way []string
	for at := to; came[at] != ""; at = came[at] {
		way = append(way, at)
	}
	slices.Reverse(way)
	return way
}
