package azuredevopsdouble

import (
	"fmt"
	"net/http"
	"strings"
)

// remove puts an item into the recycle bin.
func (d *Double) remove(c *call) {
	w := d.shown(c)
	if w == nil {
		return
	}
	w.deleted = true
	w.rev++
	d.noteRevision(w, d.tick())
	c.answer(http.StatusOK, d.binned(c, w))
}

func (d *Double) binned(c *call, w *workItem) map[string]any {
	return map[string]any{
		"id": fmt.Sprint(w.id), "type": w.str("System.WorkItemType"), "name": w.str("System.Title"), "project": w.str("System.TeamProject"),
		"deletedDate": stamp(d.now()), "resource": d.body(c, w, false),
	}
}

func (d *Double) bin(c *call) {
	w := d.items[c.number("id")]
	if w == nil || !w.deleted || w.hidden || !strings.EqualFold(w.str("System.TeamProject"), c.r.PathValue("project")) {
		c.noItem()
		return
	}
	c.answer(http.StatusOK, d.binned(c, w))
}

func (d *Double) restore(c *call) {
	w := d.items[c.number("id")]
	if w == nil || !w.deleted {
		c.noItem()
		return
	}
	w.deleted = false
	w.rev++
	d.noteRevision(w, d.tick())
	c.answer(http.StatusOK, d.binned(c, w))
}

// Destroy takes an item away for good; Hide keeps it from every account.
func (d *Double) Destroy(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.items, id)
}

// Hide keeps an item from every account, as the permissions of an area do.
func (d *Double) Hide(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.items[id].hidden = true
}
