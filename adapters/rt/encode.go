package rt

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

// encode makes RT's record of fields. The description is not in it: RT takes
// one with a create only, and cannot change it later. Nor are links.
func (t *Tracker) encode(ctx context.Context, op string, queue queueFields, fields event.Fields) (map[string]any, error) {
	record := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		if custom, ok := t.customName(name); ok {
			def, ok := queue.fields[custom]
			if !ok {
				// RT would say nothing of it on create.
				return nil, failed(adapters.ErrRejected, op, fmt.Sprintf("queue %s has no custom field %q", queue.name, custom), "")
			}
			encoded, err := encodeCustom(def, value)
			if err != nil {
				return nil, failed(adapters.ErrRejected, op, fmt.Sprintf("%s: %v", name, err), "")
			}
			customFields(record)[custom] = encoded
			continue
		}
		if err := t.encodeStandard(ctx, op, name, value, record); err != nil {
			return nil, err
		}
	}
	return record, nil
}

func customFields(record map[string]any) map[string]any {
	fields, ok := record["CustomFields"].(map[string]any)
	if !ok {
		fields = map[string]any{}
		record["CustomFields"] = fields
	}
	return fields
}

// customName is the custom field that a field stands in.
func (t *Tracker) customName(field string) (string, bool) {
	if field == event.FieldLabels && t.set.labelsField != "" {
		return t.set.labelsField, true
	}
	return strings.CutPrefix(field, event.CustomPrefix)
}

func (t *Tracker) encodeStandard(ctx context.Context, op, name string, value any, record map[string]any) error {
	var err error
	switch name {
	case event.FieldDescription, event.FieldLinks:
	case event.FieldProject:
		record["Queue"], err = needText(value)
	case event.FieldSummary:
		var s string
		if s, err = needText(value); err == nil {
			record["Subject"] = defuse.Line(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " "))
		}
	case event.FieldStatus:
		record["Status"], err = needText(value)
	case event.FieldPriority:
		record["Priority"], err = t.encodePriority(value)
	case event.FieldDue:
		record["Due"], err = encodeTime(value)
	case event.FieldEstimate:
		record["TimeEstimated"], err = encodeMinutes(value)
	case event.FieldParent:
		record["MemberOf"], err = encodeParent(value)
	case event.FieldAssignee:
		if value == nil {
			record["Owner"] = nobody
			return nil
		}
		record["Owner"], err = t.encodeUser(ctx, op, value, false)
		return err
	case event.FieldReporter:
		if value == nil {
			record["Requestor"] = []string{}
			return nil
		}
		who, err := t.encodeUser(ctx, op, value, t.set.createRequestors)
		record["Requestor"] = []string{who}
		return err
	default:
		return failed(adapters.ErrRejected, op, fmt.Sprintf("RT has no field %q that can be written", name), "")
	}
	if err != nil {
		return failed(adapters.ErrRejected, op, fmt.Sprintf("%s: %v", name, err), "")
	}
	return nil
}

func needText(value any) (string, error) {
	s, ok := value.(string)
	if !ok || strings.TrimSpace(s) == "" {
		return "", fmt.Errorf("needs a text that is not empty, got %T", value)
	}
	return s, nil
}

func (t *Tracker) encodePriority(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "0", nil
	case float64:
		return strconv.Itoa(int(v)), nil
	case string:
		for _, p := range t.set.priorities {
			if p.name == v {
				return strconv.Itoa(p.from), nil
			}
		}
	}
	return "", fmt.Errorf("no such priority; the setting priorities names %v", t.priorityNames())
}

// encodeTime writes a time; "" is RT's word for none.
func encodeTime(value any) (string, error) {
	if value == nil {
		return "", nil
	}
	s, _ := value.(string)
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return "", fmt.Errorf("needs a time, got %T", value)
	}
	return sqlTime(at), nil
}

func encodeMinutes(value any) (string, error) {
	if value == nil {
		return "0", nil
	}
	seconds, ok := value.(float64)
	if !ok || seconds < 0 || seconds > 1e10 {
		return "", fmt.Errorf("needs seconds, got %T", value)
	}
	return strconv.Itoa(int(math.Round(seconds / 60))), nil
}

func encodeParent(value any) ([]string, error) {
	if value == nil {
		return []string{}, nil
	}
	ref, _ := value.(map[string]any)
	id, _ := ref["id"].(string)
	if number64(text(id)) == 0 {
		return nil, fmt.Errorf("needs a ticket of this RT")
	}
	return []string{id}, nil
}

// encodeUser is the login of a person, or, where allowed, the address of one
// that RT does not know: as a requestor that makes a user of it.
func (t *Tracker) encodeUser(ctx context.Context, op string, value any, create bool) (string, error) {
	var queries []string
	email := ""
	switch v := value.(type) {
	case string:
		queries = []string{v}
		if strings.Contains(v, "@") {
			email = v
		}
	case map[string]any:
		id, _ := v["id"].(string)
		email, _ = v["email"].(string)
		queries = []string{id, email}
	}
	for _, q := range queries {
		if q == "" {
			continue
		}
		found, err := t.FindUser(ctx, q)
		if err != nil {
			return "", err
		}
		if len(found) == 1 {
			return found[0].ID, nil
		}
	}
	if create && email != "" {
		return email, nil
	}
	return "", failed(adapters.ErrRejected, op, fmt.Sprintf("RT knows no user for %v", queries),
		"map people in the filter, or set create_requestors for reporters")
}

func encodeCustom(def fieldDef, value any) (any, error) {
	many := def.kind == event.TypeSet || def.kind == event.TypeOptions
	if value == nil {
		if many {
			return []string{}, nil
		}
		// "" would make a date of 1970 and an option without a name.
		return nil, nil
	}
	if many {
		return encodeMany(value)
	}
	switch v := value.(type) {
	case float64:
		if def.kind == event.TypeNumber || def.kind == event.TypeText {
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		}
	case string:
		switch {
		case v == "":
			return nil, nil
		case def.kind == event.TypeTime:
			return encodeTime(v)
		case def.kind == event.TypeDate:
			if _, err := time.Parse(time.DateOnly, v); err != nil {
				return nil, fmt.Errorf("needs a date")
			}
		case def.kind == event.TypeText:
			return defuse.Line(newlines(v)), nil
		}
		return newlines(v), nil
	}
	return nil, fmt.Errorf("needs %s, got %T", def.kind, value)
}

func encodeMany(value any) ([]string, error) {
	entries, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("needs a list, got %T", value)
	}
	out := []string{}
	for _, e := range entries {
		s, ok := e.(string)
		if !ok {
			return nil, fmt.Errorf("needs a list of texts, got %T in it", e)
		}
		out = append(out, s)
	}
	return out, nil
}
