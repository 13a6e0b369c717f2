package gitlabdouble

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type issue struct {
	id, iid          int64
	title, text      string
	author           *Account
	state, kind      string
	labels           []string
	assignees        []*Account
	milestone        string
	due              string
	confidential     bool
	created, updated time.Time
	notes            []*note
	deleted          bool
	moved            int64
	spent            time.Duration
	links            []link
	parent           *issue
}

// words are labels: a list, or one text with commas.
type words []string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*w = strings.FieldsFunc(one, func(r rune) bool { return r == ',' })
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(w))
}

// written is the body of a create or an edit: a member that is absent is nil.
type written struct {
	Title        *string  `json:"title"`
	Description  *string  `json:"description"`
	StateEvent   *string  `json:"state_event"`
	Labels       *words   `json:"labels"`
	Add          words    `json:"add_labels"`
	Remove       words    `json:"remove_labels"`
	AssigneeIDs  *[]int64 `json:"assignee_ids"`
	MilestoneID  *int64   `json:"milestone_id"`
	Due          *string  `json:"due_date"`
	Confidential *bool    `json:"confidential"`
	Kind         *string  `json:"issue_type"`
}

func (d *Double) create(c *call) {
	var in written
	if !c.body(&in) {
		return
	}
	if in.Title == nil {
		c.answer(http.StatusBadRequest, map[string]any{"error": "title is missing"})
		return
	}
	d.nextID += 3
	i := &issue{
		id: d.nextID, iid: int64(len(d.issues) + 1), author: c.me, state: "opened", kind: "issue",
		created: d.moment(), updated: d.moment(),
	}
	if !d.set(c, i, &in) {
		return
	}
	d.issues = append(d.issues, i)
	c.answer(http.StatusCreated, d.issue(c, i))
}

func (d *Double) edit(c *call) {
	i := d.find(c)
	var in written
	if i == nil || !c.body(&in) {
		return
	}
	if c.level() < planner && c.me != i.author {
		c.fail(http.StatusForbidden, "403 Forbidden")
		return
	}
	if !d.set(c, i, &in) {
		return
	}
	if in.StateEvent != nil {
		d.move(c, i, *in.StateEvent)
	}
	i.updated = d.moment()
	c.answer(http.StatusOK, d.issue(c, i))
}

func (d *Double) move(c *call, i *issue, how string) {
	state := map[string]string{"close": "closed", "reopen": "opened"}[how]
	if state == "" || state == i.state {
		return
	}
	i.state = state
	d.system(c, i, map[string]string{"close": "closed", "reopen": "reopened"}[how])
}

// set checks what was sent, then applies it. Guests set no more than texts.
func (d *Double) set(c *call, i *issue, in *written) bool {
	switch {
	case in.Title != nil && strings.TrimSpace(*in.Title) == "":
		c.invalid("title", "can't be blank")
		return false
	case in.Title != nil && len([]rune(*in.Title)) > 255:
		c.invalid("title", "is too long (maximum is 255 characters)")
		return false
	case in.Kind != nil && !slices.Contains([]string{"issue", "incident", "test_case", "requirement", "task", "ticket"}, *in.Kind):
		c.answer(http.StatusBadRequest, map[string]any{"error": "issue_type does not have a valid value"})
		return false
	}
	if in.Title != nil {
		if i.title != "" && i.title != *in.Title {
			d.system(c, i, "changed title from **"+i.title+"** to **"+*in.Title+"**")
		}
		i.title = *in.Title
	}
	if in.Description != nil {
		before := i.text
		if i.text = d.obey(c, i, *in.Description); i.text != before && i.iid <= int64(len(d.issues)) {
			d.system(c, i, "changed the description")
		}
	}
	if c.level() < planner {
		return true
	}
	if in.Labels != nil {
		i.labels = slices.Compact(slices.Sorted(slices.Values(*in.Labels)))
	}
	i.labels = slices.DeleteFunc(i.labels, func(s string) bool { return slices.Contains(in.Remove, s) })
	i.labels = slices.Compact(slices.Sorted(slices.Values(append(i.labels, in.Add...))))
	if in.AssigneeIDs != nil {
		i.assignees = nil
		for n := range d.opt.Accounts {
			if a := &d.opt.Accounts[n]; a.Level > 0 && slices.Contains(*in.AssigneeIDs, a.ID) {
				i.assignees = append(i.assignees, a)
			}
		}
	}
	if in.MilestoneID != nil {
		i.milestone = ""
		if n := int(*in.MilestoneID) - 501; n >= 0 && n < len(d.opt.Milestones) {
			i.milestone = d.opt.Milestones[n]
		}
	}
	if in.Due != nil {
		i.due = *in.Due
	}
	if in.Confidential != nil {
		i.confidential = *in.Confidential
	}
	if in.Kind != nil {
		i.kind = *in.Kind
	}
	return true
}

func (d *Double) remove(c *call) {
	i := d.find(c)
	if i == nil {
		return
	}
	if c.level() < 50 {
		c.fail(http.StatusForbidden, "403 Forbidden")
		return
	}
	i.deleted = true
	c.w.WriteHeader(http.StatusNoContent)
}

// Delete takes an issue away, as an owner does in the browser.
func (d *Double) Delete(iid int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.issues[iid-1].deleted = true
}

func (d *Double) sees(c *call, i *issue) bool {
	return !i.deleted && (!i.confidential || c.level() >= planner || c.me != nil && c.me == i.author)
}

func (d *Double) find(c *call) *issue {
	n, _ := strconv.ParseInt(c.r.PathValue("iid"), 10, 64)
	if n < 1 || n > int64(len(d.issues)) || !d.sees(c, d.issues[n-1]) {
		c.fail(http.StatusNotFound, "404 Not found")
		return nil
	}
	return d.issues[n-1]
}

func (d *Double) readIssue(c *call) {
	if i := d.find(c); i != nil {
		c.answer(http.StatusOK, d.issue(c, i))
	}
}

func (d *Double) listIssues(c *call) {
	q := c.r.URL.Query()
	by := func(i *issue) time.Time { return i.created }
	if q.Get("order_by") == "updated_at" {
		by = func(i *issue) time.Time { return i.updated }
	}
	var rows []*issue
	for _, i := range d.issues {
		if d.sees(c, i) && d.matches(c, i, q) {
			rows = append(rows, i)
		}
	}
	slices.SortFunc(rows, func(a, b *issue) int {
		n := cmp.Or(by(a).Compare(by(b)), cmp.Compare(b.id, a.id))
		if q.Get("sort") != "asc" {
			n = -n
		}
		return n
	})
	out := []any{}
	for _, i := range rows {
		out = append(out, d.issue(c, i))
	}
	d.page(c, out)
}

func (d *Double) matches(c *call, i *issue, q url.Values) bool {
	since := func(name string) time.Time {
		at, _ := time.Parse(time.RFC3339, q.Get(name))
		return at
	}
	state := cmp.Or(q.Get("state"), "all")
	switch {
	case !c.within(q.Get("scope"), i):
	case state != "all" && state != i.state:
	case i.updated.Before(since("updated_after")) || i.created.Before(since("created_after")):
	case q.Get("author_username") != "" && (i.author == nil || i.author.Username != q.Get("author_username")):
	case q.Get("issue_type") != "" && q.Get("issue_type") != i.kind:
	default:
		return true
	}
	return false
}

// within tells whether a scope holds an issue. What is not said is what one made.
func (c *call) within(scope string, i *issue) bool {
	switch scope {
	case "all":
		return true
	case "assigned_to_me":
		return slices.Contains(i.assignees, c.me)
	}
	return i.author == c.me
}

func (d *Double) issue(c *call, i *issue) map[string]any {
	at := fmt.Sprintf("http://%s/api/v4/projects/%d/issues/%d", c.r.Host, d.opt.ID, i.iid)
	out := map[string]any{
		"id": i.id, "iid": i.iid, "project_id": d.opt.ID, "title": i.title, "description": nil, "state": i.state, "issue_type": i.kind,
		"type": strings.ToUpper(i.kind), "created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": nil, "closed_by": nil,
		"labels": append([]string{}, i.labels...), "milestone": nil, "assignees": d.people(i.assignees), "assignee": nil, "author": d.person(i.author),
		"user_notes_count": len(i.notes), "upvotes": 0, "downvotes": 0, "merge_requests_count": 0, "due_date": nil, "confidential": i.confidential,
		"discussion_locked": nil, "severity": "UNKNOWN", "moved_to_id": nil, "imported": false, "has_tasks": false,
		"web_url":    fmt.Sprintf("https://gitlab.example/%s/-/issues/%d", d.opt.Path, i.iid),
		"time_stats": map[string]any{"time_estimate": 0, "total_time_spent": int(i.spent.Seconds()), "human_time_estimate": nil, "human_total_time_spent": nil},
		"references": map[string]any{"short": fmt.Sprint("#", i.iid), "relative": fmt.Sprint("#", i.iid), "full": fmt.Sprint(d.opt.Path, "#", i.iid)},
		"_links":     map[string]any{"self": at, "notes": at + "/notes"},
	}
	if i.text != "" {
		out["description"] = i.text
	}
	if i.due != "" {
		out["due_date"] = i.due
	}
	if i.moved > 0 {
		out["moved_to_id"] = i.moved
	}
	if len(i.assignees) > 0 {
		out["assignee"] = d.person(i.assignees[0])
	}
	if n := slices.Index(d.opt.Milestones, i.milestone); n >= 0 {
		out["milestone"] = d.milestone(n)
	}
	return out
}
