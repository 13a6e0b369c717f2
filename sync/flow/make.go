package flow

import (
	"context"
	"slices"

	"parley/adapters"
	"parley/sync/event"
)

// needed is what the incoming filter wants made and a write names, in the ticket's
// project. What is not written is not made.
func needed(all []event.Making, write, have event.Fields) []event.Making {
	project, _ := write[event.FieldProject].(string)
	if project == "" {
		project, _ = have[event.FieldProject].(string)
	}
	var out []event.Making
	for _, m := range all {
		for name, value := range write {
			list, _ := value.([]any)
			if slices.Contains(list, any(m.Name)) && (name == event.FieldComponents) == (m.Kind == event.MakeComponents) {
				m.Project = project
				out = append(out, m)
				break
			}
		}
	}
	return out
}

// makeFirst makes what a step's fields name. It is one at a time: two tickets that name
// the same for the first time would both not find it. A step that is done again finds it.
func (p *Path) makeFirst(ctx context.Context, step event.Step) error {
	if len(step.Make) == 0 {
		return nil
	}
	maker, able := p.Tracker.(adapters.Maker)
	if !able {
		return &adapters.Error{Class: adapters.ErrRejected, Op: "make " + step.Make[0].Kind + " for a ticket"}
	}
	select {
	case p.making <- struct{}{}:
		defer func() { <-p.making }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, m := range step.Make {
		if err := maker.Make(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
