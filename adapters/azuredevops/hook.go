package azuredevops

import (
	"encoding/json"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/hook"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// hookHeader is the header that a service hook may be given, in place of a sign-in.
const hookHeader = "X-Parley-Secret"

// Hook implements adapters.Hooked for service hooks. They are not signed: what proves
// them is a basic sign-in or a header, which does not cover the body.
func (t *Tracker) Hook(d adapters.Delivery) (adapters.Hint, error) {
	if err := t.proved(d); err != nil {
		return adapters.Hint{}, err
	}
	hint := adapters.Hint{Once: hook.Once(d.Body)}
	var body struct {
		Event    string `json:"eventType"`
		Resource struct {
			ID       int64 `json:"id"`
			Item     int64 `json:"workItemId"`
			Revision *item `json:"revision"`
			// The fields of workitem.updated are old and new values.
			Fields map[string]json.RawMessage `json:"fields"`
		} `json:"resource"`
	}
	if rest.Decode(d.Body, &body) != nil || !strings.HasPrefix(body.Event, "workitem.") {
		return hint, nil //nolint:nilerr // it came from who knows the secret
	}
	found := item{ID: body.Resource.ID, Rev: 1, Fields: body.Resource.Fields}
	if body.Resource.Item > 0 {
		// The id of an update is its number.
		found = item{ID: body.Resource.Item, Rev: 1}
		if body.Resource.Revision != nil {
			found.Fields = body.Resource.Revision.Fields
		}
	}
	if !isID(strconv.FormatInt(found.ID, 10)) {
		return hint, nil
	}
	change := event.Change{Key: found.key()}
	if found.settle() == nil {
		change.Ref = found.ref()
	}
	hint.Tickets = []event.Change{change}
	return hint, nil
}

func (t *Tracker) proved(d adapters.Delivery) error {
	if got := d.Header.Get(hookHeader); got != "" {
		return hook.Token(t.set.hookSecret, got)
	}
	return hook.Basic(t.set.hookSecret, d.Header)
}
