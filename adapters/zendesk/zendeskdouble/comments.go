package zendeskdouble

import (
	"html"
	"regexp"
	"strings"
	"time"
)

type comment struct {
	id     int64
	audit  int64
	author int64
	html   string
	plain  string
	public bool
	at     time.Time
	files  []*file
}

type audit struct {
	id      int64
	author  int64
	at      time.Time
	custom  any
	comment *comment
	changes []fieldChange
	isNew   bool
}

type fieldChange struct {
	id            int64
	name          string
	before, after any
}

// addComment adds what a request says, if it says something. Called with d.mu held.
func (d *Double) addComment(c *call, t *ticket, a *audit, in input, isNew bool) bool {
	said, _ := in.any("comment").(map[string]any)
	if said == nil {
		if isNew {
			c.invalid("base", "Description: cannot be blank")
		}
		return !isNew
	}
	body, _ := said["body"].(string)
	rich, isRich := said["html_body"].(string)
	if isRich {
		body = plainOf(rich)
	} else {
		rich = htmlOf(body)
	}
	if blank(body) {
		if isNew {
			c.invalid("base", "Description: cannot be blank")
		} else {
			c.invalid("comment", "Comment: cannot be blank")
		}
		return false
	}
	x := &comment{html: sanitised(rich), plain: body, public: t.public, author: c.me.ID}
	if public, ok := said["public"].(bool); ok {
		x.public = public
	}
	t.public = x.public
	tokens, _ := said["uploads"].([]any)
	for _, token := range tokens {
		// What has run out is left out, and nothing is said about it.
		s, _ := token.(string)
		u := d.uploads[s]
		if u != nil && d.now().Sub(u.at) < uploadTime {
			x.files = append(x.files, u.files...)
			delete(d.uploads, s)
		}
	}
	d.speak(c, t, a, x)
	return true
}

// speak puts a comment into a ticket and its audit. Called with d.mu held.
func (d *Double) speak(c *call, t *ticket, a *audit, x *comment) {
	x.id, x.audit, x.at = d.number(), a.id, d.now()
	if x.author == 0 {
		x.author = c.me.ID
	}
	if x.html == "" {
		x.html = sanitised(htmlOf(x.plain))
	}
	a.comment = x
	t.comments = append(t.comments, x)
}

// blank is what Ruby on Rails takes for blank: white space of any kind.
func blank(s string) bool {
	return strings.TrimSpace(strings.ReplaceAll(s, "\u00a0", " ")) == ""
}

var (
	dangerous = regexp.MustCompile(`(?is)<(script|style|iframe)[^>]*>.*?</(script|style|iframe)>`)
	tags      = regexp.MustCompile(`(?s)<[^>]*>`)
	opened    = regexp.MustCompile(`<(p|h[1-6]|ul|ol|blockquote|pre|table)>`)
)

// sanitised is how Zendesk gives a comment back: wrapped, and with directions.
func sanitised(s string) string {
	s = dangerous.ReplaceAllString(s, "")
	return `<div class="zd-comment" dir="auto">` + opened.ReplaceAllString(s, `<$1 dir="auto">`) + "</div>"
}

func plainOf(s string) string {
	return strings.TrimSpace(html.UnescapeString(tags.ReplaceAllString(dangerous.ReplaceAllString(s, ""), "")))
}

// htmlOf is what Zendesk makes of a text that is none: paragraphs and line breaks.
func htmlOf(s string) string {
	s = html.EscapeString(strings.ReplaceAll(s, "\r\n", "\n"))
	var b strings.Builder
	for part := range strings.SplitSeq(s, "\n\n") {
		b.WriteString("<p>" + strings.ReplaceAll(part, "\n", "<br>\n") + "</p>\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// MakePrivate turns a public comment into an internal one, which can be done once.
func (d *Double) MakePrivate(ticketID, commentID int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tickets[ticketID]
	for _, x := range t.comments {
		if x.id == commentID {
			x.public = false
		}
	}
	t.touch(d.now())
}

func (d *Double) listComments(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.visible(c, c.id())
	if t == nil {
		c.notFound()
		return
	}
	page(c, "comments", t.comments, func(x *comment) string { return ordinal(x.id) }, func(x *comment) map[string]any {
		return map[string]any{
			"id": x.id, "type": "Comment", "author_id": x.author, "body": x.plain, "html_body": x.html, "plain_body": x.plain,
			"public": x.public, "attachments": d.filesJSON(c.r.Host, x.files), "audit_id": x.audit, "created_at": stamp(x.at),
			"metadata": map[string]any{"system": map[string]any{"client": "Go", "ip_address": "192.0.2.1"}},
			"via":      map[string]any{"channel": "api", "source": map[string]any{"from": map[string]any{}, "to": map[string]any{}, "rel": nil}},
		}
	})
}

func (d *Double) listAudits(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.visible(c, c.id())
	if t == nil {
		c.notFound()
		return
	}
	page(c, "audits", t.audits, func(a *audit) string { return ordinal(a.id) }, func(a *audit) map[string]any { return d.auditJSON(t, a) })
}

func (d *Double) auditJSON(t *ticket, a *audit) map[string]any {
	custom := a.custom
	if custom == nil {
		custom = map[string]any{}
	}
	events := []any{}
	if x := a.comment; x != nil {
		events = append(events, map[string]any{
			"id": x.id, "type": "Comment", "author_id": x.author, "body": x.plain, "html_body": x.html, "plain_body": x.plain,
			"public": x.public, "attachments": d.filesJSON("example.zendesk.com", x.files), "audit_id": a.id,
		})
	}
	for _, f := range a.changes {
		e := map[string]any{"id": f.id, "type": "Change", "field_name": f.name, "value": f.after, "previous_value": f.before}
		if a.isNew {
			e["type"] = "Create"
			delete(e, "previous_value")
		}
		events = append(events, e)
	}
	return map[string]any{
		"id": a.id, "ticket_id": t.id, "created_at": stamp(a.at), "author_id": a.author,
		"metadata": map[string]any{"system": map[string]any{"client": "Go", "ip_address": "192.0.2.1"}, "custom": custom},
		"events":   events, "via": map[string]any{"channel": "api"},
	}
}
