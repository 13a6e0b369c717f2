package simtest

import (
	"fmt"

	"parley/adapters"
	"parley/sync/event"
)

var (
	errDoubt     = &adapters.Error{Class: adapters.ErrDoubt, Op: "write", Detail: "time-out after effect"}
	errDenied    = &adapters.Error{Class: adapters.ErrDenied, Op: "call"}
	errTransient = &adapters.Error{Class: adapters.ErrTransient, Op: "call"}
)

// person does one thing to a ticket, as somebody in front of the tracker would.
func (w *world) person(t *tracker, k *ticket) {
	who := event.User{ID: "ana", Name: "Ana"}
	n := w.rng.IntN(1_000_000)
	what := w.rng.IntN(8)
	if w.shape == related && (what == 1 || what == 4) {
		w.link(t, k, n)
		return
	}
	if w.reconsider(t, k, who) {
		return
	}
	switch what {
	case 0, 1:
		t.set(k, "summary", fmt.Sprintf("summary %s %d", t.name, n))
	case 2:
		t.set(k, "status", statuses[w.rng.IntN(len(statuses))])
	case 3:
		t.set(k, "priority", priorities[w.rng.IntN(len(priorities))])
	case 4:
		t.set(k, "labels", []any{fmt.Sprintf("l%d", n%3)})
	case 5:
		w.wrote(t, fmt.Sprintf("public %s %d", t.name, n))
		t.comment(k, fmt.Sprintf("public %s %d", t.name, n), false, who, "")
	case 6:
		t.comment(k, fmt.Sprintf("internal %s %d", t.name, n), true, who, "")
	case 7:
		if len(k.Attachments) < 4 {
			kind := "file"
			if n%4 == 0 {
				kind = "internal"
			}
			w.wrote(t, fmt.Sprintf("%s %s %d", kind, t.name, n))
			t.attach(k, fmt.Sprintf("%s %s %d", kind, t.name, n), fmt.Appendf(nil, "content %s %d", t.name, n), who, "")
			k.Attachments[len(k.Attachments)-1].Internal = n%4 == 0
		}
	}
}

func (w *world) newTicket(t *tracker) {
	k := t.create(nil, "")
	t.set(k, "summary", fmt.Sprintf("ticket %s %d", t.name, w.rng.IntN(1_000_000)))
}
