package github

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// What GitHub has beside the standard fields.
const (
	fieldMilestone = event.CustomPrefix + "Milestone"
	fieldAssignees = event.CustomPrefix + "Assignees"
)

// isOurs: an organisation's field of this name is not reachable.
func isOurs(name string) bool { return name == fieldMilestone || name == fieldAssignees }

// fieldsOf reads the fields of an issue.
func (t *Tracker) fieldsOf(ctx context.Context, i *issue, description string) (event.Fields, error) {
	out := event.Fields{
		event.FieldKey: i.key(), event.FieldURL: emptyNil(i.web()), event.FieldProject: t.api.owner + "/" + t.api.repo,
		event.FieldSummary: emptyNil(titleOf(*i.Title)), event.FieldDescription: emptyNil(description),
		event.FieldStatus: i.State, event.FieldResolution: emptyNil(i.reason()),
		event.FieldReporter: i.User.value(), event.FieldLabels: setOf(i.labelNames()), event.FieldAssignee: nil,
		event.FieldParent:  t.parentOf(i),
		event.FieldCreated: i.Created.UTC().Format(time.RFC3339), event.FieldUpdated: i.Updated.UTC().Format(time.RFC3339),
		event.FieldType: nil, fieldMilestone: nil, fieldAssignees: nil,
	}
	if i.Type != nil {
		out[event.FieldType] = emptyNil(i.Type.Name)
	}
	if i.Milestone != nil {
		out[fieldMilestone] = emptyNil(i.Milestone.Title)
	}
	if all := i.logins(); len(all) > 0 {
		out[event.FieldAssignee] = event.User{ID: all[0], Name: all[0]}.Value()
		out[fieldAssignees] = usersOf(all)
	}
	defs, err := t.dir.fields(ctx)
	if err != nil {
		return nil, err
	}
	for n := range defs {
		name := event.CustomPrefix + defs[n].Name
		if defs[n].kindOf() == "" || isOurs(name) {
			continue
		}
		out[name] = nil
		for _, v := range i.Values {
			if v.FieldID == defs[n].ID {
				out[name] = v.value(&defs[n])
			}
		}
	}
	return out, nil
}

// value is a field's value as its type has it; nil if it cannot be read so.
func (v *fieldValue) value(def *fieldDef) any {
	switch def.kindOf() {
	case event.TypeOption:
		if v.Single != nil {
			return emptyNil(v.Single.Name)
		}
		return nil
	case event.TypeOptions:
		var all []string
		for _, o := range v.Multi {
			all = append(all, o.Name)
		}
		return setOf(all)
	case event.TypeNumber:
		var n *float64
		if json.Unmarshal(v.Value, &n) != nil || n == nil {
			return nil
		}
		return *n
	case event.TypeText, event.TypeDate:
		var s string
		if json.Unmarshal(v.Value, &s) != nil {
			return nil
		}
		if def.kindOf() == event.TypeDate && len(s) > len(time.DateOnly) {
			s = s[:len(time.DateOnly)]
		}
		return emptyNil(titleOf(s))
	}
	return nil
}

// titleOf is a text of one line as it was meant.
func titleOf(s string) string { return defuse.MeantFormula(lines(s)) }

// key is what people write: #12.
func (i *issue) key() string { return "#" + i.id() }

// web is the address that people open; "" unless it is one.
func (i *issue) web() string {
	u, err := url.Parse(i.Web)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return u.String()
}

// parentOf is the issue above: by number if it is in this repository.
func (t *Tracker) parentOf(i *issue) any {
	repository, number, ok := strings.Cut(i.Parent, "/issues/")
	if !ok || !isID(number) {
		return nil
	}
	if t.here(repository) {
		return map[string]any{"id": number, "key": "#" + number}
	}
	_, name, ok := strings.Cut(repository, "/repos/")
	if !ok {
		return nil
	}
	return map[string]any{"id": name + "#" + number, "key": name + "#" + number}
}

func usersOf(logins []string) any {
	var out []any
	for _, login := range slices.SortedFunc(slices.Values(logins), cmp.Compare) {
		out = append(out, event.User{ID: login, Name: login}.Value())
	}
	return out
}

func setOf(all []string) any {
	if len(all) == 0 {
		return nil
	}
	var out []any
	for _, s := range slices.Compact(slices.Sorted(slices.Values(all))) {
		out = append(out, s)
	}
	return out
}
