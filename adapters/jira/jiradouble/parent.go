package jiradouble

import (
	"errors"
	"strconv"
)

// level is where a type of issue stands: an epic above the others, a sub-task below.
func level(kind string) int {
	switch kind {
	case "Epic":
		return 1
	case "Sub-task":
		return -1
	}
	return 0
}

func (i *issue) kind() string {
	m, _ := i.fields["issuetype"].(map[string]any)
	name, _ := m["name"].(string)
	return name
}

// onScreen tells whether a type's screen has the parent: in a Data Center that of sub-tasks,
// in the Cloud all but that of epics.
func (d *Double) parentOnScreen(kind string) bool {
	return level(kind) < 0 || d.opt.Cloud && level(kind) == 0
}

// adopt puts an issue below another one; nil takes it out. In a Data Center a parent is
// given when a sub-task is made, and stays. mu is held.
func (d *Double) adopt(c *call, i *issue, v any) error {
	m, _ := v.(map[string]any)
	id, _ := m["id"].(string)
	if key, ok := m["key"].(string); ok && id == "" {
		id = key
	}
	above := d.find(c, id)
	switch {
	case i.id != 0 && !d.opt.Cloud, !d.parentOnScreen(i.kind()):
		return errors.New("Field 'parent' cannot be set. It is not on the appropriate screen, or unknown.") //nolint:staticcheck,revive // Jira's words
	case above == nil:
		return errors.New("Could not find issue by id or key.") //nolint:staticcheck,revive // Jira's words
	case above == i || level(above.kind()) != level(i.kind())+1:
		return errors.New("Given parent issue does not belong to appropriate hierarchy.") //nolint:staticcheck,revive // Jira's words
	}
	d.record(c, i, []any{map[string]any{
		"field": "IssueParentAssociation", "fieldtype": "jira", "from": i.parentID(), "to": strconv.FormatInt(above.id, 10), "toString": above.key,
	}})
	i.parent = above
	return nil
}

// orphan takes the parent away, which the Cloud alone does, by an operation of its own.
func (d *Double) orphan(c *call, i *issue) error {
	if !d.opt.Cloud || level(i.kind()) < 0 {
		return errors.New("Issue type is a sub-task but parent issue key or id not specified.") //nolint:staticcheck,revive // Jira's words
	}
	d.record(c, i, []any{map[string]any{"field": "IssueParentAssociation", "fieldtype": "jira", "from": i.parentID(), "to": nil}})
	i.parent = nil
	return nil
}

func (i *issue) parentID() any {
	if i.parent == nil {
		return nil
	}
	return strconv.FormatInt(i.parent.id, 10)
}

// shortly is an issue as others name it.
func (d *Double) shortly(i *issue) map[string]any {
	id := strconv.FormatInt(i.id, 10)
	return map[string]any{
		"id": id, "key": i.key, "self": d.self("issue/" + id),
		"fields": map[string]any{"summary": i.fields["summary"], "status": i.fields["status"], "issuetype": i.fields["issuetype"]},
	}
}

// subtasks are the sub-tasks below an issue; what is below an epic is none.
func (d *Double) subtasks(above *issue) []any {
	out := []any{}
	for _, i := range d.issues {
		if i.parent == above && level(i.kind()) < 0 {
			out = append(out, d.shortly(i))
		}
	}
	return out
}
