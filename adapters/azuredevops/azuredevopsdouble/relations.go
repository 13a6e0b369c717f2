package azuredevopsdouble

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// relate adds a relation.
func (d *Double) relate(w *workItem, value any, added *[]any) *refusal {
	m, _ := value.(map[string]any)
	rel, _ := m["rel"].(string)
	at, _ := m["url"].(string)
	given, _ := m["attributes"].(map[string]any)
	attributes := map[string]any{"isLocked": false}
	maps.Copy(attributes, given)
	switch rel {
	case "AttachedFile":
		path, query, _ := strings.Cut(at, "?")
		f := d.files[path[strings.LastIndexByte(path, '/')+1:]]
		if f == nil {
			return &refusal{http.StatusBadRequest, "VS402371", "The attachment does not exist or was not uploaded."}
		}
		now := stamp(d.tick())
		attributes = map[string]any{
			"authorizedDate": now, "id": d.next(), "resourceCreatedDate": now, "resourceModifiedDate": now,
			"revisedDate": "9999-01-01T00:00:00Z", "resourceSize": len(f.data), "name": f.name,
		}
		if s, ok := given["comment"].(string); ok {
			attributes["comment"] = s
		}
		_, at = query, path
	case "System.LinkTypes.Hierarchy-Reverse":
		if slices.ContainsFunc(w.rels, func(r map[string]any) bool { return r["rel"] == rel }) {
			return &refusal{http.StatusBadRequest, "TF201036", "You cannot add a Child link: a work item can have only one Parent link."}
		}
	case "Hyperlink", "System.LinkTypes.Remote.Related":
	default:
		if opposite(rel) == "" {
			return &refusal{http.StatusBadRequest, "VS402336", "Unknown relation type " + rel}
		}
	}
	if opposite(rel) != "" {
		if refused := d.relatable(w, rel, at); refused != nil {
			return refused
		}
	}
	one := map[string]any{"rel": rel, "url": at, "attributes": attributes}
	w.rels = append(w.rels, one)
	*added = append(*added, one)
	return nil
}

// relatable refuses a link between two work items that cannot be.
func (d *Double) relatable(w *workItem, rel, at string) *refusal {
	id := target(at)
	other := d.items[id]
	switch {
	case other == nil || other.deleted || other.hidden:
		return &refusal{http.StatusNotFound, "TF401232", fmt.Sprintf("Work item %d does not exist, or you do not have permissions to read it.", id)}
	case id == w.id:
		return &refusal{http.StatusBadRequest, "TF201035", "You cannot link a work item to itself."}
	case slices.ContainsFunc(w.rels, func(r map[string]any) bool { return r["rel"] == rel && target(fmt.Sprint(r["url"])) == id }):
		return &refusal{http.StatusBadRequest, "TF237124", "Relation already exists."}
	}
	return nil
}

func target(at string) int64 {
	n, _ := strconv.ParseInt(at[strings.LastIndexByte(at, '/')+1:], 10, 64)
	return n
}

// opposite is how the other work item has a link; "" for what is no link between two.
func opposite(rel string) string {
	for _, kind := range []string{"Duplicate", "Dependency", "Hierarchy"} {
		forward, reverse := "System.LinkTypes."+kind+"-Forward", "System.LinkTypes."+kind+"-Reverse"
		switch rel {
		case forward:
			return reverse
		case reverse:
			return forward
		}
	}
	if rel == "System.LinkTypes.Related" {
		return rel
	}
	return ""
}

// mirror gives the other ends of the links that a patch changed the same change.
func (d *Double) mirror(c *call, w *workItem) {
	same := func(a map[string]any) func(map[string]any) bool {
		return func(b map[string]any) bool {
			return a["rel"] == b["rel"] && target(fmt.Sprint(a["url"])) == target(fmt.Sprint(b["url"]))
		}
	}
	var before []map[string]any
	if old := d.items[w.id]; old != nil {
		before = old.rels
	}
	for _, r := range slices.Concat(before, w.rels) {
		was, is := slices.ContainsFunc(before, same(r)), slices.ContainsFunc(w.rels, same(r))
		other := d.items[target(fmt.Sprint(r["url"]))]
		rel, _ := r["rel"].(string)
		if was == is || opposite(rel) == "" || other == nil {
			continue
		}
		back := map[string]any{
			"rel": opposite(rel), "url": fmt.Sprintf("%s/_apis/wit/workItems/%d", c.base, w.id), "attributes": map[string]any{"isLocked": false},
		}
		other.rels = slices.DeleteFunc(slices.Clone(other.rels), same(back))
		if is {
			other.rels = append(other.rels, back)
		}
	}
}
