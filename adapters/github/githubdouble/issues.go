package githubdouble

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type issue struct {
	id, number       int64
	title, body      string
	user             *Account
	state, reason    string
	labels           []string
	assignees        []*Account
	milestone, kind  string
	values           map[int64]any
	created, updated time.Time
	closed           time.Time
	unshown          bool // by lists
	comments         []*comment
	events           []map[string]any
	parent           *issue
	blockedBy        []*issue
	elsewhere        bool
	pull             bool
	// deleted, hidden or moved: what is not there any more. moved is its number in
	// the other repository.
	deleted, hidden bool
	moved           string
}

func (i *issue) there() bool { return !i.deleted && !i.hidden && i.moved == "" }

// text is a title or a number, as GitHub takes either.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = text(strings.Trim(string(raw), `"`))
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*t = text(s)
	}
	return nil
}

// names are labels or logins: texts, or objects that hold one.
type names []string

// UnmarshalJSON implements json.Unmarshaler.
func (n *names) UnmarshalJSON(raw []byte) error {
	var all []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	*n = names{}
	for _, one := range all {
		var s string
		var o struct{ Name, Login string }
		if json.Unmarshal(one, &s) != nil {
			if err := json.Unmarshal(one, &o); err != nil {
				return err
			}
			s = o.Name + o.Login
		}
		*n = append(*n, s)
	}
	return nil
}

type value struct {
	Field int64 `json:"field_id"`
	Value any   `json:"value"`
}

// written is the body of a create or an edit: a member that is absent is nil.
type written struct {
	Title     *text            `json:"title"`
	Body      *json.RawMessage `json:"body"`
	State     *string          `json:"state"`
	Reason    *string          `json:"state_reason"`
	Labels    *names           `json:"labels"`
	Assignees *names           `json:"assignees"`
	Assignee  *string          `json:"assignee"`
	Milestone json.RawMessage  `json:"milestone"`
	Type      json.RawMessage  `json:"type"`
	Values    []value          `json:"issue_field_values"`
}

func (w *written) text() string {
	var s string
	if w.Body != nil {
		_ = json.Unmarshal(*w.Body, &s)
	}
	return s
}

const mostText = 65536

// sound refuses what GitHub refuses of anybody.
func (d *Double) sound(c *call, in *written) bool {
	switch {
	case in.Title != nil && strings.TrimSpace(string(*in.Title)) == "":
		c.invalid("Issue", "title", "missing_field")
	case in.Title != nil && len([]rune(*in.Title)) > 256:
		c.fail(http.StatusUnprocessableEntity, "title is too long (maximum is 256 characters)")
	case len([]rune(in.text())) > mostText:
		c.fail(http.StatusUnprocessableEntity, "body is too long (maximum is 65536 characters)")
	case in.State != nil && *in.State != "open" && *in.State != "closed":
		c.invalid("Issue", "state", "invalid")
	default:
		return true
	}
	return false
}

func (d *Double) create(c *call) {
	var in written
	if !c.body(&in) {
		return
	}
	if d.noIssues {
		c.fail(http.StatusGone, "Issues are disabled for this repo")
		return
	}
	if in.Title == nil {
		c.invalid("Issue", "title", "missing_field")
		return
	}
	if !d.sound(c, &in) {
		return
	}
	i := d.add(string(*in.Title), in.text(), c.me)
	if !d.set(c, i, &in) {
		d.issues = d.issues[:len(d.issues)-1]
		return
	}
	c.w.Header().Set("Location", d.address(c, i))
	c.answer(http.StatusCreated, d.issue(c, i))
}

// add makes an issue.
func (d *Double) add(title, body string, by *Account) *issue {
	d.nextID += 3
	i := &issue{
		id: d.nextID, number: int64(len(d.issues) + 1), title: title, body: body, user: by, state: "open",
		values: map[int64]any{}, created: d.second(), updated: d.second(),
	}
	d.issues = append(d.issues, i)
	return i
}

// AddPull makes a pull request, which the list of issues shows too.
func (d *Double) AddPull(title string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.add(title, "a change", &d.opt.Accounts[0])
	i.pull = true
	return i.number
}

// Delete takes an issue away, as an administrator does in the browser.
func (d *Double) Delete(number int64) { d.take(number, func(i *issue) { i.deleted = true }) }

// Hide makes GitHub say nothing of an issue.
func (d *Double) Hide(number int64) { d.take(number, func(i *issue) { i.hidden = true }) }

// ShowInLists tells whether lists show an issue: the server that answers them may not
// know of its change yet.
func (d *Double) ShowInLists(number int64, show bool) {
	d.take(number, func(i *issue) { i.unshown = !show })
}

// Transfer moves an issue to another repository, where it gets this number.
func (d *Double) Transfer(number int64, to string) {
	d.take(number, func(i *issue) { i.moved = to })
}

func (d *Double) take(number int64, do func(*issue)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do(d.issues[number-1])
}

// set applies what only some may set, and drops it in silence for others.
func (d *Double) set(c *call, i *issue, in *written) bool {
	if !c.me.sets() {
		return true
	}
	if in.Type != nil {
		var name string
		_ = json.Unmarshal(in.Type, &name)
		if name != "" && !slices.Contains(d.opt.Types, name) {
			c.invalid("Issue", "type", "invalid")
			return false
		}
		i.kind = name
	}
	if in.Milestone != nil && !d.setMilestone(c, i, in.Milestone) {
		return false
	}
	if in.Labels != nil {
		d.setLabels(c, i, *in.Labels)
	}
	switch {
	case in.Assignees != nil:
		d.setAssignees(c, i, *in.Assignees)
	case in.Assignee != nil:
		d.setAssignees(c, i, []string{*in.Assignee})
	}
	return d.setFields(c, i, in.Values)
}

func (d *Double) setMilestone(c *call, i *issue, raw json.RawMessage) bool {
	var n *int
	if json.Unmarshal(raw, &n) != nil || n != nil && (*n < 1 || *n > len(d.milestones)) {
		c.invalid("Issue", "milestone", "invalid")
		return false
	}
	title := ""
	if n != nil {
		title = d.milestones[*n-1]
	}
	if title == i.milestone {
		return true
	}
	if i.milestone != "" {
		d.log(c, i, "demilestoned", map[string]any{"milestone": map[string]any{"title": i.milestone}})
	}
	if title != "" {
		d.log(c, i, "milestoned", map[string]any{"milestone": map[string]any{"title": title}})
	}
	i.milestone = title
	return true
}

func (d *Double) edit(c *call) {
	i := d.find(c)
	var in written
	if i == nil || !c.body(&in) || !d.sound(c, &in) {
		return
	}
	if !c.me.sets() && c.me != i.user {
		c.fail(http.StatusForbidden, "Must have admin rights to Repository.")
		return
	}
	if !d.set(c, i, &in) {
		return
	}
	if in.Title != nil && string(*in.Title) != i.title {
		d.log(c, i, "renamed", map[string]any{"rename": map[string]any{"from": i.title, "to": string(*in.Title)}})
		i.title = string(*in.Title)
	}
	if in.Body != nil {
		i.body = in.text()
	}
	if in.State != nil && *in.State != i.state {
		d.move(c, i, *in.State, in.Reason)
	}
	i.updated = d.second()
	c.answer(http.StatusOK, d.issue(c, i))
}

func (d *Double) move(c *call, i *issue, state string, reason *string) {
	i.state = state
	if state == "open" {
		i.reason, i.closed = "reopened", time.Time{}
		d.log(c, i, "reopened", nil)
		return
	}
	i.reason, i.closed = "completed", d.second()
	if reason != nil && *reason != "" {
		i.reason = *reason
	}
	d.log(c, i, "closed", map[string]any{"state_reason": i.reason})
}

// log takes down what was done to an issue.
func (d *Double) log(c *call, i *issue, what string, more map[string]any) {
	d.nextID += 3
	e := map[string]any{
		"id": d.nextID, "node_id": fmt.Sprint("E_", d.nextID), "event": what, "actor": d.person(c, c.me), "created_at": stamp(d.second()),
		"url":       c.root() + "/repos/" + d.opt.Owner + "/" + d.name + "/issues/events/" + strconv.FormatInt(d.nextID, 10),
		"commit_id": nil, "commit_url": nil, "performed_via_github_app": nil,
	}
	for k, v := range more {
		e[k] = v
	}
	i.events = append(i.events, e)
	i.updated = d.second()
}

// find is the issue that a path names, or says what became of it.
func (d *Double) find(c *call) *issue {
	n, _ := strconv.ParseInt(c.r.PathValue("number"), 10, 64)
	if d.noIssues {
		c.fail(http.StatusGone, "Issues are disabled for this repo")
		return nil
	}
	if n < 1 || n > int64(len(d.issues)) || d.issues[n-1].hidden {
		c.fail(http.StatusNotFound, "Not Found")
		return nil
	}
	i := d.issues[n-1]
	switch {
	case i.deleted:
		c.fail(http.StatusGone, "This issue was deleted")
	case i.moved != "":
		c.moved(fmt.Sprintf("%s/repositories/%d/issues/%s", c.root(), otherID, i.moved), c.r.Method)
	default:
		return i
	}
	return nil
}

func (d *Double) readIssue(c *call) {
	if i := d.find(c); i != nil {
		c.answer(http.StatusOK, d.issue(c, i))
	}
}

func (d *Double) base(c *call) string { return c.root() + "/repos/" + d.opt.Owner + "/" + d.name }

func (d *Double) address(c *call, i *issue) string {
	return d.base(c) + "/issues/" + strconv.FormatInt(i.number, 10)
}

func (d *Double) web(i *issue) string {
	return fmt.Sprintf("https://github.example/%s/%s/issues/%d", d.opt.Owner, d.name, i.number)
}

// issue is an issue as the API shows it.
func (d *Double) issue(c *call, i *issue) map[string]any {
	at := d.address(c, i)
	out := map[string]any{
		"id": i.id, "node_id": fmt.Sprint("I_", i.id), "number": i.number, "title": i.title, "body": nil, "user": d.person(c, i.user),
		"state": i.state, "state_reason": nil, "locked": false, "active_lock_reason": nil, "comments": len(i.comments),
		"labels": d.labelList(c, i.labels), "assignee": nil, "assignees": d.people(c, i.assignees), "milestone": nil, "type": nil,
		"created_at": stamp(i.created), "updated_at": stamp(i.updated), "closed_at": stamp(i.closed), "closed_by": nil,
		"author_association": "MEMBER", "performed_via_github_app": nil, "url": at, "html_url": d.web(i),
		"repository_url": d.base(c), "labels_url": at + "/labels{/name}", "comments_url": at + "/comments", "events_url": at + "/events",
		"timeline_url": at + "/timeline", "sub_issues_summary": map[string]any{"total": 0, "completed": 0, "percent_completed": 0},
		"issue_field_values": d.valueList(i), "parent_issue_url": nil,
		"issue_dependencies_summary": d.dependencies(i),
	}
	if d.opt.NoDependencies {
		delete(out, "issue_dependencies_summary")
	}
	if i.elsewhere {
		out["repository_url"] = d.base(c) + "-other"
	}
	if i.body != "" {
		out["body"] = i.body
	}
	if i.reason != "" {
		out["state_reason"] = i.reason
	}
	if len(i.assignees) > 0 {
		out["assignee"] = d.person(c, i.assignees[0])
	}
	if n := slices.Index(d.milestones, i.milestone); n >= 0 {
		out["milestone"] = d.milestone(c, n)
	}
	if i.kind != "" {
		out["type"] = d.kind(i.kind)
	}
	if i.parent != nil {
		out["parent_issue_url"] = d.address(c, i.parent)
	}
	if i.pull {
		out["pull_request"] = map[string]any{"url": d.base(c) + "/pulls/" + strconv.FormatInt(i.number, 10), "merged_at": nil}
	}
	return out
}
