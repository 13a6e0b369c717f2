package jiradouble

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// catalogue is the fields with what was made since for them to hold; mu is held.
func (d *Double) catalogue() []field {
	all := catalogue()
	for i := range all {
		all[i].allowed = append(all[i].allowed, d.names[all[i].id]...)
	}
	return all
}

// options are what a field may hold, as a project lists them; mu is held.
func (d *Double) options(id string) []any {
	out := []any{}
	for _, f := range d.catalogue() {
		for _, name := range f.allowed {
			if f.id == id {
				one, _ := f.option(name)
				out = append(out, one)
			}
		}
	}
	return out
}

func (d *Double) makeVersion(c *call) {
	var body struct {
		Name      string `json:"name"`
		ProjectID int64  `json:"projectId"`
	}
	if c.must() && c.body(&body) {
		d.makeName(c, "fixVersions", body.Name, strconv.FormatInt(body.ProjectID, 10) == projectID)
	}
}

func (d *Double) makeComponent(c *call) {
	var body struct {
		Name    string `json:"name"`
		Project string `json:"project"`
	}
	if c.must() && c.body(&body) {
		d.makeName(c, "components", body.Name, body.Project == d.opt.Project)
	}
}

// makeName takes a name once, in whatever case of letters.
func (d *Double) makeName(c *call, id, name string, here bool) {
	if !here || slices.Contains(d.opt.Denied, "ADMINISTER_PROJECTS") {
		c.fail(http.StatusNotFound, "The project does not exist, or you cannot edit it.")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.catalogue() {
		if f.id == id && slices.ContainsFunc(f.allowed, func(one string) bool { return strings.EqualFold(one, name) }) {
			c.failField("name", "A version or component with this name already exists in this project.")
			return
		}
	}
	d.names[id] = append(d.names[id], name)
	c.answer(http.StatusCreated, map[string]any{"id": strconv.Itoa(10_000 + len(d.names[id])), "name": name})
}
