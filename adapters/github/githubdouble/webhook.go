package githubdouble

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
)

// Webhook is what GitHub sends when something was done to an issue.
func (d *Double) Webhook(host, action string, number int64, secret string) (http.Header, []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &call{r: &http.Request{Host: host, RequestURI: serverPrefix + "/"}}
	i := d.issues[number-1]
	body, _ := json.Marshal(map[string]any{ //nolint:errchkjson // plain data
		"action": action, "issue": d.issue(c, i), "sender": d.person(c, i.user),
		"repository": map[string]any{"id": repositoryID, "name": d.name, "full_name": d.opt.Owner + "/" + d.name},
	})
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("X-GitHub-Event", "issues")
	h.Set("X-GitHub-Delivery", fmt.Sprintf("72d3162e-cc78-11e3-81ab-%012d", i.id))
	h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return h, body
}
