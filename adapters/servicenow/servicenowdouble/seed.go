package servicenowdouble

import (
	"fmt"
	"slices"
	"strconv"
)

// taskColumns are those of every ticket, incidentColumns those of incidents.
func (d *Double) taskColumns() []column {
	user := func(name, label string) column {
		return column{name: name, label: label, kind: "reference", reference: "sys_user"}
	}
	at := func(name, label string) column { return column{name: name, label: label, kind: "glide_date_time"} }
	list := func(name, label, of string) column {
		return column{name: name, label: label, kind: "glide_list", reference: of}
	}
	return []column{
		{name: "number", label: "Number", kind: "string", length: 40, readOnly: true, display: true},
		{name: "short_description", label: "Short description", kind: "string", length: 160, mandatory: true},
		{name: "description", label: "Description", kind: "string", length: d.opt.Description},
		{name: "state", label: "State", kind: "integer", choice: true},
		{name: "active", label: "Active", kind: "boolean", readOnly: true},
		{name: "priority", label: "Priority", kind: "integer", choice: true},
		{name: "impact", label: "Impact", kind: "integer", choice: true},
		{name: "urgency", label: "Urgency", kind: "integer", choice: true},
		{name: "escalation", label: "Escalation", kind: "integer", choice: true, readOnly: true},
		{name: "assignment_group", label: "Assignment group", kind: "reference", reference: "sys_user_group"},
		user("assigned_to", "Assigned to"), user("opened_by", "Opened by"), user("closed_by", "Closed by"),
		at("opened_at", "Opened"), at("closed_at", "Closed"), at("due_date", "Due date"), at("activity_due", "Activity due"),
		at("expected_start", "Expected start"), at("follow_up", "Follow up"), at("sla_due", "SLA due"),
		at("work_start", "Actual start"), at("work_end", "Actual end"),
		{name: "close_notes", label: "Close notes", kind: "string", length: 4000},
		{name: "comments", label: "Additional comments", kind: "journal_input"},
		{name: "work_notes", label: "Work notes", kind: "journal_input"},
		{name: "comments_and_work_notes", label: "Comments and Work notes", kind: "journal_list"},
		{name: "correlation_id", label: "Correlation ID", kind: "string", length: 100},
		{name: "correlation_display", label: "Correlation display", kind: "string", length: 100},
		{name: "contact_type", label: "Contact type", kind: "string", length: 40, choice: true},
		{name: "parent", label: "Parent", kind: "reference", reference: "task"},
		{name: "time_worked", label: "Time worked", kind: "timer"},
		{name: "business_duration", label: "Business duration", kind: "glide_duration", readOnly: true},
		{name: "calendar_duration", label: "Duration", kind: "glide_duration", readOnly: true},
		{name: "made_sla", label: "Made SLA", kind: "boolean", readOnly: true},
		{name: "knowledge", label: "Knowledge", kind: "boolean"},
		{name: "reassignment_count", label: "Reassignment count", kind: "integer", readOnly: true},
		{name: "order", label: "Order", kind: "integer"},
		{name: "approval", label: "Approval", kind: "string", length: 40, choice: true, readOnly: true},
		{name: "approval_history", label: "Approval history", kind: "journal"},
		at("approval_set", "Approval set"),
		{name: "upon_approval", label: "Upon approval", kind: "string", length: 40},
		{name: "upon_reject", label: "Upon reject", kind: "string", length: 40},
		{name: "user_input", label: "User input", kind: "user_input"},
		{name: "delivery_plan", label: "Delivery plan", kind: "reference", reference: "sc_cat_item_delivery_plan"},
		{name: "delivery_task", label: "Delivery task", kind: "reference", reference: "sc_cat_item_delivery_task"},
		{name: "company", label: "Company", kind: "reference", reference: "core_company"},
		{name: "location", label: "Location", kind: "reference", reference: "cmn_location"},
		{name: "cmdb_ci", label: "Configuration item", kind: "reference", reference: "cmdb_ci"},
		{name: "business_service", label: "Business service", kind: "reference", reference: "cmdb_ci_service"},
		list("watch_list", "Watch list", "sys_user"), list("work_notes_list", "Work notes list", "sys_user"),
		list("additional_assignee_list", "Additional assignee list", "sys_user"), list("group_list", "Group list", "sys_user_group"),
		{name: "sys_class_name", label: "Task type", kind: "sys_class_name", readOnly: true, length: 80},
		{name: "sys_domain", label: "Domain", kind: "domain_id", readOnly: true},
		{name: "sys_domain_path", label: "Domain Path", kind: "domain_path", readOnly: true},
		{name: "sys_tags", label: "Tags", kind: "related_tags", readOnly: true},
	}
}

func incidentColumns() []column {
	user := func(name, label string) column {
		return column{name: name, label: label, kind: "reference", reference: "sys_user"}
	}
	return []column{
		user("caller_id", "Caller"), user("resolved_by", "Resolved by"), user("reopened_by", "Last reopened by"),
		{name: "category", label: "Category", kind: "string", length: 40, choice: true},
		{name: "subcategory", label: "Subcategory", kind: "string", length: 40},
		{name: "close_code", label: "Resolution code", kind: "string", length: 40, choice: true},
		{name: "hold_reason", label: "On hold reason", kind: "integer", choice: true},
		{name: "incident_state", label: "Incident state", kind: "integer", choice: true},
		{name: "severity", label: "Severity", kind: "integer", choice: true},
		{name: "notify", label: "Notify", kind: "integer", choice: true},
		{name: "parent_incident", label: "Parent Incident", kind: "reference", reference: "incident"},
		{name: "problem_id", label: "Problem", kind: "reference", reference: "problem"},
		{name: "rfc", label: "Change Request", kind: "reference", reference: "change_request"},
		{name: "caused_by", label: "Caused by Change", kind: "reference", reference: "change_request"},
		{name: "child_incidents", label: "Child Incidents", kind: "integer", readOnly: true},
		{name: "reopen_count", label: "Reopen count", kind: "integer", readOnly: true},
		{name: "resolved_at", label: "Resolved", kind: "glide_date_time", readOnly: true},
		{name: "reopened_time", label: "Last reopened at", kind: "glide_date_time", readOnly: true},
		{name: "business_stc", label: "Business resolve time", kind: "integer", readOnly: true},
		{name: "calendar_stc", label: "Resolve time", kind: "integer", readOnly: true},
		// What this customer added.
		{name: "u_remote_key", label: "Remote key", kind: "string", length: 100},
		{name: "u_cost", label: "Cost", kind: "decimal"},
		{name: "u_starts", label: "Starts", kind: "glide_date_time"},
		{name: "u_needed_by", label: "Needed by", kind: "glide_date"},
		{name: "u_vip", label: "VIP", kind: "boolean"},
		{name: "u_details", label: "Details", kind: "html", length: 65000},
		{name: "u_reviewer", label: "Reviewer", kind: "reference", reference: "sys_user"},
		{name: "u_severity", label: "Customer severity", kind: "choice", choice: true, length: 40},
	}
}

func (d *Double) seed() {
	task, incident := d.taskColumns(), incidentColumns()
	for i := range task {
		task[i].of = "task"
		if task[i].name == "state" {
			task[i].attributes = "default_work_state=2,close_states=3;4,list_layout=1"
		}
	}
	d.table("incident", append(slices.Clone(task), incident...)...)
	d.table("task", d.taskColumns()...)
	d.table("problem", task...)
	if d.opt.Archive {
		d.table("ar_incident", append(task, incident...)...)
	}
	d.table("sys_user", append(texts("user_name", "email", "time_zone"), column{name: "name", label: "Name", kind: "string", length: 100, display: true},
		column{name: "active", label: "Active", kind: "boolean"})...)
	d.table("sys_user_group", column{name: "name", label: "Name", kind: "string", length: 80, display: true})
	d.table("sys_journal_field", texts("element_id", "element", "value", "name")...)
	d.table("sys_attachment", texts("table_name", "table_sys_id", "file_name", "content_type", "size_bytes", "size_compressed", "compressed",
		"hash", "average_image_color", "image_width", "image_height", "sys_tags", "state", "chunk_size_bytes")...)
	d.table("sys_audit", texts("tablename", "documentkey", "fieldname", "oldvalue", "newvalue", "user", "record_checkpoint")...)
	d.table("sys_audit_delete", texts("tablename", "documentkey", "display_value")...)
	d.table("sys_dictionary", texts("name", "element", "column_label", "internal_type", "reference", "max_length", "choice", "read_only",
		"mandatory", "display", "default_value", "attributes", "active")...)
	d.table("sys_dictionary_override", texts("name", "element", "attributes", "attributes_override", "read_only", "read_only_override",
		"mandatory", "mandatory_override", "default_value", "default_value_override")...)
	d.put("sys_dictionary_override", "system", map[string]string{
		"name": "problem", "element": "state", "attributes": "close_states=4", "attributes_override": "true",
	})
	d.put("sys_dictionary_override", "system", map[string]string{
		"name": "problem", "element": "urgency", "read_only": "true", "read_only_override": "true",
	})
	d.table("sys_db_object", append(texts("name", "label"), column{name: "super_class", kind: "reference", reference: "sys_db_object"})...)
	d.table("sys_choice", append(texts("name", "element", "value", "label", "inactive", "language"), column{name: "sequence", kind: "integer"})...)
	d.table("sys_properties", texts("name", "value")...)
	d.put("sys_properties", "system", map[string]string{"name": "com.glide.attachment.max_size", "value": "10"})
	d.seedDictionary()
	d.seedChoices()
	for _, a := range d.opt.Accounts {
		d.put("sys_user", "admin", map[string]string{"user_name": a.Login, "name": a.Name, "email": a.Email, "active": "true"})
	}
	for _, name := range []string{"Service Desk", "Network", "Database"} {
		d.put("sys_user_group", "admin", map[string]string{"name": name})
	}
}

func (d *Double) seedDictionary() {
	objects := map[string]string{}
	for _, name := range []string{"task", "incident", "problem", "sys_user", "sys_user_group"} {
		super := ""
		if prefix(name) != "" {
			super = objects["task"]
		}
		objects[name] = d.put("sys_db_object", "system", map[string]string{"name": name, "super_class": super}).data["sys_id"]
		for _, c := range d.tables[name].columns {
			if c.of != "" {
				continue
			}
			row := map[string]string{
				"name": name, "element": c.name, "column_label": c.label, "internal_type": c.kind, "reference": c.reference,
				"max_length": strconv.Itoa(c.length), "choice": map[bool]string{true: "3", false: "0"}[c.choice], "active": "true",
				"read_only": fmt.Sprint(c.readOnly), "mandatory": fmt.Sprint(c.mandatory), "display": fmt.Sprint(c.display),
				"attributes": c.attributes,
			}
			d.put("sys_dictionary", "system", row)
		}
		// The table itself has a row without a column.
		d.put("sys_dictionary", "system", map[string]string{"name": name, "internal_type": "collection", "active": "true"})
	}
}

// prefix is what the numbers of a table of tickets begin with.
func prefix(table string) string {
	return map[string]string{"incident": "INC", "problem": "PRB"}[table]
}

func (d *Double) seedChoices() {
	add := func(table, element string, pairs ...string) {
		for n := 0; n < len(pairs); n += 2 {
			d.put("sys_choice", "system", map[string]string{
				"name": table, "element": element, "value": pairs[n], "label": pairs[n+1], "language": "en", "inactive": "false", "sequence": strconv.Itoa(n),
			})
			d.put("sys_choice", "system", map[string]string{
				"name": table, "element": element, "value": pairs[n], "label": "de: " + pairs[n+1], "language": "de", "inactive": "false",
			})
		}
	}
	levels := []string{"1", "1 - High", "2", "2 - Medium", "3", "3 - Low"}
	add("task", "state", "-5", "Pending", "1", "Open", "2", "Work in Progress", "3", "Closed Complete", "4", "Closed Incomplete")
	add("incident", "state", "1", "New", "2", "In Progress", "3", "On Hold", "6", "Resolved", "7", "Closed", "8", "Canceled")
	add("incident", "incident_state", "1", "New", "2", "In Progress", "3", "On Hold", "6", "Resolved", "7", "Closed", "8", "Canceled")
	add("task", "priority", "1", "1 - Critical", "2", "2 - High", "3", "3 - Moderate", "4", "4 - Low", "5", "5 - Planning")
	add("task", "impact", levels...)
	add("task", "urgency", levels...)
	add("incident", "severity", levels...)
	add("task", "escalation", "0", "Normal", "1", "Moderate", "2", "High", "3", "Overdue")
	add("task", "approval", "not requested", "Not Yet Requested", "approved", "Approved")
	add("incident", "notify", "1", "Do Not Notify", "2", "Send Email")
	add("incident", "category", "inquiry", "Inquiry / Help", "software", "Software", "hardware", "Hardware", "network", "Network")
	add("task", "contact_type", "email", "Email", "phone", "Phone", "self-service", "Self-service")
	add("incident", "hold_reason", "1", "Awaiting Caller", "3", "Awaiting Problem", "4", "Awaiting Vendor")
	add("incident", "close_code", "Solution provided", "Solution provided", "Workaround provided", "Workaround provided",
		"Resolved by caller", "Resolved by caller")
	add("incident", "u_severity", "sev1", "Major", "sev2", "Minor")
	d.put("sys_choice", "system", map[string]string{
		"name": "incident", "element": "category", "value": "old", "label": "Old category", "language": "en", "inactive": "true",
	})
}
