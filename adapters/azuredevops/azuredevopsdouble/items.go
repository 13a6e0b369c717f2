package azuredevopsdouble

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

type workItem struct {
	id, rev  int64
	fields   map[string]any
	rels     []map[string]any
	formats  map[string]any
	comments []*comment
	updates  []map[string]any
	deleted  bool
	hidden   bool
}

func (w *workItem) clone() *workItem {
	out := *w
	out.fields, out.formats, out.rels = maps.Clone(w.fields), maps.Clone(w.formats), slices.Clone(w.rels)
	return &out
}

func (w *workItem) str(ref string) string { s, _ := w.fields[ref].(string); return s }

// shown is an item that the account may see.
func (d *Double) shown(c *call) *workItem {
	w := d.items[c.number("id")]
	if w == nil || w.deleted || w.hidden {
		c.noItem()
		return nil
	}
	if p := c.r.PathValue("project"); p != "" && !strings.EqualFold(p, w.str("System.TeamProject")) {
		c.noItem()
		return nil
	}
	return w
}

// body is the item as it is answered.
func (d *Double) body(c *call, w *workItem, expand bool) map[string]any {
	out := map[string]any{
		"id": w.id, "rev": w.rev, "fields": w.fields, "url": fmt.Sprintf("%s/_apis/wit/workItems/%d", c.base, w.id),
		"_links": map[string]any{"html": map[string]any{"href": fmt.Sprintf("%s/web/wi.aspx?id=%d", c.base, w.id)}},
	}
	if expand && len(w.rels) > 0 {
		out["relations"] = w.rels
	}
	if len(w.formats) > 0 {
		out["multilineFieldsFormat"] = w.formats
	}
	return out
}

func (d *Double) show(c *call) {
	if w := d.shown(c); w != nil {
		c.answer(http.StatusOK, d.body(c, w, c.r.URL.Query().Get("$expand") == "all"))
	}
}

func (d *Double) batch(c *call) {
	var in struct {
		IDs    []int64  `json:"ids"`
		Fields []string `json:"fields"`
		Policy string   `json:"errorPolicy"`
	}
	if json.NewDecoder(c.r.Body).Decode(&in) != nil || len(in.IDs) == 0 || len(in.IDs) > 200 {
		c.fail(http.StatusBadRequest, "VS403474", "You must pass between 1 and 200 work item ids")
		return
	}
	var out []any
	for _, id := range in.IDs {
		w := d.items[id]
		if w == nil || w.deleted || w.hidden {
			if in.Policy != "omit" {
				c.noItem()
				return
			}
			out = append(out, nil)
			continue
		}
		picked := map[string]any{}
		for _, ref := range in.Fields {
			if v, ok := w.fields[ref]; ok {
				picked[ref] = v
			}
		}
		out = append(out, map[string]any{"id": w.id, "rev": w.rev, "fields": picked, "url": fmt.Sprintf("%s/_apis/wit/workItems/%d", c.base, w.id)})
	}
	c.list(out)
}

// refusal is an error of a patch.
type refusal struct {
	status      int
	code, words string
}

func (d *Double) create(c *call) {
	kind, ok := strings.CutPrefix(c.r.PathValue("type"), "$")
	if !ok || !slices.Contains(typeNames(), kind) {
		c.fail(http.StatusNotFound, "VS402323", "Work item type "+kind+" does not exist in project")
		return
	}
	if c.me.Stakeholder {
		c.fail(http.StatusForbidden, "TF237111", "The current user does not have permissions to save work items under the specified area path.")
		return
	}
	at, project := d.tick(), d.projectName(c.r.PathValue("project"))
	w := &workItem{id: d.lastID + 1, fields: map[string]any{
		"System.TeamProject": project, "System.AreaPath": project, "System.IterationPath": project, "System.WorkItemType": kind,
		"System.State": "To Do", "System.Reason": "New", "System.CreatedDate": stamp(at), "System.CreatedBy": c.identity(c.me),
		"System.CommentCount": 0, "Microsoft.VSTS.Common.Priority": 2, "Microsoft.VSTS.Common.StateChangeDate": stamp(at),
	}, formats: map[string]any{}}
	d.apply(c, w, c.r.URL.Query().Get("validateOnly") == "true")
}

func (d *Double) projectName(name string) string {
	n := slices.IndexFunc(d.opt.Projects, func(p string) bool { return strings.EqualFold(p, name) })
	return d.opt.Projects[max(n, 0)]
}

func (d *Double) patch(c *call) {
	if w := d.shown(c); w != nil {
		d.apply(c, w.clone(), false)
	}
}

// apply does all of a patch on a copy, then puts it in place.
func (d *Double) apply(c *call, w *workItem, check bool) {
	if c.r.Header.Get("Content-Type") != "application/json-patch+json" {
		c.fail(http.StatusUnsupportedMediaType, "VS403", "The request indicated a Content-Type of other than application/json-patch+json")
		return
	}
	var ops []struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	if json.NewDecoder(c.r.Body).Decode(&ops) != nil || len(ops) == 0 {
		c.fail(http.StatusBadRequest, "VS403435", "You must pass a valid patch document in the body of the request.")
		return
	}
	before := maps.Clone(w.fields)
	said := ""
	var added []any
	for _, op := range ops {
		refused := d.operate(c, w, op.Op, op.Path, op.Value, &said, &added)
		if refused != nil {
			c.fail(refused.status, refused.code, refused.words)
			return
		}
	}
	if strings.TrimSpace(w.str("System.Title")) == "" {
		c.fail(http.StatusBadRequest, "TF401320", "Rule Error for field Title. Error code: Required, InvalidEmpty.")
		return
	}
	if check {
		c.answer(http.StatusOK, d.body(c, w, true))
		return
	}
	if w.id > d.lastID {
		d.lastID, before = w.id, map[string]any{}
	}
	out := d.commit(c, w, before, said, added)
	c.answer(http.StatusOK, out)
}

// commit makes a revision of a changed copy.
func (d *Double) commit(c *call, w *workItem, before map[string]any, said string, added []any) map[string]any {
	at := d.tick()
	w.rev++
	var made *comment
	if said != "" {
		made = d.comment(c, w, said, at)
	}
	w.fields["System.ChangedDate"], w.fields["System.ChangedBy"] = stamp(at), c.identity(c.me)
	d.mirror(c, w)
	d.items[w.id] = w
	d.noteUpdate(c, w, before, at, added)
	d.noteRevision(w, at)
	out := d.body(c, w, true)
	if made != nil {
		out["commentVersionRef"] = map[string]any{"commentId": made.id, "version": 1}
	}
	return out
}

func (d *Double) operate(c *call, w *workItem, op, path string, value any, said *string, added *[]any) *refusal {
	ref, isField := strings.CutPrefix(path, "/fields/")
	place, isRelation := strings.CutPrefix(path, "/relations/")
	format, isFormat := strings.CutPrefix(path, "/multilineFieldsFormat/")
	switch {
	case path == "/rev" && op == "test":
		if n, _ := value.(float64); int64(n) != w.rev {
			status := http.StatusPreconditionFailed
			if d.opt.Conflict409 {
				status = http.StatusConflict
			}
			return &refusal{status, "VS403351", "Test Operation for path /rev failed."}
		}
		return nil
	case isField && (op == "add" || op == "replace" || op == "remove"):
		return d.setField(c, w, op, ref, value, said)
	case isRelation && op == "add" && place == "-":
		return d.relate(w, value, added)
	case isRelation && op == "remove":
		n, err := strconv.Atoi(place)
		if err != nil || n < 0 || n >= len(w.rels) {
			return &refusal{http.StatusBadRequest, "VS403434", "Invalid relation index " + place}
		}
		w.rels = slices.Delete(w.rels, n, n+1)
		return nil
	case isFormat && value == "Markdown":
		w.formats[format] = "markdown"
		return nil
	}
	return &refusal{http.StatusBadRequest, "VS403435", "The patch operation " + op + " " + path + " is not supported."}
}

func (d *Double) setField(c *call, w *workItem, op, ref string, value any, said *string) *refusal {
	f := fieldOf(ref)
	switch {
	case f == nil || f.only != "" && f.only != w.str("System.WorkItemType"):
		return &refusal{http.StatusBadRequest, "TF51535", "Cannot find field " + ref + "."}
	case f.readOnly && f.kind != "treePath":
		return &refusal{http.StatusBadRequest, "TF401326", "Field " + ref + " is read only."}
	case op == "remove":
		if w.fields[f.ref] == nil {
			return &refusal{http.StatusBadRequest, "VS403435", "Field " + ref + " has no value to remove."}
		}
		delete(w.fields, f.ref)
		return nil
	case f.kind == "history":
		*said, _ = value.(string)
		return nil
	}
	v, ok := d.accept(c, f, value)
	if !ok {
		return &refusal{http.StatusBadRequest, "TF401320", fmt.Sprintf("Rule Error for field %s. Error code: InvalidListValue.", f.name)}
	}
	switch f.ref {
	case "System.Tags":
		s, _ := v.(string)
		if op == "add" {
			s = w.str("System.Tags") + ";" + s // an add adds
		}
		v = tagged(s)
	case "System.State":
		if !slices.Contains(transitions()[w.str("System.State")], fmt.Sprint(v)) || w.rev == 0 && v != "To Do" {
			return &refusal{http.StatusBadRequest, "TF401320", "Rule Error for field State. Error code: HasValues, LimitedToValues, AllowsOldValue, InvalidListValue."}
		}
		w.fields["System.Reason"] = "Moved to state " + fmt.Sprint(v)
	case "System.TeamProject":
		v = d.projectName(fmt.Sprint(v))
	case "System.WorkItemType":
		if !slices.Contains(typeNames(), fmt.Sprint(v)) {
			return &refusal{http.StatusBadRequest, "VS402323", "no such type"}
		}
	}
	if v == "" || v == nil {
		delete(w.fields, f.ref)
		return nil
	}
	w.fields[f.ref] = v
	return nil
}

// accept checks a value by the field's type; long texts are cleaned.
func (d *Double) accept(c *call, f *field, v any) (any, bool) {
	s, isText := v.(string)
	n, isNumber := v.(float64)
	switch {
	case f.identity:
		return d.acceptPerson(c, v)
	case f.kind == "integer" || f.kind == "double":
		fits := isNumber && (f.kind == "double" || n == float64(int64(n)))
		return v, fits && (len(f.allowed) == 0 || slices.Contains(f.allowed, strconv.FormatFloat(n, 'f', -1, 64)))
	case f.kind == "boolean":
		_, ok := v.(bool)
		return v, ok
	case f.kind == "dateTime":
		at, err := time.Parse(time.RFC3339, s)
		return stamp(at), err == nil
	case f.kind == "html":
		return clean(s), isText
	case f.kind == "string" && (utf8.RuneCountInString(s) > 255 || strings.ContainsAny(s, "\n\r")):
		return nil, false
	}
	return v, isText && (len(f.allowed) == 0 || f.suggested || slices.Contains(f.allowed, s))
}

func (d *Double) acceptPerson(c *call, v any) (any, bool) {
	if v == "" {
		return "", true
	}
	m, _ := v.(map[string]any)
	for n := range d.opt.Accounts {
		a := &d.opt.Accounts[n]
		if m["id"] == a.ID || m["uniqueName"] == a.Email || v == a.Name || v == a.Email {
			return c.identity(a), true
		}
	}
	return nil, false
}

// tagged is a list of tags as it is kept: in order, each once.
func tagged(s string) string {
	var all []string
	for tag := range strings.SplitSeq(s, ";") {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.ContainsFunc(all, func(x string) bool { return strings.EqualFold(x, tag) }) {
			all = append(all, tag)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return strings.Join(all, "; ")
}

var unclean = regexp.MustCompile(`(?is)<!--.*?-->|<script\b.*?</script>|<(?:input|iframe|form)\b[^>]*>|\son[a-z]+="[^"]*"`)

// clean is what posted HTML becomes.
func clean(s string) string { return unclean.ReplaceAllString(s, "") }
