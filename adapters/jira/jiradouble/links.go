package jiradouble

import (
	"net/http"
	"slices"
	"strconv"
)

// linkTypes by name: what the page of either end says.
func linkTypes() map[string][2]string {
	return map[string][2]string{"Blocks": {"is blocked by", "blocks"}, "Relates": {"relates to", "relates to"}}
}

// link joins two issues: the one called inward in the request is where the relation
// begins.
func (d *Double) link(c *call) {
	var body struct {
		Type struct {
			Name string `json:"name"`
		} `json:"type"`
		Inward  struct{ Key string } `json:"inwardIssue"`
		Outward struct{ Key string } `json:"outwardIssue"`
	}
	if !c.body(&body) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	words, known := linkTypes()[body.Type.Name]
	from, to := d.find(c, body.Inward.Key), d.find(c, body.Outward.Key)
	if !known || from == nil || to == nil {
		c.fail(http.StatusNotFound, "No issue link type with name '"+body.Type.Name+"' found, or an issue does not exist.")
		return
	}
	d.nextID++
	add := func(i *issue, end string, other *issue) {
		links, _ := i.fields["issuelinks"].([]any)
		i.fields["issuelinks"] = append(slices.Clone(links), map[string]any{
			"id":   strconv.FormatInt(d.nextID, 10),
			"type": map[string]any{"id": "10000", "name": body.Type.Name, "inward": words[0], "outward": words[1]},
			end: map[string]any{
				"id": strconv.FormatInt(other.id, 10), "key": other.key, "self": d.self("issue/" + other.key),
				"fields": map[string]any{"summary": other.fields["summary"], "status": other.fields["status"]},
			},
		})
		d.touch(i)
	}
	add(from, "outwardIssue", to)
	add(to, "inwardIssue", from)
	c.w.WriteHeader(http.StatusCreated)
}
