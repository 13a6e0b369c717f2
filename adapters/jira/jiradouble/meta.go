package jiradouble

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (d *Double) myself(c *call) {
	if c.must() {
		c.answer(http.StatusOK, d.user(c.me))
	}
}

func (d *Double) serverInfo(c *call) {
	info := map[string]any{"version": "1001.0.0", "versionNumbers": []int{1001, 0, 0}, "deploymentType": "Cloud", "buildNumber": 100_000}
	if !d.opt.Cloud {
		info = map[string]any{"version": "10.3.0", "versionNumbers": []int{10, 3, 0}, "deploymentType": "Server", "buildNumber": 10_030_000}
	}
	info["serverTime"] = d.time(d.now())
	c.answer(http.StatusOK, info)
}

func (d *Double) listFields(c *call) {
	if !c.must() {
		return
	}
	all := []any{}
	for _, f := range catalogue() {
		if f.id == "timetracking" {
			continue
		}
		all = append(all, map[string]any{
			"id": f.id, "key": f.id, "name": f.name, "custom": f.custom != "", "orderable": true, "navigable": true, "searchable": true,
			"schema": f.schema(),
		})
	}
	all = append(all, map[string]any{
		"id": "subtasks", "key": "subtasks", "name": "Sub-tasks", "custom": false, "orderable": false, "navigable": true, "searchable": false,
		"clauseNames": []string{"subtasks"}, "schema": map[string]any{"type": "array", "items": "issuelinks", "system": "subtasks"},
	})
	if d.opt.Cloud {
		all = append(all, map[string]any{"id": "parent", "key": "parent", "name": "Parent", "custom": false, "orderable": false, "navigable": true, "searchable": false})
	}
	c.answer(http.StatusOK, append(all, map[string]any{"id": "issuekey", "key": "issuekey", "name": "Key", "custom": false}))
}

func (d *Double) searchUsers(c *call) {
	if !c.must() {
		return
	}
	q := c.r.URL.Query()
	out := []any{}
	for n := range d.opt.Accounts {
		a := &d.opt.Accounts[n]
		var hit bool
		switch {
		case q.Get("accountId") != "":
			hit = q.Get("accountId") == a.ID
		case q.Get("query") != "":
			hit = matches(a, q.Get("query"))
		case q.Get("username") != "":
			hit = matches(a, q.Get("username")) || strings.HasPrefix(a.ID, q.Get("username"))
		}
		if hit {
			out = append(out, d.user(a))
		}
	}
	c.answer(http.StatusOK, out)
}

// searchAssignable finds as searchUsers does, for one project.
func (d *Double) searchAssignable(c *call) {
	if !c.must() {
		return
	}
	q := c.r.URL.Query()
	if project := q.Get("project"); project != d.opt.Project {
		c.fail(http.StatusNotFound, "No project could be found with key '"+project+"'.")
		return
	}
	out := []any{}
	for n := range d.opt.Accounts {
		a := &d.opt.Accounts[n]
		hit := q.Get("accountId") == a.ID
		if name := q.Get("username"); name != "" {
			hit = matches(a, name) || strings.HasPrefix(a.ID, name)
		}
		if hit && !a.Unassignable {
			out = append(out, d.user(a))
		}
	}
	c.answer(http.StatusOK, out)
}

func matches(a *Account, query string) bool {
	query = strings.ToLower(query)
	return strings.HasPrefix(strings.ToLower(a.Name), query) || !a.Hidden && strings.HasPrefix(strings.ToLower(a.Email), query)
}

func (d *Double) permissions(c *call) {
	all := map[string]any{}
	for n, name := range []string{
		"BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ASSIGN_ISSUES", "ADD_COMMENTS",
		"EDIT_OWN_COMMENTS", "CREATE_ATTACHMENTS", "LINK_ISSUES", "ADMINISTER_PROJECTS",
	} {
		all[name] = map[string]any{"id": strconv.Itoa(n), "key": name, "name": name, "havePermission": c.me != nil && !slices.Contains(d.opt.Denied, name)}
	}
	if d.opt.Cloud {
		want := split(c.r.URL.Query()["permissions"])
		if len(want) == 0 {
			c.fail(http.StatusBadRequest, "The 'permissions' query parameter is required.")
			return
		}
		for name := range all {
			if !slices.Contains(want, name) {
				delete(all, name)
			}
		}
	}
	c.answer(http.StatusOK, map[string]any{"permissions": all})
}

// known answers for projects that are not there, or not for nobody.
func (d *Double) known(c *call) bool {
	if c.me == nil || c.r.PathValue("key") != d.opt.Project {
		c.fail(http.StatusNotFound, "No project could be found with key '"+c.r.PathValue("key")+"'.")
		return false
	}
	return true
}

func (d *Double) project(c *call) {
	if !d.known(c) {
		return
	}
	p, _ := d.blank(c.me)["project"].(map[string]any)
	d.mu.Lock()
	p["versions"], p["components"] = d.options("fixVersions"), d.options("components")
	d.mu.Unlock()
	c.answer(http.StatusOK, p)
}

func (d *Double) levels(c *call) {
	if !d.known(c) {
		return
	}
	all := []any{}
	for n, name := range d.opt.Levels {
		all = append(all, map[string]any{"id": strconv.Itoa(n + 1), "name": name})
	}
	c.answer(http.StatusOK, map[string]any{"levels": all})
}

func (d *Double) statuses(c *call) {
	if !d.known(c) {
		return
	}
	all := []any{}
	for _, s := range allStatuses() {
		all = append(all, statusOf(s[0]))
	}
	out := []any{}
	for _, kind := range d.kinds() {
		kind["statuses"] = all
		out = append(out, kind)
	}
	c.answer(http.StatusOK, out)
}

func (d *Double) paged(c *call, key string, rows []any) {
	if !d.opt.Cloud {
		key = "values"
	}
	at := min(c.number("startAt", 0), len(rows))
	// Fewer than asked for: a page may be cut at the server's own limit.
	end := min(at+min(c.number("maxResults", 50), 10), len(rows))
	c.answer(http.StatusOK, map[string]any{"startAt": at, "maxResults": 10, "total": len(rows), key: rows[at:end]})
}

func (d *Double) types(c *call) {
	if d.known(c) {
		var all []any
		for _, kind := range d.kinds() {
			all = append(all, kind)
		}
		d.paged(c, "issueTypes", all)
	}
}

func (d *Double) kinds() []map[string]any {
	var out []map[string]any
	for n, name := range typeNames() {
		kind := map[string]any{"id": strconv.Itoa(100 + n), "name": name, "subtask": level(name) < 0}
		if d.opt.Cloud {
			kind["hierarchyLevel"] = level(name)
		}
		out = append(out, kind)
	}
	return out
}

func (d *Double) screen(c *call) {
	if !d.known(c) {
		return
	}
	rows := []any{}
	d.mu.Lock()
	all := d.catalogue()
	d.mu.Unlock()
	for _, f := range all {
		if !f.screen {
			continue
		}
		row := map[string]any{
			"fieldId": f.id, "key": f.id, "name": f.name, "required": f.required, "hasDefaultValue": false, "schema": f.schema(), "operations": []string{"set"},
		}
		var allowed []any
		for _, a := range f.allowed {
			o, _ := f.option(a)
			allowed = append(allowed, o)
		}
		if allowed != nil {
			row["allowedValues"] = allowed
		}
		rows = append(rows, row)
	}
	n, _ := strconv.Atoi(c.r.PathValue("id"))
	if n -= 100; n >= 0 && n < len(typeNames()) && d.parentOnScreen(typeNames()[n]) {
		rows = append(rows, map[string]any{
			"fieldId": "parent", "key": "parent", "name": "Parent", "required": level(typeNames()[n]) < 0, "hasDefaultValue": false,
			"schema": map[string]any{"type": "issuelink", "system": "parent"}, "operations": []string{"set"},
		})
	}
	d.paged(c, "fields", rows)
}

func (d *Double) userBy(c *call) {
	if !c.must() {
		return
	}
	q := c.r.URL.Query()
	id := q.Get("accountId")
	if !d.opt.Cloud {
		id = strings.TrimPrefix(q.Get("key"), "JIRAUSER-")
	}
	a := d.accountBy(id)
	if a == nil {
		c.fail(http.StatusNotFound, "The user does not exist.")
		return
	}
	c.answer(http.StatusOK, d.user(a))
}
