package zendeskdouble

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (d *Double) user(a *Account) map[string]any {
	u := map[string]any{
		"id": a.ID, "url": "https://example.zendesk.com/api/v2/users/" + strconv.FormatInt(a.ID, 10) + ".json",
		"name": a.Name, "email": a.Email, "role": a.Role, "active": true, "suspended": false, "verified": true,
		"created_at": "2018-11-23T16:05:13Z", "updated_at": "2018-11-23T16:05:14Z", "time_zone": "Osaka", "iana_time_zone": "Asia/Tokyo",
		"ticket_restriction": nil, "restricted_agent": a.Restriction != "", "only_private_comments": false, "phone": nil, "tags": []any{},
	}
	if a.Restriction != "" {
		u["ticket_restriction"] = a.Restriction
	}
	return u
}

func (d *Double) me(c *call) {
	if c.me == nil {
		c.answer(http.StatusOK, map[string]any{"user": map[string]any{
			"id": nil, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user", "verified": false, "authenticity_token": "x",
		}})
		return
	}
	c.answer(http.StatusOK, map[string]any{"user": d.user(c.me)})
}

func (d *Double) showUsers(c *call) {
	out := []any{}
	for part := range strings.SplitSeq(c.r.URL.Query().Get("ids"), ",") {
		id, _ := strconv.ParseInt(part, 10, 64)
		if a := d.account(id); a != nil {
			out = append(out, d.user(a))
		}
	}
	c.answer(http.StatusOK, map[string]any{"users": out, "next_page": nil, "previous_page": nil, "count": len(out)})
}

// searchUsers finds parts of names and addresses, as the search does.
func (d *Double) searchUsers(c *call) {
	query := strings.ToLower(strings.Trim(c.r.URL.Query().Get("query"), `"`))
	out := []any{}
	for n := range d.opt.Accounts {
		a := &d.opt.Accounts[n]
		if strings.Contains(strings.ToLower(a.Name), query) || strings.Contains(strings.ToLower(a.Email), query) {
			out = append(out, d.user(a))
		}
	}
	c.answer(http.StatusOK, map[string]any{"users": out, "next_page": nil, "previous_page": nil, "count": len(out)})
}

func (d *Double) settings(c *call) {
	c.answer(http.StatusOK, map[string]any{"settings": map[string]any{
		"limits":  map[string]any{"attachment_size": 52428800},
		"tickets": map[string]any{"private_attachments": true, "tagging": true, "comments_public_by_default": true, "markdown_ticket_comments": false},
		"api":     map[string]any{"accepted_api_agreement": true, "api_token_access": "true"},
	}})
}

// choice is one of a field: its name and its tag.
type choice struct{ name, tag string }

// field is a custom one.
type field struct {
	id      int64
	kind    string
	title   string
	choices []choice
	tag     string
	off     bool
}

// customFields are those of this account.
func customFields() []field {
	return []field{
		{id: 360011737601, kind: "text", title: "Remote key"},
		{id: 360011737602, kind: "textarea", title: "Details"},
		{id: 360011737603, kind: "tagger", title: "Severity", choices: []choice{{"Minor", "sev_minor"}, {"Major", "sev_major"}, {"Critical", "sev_critical"}}},
		{id: 360011737604, kind: "multiselect", title: "Systems", choices: []choice{{"API", "sys_api"}, {"Database", "sys_db"}, {"Web::Shop", "sys_web_shop"}}},
		{id: 360011737605, kind: "checkbox", title: "Escalated", tag: "is_escalated"},
		{id: 360011737606, kind: "integer", title: "Count"},
		{id: 360011737607, kind: "decimal", title: "Cost"},
		{id: 360011737608, kind: "date", title: "Needed by"},
		{id: 360011737609, kind: "regexp", title: "Order number"},
		{id: 360011737610, kind: "tagger", title: "Severity", choices: []choice{{"Low", "other_low"}}},
		{id: 360011737611, kind: "lookup", title: "Asset"},
		{id: 360011737612, kind: "tagger", title: "Retired", off: true, choices: []choice{{"Old", "retired_old"}}},
	}
}

func fieldBy(id int64) *field {
	all := customFields()
	n := slices.IndexFunc(all, func(f field) bool { return f.id == id })
	if n < 0 {
		return nil
	}
	return &all[n]
}

type customStatus struct {
	id       int64
	label    string
	category string
	inactive bool
}

func customStatuses() []customStatus {
	return []customStatus{
		{id: 8001, label: "New", category: "new"},
		{id: 8002, label: "Open", category: "open"},
		{id: 8003, label: "Pending", category: "pending"},
		{id: 8004, label: "On-hold", category: "hold"},
		{id: 8005, label: "Solved", category: "solved"},
		{id: 8006, label: "Waiting for parts", category: "pending"},
		{id: 8007, label: "Given up", category: "solved", inactive: true},
	}
}

func defaultStatus(category string) int64 {
	for _, s := range customStatuses() {
		if s.category == category {
			return s.id
		}
	}
	return 0
}

func statusByID(id int64) *customStatus {
	all := customStatuses()
	n := slices.IndexFunc(all, func(s customStatus) bool { return s.id == id })
	if n < 0 {
		return nil
	}
	return &all[n]
}

func systemField(id int64, kind, title string, options ...string) map[string]any {
	f := map[string]any{
		"url": "https://example.zendesk.com/api/v2/ticket_fields/" + strconv.FormatInt(id, 10) + ".json",
		"id":  id, "type": kind, "title": title, "raw_title": title, "description": "", "position": 0, "active": true, "required": false,
		"regexp_for_validation": nil, "tag": nil, "removable": false, "agent_description": nil,
		"created_at": "2018-11-23T16:05:12Z", "updated_at": "2018-11-24T10:54:05Z",
	}
	if len(options) > 0 {
		list := []any{}
		for n := 0; n+1 < len(options); n += 2 {
			list = append(list, map[string]any{"name": options[n], "value": options[n+1]})
		}
		f["system_field_options"], f["sub_type_id"] = list, 0
	}
	return f
}

func (d *Double) listFields(c *call) {
	all := []map[string]any{
		systemField(360011737434, "subject", "Subject"),
		systemField(360011737454, "description", "Description"),
		systemField(360011737474, "status", "Status", "Open", "open", "Pending", "pending", "On-hold", "hold", "Solved", "solved"),
		systemField(360011737494, "tickettype", "Type", "Question", "question", "Incident", "incident", "Problem", "problem", "Task", "task"),
		systemField(360011737514, "priority", "Priority", "Low", "low", "Normal", "normal", "High", "high", "Urgent", "urgent"),
		systemField(360011737534, "group", "Group"),
		systemField(360011737554, "assignee", "Assignee"),
	}
	if d.opt.CustomStatuses {
		f := systemField(360011737574, "custom_status", "Ticket status")
		list := []any{}
		for _, s := range customStatuses() {
			list = append(list, map[string]any{
				"id": s.id, "agent_label": s.label, "end_user_label": s.label, "status_category": s.category, "active": !s.inactive,
				"default": s.id == defaultStatus(s.category),
			})
		}
		f["custom_statuses"] = list
		all = append(all, f)
	}
	for _, x := range customFields() {
		f := systemField(x.id, x.kind, x.title)
		f["removable"], f["active"] = true, !x.off
		if x.tag != "" {
			f["tag"] = x.tag
		}
		if len(x.choices) > 0 {
			list := []any{}
			for n, o := range x.choices {
				list = append(list, map[string]any{"id": x.id*100 + int64(n), "name": o.name, "raw_name": o.name, "value": o.tag, "default": false})
			}
			f["custom_field_options"] = list
		}
		all = append(all, f)
	}
	page(c, "ticket_fields", all, func(f map[string]any) string { return ordinal(f["id"].(int64)) }, func(f map[string]any) map[string]any { return f })
}

type thing struct {
	id   int64
	name string
}

func brands() []thing { return []thing{{360002256672, "Acme"}, {360002256673, "Acme Shop"}} }

func groups() []thing { return []thing{{360004077472, "Support"}, {360004077473, "Field service"}} }

func has(all []thing, id int64) bool {
	return slices.ContainsFunc(all, func(t thing) bool { return t.id == id })
}

func showThing(t thing) map[string]any {
	return map[string]any{"id": t.id, "name": t.name, "created_at": "2019-08-06T02:43:39Z", "updated_at": "2019-08-06T02:43:40Z"}
}

func (d *Double) listBrands(c *call) {
	page(c, "brands", brands(), func(t thing) string { return ordinal(t.id) }, func(t thing) map[string]any {
		out := showThing(t)
		out["active"], out["default"], out["subdomain"] = true, t.id == brands()[0].id, "example"
		return out
	})
}

func (d *Double) listGroups(c *call) {
	page(c, "groups", groups(), func(t thing) string { return ordinal(t.id) }, showThing)
}
