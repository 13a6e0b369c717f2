package jiradouble

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// statuses in their order, with their category.
func allStatuses() [][2]string {
	return [][2]string{{"To Do", "new"}, {"In Progress", "indeterminate"}, {"Waiting", "indeterminate"}, {"Done", "done"}}
}

func statusOf(name string) map[string]any {
	for n, s := range allStatuses() {
		if s[0] == name {
			return map[string]any{"id": strconv.Itoa(n + 1), "name": name, "statusCategory": map[string]any{"id": n, "key": s[1]}}
		}
	}
	return nil
}

type move struct{ id, name, from, to string }

func moves() []move {
	return []move{
		{"11", "Start", "To Do", "In Progress"},
		{"21", "Wait", "In Progress", "Waiting"},
		{"22", "Go on", "Waiting", "In Progress"},
		{"31", "Finish", "In Progress", "Done"},
		{"41", "Reopen", "Done", "To Do"},
	}
}

func (i *issue) statusName() string {
	s, _ := i.fields["status"].(map[string]any)
	name, _ := s["name"].(string)
	return name
}

var resolutions = []string{"Done", "Won't Do"}

func (d *Double) listTransitions(c *call) {
	d.with(c, func(i *issue) {
		all := []any{}
		for _, m := range moves() {
			if m.from != i.statusName() {
				continue
			}
			fields := map[string]any{}
			if m.to == "Done" {
				fields["resolution"] = map[string]any{
					"required": true, "hasDefaultValue": true, "name": "Resolution", "key": "resolution", "operations": []string{"set"},
					"schema":        map[string]any{"type": "resolution", "system": "resolution"},
					"allowedValues": []any{map[string]any{"id": "1", "name": resolutions[0]}, map[string]any{"id": "2", "name": resolutions[1]}},
				}
			}
			all = append(all, map[string]any{"id": m.id, "name": m.name, "to": statusOf(m.to), "hasScreen": len(fields) > 0, "fields": fields})
		}
		c.answer(http.StatusOK, map[string]any{"expand": "transitions", "transitions": all})
	})
}

func (d *Double) transit(c *call) {
	var body written
	if !c.body(&body) {
		return
	}
	d.with(c, func(i *issue) {
		all := moves()
		n := slices.IndexFunc(all, func(m move) bool { return m.id == fmt.Sprint(body.Transition.ID) && m.from == i.statusName() })
		if n < 0 {
			c.fail(http.StatusBadRequest, "It seems that you have tried to perform a workflow operation that is not valid for the current state of this issue.")
			return
		}
		resolution := any(nil)
		if all[n].to == "Done" {
			chosen, _ := body.Fields["resolution"].(map[string]any)
			name, _ := chosen["name"].(string)
			if name == "" {
				name = resolutions[0]
			}
			if !slices.Contains(resolutions, name) {
				c.failField("resolution", "The resolution is not valid")
				return
			}
			resolution = map[string]any{"id": "1", "name": name}
			delete(body.Fields, "resolution")
		}
		if !d.apply(c, i, body.Fields) {
			return
		}
		d.record(c, i, []any{map[string]any{
			"field": "status", "fieldId": "status", "fieldtype": "jira", "fromString": all[n].from, "toString": all[n].to,
		}})
		i.fields["status"], i.fields["resolution"] = statusOf(all[n].to), resolution
		d.touch(i)
		c.w.WriteHeader(http.StatusNoContent)
	})
}
