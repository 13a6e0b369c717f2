package jira

import (
	"parley/adapters"
	"parley/adapters/internal/hook"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Hook implements adapters.Hooked: a webhook of an administrator, whose secret Jira
// signs the body with. The time in the body makes each delivery another.
func (t *Tracker) Hook(d adapters.Delivery) (adapters.Hint, error) {
	if err := hook.Hex(t.set.hookSecret, "sha256=", d.Header.Get("X-Hub-Signature"), d.Body); err != nil {
		return adapters.Hint{}, err
	}
	hint := adapters.Hint{Once: hook.Once(d.Body)}
	var body struct {
		Issue struct {
			ID     string `json:"id"`
			Key    string `json:"key"`
			Fields struct {
				Created stamp `json:"created"`
			} `json:"fields"`
		} `json:"issue"`
	}
	// What is about something else (a version, a sprint) or odd says that something has
	// changed, and no more.
	if rest.Decode(d.Body, &body) != nil {
		return hint, nil //nolint:nilerr // its signature is good
	}
	if !isID(body.Issue.ID) {
		return hint, nil
	}
	found := event.Change{Key: body.Issue.Key}
	if created := body.Issue.Fields.Created; !created.IsZero() {
		found.Ref = event.NewRef(body.Issue.ID, created.Time)
	}
	if found.Ref.Created != 0 || found.Key != "" {
		hint.Tickets = []event.Change{found}
	}
	return hint, nil
}
