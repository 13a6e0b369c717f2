package gitlabdouble

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func (d *Double) person(a *Account) any {
	if a == nil {
		return nil
	}
	return map[string]any{
		"id": a.ID, "username": a.Username, "name": a.Name, "state": "active", "locked": false,
		"avatar_url": "https://gitlab.example/avatar/" + a.Username, "web_url": "https://gitlab.example/" + a.Username,
	}
}

func (d *Double) people(all []*Account) []any {
	out := []any{}
	for _, a := range all {
		out = append(out, d.person(a))
	}
	return out
}

func (d *Double) user(c *call) {
	if c.me == nil {
		c.fail(http.StatusUnauthorized, "401 Unauthorized")
		return
	}
	c.answer(http.StatusOK, d.person(c.me))
}

// token is what its owner reads of it.
func (d *Double) token(c *call) {
	if c.me == nil {
		c.fail(http.StatusUnauthorized, "401 Unauthorized")
		return
	}
	scopes, ends := c.me.Scopes, c.me.Ends
	if len(scopes) == 0 {
		scopes = []string{"api"}
	}
	if ends == "" {
		ends = d.now().AddDate(1, 0, 0).UTC().Format(time.DateOnly)
	}
	c.answer(http.StatusOK, map[string]any{
		"id": c.me.ID, "name": "parley", "revoked": false, "created_at": stamp(d.moment()), "description": "", "scopes": scopes,
		"user_id": c.me.ID, "last_used_at": stamp(d.moment()), "active": true, "expires_at": ends,
	})
}

func (d *Double) project(c *call) {
	visibility := "private"
	if d.opt.Public {
		visibility = "public"
	}
	out := map[string]any{
		"id": d.opt.ID, "name": path.Base(d.opt.Path), "path": path.Base(d.opt.Path), "path_with_namespace": d.opt.Path,
		"visibility": visibility, "issues_enabled": !d.off, "archived": false, "web_url": "https://gitlab.example/" + d.opt.Path,
	}
	if c.me != nil {
		var has any
		if c.me.Level > 0 {
			has = map[string]any{"access_level": c.me.Level, "notification_level": 3}
		}
		out["permissions"] = map[string]any{"project_access": has, "group_access": nil}
	}
	c.answer(http.StatusOK, out)
}

func (d *Double) listUsers(c *call) {
	search := strings.ToLower(c.r.URL.Query().Get("search"))
	out := []any{}
	for n := range d.opt.Accounts {
		a := &d.opt.Accounts[n]
		if a.Level > 0 && (strings.Contains(strings.ToLower(a.Username), search) || strings.Contains(strings.ToLower(a.Name), search)) {
			out = append(out, d.person(a))
		}
	}
	d.page(c, out)
}

func (d *Double) milestone(n int) map[string]any {
	return map[string]any{
		"id": 501 + n, "iid": n + 1, "project_id": d.opt.ID, "title": d.opt.Milestones[n], "description": "", "state": "active",
		"created_at": "2026-01-02T03:04:05.678Z", "updated_at": "2026-01-02T03:04:05.678Z", "due_date": nil, "start_date": nil, "expired": false,
		"web_url": fmt.Sprintf("https://gitlab.example/%s/-/milestones/%d", d.opt.Path, n+1),
	}
}

func (d *Double) listMilestones(c *call) {
	out := []any{}
	for n := range d.opt.Milestones {
		out = append(out, d.milestone(n))
	}
	d.page(c, out)
}

// spoiled are the characters that GitLab does not keep in a file's name.
var spoiled = regexp.MustCompile(`[^\p{L}\p{M}\p{N}_.+-]`)

func (d *Double) upload(c *call) {
	part, header, err := c.r.FormFile("file")
	if err != nil {
		c.answer(http.StatusBadRequest, map[string]any{"error": "file is invalid"})
		return
	}
	data, err := io.ReadAll(part)
	if err != nil || int64(len(data)) != header.Size {
		c.answer(http.StatusBadRequest, map[string]any{"error": "file is invalid"})
		return
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	secret, name := hex.EncodeToString(raw), spoiled.ReplaceAllString(header.Filename, "_")
	d.uploads[secret+"/"+name] = file{name: name, data: data}
	at := "/uploads/" + secret + "/" + name
	c.answer(http.StatusCreated, map[string]any{
		"id": len(d.uploads), "alt": name, "url": at, "full_path": fmt.Sprintf("/-/project/%d%s", d.opt.ID, at), "markdown": "[" + name + "](" + at + ")",
	})
}

func (d *Double) download(c *call) {
	name, err := url.PathUnescape(c.r.PathValue("file"))
	f, ok := d.uploads[c.r.PathValue("secret")+"/"+name]
	if err != nil || !ok {
		c.fail(http.StatusNotFound, "404 Not found")
		return
	}
	c.w.Header().Set("Content-Type", "application/octet-stream")
	c.w.Header().Set("Content-Disposition", "attachment; filename="+strconv.QuoteToASCII(f.name))
	c.w.Header().Set("Content-Length", strconv.Itoa(len(f.data)))
	_, _ = c.w.Write(f.data)
}

// Webhook is what GitLab sends when something was done to an issue, with the secret as
// it is.
func (d *Double) Webhook(iid int64, secret string) (http.Header, []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.issues[iid-1]
	body, _ := json.Marshal(map[string]any{ //nolint:errchkjson // plain data
		"object_kind": "issue", "event_type": "issue", "user": d.person(i.author),
		"project":           map[string]any{"id": d.opt.ID, "path_with_namespace": d.opt.Path},
		"object_attributes": map[string]any{"id": i.id, "iid": i.iid, "action": "update", "title": i.title, "state": i.state},
	})
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("X-Gitlab-Event", "Issue Hook")
	h.Set("X-Gitlab-Token", secret)
	return h, body
}
