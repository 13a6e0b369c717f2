package jiradouble

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
)

// Delivery is the webhook that an administrator made, of a change of an issue: its
// headers and body, signed with a secret.
func (d *Double) Delivery(id, secret string) (http.Header, []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.find(&call{me: &d.opt.Accounts[0]}, id)
	if i == nil {
		return nil, nil
	}
	body, err := json.Marshal(map[string]any{
		"timestamp": d.now().UnixMilli(), "webhookEvent": "jira:issue_updated", "issue_event_type_name": "issue_generic",
		"user": d.user(i.creator),
		"issue": map[string]any{
			"id": id, "key": i.key, "self": d.self("issue/" + id),
			"fields": map[string]any{"summary": i.fields["summary"], "created": d.time(i.created), "updated": d.time(i.updated)},
		},
	})
	if err != nil {
		return nil, nil
	}
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write(body)
	return http.Header{
		"Content-Type": {"application/json; charset=UTF-8"}, "X-Atlassian-Webhook-Identifier": {"evt-" + id},
		"X-Hub-Signature": {"sha256=" + hex.EncodeToString(sum.Sum(nil))},
	}, body
}
