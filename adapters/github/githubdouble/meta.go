package githubdouble

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// person is somebody as the API shows them; nobody is null.
func (d *Double) person(c *call, a *Account) any {
	if a == nil {
		return nil
	}
	at := c.root() + "/users/" + a.Login
	return map[string]any{
		"login": a.Login, "id": a.ID, "node_id": fmt.Sprint("U_", a.ID), "avatar_url": "https://avatars.example/u/" + a.Login,
		"gravatar_id": "", "url": at, "html_url": "https://github.example/" + a.Login, "type": "User", "site_admin": false,
		"followers_url": at + "/followers", "following_url": at + "/following{/other_user}", "gists_url": at + "/gists{/gist_id}",
		"starred_url": at + "/starred{/owner}{/repo}", "subscriptions_url": at + "/subscriptions", "organizations_url": at + "/orgs",
		"repos_url": at + "/repos", "events_url": at + "/events{/privacy}", "received_events_url": at + "/received_events",
	}
}

func (d *Double) people(c *call, all []*Account) []any {
	out := []any{}
	for _, a := range all {
		out = append(out, d.person(c, a))
	}
	return out
}

func (d *Double) user(c *call) {
	if c.me == nil {
		c.fail(http.StatusUnauthorized, "Requires authentication")
		return
	}
	if d.opt.App != nil && c.me.Login == d.opt.App.Bot {
		c.fail(http.StatusForbidden, "Resource not accessible by integration")
		return
	}
	c.answer(http.StatusOK, d.person(c, c.me))
}

func (d *Double) userBy(c *call) {
	a := d.account(c.r.PathValue("login"))
	if a == nil {
		c.fail(http.StatusNotFound, "Not Found")
		return
	}
	c.answer(http.StatusOK, d.person(c, a))
}

func (d *Double) rateLimit(c *call) {
	limit := 60
	if c.me != nil {
		limit = 5000
	}
	one := map[string]any{"limit": limit, "remaining": limit - 10, "used": 10, "reset": d.now().Unix() + 3600}
	c.answer(http.StatusOK, map[string]any{"resources": map[string]any{"core": one, "search": one}, "rate": one})
}

func (d *Double) repository(c *call) {
	kind := "Organization"
	if d.opt.Personal {
		kind = "User"
	}
	out := map[string]any{
		"id": repositoryID, "node_id": "R_1", "name": d.name, "full_name": d.opt.Owner + "/" + d.name, "private": !d.opt.Public,
		"owner": map[string]any{"login": d.opt.Owner, "id": 4, "type": kind}, "url": d.base(c), "has_issues": !d.noIssues,
		"archived": d.archived, "html_url": "https://github.example/" + d.opt.Owner + "/" + d.name, "description": nil, "fork": false,
	}
	if c.me != nil {
		role := c.me.Role
		out["permissions"] = map[string]any{
			"admin": role == "admin", "maintain": role == "admin", "push": role == "admin" || role == "write",
			"triage": c.me.sets(), "pull": true,
		}
	}
	c.answer(http.StatusOK, out)
}

func (d *Double) assignable(c *call) {
	if a := d.account(c.r.PathValue("login")); a == nil || a.Role == "" {
		c.fail(http.StatusNotFound, "Not Found")
		return
	}
	c.nothing()
}

func (d *Double) listAssignees(c *call) {
	var all []*Account
	for n := range d.opt.Accounts {
		if d.opt.Accounts[n].Role != "" {
			all = append(all, &d.opt.Accounts[n])
		}
	}
	d.page(c, "/assignees", d.people(c, all), nil, nil)
}

func (d *Double) milestone(c *call, n int) map[string]any {
	return map[string]any{
		"id": 1002604 + n, "node_id": fmt.Sprint("MI_", n), "number": n + 1, "title": d.milestones[n], "state": "open", "description": nil,
		"url": fmt.Sprintf("%s/milestones/%d", d.base(c), n+1), "open_issues": 0, "closed_issues": 0, "creator": nil,
		"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "closed_at": nil, "due_on": nil,
		"html_url":   fmt.Sprintf("https://github.example/%s/%s/milestone/%d", d.opt.Owner, d.name, n+1),
		"labels_url": fmt.Sprintf("%s/milestones/%d/labels", d.base(c), n+1),
	}
}

func (d *Double) listMilestones(c *call) {
	out := []any{}
	for n := range d.milestones {
		out = append(out, d.milestone(c, n))
	}
	d.page(c, "/milestones", out, nil, nil)
}

func (d *Double) createMilestone(c *call) {
	var in struct{ Title string }
	if !c.body(&in) {
		return
	}
	if in.Title == "" || slices.Contains(d.milestones, in.Title) {
		c.invalid("Milestone", "title", "already_exists")
		return
	}
	d.milestones = append(d.milestones, in.Title)
	c.answer(http.StatusCreated, d.milestone(c, len(d.milestones)-1))
}

// organisation tells whether somebody may read its lists.
func (d *Double) organisation(c *call) bool {
	if d.opt.Personal || !strings.EqualFold(c.r.PathValue("org"), d.opt.Owner) || c.me == nil {
		c.fail(http.StatusNotFound, "Not Found")
		return false
	}
	return true
}

func (d *Double) kind(name string) map[string]any {
	n := slices.Index(d.opt.Types, name)
	return map[string]any{
		"id": 410 + n, "node_id": fmt.Sprint("IT_", n), "name": name, "description": nil, "color": "gray", "is_enabled": true,
		"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
	}
}

func (d *Double) listTypes(c *call) {
	if !d.organisation(c) {
		return
	}
	out := []any{}
	for _, name := range d.opt.Types {
		out = append(out, d.kind(name))
	}
	c.answer(http.StatusOK, out)
}

func (d *Double) listFields(c *call) {
	if !d.organisation(c) {
		return
	}
	out := []any{}
	for _, f := range d.opt.Fields {
		row := map[string]any{"id": f.ID, "node_id": fmt.Sprint("IF_", f.ID), "name": f.Name, "data_type": f.Kind, "visibility": "all"}
		if len(f.Options) > 0 {
			var options []any
			for n, name := range f.Options {
				options = append(options, map[string]any{"id": n + 1, "name": name, "color": "gray"})
			}
			row["options"] = options
		}
		out = append(out, row)
	}
	c.answer(http.StatusOK, out)
}

func (d *Double) listEvents(c *call) {
	i := d.find(c)
	if i == nil {
		return
	}
	out := []any{}
	for _, e := range i.events {
		out = append(out, e)
	}
	d.page(c, fmt.Sprintf("/issues/%d/events", i.number), out, nil, nil)
}
