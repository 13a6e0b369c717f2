package redmine

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// fieldsOf turns an issue into fields. An empty one is nil; a custom field that
// the issue's tracker does not have is not there.
func (t *Tracker) fieldsOf(ctx context.Context, i *issue, description string) (event.Fields, error) {
	p, err := t.dir.projectByID(ctx, i.Project.ID)
	if err != nil {
		return nil, err
	}
	f := event.Fields{
		event.FieldKey:         i.id(),
		event.FieldURL:         webURL(t.web, i.ID),
		event.FieldProject:     p.Identifier,
		event.FieldType:        i.Tracker.Name,
		event.FieldSummary:     defuse.MeantFormula(i.Subject),
		event.FieldDescription: emptyNil(t.set.toMarkdown(description)),
		event.FieldStatus:      i.Status.Name,
		event.FieldPriority:    i.Priority.Name,
		event.FieldAssignee:    userValue(i.AssignedTo),
		event.FieldReporter:    userValue(&i.Author),
		event.FieldCreator:     userValue(&i.Author),
		event.FieldCreated:     i.CreatedOn.UTC().Format(time.RFC3339),
		event.FieldUpdated:     i.UpdatedOn.UTC().Format(time.RFC3339),
		event.FieldDue:         emptyNil(i.DueDate),
		event.FieldComponents:  oneSet(i.Category),
		event.FieldFixVersions: oneSet(i.FixedVersion),
		event.FieldEstimate:    seconds(i.EstimatedHours),
		event.FieldSpent:       seconds(i.SpentHours),
		event.FieldParent:      nil,
	}
	if i.Parent != nil {
		id := strconv.FormatInt(i.Parent.ID, 10)
		f[event.FieldParent] = map[string]any{"id": id, "key": id}
	}
	for _, c := range i.CustomFields {
		if c.Name == t.set.markerField {
			continue
		}
		_, def, ok := t.dir.fieldByID(c.ID)
		if !ok {
			continue // learned with the issue: cannot be
		}
		v, err := t.customValue(ctx, def, c.Value)
		if err != nil {
			return nil, err
		}
		f[event.CustomPrefix+c.Name] = v
	}
	return f, nil
}

func emptyNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func userOf(n named) event.User { return event.User{ID: strconv.FormatInt(n.ID, 10), Name: n.Name} }

func userValue(n *named) any {
	if n == nil {
		return nil
	}
	return userOf(*n).Value()
}

func oneSet(n *named) any {
	if n == nil {
		return nil
	}
	return []any{n.Name}
}

func seconds(hours *float64) any {
	if hours == nil {
		return nil
	}
	return *hours * 3600
}

// customValue reads a custom field's value: Redmine writes all of them as
// strings.
func (t *Tracker) customValue(ctx context.Context, def field, raw any) (any, error) {
	switch def.kind {
	case event.TypeOptions, event.TypeSet:
		all := stringsOf(raw)
		slices.Sort(all)
		return listOrNil(all), nil
	case event.TypeUsers:
		var all []any
		for _, id := range stringsOf(raw) {
			u, err := t.userByID(ctx, id)
			if err != nil {
				return nil, err
			}
			all = append(all, u)
		}
		if len(all) == 0 {
			return nil, nil
		}
		return all, nil
	}
	s := strings.Join(stringsOf(raw), ", ")
	if s == "" {
		return nil, nil
	}
	switch def.kind {
	case event.TypeNumber:
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return n, nil
		}
		return nil, nil
	case event.TypeBool:
		return s == "1", nil
	case event.TypeUser:
		return t.userByID(ctx, s)
	case event.TypeRich:
		return emptyNil(t.set.toMarkdown(s)), nil
	case event.TypeText:
		s = defuse.MeantFormula(lines(s))
	}
	return emptyNil(lines(s)), nil
}

func stringsOf(raw any) []string {
	switch raw := raw.(type) {
	case string:
		if raw != "" {
			return []string{raw}
		}
	case []any:
		var all []string
		for _, v := range raw {
			all = append(all, stringsOf(v)...)
		}
		return all
	case float64:
		return []string{strconv.FormatFloat(raw, 'f', -1, 64)}
	}
	return nil
}

func listOrNil(all []string) any {
	if len(all) == 0 {
		return nil
	}
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = s
	}
	return out
}

// userByID names the person behind an id in a custom field.
func (t *Tracker) userByID(ctx context.Context, id string) (any, error) {
	n, notNumber := strconv.ParseInt(id, 10, 64)
	if notNumber != nil {
		return event.User{ID: id, Name: id}.Value(), nil //nolint:nilerr // what is no number names nobody
	}
	members, err := t.dir.everybody(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.ID == n {
			return userOf(m).Value(), nil
		}
	}
	return event.User{ID: id, Name: id}.Value(), nil
}
