package servicenow

import (
	"encoding/json"

	"parley/adapters"
	"parley/adapters/internal/hook"
	"parley/sync/event"
)

// The headers of a webhook. ServiceNow has none of its own: docs/adapters/servicenow.md
// has the business rule that sends these.
const (
	headerSignature = "X-Parley-Signature"
	headerTime      = "X-Parley-Timestamp"
)

// Hook implements adapters.Hooked.
func (t *Tracker) Hook(d adapters.Delivery) (adapters.Hint, error) {
	signature, stamp := d.Header.Get(headerSignature), d.Header.Get(headerTime)
	if err := hook.Stamped(t.set.hookSecret, signature, stamp, d.Body, d.At); err != nil {
		return adapters.Hint{}, err
	}
	hint := adapters.Hint{Once: hook.Once([]byte(stamp), d.Body)}
	var body struct {
		Table   string `json:"table"`
		ID      string `json:"sys_id"`
		Number  string `json:"number"`
		Created string `json:"sys_created_on"`
	}
	read := json.Unmarshal(d.Body, &body) == nil
	created, err := parseStamp(body.Created)
	if read = read && err == nil; !read || body.Table != t.set.table || !isID(body.ID) || body.Number == "" {
		return hint, nil
	}
	hint.Tickets = []event.Change{{Ref: event.NewRef(body.ID, created), Key: body.Number}}
	return hint, nil
}
