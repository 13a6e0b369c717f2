package zendesk

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/hook"
	"parley/sync/event"
)

// Hook implements adapters.Hooked for both kinds of Zendesk's webhooks: those that are
// connected to ticket events, whose body Zendesk makes, and those of triggers, whose
// body is the administrator's and shall hold {"ticket_id": "{{ticket.id}}"}.
func (t *Tracker) Hook(d adapters.Delivery) (adapters.Hint, error) {
	stamp := d.Header.Get("X-Zendesk-Webhook-Signature-Timestamp")
	if err := hook.Stamped(t.set.hookSecret, d.Header.Get("X-Zendesk-Webhook-Signature"), stamp, d.Body, d.At); err != nil {
		return adapters.Hint{}, err
	}
	hint := adapters.Hint{Once: hook.Once([]byte(stamp), d.Body)}
	var body struct {
		Ticket  json.RawMessage `json:"ticket_id"`
		Subject string          `json:"subject"`
		Detail  struct {
			ID      json.RawMessage `json:"id"`
			Created time.Time       `json:"created_at"`
		} `json:"detail"`
	}
	// What an administrator made of the body says nothing, if it is not this.
	_ = json.Unmarshal(d.Body, &body)
	if id := told(body.Ticket); id != "" {
		hint.Tickets = []event.Change{{Key: id}}
		return hint, nil
	}
	id, isTicket := strings.CutPrefix(body.Subject, "zen:ticket:")
	if !isTicket || !isID(id) {
		return hint, nil
	}
	change := event.Change{Key: id}
	if told(body.Detail.ID) == id && !body.Detail.Created.IsZero() {
		change.Ref = event.NewRef(id, body.Detail.Created)
	}
	hint.Tickets = []event.Change{change}
	return hint, nil
}

// told is an id, which webhooks write as text or as a number; "" if it is none.
func told(raw json.RawMessage) string {
	s := string(raw)
	if unquoted, err := strconv.Unquote(s); err == nil {
		s = unquoted
	}
	if !isID(s) {
		return ""
	}
	return s
}
