package servicenow

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"parley/sync/event"
)

// definition is a field: its column, its name here, and how its values read.
type definition struct {
	element
	title string
	kind  event.Type
	// zoned are texts in HTML.
	html bool
}

// writable tells whether ServiceNow's metadata let the field be written. What rights
// say of single fields cannot be asked.
func (d *definition) writable() bool {
	switch d.title {
	case event.FieldKey, event.FieldCreated, event.FieldUpdated, event.FieldCreator:
		return false
	}
	return !d.readOnly
}

// standard is the name of a column that other trackers have too.
func (s *settings) standard(column string, all map[string]element) string {
	switch column {
	case "short_description":
		return event.FieldSummary
	case "description":
		return event.FieldDescription
	case "state":
		return event.FieldStatus
	case "close_code":
		return event.FieldResolution
	case "priority":
		return event.FieldPriority
	case "assigned_to":
		return event.FieldAssignee
	case "opened_by":
		return event.FieldCreator
	case "due_date":
		return event.FieldDue
	case "caller_id":
		return event.FieldReporter
	case "parent_incident":
		return event.FieldParent
	case "parent":
		if _, ok := all["parent_incident"]; !ok {
			return event.FieldParent
		}
	}
	return ""
}

// hiddenColumns carry nothing that people enter, or what is read elsewhere.
func hiddenColumns(name string) bool {
	switch name {
	case "number", "comments", "work_notes", "comments_and_work_notes", "correlation_id", "correlation_display",
		"incident_state", "problem_state", "approval_history", "approval_set", "wf_activity", "user_input", "upon_approval",
		"upon_reject", "rejection_goto", "route_reason", "task_effective_number", "universal_request", "variables",
		"delivery_plan", "delivery_task", "activity_due", "sn_esign_document", "sn_esign_esignature_configuration":
		return true
	}
	return strings.HasPrefix(name, "sys_") || strings.HasPrefix(name, "a_")
}

// kindOf is the type of a column's values; "" where there is none for them.
func kindOf(e element) event.Type {
	switch {
	case e.name == "due_date":
		return event.TypeDate
	case e.choices && e.kind != "reference" && e.kind != "glide_list":
		return event.TypeOption
	}
	switch e.kind {
	case "string", "translated_text", "string_full_utf8":
		if e.length > 255 {
			return event.TypeRich
		}
		return event.TypeText
	case "html", "translated_html":
		return event.TypeRich
	case "url", "email", "ph_number", "phone_number_e164", "ip_addr":
		return event.TypeText
	case "choice":
		return event.TypeOption
	case "integer", "longint", "decimal", "float", "percent_complete", "numeric":
		return event.TypeNumber
	case "boolean":
		return event.TypeBool
	case "glide_date_time":
		return event.TypeTime
	case "glide_date":
		return event.TypeDate
	case "glide_duration", "timer":
		return event.TypeDuration
	case "glide_list":
		if e.reference == "sys_user" {
			return event.TypeUsers
		}
	case "reference":
		if e.reference == "sys_user" {
			return event.TypeUser
		}
		if e.reference != "" {
			return event.TypeOption
		}
	}
	return ""
}

// fields are all columns of the table that have a type here, by their names.
func (d *directory) fields(ctx context.Context) ([]definition, error) {
	all, err := d.elements(ctx, d.set.table)
	if err != nil {
		return nil, err
	}
	return d.set.definitions(all), nil
}

func (s *settings) definitions(all map[string]element) []definition {
	var out []definition
	for _, e := range all {
		def := definition{element: e, title: s.standard(e.name, all), kind: kindOf(e), html: strings.HasSuffix(e.kind, "html")}
		switch {
		case def.kind == "" || hiddenColumns(e.name):
			continue
		case def.title == event.FieldParent:
			def.kind = event.TypeRef
		case def.title == event.FieldDescription && def.kind == event.TypeText:
			def.kind = event.TypeRich
		case def.title == event.FieldPriority && s.calculated:
			def.readOnly = true
		case def.title == "":
			def.title = event.CustomPrefix + orDefault(e.label, e.name)
		}
		out = append(out, def)
	}
	// Labels need not be unique: the column of the table that is extended the most, then
	// the first by name, keeps it.
	slices.SortFunc(out, func(a, b definition) int {
		return cmp.Or(cmp.Compare(b.depth, a.depth), cmp.Compare(a.name, b.name))
	})
	seen := map[string]bool{}
	for i := range out {
		if seen[out[i].title] {
			out[i].title += " (" + out[i].name + ")"
		}
		seen[out[i].title] = true
	}
	return out
}

// byName is a field by its name here; nil if there is none.
func (d *directory) byName(ctx context.Context, name string) (*definition, error) {
	all, err := d.fields(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].title == name {
			return &all[i], nil
		}
	}
	return nil, nil
}
