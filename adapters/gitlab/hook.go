package gitlab

import (
	"strings"

	"parley/adapters"
	"parley/adapters/internal/hook"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Hook implements adapters.Hooked: signed as Standard Webhooks are, or with a secret
// that is sent as it is.
func (t *Tracker) Hook(d adapters.Delivery) (adapters.Hint, error) {
	hint := adapters.Hint{Once: hook.Once(d.Body)}
	if d.Header.Get("Webhook-Signature") != "" {
		if err := hook.Standard(t.set.hookSecret, d.Header, d.Body, d.At); err != nil {
			return adapters.Hint{}, err
		}
		hint.Once = hook.Once([]byte(d.Header.Get("Webhook-Id")), d.Body)
	} else if err := hook.Token(t.set.hookSecret, d.Header.Get("X-Gitlab-Token")); err != nil {
		return adapters.Hint{}, err
	}
	type about struct {
		IID int64 `json:"iid"`
	}
	var body struct {
		Kind    string  `json:"object_kind"`
		Project project `json:"project"`
		Issue   *about  `json:"issue"`
		Object  *about  `json:"object_attributes"`
	}
	// What cannot be read says that something has changed.
	_ = rest.Decode(d.Body, &body)
	found := body.Issue
	if body.Kind == "issue" || body.Kind == "work_item" {
		found = body.Object
	}
	if found == nil || found.IID <= 0 || !strings.EqualFold(body.Project.Path, t.api.name) && body.Project.ID != number(t.api.name) {
		return hint, nil
	}
	hint.Tickets = []event.Change{{Key: (&issue{IID: found.IID}).key()}}
	return hint, nil
}
