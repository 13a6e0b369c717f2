package servicenowdouble

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// blank is a new ticket.
func (d *Double) blank(c *call, t *table, number string) map[string]string {
	out, begin := map[string]string{}, map[string]string{
		"number": number, "state": "1", "incident_state": "1", "impact": "3", "urgency": "3", "priority": "5", "severity": "3",
		"active": "true", "made_sla": "true", "knowledge": "false", "escalation": "0", "notify": "1", "category": "inquiry",
		"approval": "not requested", "upon_approval": "proceed", "upon_reject": "cancel", "reassignment_count": "0", "reopen_count": "0",
		"child_incidents": "0", "sys_class_name": t.name, "sys_domain": "global", "sys_domain_path": "/",
		"opened_at": d.stamp(), "opened_by": d.userID(c.me.Login),
	}
	columns := d.taskColumns()
	if t.name == "incident" {
		columns = append(columns, incidentColumns()...)
	}
	for _, col := range columns {
		out[col.name] = begin[col.name]
	}
	return out
}

// write puts values into a row as the platform does, and says which policy stops it.
func (d *Double) write(t *table, data, in map[string]string) string {
	before := maps.Clone(data)
	for name, v := range in {
		col := t.column(name)
		if col == nil || col.readOnly || strings.HasPrefix(col.kind, "journal") {
			continue // what is not there or cannot be written is ignored
		}
		data[name] = stored(col, v)
	}
	if t.name != "incident" {
		return ""
	}
	if data["state"] != before["state"] {
		data["incident_state"] = data["state"]
	}
	data["priority"] = priority(data["impact"], data["urgency"])
	if before["state"] == "3" && data["state"] != "3" {
		data["hold_reason"] = ""
	}
	return d.policy(before, data)
}

// stored is a value as the database takes it: cut to the column's length, and empty if it
// is none of its type.
func stored(col *column, v string) string {
	switch col.kind {
	case "glide_date_time":
		if _, err := time.Parse(layout, v); err != nil {
			return ""
		}
	case "glide_date":
		if _, err := time.Parse(time.DateOnly, v); err != nil {
			return ""
		}
	case "glide_duration", "timer":
		if _, err := time.Parse(layout, v); err != nil {
			return ""
		}
	case "integer", "decimal":
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return ""
		}
	case "boolean":
		return strconv.FormatBool(v == "true" || v == "1")
	}
	if r := []rune(v); col.length > 0 && len(r) > col.length {
		return string(r[:col.length])
	}
	return v
}

// priority is the table that instances begin with.
func priority(impact, urgency string) string {
	i, errI := strconv.Atoi(impact)
	u, errU := strconv.Atoi(urgency)
	if errI != nil || errU != nil {
		return "5"
	}
	return strconv.Itoa(min(max(i+u-1, 1), 5))
}

// policy is what data policies and business rules refuse.
func (d *Double) policy(before, after map[string]string) string {
	state := after["state"]
	var missing []string
	if state == "6" || state == "7" {
		for column, label := range map[string]string{"close_code": "Resolution code", "close_notes": "Resolution notes"} {
			if after[column] == "" {
				missing = append(missing, label)
			}
		}
	}
	if state == "3" && after["hold_reason"] == "" {
		missing = append(missing, "On hold reason")
	}
	slices.Sort(missing)
	switch {
	case len(missing) > 0:
		return "Data Policy Exception: The following fields are mandatory: " + strings.Join(missing, ", ")
	case after["short_description"] == "":
		return "Data Policy Exception: The following fields are mandatory: Short description"
	case before["state"] == "7" && state != "7":
		return "Operation against file 'incident' was aborted by Business Rule 'Closed incidents stay closed^2f0c'. Business Rule Stack:Closed incidents stay closed"
	}
	return ""
}

// change is one update: values, journals, times, count and audit; mu is held.
func (d *Double) change(c *call, t *table, r *row, in map[string]string) string {
	now := r.data
	if r.next != nil {
		now = r.next
	}
	next := maps.Clone(now)
	if why := d.write(t, next, in); why != "" {
		return why
	}
	entered := d.enter(c, t, next["sys_id"], in)
	changed := []string{}
	for name, v := range next {
		if now[name] != v {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 && !entered {
		return "" // nothing differs: no update is made
	}
	mods, _ := strconv.Atoi(now["sys_mod_count"])
	next["sys_mod_count"] = strconv.Itoa(mods + 1)
	next["sys_updated_on"], next["sys_updated_by"] = d.stamp(), c.me.Login
	slices.Sort(changed)
	for _, name := range changed {
		d.put("sys_audit", "system", map[string]string{
			"tablename": t.name, "documentkey": next["sys_id"], "fieldname": name, "oldvalue": now[name], "newvalue": next[name],
			"user": c.me.Login, "record_checkpoint": next["sys_mod_count"],
		})
	}
	if by := d.late[next["sys_id"]]; by > 0 {
		r.next, r.at = next, d.now().Add(by)
		delete(d.late, next["sys_id"])
		return ""
	}
	r.data, r.next = next, nil
	return ""
}

var trailing = regexp.MustCompile(`\s+$`)

// enter adds journal entries; mu is held.
func (d *Double) enter(c *call, t *table, id string, in map[string]string) bool {
	entered := false
	for _, element := range []string{"comments", "work_notes"} {
		if text := trailing.ReplaceAllString(in[element], ""); text != "" {
			d.put("sys_journal_field", c.me.Login, map[string]string{"element_id": id, "element": element, "name": t.name, "value": text})
			entered = true
		}
	}
	return entered
}
