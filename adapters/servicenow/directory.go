package servicenow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/recall"
)

// directory knows what stands behind ServiceNow's ids and numbers. All of it can be
// asked for again: nothing is lost with it.
type directory struct {
	api    client
	set    settings
	memory recall.Memory
}

func newDirectory(api client, set settings) *directory {
	return &directory{api: api, set: set}
}

// tables are a table and those that it extends, itself first.
func (d *directory) tables(ctx context.Context, table string) ([]string, error) {
	return recall.Of(&d.memory, "tables "+table, func() ([]string, error) {
		op := "read what table " + table + " extends"
		out := []string{table}
		for len(out) < 10 {
			got, err := d.api.list(ctx, asked{
				op: op, table: "sys_db_object", where: query{}.and("name", "=", out[len(out)-1]),
				fields: []string{"name", "super_class.name"}, limit: 2,
			})
			if err != nil {
				return nil, err
			}
			if len(got.rows) == 0 {
				return nil, hiddenOr(got.total, op, "sys_db_object", fmt.Errorf("there is no table %q", out[len(out)-1]))
			}
			parent, known := got.rows[0]["super_class.name"]
			if !known || parent.Value == "" {
				break
			}
			out = append(out, parent.Value)
		}
		return out, nil
	})
}

// hiddenOr says why no row came: the account may not see it, or there is none.
func hiddenOr(total int, op, table string, none error) error {
	if total > 0 {
		return &adapters.Error{
			Class: adapters.ErrDenied, Op: op, Err: fmt.Errorf("rows of %s are hidden from the account", table),
			Hint: "give the account a role that may read " + table,
		}
	}
	return &adapters.Error{Class: adapters.ErrConfiguration, Op: op, Err: none}
}

// element is a column as the dictionary has it.
type element struct {
	name, label, kind, reference, attributes, def string
	choices, readOnly, mandatory, display         bool
	length                                        int
	depth                                         int
}

// elements are the columns of a table by name, those that it inherits included.
func (d *directory) elements(ctx context.Context, table string) (map[string]element, error) {
	chain, err := d.tables(ctx, table)
	if err != nil {
		return nil, err
	}
	return recall.Of(&d.memory, "elements "+table, func() (map[string]element, error) {
		op := "read the dictionary of " + table
		rows, hidden, err := d.api.all(ctx, asked{
			op: op, table: "sys_dictionary", order: []string{"sys_id"},
			where: query{}.and("name", "IN", strings.Join(chain, ",")).and("element", "ISNOTEMPTY", "").and("active", "=", "true"),
			fields: []string{
				"name", "element", "column_label", "internal_type", "reference", "max_length", "choice", "read_only", "mandatory",
				"display", "default_value", "attributes", "active",
			},
		})
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, hiddenOr(max(hidden, 1), op, "sys_dictionary", nil)
		}
		out := map[string]element{}
		for _, r := range rows {
			e := elementOf(r, slices.Index(chain, r.value("name")))
			if before, there := out[e.name]; !there || e.depth < before.depth {
				out[e.name] = e
			}
		}
		return out, d.override(ctx, out, chain)
	})
}

// override puts in what a table changes of columns that it inherits. It is less than
// needed: where the account may not read it, nothing is overridden.
func (d *directory) override(ctx context.Context, all map[string]element, chain []string) error {
	fields := []string{"name", "element"}
	for _, f := range []string{"attributes", "read_only", "mandatory", "default_value"} {
		fields = append(fields, f, f+"_override")
	}
	rows, _, err := d.api.all(ctx, asked{
		op: "read the dictionary overrides of " + chain[0], table: "sys_dictionary_override", order: []string{"sys_id"}, fields: fields,
		where: query{}.and("name", "IN", strings.Join(chain, ",")),
	})
	if err != nil && !errors.Is(err, adapters.ErrDenied) {
		return err
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Compare(slices.Index(chain, b.value("name")), slices.Index(chain, a.value("name")))
	})
	for _, r := range rows {
		e, ok := all[r.value("element")]
		if !ok || e.depth < slices.Index(chain, r.value("name")) {
			continue
		}
		if isTrue(r.value("attributes_override")) {
			e.attributes, e.depth = r.value("attributes"), slices.Index(chain, r.value("name"))
		}
		if isTrue(r.value("read_only_override")) {
			e.readOnly = isTrue(r.value("read_only"))
		}
		if isTrue(r.value("mandatory_override")) {
			e.mandatory = isTrue(r.value("mandatory"))
		}
		if isTrue(r.value("default_value_override")) {
			e.def = r.value("default_value")
		}
		all[e.name] = e
	}
	return nil
}

func elementOf(r row, depth int) element {
	e := element{
		name: r.value("element"), label: r.value("column_label"), kind: r.value("internal_type"), reference: r.value("reference"),
		attributes: r.value("attributes"), def: r.value("default_value"), depth: depth,
		choices:  r.value("choice") != "" && r.value("choice") != "0",
		readOnly: isTrue(r.value("read_only")), mandatory: isTrue(r.value("mandatory")), display: isTrue(r.value("display")),
	}
	_, _ = fmt.Sscan(r.value("max_length"), &e.length)
	return e
}

// known checks that the fields of a query are there: ServiceNow ignores the others.
func (d *directory) known(ctx context.Context, table string, q query) error {
	for _, path := range q.fields() {
		at := table
		parts := strings.Split(path, ".")
		for n, part := range parts {
			all, err := d.elements(ctx, at)
			if err != nil {
				return err
			}
			e, ok := all[part]
			last := n == len(parts)-1
			if !ok || !last && e.reference == "" {
				return &adapters.Error{
					Class: adapters.ErrConfiguration, Op: "check the query", Err: fmt.Errorf("table %s has no field %q", at, part),
					Hint: "a query is an encoded query with names of fields as the dictionary has them: active=true^priority<=2",
				}
			}
			at = e.reference
		}
	}
	return nil
}

type choice struct{ value, label string }

// choices are those of one column: a table's own replace those of the table it extends.
func (d *directory) choices(ctx context.Context, column string) ([]choice, error) {
	chain, err := d.tables(ctx, d.set.table)
	if err != nil {
		return nil, err
	}
	all, err := recall.Of(&d.memory, "choices", func() (map[string][]row, error) {
		rows, hidden, err := d.api.all(ctx, asked{
			op: "read the choices of " + d.set.table, table: "sys_choice", order: []string{"sequence", "sys_id"},
			where: query{}.and("name", "IN", strings.Join(chain, ",")).and("inactive", "=", "false").and("language", "=", d.set.language),
			fields: []string{
				"name", "element", "value", "label", "inactive", "language", "sequence",
			},
		})
		if err != nil {
			return nil, err
		}
		if hidden > 0 {
			return nil, hiddenOr(hidden, "read the choices of "+d.set.table, "sys_choice", nil)
		}
		out := map[string][]row{}
		for _, r := range rows {
			out[r.value("element")] = append(out[r.value("element")], r)
		}
		return out, nil
	})
	if err != nil {
		return nil, err
	}
	for _, table := range chain {
		var out []choice
		for _, r := range all[column] {
			if r.value("name") == table && r.value("label") != "" {
				out = append(out, choice{r.value("value"), r.value("label")})
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, nil
}

// labelOf is what people see of a choice; what is no choice is its own label.
func labelOf(all []choice, value string) string {
	for _, c := range all {
		if c.value == value {
			return c.label
		}
	}
	return value
}

// plainLogin are logins that can stand in a list of a query.
var plainLogin = regexp.MustCompile(`^[A-Za-z0-9._@+\\ -]{1,100}$`)

// people are users by sys_id and by login; who is not known or hidden is not among
// them.
func (d *directory) people(ctx context.Context, ids, logins []string) (map[string]user, error) {
	out := map[string]user{}
	ids, logins = d.unknown(out, ids), d.unknown(out, logins)
	ids = slices.DeleteFunc(ids, func(s string) bool { return !isID(s) })
	logins = slices.DeleteFunc(logins, func(s string) bool { return !plainLogin.MatchString(s) || !harmless(s) })
	for chunk := range slices.Chunk(ids, 100) {
		if err := d.load(ctx, out, "sys_id", chunk); err != nil {
			return nil, err
		}
	}
	for chunk := range slices.Chunk(logins, 100) {
		if err := d.load(ctx, out, "user_name", chunk); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unknown takes from names those that are remembered.
func (d *directory) unknown(into map[string]user, names []string) []string {
	var out []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		known, ok := d.memory.Get("person " + name)
		if !ok {
			out = append(out, name)
		} else if u := known.(user); u.ID != "" {
			into[name] = u
		}
	}
	return out
}

func (d *directory) load(ctx context.Context, into map[string]user, field string, names []string) error {
	rows, _, err := d.api.all(ctx, asked{
		op: "look people up", table: "sys_user", where: query{}.and(field, "IN", strings.Join(names, ",")),
		fields: userFields(), order: []string{"sys_id"},
	})
	if err != nil && !errors.Is(err, adapters.ErrDenied) {
		return err
	}
	for _, name := range names {
		var found user
		for _, r := range rows {
			if u := userOf(r); isID(u.ID) && strings.EqualFold(r.value(field), name) {
				found, into[name] = u, u
			}
		}
		// Who is not there is remembered too.
		d.memory.Keep("person "+name, found)
	}
	return nil
}

// named finds rows of a table by what people call them.
func (d *directory) named(ctx context.Context, table, name string) ([]string, error) {
	if !harmless(name) {
		return nil, nil
	}
	all, err := d.elements(ctx, table)
	if err != nil {
		return nil, err
	}
	column := displayColumn(all)
	if column == "" {
		return nil, nil
	}
	rows, _, err := d.api.all(ctx, asked{
		op: "look a name up in " + table, table: table, where: query{}.and(column, "=", name), order: []string{"sys_id"},
		fields: []string{column},
	})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range rows {
		if r.value(column) == name && isID(r.id()) {
			out = append(out, r.id())
		}
	}
	return out, nil
}

// displayColumn is what people see of a row: the column nearest to the table that the
// dictionary says so of, else the usual names.
func displayColumn(all map[string]element) string {
	var best []element
	for _, e := range all {
		if e.display {
			best = append(best, e)
		}
	}
	slices.SortFunc(best, func(a, b element) int { return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.name, b.name)) })
	if len(best) > 0 {
		return best[0].name
	}
	for _, name := range []string{"name", "number"} {
		if _, ok := all[name]; ok {
			return name
		}
	}
	return ""
}

// shown is what people see of the row of a table, by its id; "" if it is hidden.
func (d *directory) shown(ctx context.Context, table, id string) (string, error) {
	if !isID(id) {
		return "", nil
	}
	return recall.Of(&d.memory, "shown "+table+" "+id, func() (string, error) {
		all, err := d.elements(ctx, table)
		if err != nil {
			return "", err
		}
		column := displayColumn(all)
		if column == "" {
			return "", nil
		}
		got, err := d.api.list(ctx, asked{
			op: "look a name up in " + table, table: table, where: query{}.and("sys_id", "=", id), fields: []string{column}, limit: 1,
		})
		if err != nil || len(got.rows) == 0 {
			return "", err
		}
		return got.rows[0].value(column), nil
	})
}
