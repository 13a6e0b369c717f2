package jiradouble

import (
	"net/http"
	"slices"
	"strconv"
)

// linkType is a relation: what the page of either end says.
type linkType struct{ id, name, inward, outward string }

// linkTypes as a site has them: Jira's own, and what administrators add, two of which
// read alike at one end.
func linkTypes() []linkType {
	return []linkType{
		{"10000", "Blocks", "is blocked by", "blocks"},
		{"10001", "Cloners", "is cloned by", "clones"},
		{"10002", "Duplicate", "is duplicated by", "duplicates"},
		{"9000", "Reference", "is referred to by", "relates to"},
		{"10003", "Relates", "relates to", "relates to"},
		{"10004", "Problem/Incident", "is caused by", "causes"},
		{"10100", "Container", "Is contained by", "contains"},
	}
}

func (l *linkType) shown(d *Double) map[string]any {
	return map[string]any{"id": l.id, "name": l.name, "inward": l.inward, "outward": l.outward, "self": d.self("issueLinkType/" + l.id)}
}

// link is one between two issues, from where it begins.
type link struct {
	id       int64
	kind     linkType
	from, to *issue
}

func (d *Double) listLinkTypes(c *call) {
	if d.opt.NoLinks {
		c.fail(http.StatusNotFound, "Issue linking is currently disabled.")
		return
	}
	all := []any{}
	for _, l := range linkTypes() {
		all = append(all, l.shown(d))
	}
	c.answer(http.StatusOK, map[string]any{"issueLinkTypes": all})
}

type end struct{ ID, Key string }

func (e end) id() string {
	if e.ID != "" {
		return e.ID
	}
	return e.Key
}

// link joins two issues: the one called inward in the request is where the relation
// begins. A link that is there is answered as if it had been made.
func (d *Double) link(c *call) {
	var body struct {
		Type struct{ ID, Name string } `json:"type"`
		// Inward and Outward are the two issues.
		Inward  end `json:"inwardIssue"`
		Outward end `json:"outwardIssue"`
	}
	if !c.must() || !c.body(&body) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	types := linkTypes()
	n := slices.IndexFunc(types, func(l linkType) bool {
		return l.id == body.Type.ID || body.Type.ID == "" && l.name == body.Type.Name
	})
	from, to := d.find(c, body.Inward.id()), d.find(c, body.Outward.id())
	switch {
	case d.opt.NoLinks || n < 0 || from == nil || to == nil:
		c.fail(http.StatusNotFound, "No issue link type with name '"+body.Type.Name+"' found, or an issue does not exist.")
		return
	case slices.Contains(d.opt.Denied, "LINK_ISSUES"):
		d.mayNotLink(c)
		return
	case from == to:
		c.fail(http.StatusBadRequest, "You cannot link an issue to itself.")
		return
	}
	made := link{d.nextID + 1, types[n], from, to}
	same := func(l link) bool {
		return l.kind == made.kind && (l.from == from && l.to == to || made.kind.inward == made.kind.outward && l.from == to && l.to == from)
	}
	if !slices.ContainsFunc(d.links, same) {
		d.nextID++
		d.links = append(d.links, made)
		d.linked(c, made, nil, true)
	}
	c.w.WriteHeader(http.StatusCreated)
}

// mayNotLink: the products answer otherwise.
func (d *Double) mayNotLink(c *call) {
	if d.opt.Cloud {
		c.fail(http.StatusNotFound, "No Link Issue Permission for issue")
		return
	}
	c.fail(http.StatusUnauthorized, "No Link Issue Permission for issue")
}

func (d *Double) unlink(c *call) {
	if !c.must() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := slices.IndexFunc(d.links, func(l link) bool {
		return strconv.FormatInt(l.id, 10) == c.r.PathValue("link") && !l.from.gone && !l.to.gone
	})
	switch {
	case n < 0 || d.opt.NoLinks:
		c.fail(http.StatusNotFound, "No issue link with id '"+c.r.PathValue("link")+"' exists.")
		return
	case slices.Contains(d.opt.Denied, "LINK_ISSUES"):
		d.mayNotLink(c)
		return
	}
	was := d.links[n]
	d.links = slices.Delete(d.links, n, n+1)
	d.linked(c, was, true, nil)
	c.w.WriteHeader(http.StatusNoContent)
}

// linked takes a change down at both ends; before and after tell where the link is there.
func (d *Double) linked(c *call, l link, before, after any) {
	for _, side := range []struct {
		here, there *issue
		words       string
	}{{l.from, l.to, l.kind.outward}, {l.to, l.from, l.kind.inward}} {
		item := map[string]any{"field": "Link", "fieldtype": "jira", "from": nil, "fromString": nil, "to": nil, "toString": nil}
		said := "This issue " + side.words + " " + side.there.key
		if before != nil {
			item["from"], item["fromString"] = side.there.key, said
		}
		if after != nil {
			item["to"], item["toString"] = side.there.key, said
		}
		d.record(c, side.here, []any{item})
		d.touch(side.here)
	}
}

// linksOf are the links that an issue shows; mu is held.
func (d *Double) linksOf(i *issue) []any {
	out := []any{}
	for _, l := range d.links {
		end, other := "outwardIssue", l.to
		if l.to == i {
			end, other = "inwardIssue", l.from
		} else if l.from != i {
			continue
		}
		if other.gone {
			continue
		}
		id := strconv.FormatInt(l.id, 10)
		out = append(out, map[string]any{
			"id": id, "type": l.kind.shown(d), "self": d.self("issueLink/" + id),
			end: map[string]any{
				"id": strconv.FormatInt(other.id, 10), "key": other.key, "self": d.self("issue/" + other.key),
				"fields": map[string]any{"summary": other.fields["summary"], "status": other.fields["status"]},
			},
		})
	}
	return out
}
