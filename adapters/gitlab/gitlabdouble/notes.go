package gitlabdouble

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type note struct {
	id               int64
	body             string
	author           *Account
	created, updated time.Time
	system, internal bool
}

var order = regexp.MustCompile(`(?m)^/(close|reopen|confidential)\b.*(?:\n|$)`)

// obey does the orders of a text and takes them out.
func (d *Double) obey(c *call, i *issue, text string) string {
	for _, m := range order.FindAllStringSubmatch(text, -1) {
		if m[1] == "confidential" {
			i.confidential = true
			continue
		}
		d.move(c, i, m[1])
	}
	return order.ReplaceAllString(text, "")
}

func (d *Double) say(c *call, i *issue, body string, system, internal bool) *note {
	d.nextID += 3
	n := &note{id: d.nextID, body: body, author: c.me, created: d.moment(), updated: d.moment(), system: system, internal: internal}
	i.notes = append(i.notes, n)
	i.updated = d.moment()
	return n
}

// system takes down what was done.
func (d *Double) system(c *call, i *issue, body string) { d.say(c, i, body, true, false) }

var emoji = regexp.MustCompile(`^:[a-z_+0-9-]+:$`)

func (d *Double) addNote(c *call) {
	i := d.find(c)
	var in struct {
		Body         string `json:"body"`
		Internal     bool   `json:"internal"`
		Confidential bool   `json:"confidential"`
	}
	if i == nil || !c.body(&in) {
		return
	}
	internal := in.Internal || in.Confidential
	switch {
	case strings.TrimSpace(in.Body) == "":
		c.answer(http.StatusBadRequest, map[string]any{"error": "body is empty"})
		return
	case internal && c.level() < planner:
		c.fail(http.StatusForbidden, "403 Forbidden")
		return
	case emoji.MatchString(strings.TrimSpace(in.Body)):
		c.answer(http.StatusCreated, map[string]any{"name": strings.Trim(in.Body, ": \n"), "awardable_type": "Issue"})
		return
	}
	body := d.obey(c, i, in.Body)
	if strings.TrimSpace(body) == "" {
		c.answer(http.StatusAccepted, map[string]any{"commands_changes": map[string]any{}, "summary": []string{"Done."}})
		return
	}
	c.answer(http.StatusCreated, d.note(d.say(c, i, body, false, internal), i))
}

func (d *Double) note(n *note, i *issue) map[string]any {
	return map[string]any{
		"id": n.id, "type": nil, "body": n.body, "author": d.person(n.author), "created_at": stamp(n.created), "updated_at": stamp(n.updated),
		"system": n.system, "noteable_id": i.id, "noteable_type": "Issue", "noteable_iid": i.iid, //nolint:misspell // GitLab's own word
		"project_id": d.opt.ID, "resolvable": false,
		"confidential": n.internal, "internal": n.internal, "imported": false, "imported_from": "none", "attachment": nil,
	}
}

func (d *Double) listNotes(c *call) {
	i := d.find(c)
	if i == nil {
		return
	}
	all := slices.Clone(i.notes)
	if c.r.URL.Query().Get("sort") != "asc" {
		slices.Reverse(all)
	}
	out := []any{}
	for _, n := range all {
		if !n.internal || c.level() >= planner {
			out = append(out, d.note(n, i))
		}
	}
	d.page(c, out)
}

func (d *Double) said(c *call) (*issue, *note) {
	i := d.find(c)
	if i == nil {
		return nil, nil
	}
	for _, n := range i.notes {
		if strconv.FormatInt(n.id, 10) == c.r.PathValue("id2") {
			return i, n
		}
	}
	c.fail(http.StatusNotFound, "404 Not found")
	return nil, nil
}

func (d *Double) readNote(c *call) {
	if i, n := d.said(c); n != nil {
		c.answer(http.StatusOK, d.note(n, i))
	}
}

func (d *Double) editNote(c *call) {
	i, n := d.said(c)
	var in struct {
		Body string `json:"body"`
	}
	if n == nil || !c.body(&in) {
		return
	}
	if n.author != c.me && c.level() < 40 {
		c.fail(http.StatusForbidden, "403 Forbidden")
		return
	}
	n.body, n.updated = d.obey(c, i, in.Body), d.moment()
	i.updated = d.moment()
	c.answer(http.StatusOK, d.note(n, i))
}
