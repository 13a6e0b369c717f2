package adaptertest

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// webhooks holds a tracker that is Hooked to Subject.Deliver: what the tracker sends is
// taken and names the ticket, and whatever is changed about it, or comes again after an
// hour where a time is signed, is refused.
func webhooks(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	h, ok := e.tracker.(adapters.Hooked)
	if ok != (s.Deliver != nil) {
		t.Fatalf("the tracker is Hooked: %v, Subject.Deliver is given: %v", ok, s.Deliver != nil)
	}
	if !ok {
		return
	}
	ref := e.create(unique("webhook"))
	key, _ := e.read(ref).Fields[event.FieldKey].(string)
	good := s.Deliver(t, ref, key)
	hint, err := h.Hook(good)
	if err != nil {
		t.Fatalf("the tracker's own webhook: %v", err)
	}
	e.named(hint, ref)
	again, err := h.Hook(good)
	if err != nil || again.Once != hint.Once {
		t.Errorf("the same delivery gave Once %q, then %q, %v", hint.Once, again.Once, err)
	}
	for name, change := range tampered() {
		d := good
		d.Header, d.Body = good.Header.Clone(), bytes.Clone(good.Body)
		change(&d)
		hint, err := h.Hook(d)
		if s.UnsignedHooks && name == "another body" {
			continue
		}
		if !errors.Is(err, adapters.ErrDenied) {
			t.Errorf("%s: got %+v, %v; want ErrDenied", name, hint, err)
		}
	}
}

// named checks that a hint is about one ticket and leads to it.
func (e *env) named(hint adapters.Hint, ref event.Ref) {
	e.Helper()
	if len(hint.Tickets) != 1 {
		e.Errorf("the webhook names %+v, want the ticket", hint.Tickets)
		return
	}
	found := hint.Tickets[0]
	if found.Ref.ID == "" || found.Ref.Created == 0 {
		var err error
		found, err = e.tracker.Locate(e.Context(), found.Key)
		e.must(err)
	}
	if found.Ref != ref {
		e.Errorf("the webhook names %v, want %v", found.Ref, ref)
	}
}

// tampered are the ways to forge a delivery from a good one.
func tampered() map[string]func(*adapters.Delivery) {
	return map[string]func(*adapters.Delivery){
		"another body": func(d *adapters.Delivery) { d.Body = append(d.Body, ' ') },
		"no proof": func(d *adapters.Delivery) {
			d.Header, d.Path = http.Header{"Content-Type": d.Header.Values("Content-Type")}, "/"
		},
		"another proof": func(d *adapters.Delivery) {
			for name, values := range d.Header {
				if name != "Content-Type" {
					values[0] = swapped(values[0])
				}
			}
			d.Path = swapped(d.Path)
		},
		"no body, no proof": func(d *adapters.Delivery) { *d = adapters.Delivery{At: time.Now(), Path: "/", Header: http.Header{}} },
	}
}

// swapped changes the last letter or digit but one: what follows may be padding.
func swapped(s string) string {
	b := []byte(s)
	for i := len(b) - 2; i >= 0; i-- {
		switch c := b[i]; {
		case c == 'a' || c == '0':
			b[i]++
			return string(b)
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			b[i] = 'a'
			if c >= '0' && c <= '9' {
				b[i] = '0'
			}
			return string(b)
		}
	}
	return s + "x"
}
