package github

import (
	"strings"

	"parley/adapters"
	"parley/adapters/internal/hook"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Hook implements adapters.Hooked. The name of the event and the delivery's number
// stand in headers, which the signature does not cover: neither is believed.
func (t *Tracker) Hook(d adapters.Delivery) (adapters.Hint, error) {
	if err := hook.Hex(t.set.hookSecret, "sha256=", d.Header.Get("X-Hub-Signature-256"), d.Body); err != nil {
		return adapters.Hint{}, err
	}
	hint := adapters.Hint{Once: hook.Once(d.Body)}
	var body struct {
		Issue      *issue `json:"issue"`
		Repository struct {
			FullName string `json:"full_name"`
		} `json:"repository"`
	}
	// What cannot be read says that something has changed.
	_ = rest.Decode(d.Body, &body)
	if body.Issue == nil || !body.Issue.identified() || !body.Issue.isTicket() ||
		!strings.EqualFold(body.Repository.FullName, t.api.owner+"/"+t.api.repo) {
		return hint, nil
	}
	hint.Tickets = []event.Change{body.Issue.change()}
	return hint, nil
}
