package zendeskdouble

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// change puts the members of a request into a ticket and returns the audit; nil if
// it was refused. Called with d.mu held.
func (d *Double) change(c *call, t *ticket, in input, isNew bool) *audit {
	a := &audit{id: d.number(), author: c.me.ID, at: d.now(), isNew: isNew}
	if in.has("metadata") {
		a.custom = in.any("metadata")
	}
	before := d.told(t)
	if !d.setPlain(c, t, in) || !d.setPeople(c, t, in) || !d.setStatus(c, t, in) || !d.setCustom(c, t, in) {
		return nil
	}
	d.setTags(t, in)
	if !d.addComment(c, t, a, in, isNew) {
		return nil
	}
	after := d.told(t)
	for _, name := range sorted(after) {
		if before[name] != after[name] || isNew && after[name] != nil {
			a.changes = append(a.changes, fieldChange{id: d.number(), name: name, before: before[name], after: after[name]})
		}
	}
	if in.has("external_id") {
		t.external = in.any("external_id")
	}
	t.audits = append(t.audits, a)
	t.touch(d.now())
	return a
}

func sorted(m map[string]any) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// told is what audits tell of a ticket's fields; ids are text there.
func (d *Double) told(t *ticket) map[string]any {
	text := func(v any) any {
		switch v := v.(type) {
		case nil:
			return nil
		case int64:
			if v == 0 {
				return nil
			}
			return strconv.FormatInt(v, 10)
		case bool:
			return map[bool]string{true: "1", false: "0"}[v]
		case string:
			return v
		}
		raw, _ := json.Marshal(v) //nolint:errchkjson // plain data
		return string(raw)
	}
	out := map[string]any{
		"subject": text(t.subject), "status": text(t.status), "type": text(t.kind), "priority": text(t.priority),
		"assignee_id": text(t.assignee), "group_id": text(t.group), "requester_id": text(t.requester), "brand_id": text(t.brand),
		"tags": text(strings.Join(t.tags, " ")),
	}
	if d.opt.CustomStatuses {
		out["custom_status_id"] = text(t.custom)
	}
	for id, v := range t.fields {
		out[strconv.FormatInt(id, 10)] = text(v)
	}
	return out
}

func (d *Double) setPlain(c *call, t *ticket, in input) bool {
	if in.has("subject") {
		t.subject = in.text("subject")
	}
	for name, at := range map[string]*any{"type": &t.kind, "priority": &t.priority} {
		if in.has(name) {
			*at = in.any(name)
		}
	}
	if t.kind != "task" {
		t.due = nil
	}
	if in.has("due_at") && t.kind == "task" {
		t.due = nil
		if at, err := time.Parse(time.RFC3339, in.text("due_at")); err == nil {
			t.due = stamp(at)
		}
	}
	if in.has("problem_id") {
		t.problem = nil
		if n, ok := in.number("problem_id"); ok {
			problem := d.tickets[n]
			if problem == nil || problem.kind != "problem" || t.kind != "incident" {
				c.invalid("problem_id", "Problem: is invalid")
				return false
			}
			t.problem = n
		}
	}
	if n, ok := in.number("brand_id"); ok {
		if !has(brands(), n) {
			c.invalid("brand_id", "Brand: is invalid")
			return false
		}
		t.brand = n
	}
	if in.has("group_id") {
		t.group = nil
		if n, ok := in.number("group_id"); ok {
			if !has(groups(), n) {
				c.invalid("group", "Group: is invalid")
				return false
			}
			t.group = n
		}
	}
	return true
}

func (d *Double) setPeople(c *call, t *ticket, in input) bool {
	if in.has("assignee_id") {
		t.assignee = nil
		if n, ok := in.number("assignee_id"); ok {
			a := d.account(n)
			if a == nil || a.Role == "end-user" {
				c.invalid("assignee", "Assignee: is invalid")
				return false
			}
			t.assignee = n
			if t.status == "new" {
				t.status, t.custom = "open", defaultStatus("open")
			}
		}
	}
	if n, ok := in.number("requester_id"); ok {
		if d.account(n) == nil {
			c.invalid("requester", "Requester: is invalid")
			return false
		}
		t.requester = n
	}
	return true
}

func (d *Double) setStatus(c *call, t *ticket, in input) bool {
	was := t.status
	if in.has("status") {
		status := in.text("status")
		if !slices.Contains([]string{"new", "open", "pending", "hold", "solved", "closed"}, status) {
			c.invalid("status", "Status: "+status+" is not valid")
			return false
		}
		if status != t.status {
			t.status, t.custom = status, defaultStatus(status)
		}
	}
	if n, ok := in.number("custom_status_id"); ok {
		s := statusByID(n)
		if s == nil || s.inactive || !d.opt.CustomStatuses {
			c.invalid("custom_status_id", "Ticket status: is invalid")
			return false
		}
		t.status, t.custom = s.category, s.id
	}
	if t.status == "new" && was != "new" {
		c.invalid("status", "Status: new is not valid")
		return false
	}
	if t.status == "solved" && t.assignee == nil {
		t.assignee = c.me.ID // as the account's setting has it
	}
	return true
}

// setCustom takes values of custom fields. A drop-down ignores what is no option.
func (d *Double) setCustom(c *call, t *ticket, in input) bool {
	var all []struct {
		ID    int64 `json:"id"`
		Value any   `json:"value"`
	}
	_ = json.Unmarshal(in["custom_fields"], &all)
	for _, x := range all {
		f := fieldBy(x.ID)
		if f == nil {
			continue
		}
		v := x.Value
		if s, ok := v.(string); ok && s == "" {
			v = nil
		}
		switch f.kind {
		case "integer", "decimal":
			v = numberText(f.kind, v)
		case "date":
			if s, ok := v.(string); ok {
				if _, err := time.Parse(time.DateOnly, s); err != nil {
					c.invalid("base", f.title+": is not a date")
					return false
				}
			}
		case "tagger":
			if s, ok := v.(string); ok && !f.offers(s) {
				continue
			}
		case "multiselect":
			v = f.only(v)
		}
		t.setField(f, v)
	}
	return true
}

// numberText: decimals come back as text, whole numbers as numbers.
func numberText(kind string, v any) any {
	n, ok := v.(float64)
	if !ok {
		return v
	}
	if kind == "integer" {
		return int64(n)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

func (f *field) offers(tag string) bool {
	return slices.ContainsFunc(f.choices, func(o choice) bool { return o.tag == tag })
}

func (f *field) only(v any) any {
	all, _ := v.([]any)
	out := []any{}
	for _, x := range all {
		if s, ok := x.(string); ok && f.offers(s) {
			out = append(out, s)
		}
	}
	return out
}

// setField also keeps the tags that stand for the value.
func (t *ticket) setField(f *field, v any) {
	owned := func(tag string) bool { return tag == f.tag && tag != "" || f.offers(tag) }
	t.tags = slices.DeleteFunc(t.tags, owned)
	switch x := v.(type) {
	case bool:
		if x && f.tag != "" {
			t.tags = append(t.tags, f.tag)
		}
	case string:
		if f.kind == "tagger" {
			t.tags = append(t.tags, x)
		}
	case []any:
		for _, e := range x {
			t.tags = append(t.tags, e.(string))
		}
	}
	t.fields[f.id] = v
}

// setTags replaces, adds and removes. A field whose tag is gone is empty, and one
// whose tag came has its value.
func (d *Double) setTags(t *ticket, in input) {
	if in.has("tags") {
		var own []string
		for _, tag := range t.tags {
			if len(t.audits) == 0 && ownedTag(tag) {
				own = append(own, tag) // of fields that were set in the same create
			}
		}
		t.tags = append(own, in.list("tags")...)
	}
	t.tags = append(t.tags, in.list("additional_tags")...)
	gone := in.list("remove_tags")
	t.tags = slices.DeleteFunc(t.tags, func(tag string) bool { return slices.Contains(gone, tag) })
	for n, tag := range t.tags {
		t.tags[n] = strings.ToLower(tag)
	}
	slices.Sort(t.tags)
	t.tags = slices.Compact(t.tags)
	for _, f := range customFields() {
		if f.kind != "tagger" {
			continue
		}
		t.fields[f.id] = nil
		for _, o := range f.choices {
			if slices.Contains(t.tags, o.tag) {
				t.fields[f.id] = o.tag
			}
		}
	}
}

func ownedTag(tag string) bool {
	return slices.ContainsFunc(customFields(), func(f field) bool { return f.tag == tag && tag != "" || f.offers(tag) })
}
