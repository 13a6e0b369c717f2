package azuredevopsdouble

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// noteRevision adds a row to the feed.
func (d *Double) noteRevision(w *workItem, at time.Time) {
	d.mark++
	row := map[string]any{"id": w.id, "rev": w.rev, "fields": maps.Clone(w.fields)}
	d.log = add(d.log, entry{mark: d.mark, id: w.id, row: row, gone: w.deleted, at: at, in: w.str("System.TeamProject")})
}

// add puts an entry at the end; what was the newest of its item is not any more.
func add(log []entry, e entry) []entry {
	for n := range log {
		if log[n].id == e.id {
			log[n].newest = false
		}
	}
	e.newest = true
	return append(log, e)
}

// noteTalk adds a row to the feed of discussions.
func (d *Double) noteTalk(w *workItem, c *comment) {
	d.mark++
	row := map[string]any{"id": w.id, "rev": c.rev, "fields": map[string]any{"System.Id": w.id, "System.History": c.text}}
	d.talk = append(d.talk, entry{mark: d.mark, id: w.id, row: row, in: w.str("System.TeamProject")})
}

func (d *Double) revisions(c *call) {
	q := c.r.URL.Query()
	since, err := time.Parse(time.RFC3339, q.Get("startDateTime"))
	timed := err == nil
	if timed && q.Get("continuationToken") != "" {
		c.fail(http.StatusBadRequest, "VS403428", "startDateTime cannot be used with a watermark.")
		return
	}
	d.feed(c, d.log, func(e *entry) map[string]any {
		if timed && !e.at.After(since) || q.Get("includeLatestOnly") == "true" && !e.newest || e.gone && q.Get("includeDeleted") != "true" {
			return nil
		}
		return trimmed(e, q.Get("fields"), q.Get("$expand") == "fields")
	})
}

// trimmed is a row with the fields asked for, people as texts and without long texts.
func trimmed(e *entry, only string, long bool) map[string]any {
	fields := map[string]any{}
	for ref, v := range e.row["fields"].(map[string]any) {
		if f := fieldOf(ref); f != nil && f.kind == "html" && !long || only != "" && !slices.Contains(strings.Split(only, ","), ref) {
			continue
		}
		if who, ok := v.(map[string]any); ok {
			v = fmt.Sprintf("%v <%v>", who["displayName"], who["uniqueName"])
		}
		fields[ref] = v
	}
	if e.gone {
		fields["System.IsDeleted"] = true
	}
	return map[string]any{"id": e.row["id"], "rev": e.row["rev"], "fields": fields}
}

func (d *Double) discussions(c *call) {
	d.feed(c, d.talk, func(e *entry) map[string]any { return e.row })
}

func (d *Double) feed(c *call, log []entry, show func(*entry) map[string]any) {
	mark, _ := strconv.ParseInt(c.r.URL.Query().Get("continuationToken"), 10, 64)
	size := c.query("$maxPageSize", 1000)
	project := c.r.PathValue("project")
	values := []any{}
	last := true
	for n := range log {
		e := &log[n]
		if e.mark <= mark || !strings.EqualFold(e.in, project) {
			continue
		}
		row := show(e)
		if row != nil && len(values) == size {
			last = false
			break
		}
		if mark = e.mark; row != nil {
			values = append(values, row)
		}
	}
	token := strconv.FormatInt(mark, 10)
	c.answer(http.StatusOK, map[string]any{
		"values": values, "nextLink": c.base + c.r.URL.Path + "?continuationToken=" + token + "&api-version=7.1", "continuationToken": token, "isLastBatch": last,
	})
}

const never = "9999-01-01T00:00:00Z"

// noteUpdate adds to the item's history. An update is revised by the next.
func (d *Double) noteUpdate(c *call, w *workItem, before map[string]any, at time.Time, added []any) {
	if n := len(w.updates); n > 0 {
		last := maps.Clone(w.updates[n-1])
		last["revisedDate"] = stamp(at)
		w.updates = append(slices.Clone(w.updates[:n-1]), last)
	}
	changed := map[string]any{"System.Rev": map[string]any{"oldValue": w.rev - 1, "newValue": w.rev}}
	for ref, v := range w.fields {
		if old, ok := before[ref]; !ok || !reflect.DeepEqual(old, v) {
			pair := map[string]any{"newValue": v}
			if ok {
				pair["oldValue"] = old
			}
			changed[ref] = pair
		}
	}
	for ref, old := range before {
		if _, ok := w.fields[ref]; !ok {
			changed[ref] = map[string]any{"oldValue": old}
		}
	}
	u := map[string]any{
		"id": len(w.updates) + 1, "workItemId": w.id, "rev": w.rev, "revisedBy": c.identity(c.me), "revisedDate": never, "fields": changed,
	}
	if len(added) > 0 {
		u["relations"] = map[string]any{"added": added}
	}
	w.updates = append(w.updates, u)
}

func (d *Double) listUpdates(c *call) {
	w := d.shown(c)
	if w == nil {
		return
	}
	var out []any
	for n, u := range w.updates {
		if n >= c.query("$skip", 0) && len(out) < c.query("$top", 200) {
			out = append(out, u)
		}
	}
	c.list(append([]any{}, out...))
}
