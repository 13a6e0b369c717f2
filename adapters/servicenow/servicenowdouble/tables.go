package servicenowdouble

import (
	"maps"
	"slices"
	"time"
)

// column is a field of a table as its dictionary has it.
type column struct {
	name, label, kind, reference string
	length                       int
	choice, readOnly, mandatory  bool
	display                      bool
	// of is the table that it belongs to where that is not the table itself.
	of         string
	attributes string
}

type table struct {
	name    string
	columns []column
	rows    map[string]*row
	order   []string
}

type row struct {
	data map[string]string
	// next is what the row will be when its transaction ends.
	next map[string]string
	at   time.Time
}

func (t *table) column(name string) *column {
	n := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	if n < 0 {
		return nil
	}
	return &t.columns[n]
}

// inOrder are the rows as they were made.
func (t *table) inOrder() []*row {
	var out []*row
	for _, id := range t.order {
		if r := t.rows[id]; r != nil {
			out = append(out, r)
		}
	}
	return out
}

// settle ends transactions whose time has come; mu is held.
func (d *Double) settle() {
	now := d.now()
	for _, t := range d.tables {
		for _, r := range t.rows {
			if r.next != nil && !now.Before(r.at) {
				r.data, r.next = r.next, nil
			}
		}
	}
}

// put adds a row with the columns of every table; mu is held.
func (d *Double) put(name, by string, data map[string]string) *row {
	t := d.tables[name]
	r := &row{data: map[string]string{}}
	for _, c := range t.columns {
		r.data[c.name] = ""
	}
	now := d.stamp()
	maps.Copy(r.data, map[string]string{
		"sys_created_on": now, "sys_updated_on": now, "sys_created_by": by, "sys_updated_by": by, "sys_mod_count": "0",
	})
	maps.Copy(r.data, data)
	if r.data["sys_id"] == "" {
		r.data["sys_id"] = d.newID()
	}
	t.rows[r.data["sys_id"]] = r
	t.order = append(t.order, r.data["sys_id"])
	return r
}

// own are the columns that every table has.
func own() []column {
	return []column{
		{name: "sys_id", label: "Sys ID", kind: "GUID", readOnly: true, length: 32},
		{name: "sys_created_on", label: "Created", kind: "glide_date_time", readOnly: true},
		{name: "sys_created_by", label: "Created by", kind: "string", readOnly: true, length: 40},
		{name: "sys_updated_on", label: "Updated", kind: "glide_date_time", readOnly: true},
		{name: "sys_updated_by", label: "Updated by", kind: "string", readOnly: true, length: 40},
		{name: "sys_mod_count", label: "Updates", kind: "integer", readOnly: true},
	}
}

func texts(names ...string) []column {
	var out []column
	for _, n := range names {
		out = append(out, column{name: n, label: n, kind: "string", length: 4000})
	}
	return out
}

func (d *Double) table(name string, columns ...column) {
	d.tables[name] = &table{name: name, columns: append(own(), columns...), rows: map[string]*row{}}
}
