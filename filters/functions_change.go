package filters

import (
	"slices"

	"parley/sync/event"
)

func changeFunctions() []*function {
	name := []any{func(string) bool { return false }}
	list := []any{func(string) []any { return nil }}
	collection := map[int]literalCheck{0: collectionLiteral}
	return []*function{
		{name: "sent", only: onlyIn(incoming), types: name, literals: map[int]literalCheck{0: sentLiteral}, call: func(r *run, a []any) (any, error) {
			return r.sent(a[0].(string)), nil
		}},
		{name: "changed", types: []any{func(...string) bool { return false }}, rest: changedLiteral, call: changed},
		{name: "added", types: list, literals: collection, call: delta(added)},
		{name: "removed", types: list, literals: collection, call: delta(removed)},
		{name: "edited", types: list, literals: collection, call: delta(edited)},
	}
}

// wireField takes the name of a field of the replica.
func wireField(r *resolver, name string) (string, *Problem) {
	if name == collectionComments || name == collectionAttachments {
		return name, nil
	}
	if _, ok := r.replica.typeOf(name, false); ok {
		return name, nil
	}
	if custom, ok := cutCustom(name); ok {
		return event.CustomPrefix + custom, nil
	}
	near := nearest(name, r.replica.standardNames())
	return "", &Problem{Code: CodeUnknownField, Message: "replica has no field " + name + `; a custom one is written "fields.Name"`, Nearest: near}
}

// sentLiteral frees the field that sent asks about from having to be sent.
func sentLiteral(r *resolver, name string) (any, *Problem) {
	key, problem := wireField(r, name)
	if problem != nil {
		return nil, problem
	}
	r.exempt = append(r.exempt, key)
	return key, nil
}

// changedLiteral checks that there is something to compare: in an outgoing
// filter the lines above must set the field.
func changedLiteral(r *resolver, name string) (any, *Problem) {
	key, problem := wireField(r, name)
	if problem != nil {
		return nil, problem
	}
	if r.kind == scope {
		return nil, &Problem{Code: CodeOffHere, Message: "changed is for filters"}
	}
	if r.kind == outgoing && !r.assigned[key] {
		return nil, &Problem{Code: CodeUnknownField, Message: "changed compares what the lines above set; none sets " + name}
	}
	r.remembers = true
	r.depends = append(r.depends, onlyIncoming(r.kind, key)...)
	return key, nil
}

// onlyIncoming is key where the replica is read.
func onlyIncoming(kind direction, key string) []string {
	if kind == incoming {
		return []string{key}
	}
	return nil
}

// changed tells whether a field of the replica differs from the last one.
func changed(r *run, a []any) (any, error) {
	for _, one := range a {
		differs, err := r.differs(one.(string))
		if err != nil || differs {
			return differs, err
		}
	}
	return false, nil
}

func (r *run) differs(key string) (bool, error) {
	if !r.sent(key) {
		return false, nil
	}
	switch key {
	case collectionComments, collectionAttachments:
		for _, find := range []func(have, had []any) []any{added, removed, edited} {
			list, err := r.delta(key, find)
			if err != nil || len(list) > 0 {
				return true, err
			}
		}
		return false, nil
	}
	v := r.replica.Fields[key]
	if r.previous == nil {
		return !blank(v), nil
	}
	equal, err := same(r, v, r.previous.Fields[key], 0)
	return !equal, err
}

func collectionLiteral(r *resolver, name string) (any, *Problem) {
	if r.kind == scope {
		return nil, &Problem{Code: CodeOffHere, Message: "a scope knows no previous"}
	}
	r.remembers = true
	key, problem := wireField(r, name)
	if problem != nil {
		return nil, problem
	}
	r.depends = append(r.depends, onlyIncoming(r.kind, key)...)
	if name == collectionComments || name == collectionAttachments {
		return key, nil
	}
	if t, _ := r.replica.typeOf(name, false); t != event.TypeSet && t != "" {
		return nil, &Problem{Code: CodeTarget, Message: name + " is no collection; changed(" + quoteName(name) + ") tells whether it differs"}
	}
	return key, nil
}

func delta(find func(have, had []any) []any) func(*run, []any) (any, error) {
	return func(r *run, a []any) (any, error) { return r.delta(a[0].(string), find) }
}

// delta compares a collection with its state in previous.
func (r *run) delta(key string, find func(have, had []any) []any) ([]any, error) {
	have, err := r.currently(key)
	if err != nil {
		return nil, err
	}
	var load func(*run) (any, error)
	switch key {
	case collectionComments:
		load = commentLoader("previous", key)
	case collectionAttachments:
		load = attachmentLoader("previous")
	default:
		load = fieldLoader("previous", key, event.TypeSet)
	}
	v, err := load(r)
	if err != nil {
		return nil, err
	}
	had, _ := v.([]any)
	if err := r.list(2 * (len(have) + len(had))); err != nil {
		return nil, err
	}
	return find(have, had), nil
}

// currently is the collection as it is: theirs in an incoming run, ours in an
// outgoing one.
func (r *run) currently(key string) ([]any, error) {
	side := "replica"
	if r.script.kind == outgoing {
		side = "issue"
	}
	var load func(*run) (any, error)
	switch key {
	case collectionComments:
		load = commentLoader(side, key)
	case collectionAttachments:
		load = attachmentLoader(side)
	default:
		load = fieldLoader(side, key, event.TypeSet)
	}
	v, err := load(r)
	list, _ := v.([]any)
	return list, err
}

func byKey(list []any) map[any]any {
	out := make(map[any]any, len(list))
	for _, one := range list {
		if key, ok := hashable(one); ok {
			out[key] = one
		}
	}
	return out
}

func added(have, had []any) []any { return missingFrom(had, have) }

func removed(have, had []any) []any { return missingFrom(have, had) }

// missingFrom are the entries of list that are not in other.
func missingFrom(other, list []any) []any {
	known := byKey(other)
	out := []any{}
	for _, one := range list {
		key, ok := hashable(one)
		if _, there := known[key]; ok && !there {
			out = append(out, one)
		}
	}
	return out
}

// edited are the entries that were there under the same id and differ.
func edited(have, had []any) []any {
	known := byKey(had)
	return slices.DeleteFunc(slices.Clone(have), func(one any) bool {
		key, ok := hashable(one)
		before, there := known[key].(*item)
		after, isItem := one.(*item)
		return !ok || !there || !isItem || after.sameContent(before)
	})
}

func (i *item) sameContent(other *item) bool {
	if i.comment != nil && other.comment != nil {
		return i.comment.Body == other.comment.Body && i.comment.Internal == other.comment.Internal
	}
	if i.attachment != nil && other.attachment != nil {
		a, b := i.attachment, other.attachment
		return a.Name == b.Name && a.Size == b.Size && a.SHA256 == b.SHA256
	}
	return false
}
