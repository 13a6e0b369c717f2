package jiradouble

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type issue struct {
	id, number       int64
	key              string
	was              []string // keys that lead here
	created, updated time.Time
	creator          *Account
	fields           map[string]any
	props            map[string]any
	parent           *issue
	comments         []*comment
	files            []*file
	history          []map[string]any
	// index is what the search knew from when on.
	index []snapshot
	gone  bool
	late  time.Duration
}

// snapshot is an issue as the search shows it.
type snapshot struct {
	at               time.Time
	created, updated time.Time
	fields           map[string]any
	gone             bool
}

// touch moves the change time; mu is held.
func (d *Double) touch(i *issue) {
	i.updated = d.now().Truncate(time.Millisecond)
	d.reindex(i)
}

func (d *Double) reindex(i *issue) {
	i.index = append(i.index, snapshot{at: d.now(), created: i.created, updated: i.updated, fields: maps.Clone(i.fields), gone: i.gone})
}

// find is an issue by id or key; nil for who may not see it. mu is held.
func (d *Double) find(c *call, id string) *issue {
	if c.me == nil {
		return nil
	}
	for _, i := range d.issues {
		if !i.gone && (strconv.FormatInt(i.id, 10) == id || slices.ContainsFunc(append([]string{i.key}, i.was...), func(key string) bool { return strings.EqualFold(key, id) })) {
			return i
		}
	}
	return nil
}

// with does something to the issue of the path.
func (d *Double) with(c *call, do func(*issue)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.find(c, c.r.PathValue("id"))
	if i == nil {
		c.fail(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
		return
	}
	do(i)
}

// Move moves an issue to another project, where it has this key: the old one leads to it.
func (d *Double) Move(id, key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, _ := strconv.ParseInt(id, 10, 64)
	i := d.issues[n]
	project, _, _ := strings.Cut(key, "-")
	i.was, i.key = append(i.was, i.key), key
	i.fields["project"] = map[string]any{"id": "10001", "key": project, "self": d.self("project/10001"), "name": project, "projectTypeKey": "software"}
	d.touch(i)
}

type written struct {
	Fields map[string]any `json:"fields"`
	// Update holds operations, of which one is known here: to take the parent away.
	Update map[string][]struct {
		Set struct {
			None bool `json:"none"`
		} `json:"set"`
	} `json:"update"`
	Properties []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	} `json:"properties"`
	Transition struct {
		ID any `json:"id"` // text or number
	} `json:"transition"`
}

func (d *Double) create(c *call) {
	if !c.must() {
		return
	}
	var body written
	if !c.body(&body) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	project, _ := body.Fields["project"].(map[string]any)
	if project["key"] != d.opt.Project && project["id"] != projectID {
		c.failField("project", "Specify a valid project ID or key")
		return
	}
	i := &issue{creator: c.me, fields: d.blank(c.me), props: map[string]any{}}
	delete(body.Fields, "project")
	if _, ok := body.Fields["issuetype"]; !ok {
		c.failField("issuetype", "Specify an issue type")
		return
	}
	if _, ok := body.Fields["summary"]; !ok {
		c.failField("summary", "You must specify a summary of the issue.")
		return
	}
	parent, below := body.Fields["parent"]
	delete(body.Fields, "parent")
	if !d.apply(c, i, body.Fields) {
		return
	}
	if below {
		if err := d.adopt(c, i, parent); err != nil {
			c.failField("parentId", err.Error())
			return
		}
	} else if level(i.kind()) < 0 {
		c.failField("issuetype", "Issue type is a sub-task but parent issue key or id not specified.")
		return
	}
	for _, p := range body.Properties {
		i.props[p.Key] = p.Value
	}
	d.nextID++
	d.count++
	i.id, i.number = d.nextID, d.count
	if d.opt.KeysDown {
		i.number = 100_000 - d.count
	}
	i.key = d.opt.Project + "-" + strconv.FormatInt(i.number, 10)
	i.created, i.history = d.now().Truncate(time.Millisecond), nil
	d.issues[i.id] = i
	d.touch(i)
	id := strconv.FormatInt(i.id, 10)
	c.answer(http.StatusCreated, map[string]any{"id": id, "key": i.key, "self": d.self("issue/" + id)})
}

const projectID = "10000"

// blank are the fields of a new issue.
func (d *Double) blank(me *Account) map[string]any {
	out := map[string]any{}
	for _, f := range catalogue() {
		out[f.id] = nil
		if f.kind == "array" {
			out[f.id] = []any{}
		}
	}
	delete(out, "timetracking")
	delete(out, "attachment")
	kind := "software"
	if d.opt.Service {
		kind = "service_desk"
	}
	out["project"] = map[string]any{"id": projectID, "key": d.opt.Project, "self": d.self("project/" + projectID), "name": "Project", "projectTypeKey": kind}
	out["status"] = statusOf("To Do")
	out["priority"] = map[string]any{"id": "101", "name": "Medium"}
	out["creator"], out["reporter"] = d.user(me), d.user(me)
	out["votes"] = map[string]any{"votes": 0}
	return out
}

// apply writes fields all or none, and takes down who changed what; mu is held.
func (d *Double) apply(c *call, i *issue, fields map[string]any, also ...string) bool {
	next := maps.Clone(i.fields)
	var items []any
	for id, v := range fields {
		if id == "timetracking" {
			if !d.track(c, next, v) {
				return false
			}
			continue
		}
		all := d.catalogue()
		n := slices.IndexFunc(all, func(f field) bool { return f.id == id })
		if n < 0 || !all[n].screen && !slices.Contains(also, id) {
			c.failField(id, fmt.Sprintf("Field '%s' cannot be set. It is not on the appropriate screen, or unknown.", id))
			return false
		}
		made, err := d.value(&all[n], v)
		if err != nil {
			c.failField(id, err.Error())
			return false
		}
		if !same(next[id], made) {
			items = append(items, changed(&all[n], next[id], made))
		}
		next[id] = made
	}
	i.fields = next
	d.record(c, i, items)
	return true
}

func same(a, b any) bool {
	x, _ := json.Marshal(a) //nolint:errchkjson // plain data
	y, _ := json.Marshal(b) //nolint:errchkjson // plain data
	return string(x) == string(y)
}

func (d *Double) record(c *call, i *issue, items []any) {
	if len(items) == 0 {
		return
	}
	i.history = append(i.history, map[string]any{
		"id": strconv.Itoa(len(i.history) + 1), "author": d.user(c.me), "created": d.time(d.now()), "items": items,
	})
}

func changed(f *field, before, after any) map[string]any {
	kind := "jira"
	if f.custom != "" {
		kind = "custom"
	}
	item := map[string]any{"field": f.id, "fieldId": f.id, "fieldtype": kind}
	if f.custom != "" {
		item["field"] = f.name
	}
	if f.id == "description" {
		before, after = inWords(before), inWords(after)
	}
	item["from"], item["fromString"] = told(before)
	item["to"], item["toString"] = told(after)
	if f.kind == "date" {
		item["from"], item["to"] = before, after
		item["fromString"], item["toString"] = calendar(before), calendar(after)
	}
	return item
}

// inWords is a formatted text as the changelog has it.
func inWords(v any) any {
	if m, ok := v.(map[string]any); ok {
		return words(m)
	}
	return v
}

// calendar is how the changelog shows a date.
func calendar(v any) any {
	s, _ := v.(string)
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return nil
	}
	return at.Format("02/Jan/06")
}

// told is a value as the changelog has it: an id if there is one, and words.
func told(v any) (any, any) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return nil, v
	case map[string]any:
		for _, key := range []string{"accountId", "key", "id"} {
			if id, ok := v[key].(string); ok {
				for _, name := range []string{"displayName", "name", "value"} {
					if s, ok := v[name].(string); ok {
						return id, s
					}
				}
			}
		}
		return nil, "text"
	case []any:
		var all []string
		for _, x := range v {
			_, s := told(x)
			all = append(all, fmt.Sprint(s))
		}
		return nil, strings.Join(all, " ")
	}
	return nil, fmt.Sprint(v)
}

func (d *Double) track(c *call, fields map[string]any, v any) bool {
	m, _ := v.(map[string]any)
	s, _ := m["originalEstimate"].(string)
	if s == "" {
		fields["timeoriginalestimate"] = nil
		return true
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s, "m"))
	if err != nil || !strings.HasSuffix(s, "m") {
		c.failField("timetracking", "The original estimate is not in a valid format.")
		return false
	}
	fields["timeoriginalestimate"] = n * 60
	return true
}

func (d *Double) edit(c *call) {
	var body written
	if !c.body(&body) {
		return
	}
	d.with(c, func(i *issue) {
		before := *i
		parent, below := body.Fields["parent"]
		delete(body.Fields, "parent")
		var err error
		if below {
			err = d.adopt(c, i, parent)
		}
		for name, operations := range body.Update {
			if name != "parent" || len(operations) != 1 || !operations[0].Set.None {
				err = errors.New("an operation that is not known here")
				break
			}
			err = d.orphan(c, i)
		}
		if err != nil {
			*i = before
			c.failField("parent", err.Error())
			return
		}
		if !d.apply(c, i, body.Fields) {
			*i = before
			return
		}
		d.touch(i)
		c.w.WriteHeader(http.StatusNoContent)
	})
}

func (d *Double) remove(c *call) {
	d.with(c, func(i *issue) {
		i.gone = true
		d.reindex(i)
		c.w.WriteHeader(http.StatusNoContent)
	})
}

func (d *Double) read(c *call) {
	d.with(c, func(i *issue) {
		q := c.r.URL.Query()
		out := d.shown(i, i.fields, i.created, i.updated, split(q["fields"]))
		if keys := split(q["properties"]); len(keys) > 0 {
			out["properties"] = i.chosen(keys)
		}
		if !d.opt.Cloud && slices.Contains(split(q["expand"]), "changelog") {
			out["changelog"] = map[string]any{"startAt": 0, "maxResults": len(i.history), "total": len(i.history), "histories": slices.Clone(i.history)}
		}
		c.answer(http.StatusOK, out)
	})
}

func (i *issue) chosen(keys []string) map[string]any {
	out := map[string]any{}
	for _, k := range keys {
		if v, ok := i.props[k]; ok {
			out[k] = v
		}
	}
	return out
}

func split(all []string) []string {
	var out []string
	for _, s := range all {
		for part := range strings.SplitSeq(s, ",") {
			if part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// shown is an issue with the fields asked for.
func (d *Double) shown(i *issue, fields map[string]any, created, updated time.Time, want []string) map[string]any {
	all := maps.Clone(fields)
	all["created"], all["updated"] = d.time(created), d.time(updated)
	files := []any{}
	for _, f := range i.files {
		files = append(files, d.fileShown(f))
	}
	all["attachment"], all["issuelinks"] = files, d.linksOf(i)
	if i.parent != nil {
		all["parent"] = d.shortly(i.parent)
	}
	all["subtasks"] = d.subtasks(i)
	if len(want) == 0 {
		want = []string{"*all"}
	}
	out := map[string]any{}
	for _, w := range want {
		switch {
		case w == "*all" || w == "*navigable":
			maps.Copy(out, all)
		case strings.HasPrefix(w, "-"):
			delete(out, w[1:])
		default:
			if v, ok := all[w]; ok {
				out[w] = v
			}
		}
	}
	id := strconv.FormatInt(i.id, 10)
	return map[string]any{"expand": "names", "id": id, "self": d.self("issue/" + id), "key": i.key, "fields": out}
}

func (d *Double) changelog(c *call) {
	d.with(c, func(i *issue) {
		at := min(c.number("startAt", 0), len(i.history))
		end := min(at+c.number("maxResults", 100), len(i.history))
		c.answer(http.StatusOK, map[string]any{
			"startAt": at, "total": len(i.history), "isLast": end == len(i.history), "values": append([]map[string]any{}, i.history[at:end]...),
		})
	})
}
