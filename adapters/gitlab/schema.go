package gitlab

import (
	"context"

	"parley/sync/event"
)

// Schema implements adapters.Tracker.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	p, err := t.check(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	writes := !p.Archived && p.level() >= levelGuest
	sets := !p.Archived && p.level() >= levelPlanner
	milestones, err := t.dir.milestones(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	m := event.Field{Type: event.TypeOption, Writable: sets && len(milestones) > 0}
	for _, one := range milestones {
		m.Options = append(m.Options, one.Title)
	}
	return event.Schema{
		Fields: map[string]event.Field{
			event.FieldKey: {Type: event.TypeText}, event.FieldURL: {Type: event.TypeText},
			event.FieldCreated: {Type: event.TypeTime}, event.FieldUpdated: {Type: event.TypeTime},
			event.FieldReporter: {Type: event.TypeUser}, event.FieldLinks: {Type: event.TypeLinks, Options: relations(), Writable: sets},
			event.FieldParent:   {Type: event.TypeRef, Writable: sets},
			event.FieldEstimate: {Type: event.TypeDuration}, event.FieldSpent: {Type: event.TypeDuration},
			event.FieldProject:     {Type: event.TypeOption, Options: []string{p.Path}},
			event.FieldSummary:     {Type: event.TypeText, Writable: writes, Required: true, MaxLength: maxTitle},
			event.FieldDescription: {Type: event.TypeRich, Writable: writes},
			event.FieldStatus: {
				Type: event.TypeOption, Writable: sets, Options: []string{stateOpen, stateClosed}, Closed: []string{stateClosed},
			},
			event.FieldType:     {Type: event.TypeOption, Writable: sets, Options: kinds()},
			event.FieldLabels:   {Type: event.TypeSet, Writable: sets},
			event.FieldAssignee: {Type: event.TypeUser, Writable: sets},
			event.FieldDue:      {Type: event.TypeDate, Writable: sets},
			fieldMilestone:      m,
			fieldConfidential:   {Type: event.TypeBool, Writable: sets},
		},
		Projects: []string{p.Path}, Types: kinds(),
		Comments: writes, EditComments: writes, Internal: sets, Attachments: writes,
	}, nil
}
