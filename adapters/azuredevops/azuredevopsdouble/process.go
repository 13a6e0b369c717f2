package azuredevopsdouble

import (
	"net/http"
	"slices"
	"strings"
)

// field is one of the organisation's fields.
type field struct {
	ref, name, kind string
	readOnly        bool
	identity        bool
	suggested       bool
	// allowed are the values that the types take; numbers are told as texts.
	allowed []string
	// only limits the field to one type.
	only string
}

// fields are the fields of the process, with the odd ones of a real one: paths are said
// to be read-only, people are strings that are identities.
func fields() []field {
	return []field{
		{ref: "System.Id", name: "ID", kind: "integer", readOnly: true},
		{ref: "System.Rev", name: "Rev", kind: "integer", readOnly: true},
		{ref: "System.Title", name: "Title", kind: "string"},
		{ref: "System.State", name: "State", kind: "string"},
		{ref: "System.Reason", name: "Reason", kind: "string"},
		{ref: "System.WorkItemType", name: "Work Item Type", kind: "string"},
		{ref: "System.TeamProject", name: "Team Project", kind: "string"},
		{ref: "System.AreaPath", name: "Area Path", kind: "treePath", readOnly: true},
		{ref: "System.IterationPath", name: "Iteration Path", kind: "treePath", readOnly: true},
		{ref: "System.Tags", name: "Tags", kind: "plainText"},
		{ref: "System.AssignedTo", name: "Assigned To", kind: "string", identity: true},
		{ref: "System.CreatedBy", name: "Created By", kind: "string", identity: true},
		{ref: "System.ChangedBy", name: "Changed By", kind: "string", identity: true},
		{ref: "System.CreatedDate", name: "Created Date", kind: "dateTime", readOnly: true},
		{ref: "System.ChangedDate", name: "Changed Date", kind: "dateTime", readOnly: true},
		{ref: "System.CommentCount", name: "Comment Count", kind: "integer", readOnly: true},
		{ref: "System.Description", name: "Description", kind: "html"},
		{ref: "System.History", name: "History", kind: "history"},
		{ref: "Microsoft.VSTS.TCM.ReproSteps", name: "Repro Steps", kind: "html", only: "Bug"},
		{ref: "Microsoft.VSTS.Common.Priority", name: "Priority", kind: "integer", allowed: []string{"1", "2", "3", "4"}},
		{ref: "Microsoft.VSTS.Common.Severity", name: "Severity", kind: "string", allowed: []string{"1 - Critical", "2 - High", "3 - Medium", "4 - Low"}},
		{ref: "Microsoft.VSTS.Common.StateChangeDate", name: "State Change Date", kind: "dateTime"},
		{ref: "Microsoft.VSTS.Common.AcceptanceCriteria", name: "Acceptance Criteria", kind: "html"},
		{ref: "Microsoft.VSTS.Scheduling.RemainingWork", name: "Remaining Work", kind: "double"},
		{ref: "Microsoft.VSTS.Scheduling.OriginalEstimate", name: "Original Estimate", kind: "double"},
		{ref: "Microsoft.VSTS.Scheduling.CompletedWork", name: "Completed Work", kind: "double"},
		{ref: "Microsoft.VSTS.Scheduling.DueDate", name: "Due Date", kind: "dateTime"},
		{ref: "Microsoft.VSTS.Scheduling.StartDate", name: "Start Date", kind: "dateTime"},
		{ref: "Custom.RemoteKey", name: "Remote key", kind: "string"},
		{ref: "Custom.ParleyMarker", name: "Parley marker", kind: "string"},
		{ref: "Custom.Escalated", name: "Escalated", kind: "boolean"},
		{ref: "Custom.Approver", name: "Approver", kind: "identity", identity: true},
		{ref: "Custom.Seats", name: "Seats", kind: "integer"},
		{ref: "Custom.Mood", name: "Mood", kind: "string", suggested: true, allowed: []string{"sunny", "rainy"}},
		{ref: "Custom.Notes", name: "Notes", kind: "html"},
	}
}

func fieldOf(ref string) *field {
	all := fields()
	n := slices.IndexFunc(all, func(f field) bool { return strings.EqualFold(f.ref, ref) })
	if n < 0 {
		return nil
	}
	return &all[n]
}

func typeNames() []string { return []string{"Task", "Bug"} }

// transitions are those of both types; the first state follows none.
func transitions() map[string][]string {
	return map[string][]string{
		"": {"To Do"}, "To Do": {"To Do", "Doing"}, "Doing": {"Doing", "To Do", "Done"}, "Done": {"Done", "Doing"},
	}
}

func (d *Double) listFields(c *call) {
	var out []any
	for _, f := range fields() {
		out = append(out, map[string]any{
			"name": f.name, "referenceName": f.ref, "type": f.kind, "usage": "workItem", "readOnly": f.readOnly, "isIdentity": f.identity,
			"isPicklist": f.suggested, "isPicklistSuggested": f.suggested, "isQueryable": true, "canSortBy": true,
		})
	}
	c.list(out)
}

func (d *Double) listTypes(c *call) {
	var out []any
	for _, name := range typeNames() {
		moves := map[string]any{}
		for from, all := range transitions() {
			var to []any
			for _, s := range all {
				to = append(to, map[string]any{"to": s, "actions": nil})
			}
			moves[from] = to
		}
		out = append(out, map[string]any{"name": name, "referenceName": "Microsoft.VSTS.WorkItemTypes." + name, "isDisabled": false, "transitions": moves})
	}
	out = append(out, map[string]any{"name": "Retired", "referenceName": "Custom.Retired", "isDisabled": true, "transitions": map[string]any{}})
	c.list(out)
}

func (d *Double) typeFields(c *call) {
	kind := c.r.PathValue("type")
	var out []any
	for _, f := range fields() {
		if f.only != "" && f.only != kind {
			continue
		}
		allowed := []any{}
		for _, v := range f.allowed {
			allowed = append(allowed, v)
		}
		var def any
		if f.ref == "System.State" {
			def = "To Do"
		}
		out = append(out, map[string]any{
			"referenceName": f.ref, "name": f.name, "alwaysRequired": f.ref == "System.Title" || f.ref == "System.State",
			"allowedValues": allowed, "defaultValue": def, "dependentFields": []any{},
		})
	}
	if !slices.Contains(typeNames(), kind) {
		c.fail(http.StatusNotFound, "VS402323", "Work item type "+kind+" does not exist in project")
		return
	}
	c.list(out)
}

func (d *Double) typeStates(c *call) {
	var out []any
	for _, s := range [][2]string{{"To Do", "Proposed"}, {"Doing", "InProgress"}, {"Done", "Completed"}} {
		out = append(out, map[string]any{"name": s[0], "category": s[1], "color": "b2b2b2"})
	}
	c.list(out)
}
