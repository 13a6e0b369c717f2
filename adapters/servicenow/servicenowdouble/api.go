package servicenowdouble

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// open finds the table of a request; mu is held.
func (d *Double) open(c *call) *table {
	d.settle()
	name := c.r.PathValue("table")
	t := d.tables[name]
	switch {
	case t == nil:
		c.fail(http.StatusBadRequest, "Invalid table "+name, "")
		return nil
	case slices.Contains(c.me.Denied, name):
		c.fail(http.StatusForbidden, "User Not Authorized", "Failed API level ACL Validation")
		return nil
	}
	return t
}

func (d *Double) hides(c *call, t *table, r *row) bool {
	return d.opt.Hides != nil && d.opt.Hides(c.me.Login, t.name, r.data)
}

func (d *Double) list(c *call) {
	if d.opt.BeforeList != nil {
		d.opt.BeforeList(c.r.PathValue("table"))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.open(c)
	if t == nil {
		return
	}
	found := d.search(c, t, c.r.URL.Query().Get("sysparm_query"))
	if !c.yes("sysparm_no_count") {
		c.w.Header().Set("X-Total-Count", strconv.Itoa(len(found)))
	}
	offset := min(c.number("sysparm_offset", 0), len(found))
	page := found[offset:min(offset+c.number("sysparm_limit", 10_000), len(found))]
	out := []any{}
	for _, r := range page {
		if !d.hides(c, t, r) {
			out = append(out, d.shown(c, t, r))
		}
	}
	c.answer(http.StatusOK, map[string]any{"result": out})
}

// with does something to the row of the path; mu is held meanwhile.
func (d *Double) with(c *call, do func(*table, *row)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.open(c)
	if t == nil {
		return
	}
	r := t.rows[c.r.PathValue("id")]
	if r == nil || d.hides(c, t, r) {
		c.fail(http.StatusNotFound, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
		return
	}
	do(t, r)
}

func (d *Double) read(c *call) {
	d.with(c, func(t *table, r *row) { c.answer(http.StatusOK, map[string]any{"result": d.shown(c, t, r)}) })
}

// shown is a row as the request's parameters want it.
func (d *Double) shown(c *call, t *table, r *row) map[string]any {
	q := c.r.URL.Query()
	want := strings.FieldsFunc(q.Get("sysparm_fields"), func(r rune) bool { return r == ',' })
	if len(want) == 0 {
		for _, col := range t.columns {
			want = append(want, col.name)
		}
	}
	out := map[string]any{}
	for _, path := range want {
		col := d.columnOf(t, path)
		if col == nil || d.opt.HidesColumn != nil && d.opt.HidesColumn(c.me.Login, t.name, path) {
			continue // fields that are not there are ignored
		}
		value := d.walk(t, r, path)
		if strings.HasPrefix(col.kind, "journal") {
			value = ""
		}
		display := d.display(c, col, r, value)
		link := "https://instance.servicenow.com/api/now/table/" + col.reference + "/" + value
		plain := value == "" || col.reference == "" || col.kind != "reference" || c.yes("sysparm_exclude_reference_link")
		switch mode := q.Get("sysparm_display_value"); {
		case mode == "all" && !plain:
			out[path] = map[string]any{"display_value": display, "value": value, "link": link}
		case mode == "all":
			out[path] = map[string]any{"display_value": display, "value": value}
		case mode == "true":
			out[path] = display
		case plain:
			out[path] = value
		default:
			out[path] = map[string]any{"link": link, "value": value}
		}
	}
	return out
}

// display is what the account sees of a value.
func (d *Double) display(c *call, col *column, r *row, value string) string {
	switch {
	case col.kind == "journal_input", col.kind == "journal_list":
		return d.conversation(c, r, col)
	case value == "":
		return ""
	case col.kind == "glide_date_time":
		if at, err := time.Parse(layout, value); err == nil {
			return at.In(c.me.zone()).Format(layout)
		}
	case col.reference != "":
		return d.named(col.reference, value)
	case col.choice:
		return d.label(r.data["sys_class_name"], col.name, value)
	}
	return value
}

func (d *Double) named(name, id string) string {
	t := d.tables[name]
	if name == "task" && d.tables["incident"].rows[id] != nil {
		t = d.tables["incident"]
	} else if name == "task" {
		t = d.tables["problem"]
	}
	if t == nil || t.rows[id] == nil {
		return ""
	}
	for _, col := range t.columns {
		if col.display {
			return t.rows[id].data[col.name]
		}
	}
	return ""
}

func (d *Double) label(class, element, value string) string {
	found := ""
	for _, r := range d.tables["sys_choice"].rows {
		if r.data["element"] == element && r.data["value"] == value && r.data["language"] == "en" && (found == "" || r.data["name"] == class) {
			found = r.data["label"]
		}
	}
	if found == "" {
		return value
	}
	return found
}

// conversation is what people see of a journal: all entries, the newest first.
func (d *Double) conversation(c *call, r *row, col *column) string {
	out := ""
	for _, e := range d.tables["sys_journal_field"].inOrder() {
		if e.data["element_id"] != r.data["sys_id"] || col.kind == "journal_input" && e.data["element"] != col.name {
			continue
		}
		at, _ := time.Parse(layout, e.data["sys_created_on"])
		out = fmt.Sprintf("%s - %s (%s)\n%s\n\n", at.In(c.me.zone()).Format(layout), e.data["sys_created_by"], col.label, e.data["value"]) + out
	}
	return out
}

// body reads what a write sends: text, numbers or truth values.
func (c *call) body() (map[string]string, bool) {
	var raw map[string]any
	if err := json.NewDecoder(c.r.Body).Decode(&raw); err != nil {
		c.fail(http.StatusBadRequest, "Exception while reading request", err.Error())
		return nil, false
	}
	out := map[string]string{}
	for k, v := range raw {
		if v == nil {
			v = ""
		}
		out[k] = fmt.Sprint(v)
	}
	return out, true
}

func (d *Double) create(c *call) {
	in, ok := c.body()
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.open(c)
	if t == nil {
		return
	}
	if prefix(t.name) == "" || c.me.ReadOnly {
		c.fail(http.StatusForbidden, "Operation Failed", "ACL Exception Insert Failed due to security constraints")
		return
	}
	d.numbers++
	draft := d.blank(c, t, fmt.Sprintf("%s%07d", prefix(t.name), d.numbers))
	why := d.write(t, draft, in)
	if why != "" {
		c.fail(http.StatusForbidden, "Operation Failed", why)
		return
	}
	r := d.put(t.name, c.me.Login, draft)
	d.enter(c, t, r.data["sys_id"], in)
	c.w.Header().Set("Location", "https://instance.servicenow.com/api/now/table/"+t.name+"/"+r.data["sys_id"])
	c.answer(http.StatusCreated, map[string]any{"result": d.shown(c, t, r)})
}

func (d *Double) update(c *call) {
	in, ok := c.body()
	if !ok {
		return
	}
	d.with(c, func(t *table, r *row) {
		if prefix(t.name) == "" || c.me.ReadOnly {
			c.fail(http.StatusForbidden, "Operation Failed", "ACL Exception Update Failed due to security constraints")
			return
		}
		if why := d.change(c, t, r, in); why != "" {
			c.fail(http.StatusForbidden, "Operation Failed", why)
			return
		}
		c.answer(http.StatusOK, map[string]any{"result": d.shown(c, t, r)})
	})
}

func (d *Double) remove(c *call) {
	d.with(c, func(t *table, r *row) {
		id := r.data["sys_id"]
		delete(t.rows, id)
		d.put("sys_audit_delete", c.me.Login, map[string]string{"tablename": t.name, "documentkey": id, "display_value": r.data["number"]})
		c.w.WriteHeader(http.StatusNoContent)
	})
}
