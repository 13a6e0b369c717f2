package githubdouble

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func same(name string) func(string) bool {
	return func(s string) bool { return strings.EqualFold(s, name) }
}

// setLabels makes an issue's labels these; what the repository does not have is made.
func (d *Double) setLabels(c *call, i *issue, want []string) {
	for _, have := range slices.Clone(i.labels) {
		if !slices.ContainsFunc(want, same(have)) {
			d.dropLabel(c, i, have)
		}
	}
	for _, name := range want {
		n := slices.IndexFunc(d.labels, same(name))
		if n < 0 {
			n = len(d.labels)
			d.labels = append(d.labels, name)
		}
		if !slices.Contains(i.labels, d.labels[n]) {
			i.labels = append(i.labels, d.labels[n])
			d.log(c, i, "labeled", map[string]any{"label": map[string]any{"name": d.labels[n], "color": "ededed"}})
		}
	}
}

func (d *Double) dropLabel(c *call, i *issue, name string) {
	i.labels = slices.DeleteFunc(i.labels, func(s string) bool { return s == name })
	d.log(c, i, "unlabeled", map[string]any{"label": map[string]any{"name": name, "color": "ededed"}})
}

// sets is the issue that a path names, for those who may set its labels and such.
func (d *Double) sets(c *call) *issue {
	i := d.find(c)
	if i != nil && !c.me.sets() {
		c.fail(http.StatusForbidden, "Must have push access to repository")
		return nil
	}
	return i
}

func (d *Double) addLabels(c *call) {
	i := d.sets(c)
	// Older clients send the list alone.
	var raw json.RawMessage
	if i == nil || !c.body(&raw) {
		return
	}
	var in struct{ Labels names }
	if json.Unmarshal(raw, &in.Labels) != nil && json.Unmarshal(raw, &in) != nil {
		c.fail(http.StatusBadRequest, "Problems parsing JSON")
		return
	}
	d.setLabels(c, i, append(slices.Clone(i.labels), in.Labels...))
	c.answer(http.StatusOK, d.labelList(c, i.labels))
}

func (d *Double) removeLabel(c *call) {
	i := d.sets(c)
	if i == nil {
		return
	}
	n := slices.IndexFunc(i.labels, same(c.r.PathValue("name")))
	if n < 0 {
		c.fail(http.StatusNotFound, "Label does not exist")
		return
	}
	d.dropLabel(c, i, i.labels[n])
	c.answer(http.StatusOK, d.labelList(c, i.labels))
}

func (d *Double) labelList(c *call, all []string) []any {
	out := []any{}
	for _, name := range all {
		out = append(out, d.labelOf(c, name))
	}
	return out
}

func (d *Double) labelOf(c *call, name string) map[string]any {
	n := slices.Index(d.labels, name)
	return map[string]any{
		"id": 208045946 + n, "node_id": fmt.Sprint("LA_", n), "name": name, "color": "ededed", "default": n < 2, "description": nil,
		"url": d.base(c) + "/labels/" + url.PathEscape(name),
	}
}

func (d *Double) listIssueLabels(c *call) {
	if i := d.find(c); i != nil {
		d.page(c, "/issues/"+strconv.FormatInt(i.number, 10)+"/labels", d.labelList(c, i.labels), nil, nil)
	}
}

func (d *Double) listLabels(c *call) { d.page(c, "/labels", d.labelList(c, d.labels), nil, nil) }

func (d *Double) label(c *call) {
	n := slices.IndexFunc(d.labels, same(c.r.PathValue("name")))
	if n < 0 {
		c.fail(http.StatusNotFound, "Not Found")
		return
	}
	c.answer(http.StatusOK, d.labelOf(c, d.labels[n]))
}

func (d *Double) createLabel(c *call) {
	var in struct{ Name string }
	if !c.body(&in) {
		return
	}
	if in.Name == "" || slices.ContainsFunc(d.labels, same(in.Name)) {
		c.invalid("Label", "name", "already_exists")
		return
	}
	d.labels = append(d.labels, in.Name)
	c.answer(http.StatusCreated, d.labelOf(c, in.Name))
}

// setAssignees makes these the people, without those who cannot be.
func (d *Double) setAssignees(c *call, i *issue, logins []string) {
	for _, have := range slices.Clone(i.assignees) {
		if !slices.ContainsFunc(logins, same(have.Login)) {
			i.assignees = slices.DeleteFunc(i.assignees, func(a *Account) bool { return a == have })
			d.log(c, i, "unassigned", map[string]any{"assignee": d.person(c, have)})
		}
	}
	for _, login := range logins {
		a := d.account(login)
		if a == nil || a.Role == "" || slices.Contains(i.assignees, a) {
			continue
		}
		i.assignees = append(i.assignees, a)
		d.log(c, i, "assigned", map[string]any{"assignee": d.person(c, a)})
	}
}

func (d *Double) assign(c *call)   { d.changePeople(c, http.StatusCreated, true) }
func (d *Double) unassign(c *call) { d.changePeople(c, http.StatusOK, false) }

func (d *Double) changePeople(c *call, status int, add bool) {
	i := d.sets(c)
	var in struct{ Assignees names }
	if i == nil || !c.body(&in) {
		return
	}
	var want []string
	for _, a := range i.assignees {
		if add || !slices.ContainsFunc(in.Assignees, same(a.Login)) {
			want = append(want, a.Login)
		}
	}
	if add {
		want = append(want, in.Assignees...)
	}
	d.setAssignees(c, i, want)
	c.answer(status, d.issue(c, i))
}

func (d *Double) addChild(c *call) {
	i := d.sets(c)
	var in struct {
		Child   int64 `json:"sub_issue_id"`
		Replace bool  `json:"replace_parent"`
	}
	if i == nil || !c.body(&in) {
		return
	}
	child := d.byID(in.Child)
	switch {
	case child == nil:
		c.fail(http.StatusNotFound, "Not Found")
	case child == i:
		c.fail(http.StatusUnprocessableEntity, "An error occurred while adding the sub-issue to the parent issue. Sub issue may not be the same as its parent")
	case child.parent != nil && !in.Replace:
		c.fail(http.StatusUnprocessableEntity, "An error occurred while adding the sub-issue to the parent issue. Sub issue may only have one parent")
	default:
		child.parent, child.updated = i, d.second()
		c.answer(http.StatusCreated, d.issue(c, i))
	}
}

func (d *Double) removeChild(c *call) {
	i := d.sets(c)
	var in struct {
		Child int64 `json:"sub_issue_id"`
	}
	if i == nil || !c.body(&in) {
		return
	}
	child := d.byID(in.Child)
	if child == nil || child.parent != i {
		c.fail(http.StatusNotFound, "Not Found")
		return
	}
	child.parent, child.updated = nil, d.second()
	c.answer(http.StatusOK, d.issue(c, i))
}

func (d *Double) listChildren(c *call) {
	i := d.find(c)
	if i == nil {
		return
	}
	out := []any{}
	for _, child := range d.issues {
		if child.parent == i && child.there() {
			out = append(out, d.issue(c, child))
		}
	}
	d.page(c, "/issues/"+strconv.FormatInt(i.number, 10)+"/sub_issues", out, nil, nil)
}

func (d *Double) byID(id int64) *issue {
	n := slices.IndexFunc(d.issues, func(i *issue) bool { return i.id == id && i.there() })
	if n < 0 {
		return nil
	}
	return d.issues[n]
}

func (d *Double) setValues(c *call) {
	i := d.sets(c)
	var in struct {
		Values []value `json:"issue_field_values"`
	}
	if i == nil || !c.body(&in) || !d.setFields(c, i, in.Values) {
		return
	}
	i.updated = d.second()
	c.answer(http.StatusOK, d.valueList(i))
}

func (d *Double) clearValue(c *call) {
	i := d.sets(c)
	if i == nil {
		return
	}
	id, _ := strconv.ParseInt(c.r.PathValue("field"), 10, 64)
	if i.values[id] == nil {
		c.fail(http.StatusNotFound, "Not Found")
		return
	}
	delete(i.values, id)
	i.updated = d.second()
	c.nothing()
}

// setFields checks all values before it sets one.
func (d *Double) setFields(c *call, i *issue, all []value) bool {
	for _, v := range all {
		n := slices.IndexFunc(d.opt.Fields, func(f Field) bool { return f.ID == v.Field })
		if n < 0 || !d.opt.Fields[n].takes(v.Value) {
			c.invalid("IssueFieldValue", "value", "invalid")
			return false
		}
	}
	for _, v := range all {
		i.values[v.Field] = v.Value
	}
	return true
}

func (f *Field) takes(v any) bool {
	switch f.Kind {
	case "number":
		_, ok := v.(float64)
		return ok
	case "multi_select":
		all, ok := v.([]any)
		return ok && !slices.ContainsFunc(all, func(x any) bool { s, _ := x.(string); return !slices.Contains(f.Options, s) })
	}
	s, ok := v.(string)
	return ok && s != "" && (f.Kind != "single_select" || slices.Contains(f.Options, s))
}

func (d *Double) valueList(i *issue) []any {
	out := []any{}
	for _, f := range d.opt.Fields {
		v, ok := i.values[f.ID]
		if !ok {
			continue
		}
		row := map[string]any{"issue_field_id": f.ID, "issue_field_name": f.Name, "node_id": fmt.Sprint("IF_", f.ID), "data_type": f.Kind, "value": v}
		option := func(name string) map[string]any {
			return map[string]any{"id": slices.Index(f.Options, name) + 1, "name": name, "color": "gray"}
		}
		switch f.Kind {
		case "single_select":
			s, _ := v.(string)
			row["single_select_option"], row["value"] = option(s), slices.Index(f.Options, s)+1
		case "multi_select":
			var options []any
			var words []string
			for _, x := range v.([]any) { //nolint:forcetypeassert // checked by takes
				s, _ := x.(string)
				options, words = append(options, option(s)), append(words, s)
			}
			row["multi_select_options"], row["value"] = options, strings.Join(words, ",")
		}
		out = append(out, row)
	}
	return out
}
