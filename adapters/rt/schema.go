package rt

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// queueFields are the custom fields of one queue's tickets, by name.
type queueFields struct {
	id, name string
	fields   map[string]fieldDef
}

// fieldDef is what is known of a custom field; known is false where the
// account may not read the definition and nobody declared a type.
type fieldDef struct {
	id      text
	kind    event.Type
	options []string
	known   bool
}

const (
	// maxSubject is what a subject surely keeps, in characters of three bytes at
	// most: RT cuts silently after 200 bytes.
	maxSubject = 66
	maxQueues  = 2000
)

// Schema implements adapters.Tracker. RT does not tell which rights an account
// has: what is writable is what RT lets a person with the rights write.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	known, err := t.queueInfo(ctx, "read the schema", true)
	if err != nil {
		return event.Schema{}, err
	}
	s := event.Schema{
		Fields:   t.standardFields(),
		Comments: true, Internal: true, Attachments: true,
	}
	for _, q := range known {
		s.Projects = append(s.Projects, q.name)
		for name, def := range q.fields {
			field := t.fieldName(name)
			if field == "" {
				continue
			}
			s.Fields[field] = mergeField(s.Fields[field], def)
		}
	}
	slices.Sort(s.Projects)
	queue := s.Fields[event.FieldProject]
	queue.Options = s.Projects
	s.Fields[event.FieldProject] = queue
	return s, nil
}

func (t *Tracker) standardFields() map[string]event.Field {
	readOnly := map[string]event.Type{
		event.FieldKey: event.TypeText, event.FieldURL: event.TypeText, event.FieldCreator: event.TypeUser,
		event.FieldCreated: event.TypeTime, event.FieldUpdated: event.TypeTime, event.FieldSpent: event.TypeDuration,
		event.FieldChildren: event.TypeRefs,
	}
	fields := map[string]event.Field{
		event.FieldProject:     {Type: event.TypeOption, Writable: true, Required: len(t.set.queues) != 1},
		event.FieldSummary:     {Type: event.TypeText, Writable: true, MaxLength: maxSubject},
		event.FieldDescription: {Type: event.TypeRich, Writable: true},
		// REST 2 tells no life cycles: these are what RT's own have.
		event.FieldStatus:   {Type: event.TypeOption, Writable: true, Closed: []string{"resolved", "rejected", "deleted"}},
		event.FieldPriority: {Type: event.TypeNumber, Writable: true},
		event.FieldAssignee: {Type: event.TypeUser, Writable: true},
		event.FieldReporter: {Type: event.TypeUser, Writable: true},
		event.FieldDue:      {Type: event.TypeTime, Writable: true},
		event.FieldEstimate: {Type: event.TypeDuration, Writable: true},
		event.FieldParent:   {Type: event.TypeRef, Writable: true},
		event.FieldLinks:    {Type: event.TypeLinks, Writable: true, Options: relations()},
	}
	if len(t.set.priorities) > 0 {
		fields[event.FieldPriority] = event.Field{Type: event.TypeOption, Writable: true, Options: t.priorityNames()}
	}
	for name, kind := range readOnly {
		fields[name] = event.Field{Type: kind}
	}
	return fields
}

// mergeField joins what two queues say of a field.
func mergeField(f event.Field, def fieldDef) event.Field {
	if f.Type == "" {
		return event.Field{Type: def.kind, Writable: true, Options: def.options}
	}
	for _, o := range def.options {
		if !slices.Contains(f.Options, o) {
			f.Options = append(f.Options, o)
		}
	}
	return f
}

// fieldName is a custom field's name in a ticket; "" for our own marker.
func (t *Tracker) fieldName(custom string) string {
	switch custom {
	case t.set.markerField:
		return ""
	case t.set.labelsField:
		return event.FieldLabels
	}
	return event.CustomPrefix + custom
}

// queues are the queues to work with, each once visible to the account.
func (t *Tracker) queues(ctx context.Context, op string) ([]object, error) {
	var seen []object
	for number := 1; ; number++ {
		query := map[string][]string{"fields": {"Name"}, "page": {itoa(number)}}
		found, err := list[object](ctx, t, op, "queues/all", nil, query)
		if err != nil {
			return nil, err
		}
		for _, q := range found.Items {
			if q != nil && q.Name != "" {
				seen = append(seen, *q)
			}
		}
		if found.last() || len(found.Items) == 0 || number*pageSize >= maxQueues {
			break
		}
	}
	if len(seen) == 0 {
		return nil, failed(adapters.ErrDenied, op, "the account sees no queue", "grant it SeeQueue and ShowTicket on the queues to work with")
	}
	if len(t.set.queues) == 0 {
		return seen, nil
	}
	var ours []object
	for _, name := range t.set.queues {
		i := slices.IndexFunc(seen, func(q object) bool { return string(q.Name) == name })
		if i < 0 {
			return nil, failed(adapters.ErrConfiguration, op, "the account sees no queue named "+name,
				"check the name in the setting queues, and that the account has SeeQueue on it")
		}
		ours = append(ours, seen[i])
	}
	return ours, nil
}

// queueInfo is the custom fields of every queue to work with.
func (t *Tracker) queueInfo(ctx context.Context, op string, again bool) (map[string]queueFields, error) {
	t.mu.Lock()
	known, fresh := t.fields, !again && len(t.fields) > 0 && time.Since(t.fieldsAt) < knowledge
	t.mu.Unlock()
	if fresh {
		return known, nil
	}
	ours, err := t.queues(ctx, op)
	if err != nil {
		return nil, err
	}
	out, defs := map[string]queueFields{}, map[text]fieldDef{}
	for _, q := range ours {
		var body queueBody
		if _, err := t.get(ctx, op, "queue/{id}", []string{string(q.ID)}, nil, &body); err != nil {
			return nil, err
		}
		if body.Name == "" || body.TicketCustomField == nil {
			return nil, failed(adapters.ErrConfiguration, op, "", "what answers is JSON and no queue of Request Tracker: check the address")
		}
		info := queueFields{id: string(q.ID), name: string(body.Name), fields: map[string]fieldDef{}}
		for _, f := range body.TicketCustomField {
			def, ok := defs[f.ID]
			if !ok {
				if def, err = t.definition(ctx, op, string(f.ID), string(f.Name)); err != nil {
					return nil, err
				}
				defs[f.ID] = def
			}
			if def.kind != "" {
				info.fields[string(f.Name)] = def
			}
		}
		out[info.id] = info
	}
	t.mu.Lock()
	t.fields, t.fieldsAt = out, time.Now()
	t.mu.Unlock()
	return maps.Clone(out), nil
}

// definition is what a custom field is: as declared, else as RT says, else
// text. RT shows definitions only to who may administer custom fields.
func (t *Tracker) definition(ctx context.Context, op, id, name string) (fieldDef, error) {
	var body struct {
		lower
		Type      text
		MaxValues text
		Values    []optionName
	}
	_, err := t.get(ctx, op, "customfield/{id}", []string{id}, nil, &body)
	if err != nil && !errors.Is(err, adapters.ErrDenied) {
		return fieldDef{}, err
	}
	if err == nil && body.Type == "" {
		return fieldDef{}, failed(adapters.ErrConfiguration, op, "", "what answers is JSON and no custom field of Request Tracker: check the address")
	}
	var def fieldDef
	if err == nil {
		def = fieldDef{kind: kindOf(string(body.Type), body.MaxValues != "1"), known: true}
		for _, v := range body.Values {
			def.options = append(def.options, string(v))
		}
	} else {
		def.kind = event.TypeText
	}
	if name == t.set.labelsField {
		def.kind, def.known = event.TypeSet, true
	}
	def.id = text(id)
	if declared, ok := t.set.types[name]; ok {
		def.kind, def.known = declared, true
	}
	return def, nil
}

// kindOf is "" for fields that hold files.
func kindOf(rt string, many bool) event.Type {
	one, several := event.TypeText, event.TypeSet
	switch rt {
	case "Image", "Binary":
		return ""
	case "Select":
		one, several = event.TypeOption, event.TypeOptions
	case "Date":
		return event.TypeDate
	case "DateTime":
		return event.TypeTime
	case "Text", "Wikitext", "HTML":
		return event.TypeText
	}
	if many {
		return several
	}
	return one
}

// definitionOf is what is known of a field in a queue.
func definitionOf(known map[string]queueFields, queue, name string) (fieldDef, bool) {
	def, ok := known[queue].fields[name]
	return def, ok
}
