package jiradouble

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// field is one that issues have.
type field struct {
	id, name, kind, items, custom string
	allowed                       []string
	required, screen              bool
	child                         map[string][]string
}

const customTypes = "com.atlassian.jira.plugin.system.customfieldtypes:"

func typeNames() []string { return []string{"Task", "Bug", "Epic", "Sub-task"} }

func catalogue() []field {
	return []field{
		{id: "summary", name: "Summary", kind: "string", required: true, screen: true},
		{id: "description", name: "Description", kind: "string", screen: true},
		{id: "issuetype", name: "Issue Type", kind: "issuetype", allowed: typeNames(), required: true, screen: true},
		{id: "project", name: "Project", kind: "project", required: true, screen: true},
		{id: "status", name: "Status", kind: "status"},
		{id: "resolution", name: "Resolution", kind: "resolution"},
		{id: "priority", name: "Priority", kind: "priority", allowed: []string{"High", "Medium", "Low"}, screen: true},
		{id: "assignee", name: "Assignee", kind: "user", screen: true},
		{id: "reporter", name: "Reporter", kind: "user", screen: true},
		{id: "creator", name: "Creator", kind: "user"},
		{id: "created", name: "Created", kind: "datetime"},
		{id: "updated", name: "Updated", kind: "datetime"},
		{id: "duedate", name: "Due date", kind: "date", screen: true},
		{id: "labels", name: "Labels", kind: "array", items: "string", screen: true},
		{id: "components", name: "Components", kind: "array", items: "component", allowed: []string{"Backend", "Frontend"}, screen: true},
		{id: "fixVersions", name: "Fix versions", kind: "array", items: "version", allowed: []string{"1.0", "2.0"}, screen: true},
		{id: "timetracking", name: "Time tracking", kind: "timetracking", screen: true},
		{id: "timeoriginalestimate", name: "Original estimate", kind: "number"},
		{id: "timespent", name: "Time Spent", kind: "number"},
		{id: "attachment", name: "Attachment", kind: "array", items: "attachment"},
		{id: "issuelinks", name: "Linked Issues", kind: "array", items: "issuelinks"},
		{id: "votes", name: "Votes", kind: "votes"},
		{id: "customfield_10010", name: "Remote key", kind: "string", custom: customTypes + "textfield", screen: true},
		{id: "customfield_10011", name: "Severity", kind: "option", custom: customTypes + "select", allowed: []string{"minor", "major", "critical"}, screen: true},
		{id: "customfield_10012", name: "Affected systems", kind: "array", items: "option", custom: customTypes + "multicheckboxes", allowed: []string{"api", "db", "web"}, screen: true},
		{id: "customfield_10013", name: "Cost", kind: "number", custom: customTypes + "float", screen: true},
		{id: "customfield_10014", name: "Needed by", kind: "date", custom: customTypes + "datepicker", screen: true},
		{id: "customfield_10015", name: "Starts", kind: "datetime", custom: customTypes + "datetime", screen: true},
		{id: "customfield_10016", name: "Reviewer", kind: "user", custom: customTypes + "userpicker", screen: true},
		{id: "customfield_10017", name: "Details", kind: "string", custom: customTypes + "textarea", screen: true},
		{
			id: "customfield_10018", name: "Area", kind: "option-with-child", custom: customTypes + "cascadingselect",
			allowed: []string{"EU", "US"}, child: map[string][]string{"EU": {"Paris", "Rome"}, "US": {"Austin"}}, screen: true,
		},
		{id: "customfield_10019", name: "Tags", kind: "array", items: "string", custom: customTypes + "labels", screen: true},
		{id: "customfield_10020", name: "Rank", kind: "any", custom: "com.pyxis.greenhopper.jira:gh-lexo-rank"},
	}
}

func (f *field) schema() map[string]any {
	s := map[string]any{"type": f.kind}
	if f.items != "" {
		s["items"] = f.items
	}
	if f.custom == "" {
		s["system"] = f.id
		return s
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(f.id, "customfield_"))
	s["custom"], s["customId"] = f.custom, n
	return s
}

// spell is how an option of the field is named in JSON.
func (f *field) spell() string {
	if f.kind == "option" || f.kind == "option-with-child" || f.items == "option" {
		return "value"
	}
	return "name"
}

func (f *field) option(name string) (map[string]any, error) {
	n := slices.Index(f.allowed, name)
	if n < 0 {
		return nil, fmt.Errorf("Option '%s' is not valid", name) //nolint:staticcheck // Jira's words
	}
	return map[string]any{"id": strconv.Itoa(100 + n), f.spell(): name}, nil
}

var datePattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// value checks what is written to a field and makes what is read of it.
func (d *Double) value(f *field, v any) (any, error) {
	if v == nil {
		if f.required {
			return nil, fmt.Errorf("%s is required", f.name)
		}
		if f.kind == "array" {
			return []any{}, nil
		}
		return nil, nil
	}
	switch f.kind {
	case "string":
		return d.text(f, v)
	case "number":
		if _, ok := v.(float64); !ok {
			return nil, fmt.Errorf("Operation value must be a number") //nolint:staticcheck // Jira's words
		}
		return v, nil
	case "date":
		if s, ok := v.(string); !ok || !datePattern.MatchString(s) {
			return nil, fmt.Errorf("Operation value must be a string in the format yyyy-MM-dd") //nolint:staticcheck // Jira's words
		}
		return v, nil
	case "datetime":
		s, _ := v.(string)
		at, err := time.Parse("2006-01-02T15:04:05.000-0700", s)
		if err != nil {
			return nil, fmt.Errorf("Error parsing date string: %s", s) //nolint:staticcheck // Jira's words
		}
		return d.time(at), nil
	case "user":
		return d.person(v)
	case "array":
		return d.list(f, v)
	}
	return d.choice(f, v)
}

func (d *Double) choice(f *field, v any) (any, error) {
	m, _ := v.(map[string]any)
	name, _ := m[f.spell()].(string)
	out, err := f.option(name)
	if err != nil || f.kind != "option-with-child" {
		return out, err
	}
	if c, ok := m["child"].(map[string]any); ok {
		child, _ := c["value"].(string)
		if !slices.Contains(f.child[name], child) {
			return nil, fmt.Errorf("Option '%s' is not valid", child) //nolint:staticcheck // Jira's words
		}
		out["child"] = map[string]any{"id": "900", "value": child}
	}
	return out, nil
}

func (d *Double) list(f *field, v any) (any, error) {
	all, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("data was not an array")
	}
	out := []any{}
	for _, x := range all {
		if f.items == "string" {
			s, ok := x.(string)
			if !ok || strings.ContainsAny(s, " ") {
				return nil, fmt.Errorf("The label '%v' contains spaces which is invalid.", x) //nolint:staticcheck,revive // Jira's words
			}
			out = append(out, s)
			continue
		}
		m, _ := x.(map[string]any)
		name, _ := m[f.spell()].(string)
		o, err := f.option(name)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

func (d *Double) person(v any) (any, error) {
	m, _ := v.(map[string]any)
	key := "name"
	if d.opt.Cloud {
		key = "accountId"
	}
	id, _ := m[key].(string)
	if a := d.accountBy(id); a != nil {
		return d.user(a), nil
	}
	return nil, fmt.Errorf("The user does not exist.") //nolint:staticcheck,revive // Jira's words
}

func (d *Double) text(f *field, v any) (any, error) {
	rich := f.id == "description" || strings.HasSuffix(f.custom, ":textarea")
	if rich && d.opt.Cloud {
		return v, isDocument(v)
	}
	s, ok := v.(string)
	switch {
	case !ok:
		return nil, fmt.Errorf("Operation value must be a string") //nolint:staticcheck // Jira's words
	case f.id == "summary" && utf8.RuneCountInString(s) > 255:
		return nil, fmt.Errorf("Summary can't exceed 255 characters.") //nolint:staticcheck,revive // Jira's words
	case f.id == "summary" && strings.ContainsAny(s, "\r\n"):
		return nil, fmt.Errorf("The summary is invalid because it contains newline characters.") //nolint:staticcheck,revive // Jira's words
	case s == "":
		return nil, nil
	}
	return s, nil
}

func isDocument(v any) error {
	m, _ := v.(map[string]any)
	_, list := m["content"].([]any)
	if m["type"] != "doc" || m["version"] != float64(1) || !list {
		return fmt.Errorf("Operation value must be an Atlassian Document (see the Atlassian Document Format)") //nolint:staticcheck // Jira's words
	}
	return nil
}
