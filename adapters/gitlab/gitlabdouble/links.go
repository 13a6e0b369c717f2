package gitlabdouble

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// link is one end of a relation between two issues.
type link struct {
	id   int64
	kind string
	to   *issue
}

var otherEnd = map[string]string{"relates_to": "relates_to", "blocks": "is_blocked_by", "is_blocked_by": "blocks"}

func (d *Double) link(c *call) {
	from := d.find(c)
	var in struct {
		Project json.Number `json:"target_project_id"`
		IID     json.Number `json:"target_issue_iid"`
		Kind    string      `json:"link_type"`
	}
	if from == nil || !c.body(&in) {
		return
	}
	if in.Kind == "" {
		in.Kind = "relates_to"
	}
	project, _ := in.Project.Int64()
	iid, _ := in.IID.Int64()
	if iid < 1 || iid > int64(len(d.issues)) || project != d.opt.ID || otherEnd[in.Kind] == "" {
		c.fail(http.StatusNotFound, "404 Not found")
		return
	}
	to := d.issues[iid-1]
	switch {
	case in.Kind != "relates_to" && d.opt.Free:
		c.fail(http.StatusForbidden, "Blocked issues not available for current license")
		return
	case !d.sees(c, to):
		c.fail(http.StatusNotFound, "No matching issue found. Make sure that you are adding a valid issue URL.")
		return
	case slices.ContainsFunc(from.links, func(l link) bool { return l.to == to }):
		c.fail(http.StatusConflict, "Issue(s) already assigned")
		return
	}
	d.nextID += 3
	from.links = append(from.links, link{d.nextID, in.Kind, to})
	to.links = append(to.links, link{d.nextID, otherEnd[in.Kind], from})
	d.system(c, from, "marked this issue as related to #"+strconv.FormatInt(to.iid, 10))
	d.system(c, to, "marked this issue as related to #"+strconv.FormatInt(from.iid, 10))
	c.answer(http.StatusCreated, map[string]any{"id": d.nextID, "source_issue": d.issue(c, from), "target_issue": d.issue(c, to), "link_type": in.Kind})
}

func (d *Double) unlink(c *call) {
	from := d.find(c)
	if from == nil {
		return
	}
	n := slices.IndexFunc(from.links, func(l link) bool { return strconv.FormatInt(l.id, 10) == c.r.PathValue("link") })
	if n < 0 {
		c.fail(http.StatusNotFound, "No Issue Link found")
		return
	}
	id, to := from.links[n].id, from.links[n].to
	for _, i := range []*issue{from, to} {
		i.links = slices.DeleteFunc(i.links, func(l link) bool { return l.id == id })
	}
	d.system(c, from, "removed the relation with #"+strconv.FormatInt(to.iid, 10))
	d.system(c, to, "removed the relation with #"+strconv.FormatInt(from.iid, 10))
	c.answer(http.StatusOK, map[string]any{"source_issue": d.issue(c, from), "target_issue": d.issue(c, to), "link_type": "relates_to"})
}

// listLinks answers all of them at once.
func (d *Double) listLinks(c *call) {
	i := d.find(c)
	if i == nil {
		return
	}
	out := []any{}
	for _, l := range i.links {
		if !d.sees(c, l.to) {
			continue
		}
		row := d.issue(c, l.to)
		row["issue_link_id"], row["link_type"] = l.id, l.kind
		row["link_created_at"], row["link_updated_at"] = stamp(l.to.updated), stamp(l.to.updated)
		out = append(out, row)
	}
	c.answer(http.StatusOK, out)
}

// moveAway moves an issue to another project: what stays is closed, and says what it became.
func (d *Double) moveAway(c *call) {
	i := d.find(c)
	if i == nil {
		return
	}
	if i.state == "closed" || c.level() < planner {
		c.fail(http.StatusBadRequest, "Cannot move issue due to insufficient permissions!")
		return
	}
	d.nextID += 3
	i.moved = d.nextID
	d.system(c, i, "moved to acme/elsewhere#1")
	d.move(c, i, "close")
	out := d.issue(c, i)
	out["id"], out["iid"], out["project_id"], out["state"], out["moved_to_id"] = i.moved, 1, d.opt.ID+1, "opened", nil
	c.answer(http.StatusCreated, out)
}

func (d *Double) spend(c *call) {
	i := d.find(c)
	var in struct {
		Duration string `json:"duration"`
	}
	if i == nil || !c.body(&in) {
		return
	}
	took, err := time.ParseDuration(in.Duration)
	if err != nil {
		c.answer(http.StatusBadRequest, map[string]any{"error": "duration is invalid"})
		return
	}
	i.spent += took
	d.system(c, i, "added "+in.Duration+" of time spent")
	c.answer(http.StatusCreated, map[string]any{"time_estimate": 0, "total_time_spent": int(i.spent.Seconds()), "human_time_estimate": nil, "human_total_time_spent": in.Duration})
}
