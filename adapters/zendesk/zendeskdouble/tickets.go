package zendeskdouble

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type ticket struct {
	id                int64
	external          any
	subject           string
	status            string
	custom            int64
	kind, priority    any
	requester         int64
	submitter         int64
	assignee, group   any
	brand             int64
	problem, due      any
	tags              []string
	fields            map[int64]any
	created, updated  time.Time
	generated         time.Time
	deleted, scrubbed bool
	followUps         []any
	comments          []*comment
	audits            []*audit
	// public is what the last comment said.
	public bool
}

// replay is what a create with a key answered.
type replay struct {
	digest string
	at     time.Time
	body   map[string]any
}

const replayTime = 2 * time.Hour

func (d *Double) show(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.visible(c, c.id())
	if t == nil {
		c.notFound()
		return
	}
	c.answer(http.StatusOK, map[string]any{"ticket": d.json(t)})
}

// visible is a ticket that the caller sees; nil otherwise. Called with d.mu held.
func (d *Double) visible(c *call, id int64) *ticket {
	t := d.tickets[id]
	if t == nil || t.deleted || c.me.Role == "end-user" {
		return nil
	}
	if c.me.Restriction != "" && t.assignee != c.me.ID {
		return nil
	}
	return t
}

func (d *Double) json(t *ticket) map[string]any {
	fields := []any{}
	for _, f := range customFields() {
		fields = append(fields, map[string]any{"id": f.id, "value": t.fields[f.id]})
	}
	status, subject := t.status, t.subject
	var description string
	if len(t.comments) > 0 {
		description = t.comments[0].plain
	}
	if t.deleted {
		status = "deleted"
	}
	if t.scrubbed {
		subject, description = "SCRUBBED", "SCRUBBED"
	}
	out := map[string]any{
		"url": "https://example.zendesk.com/api/v2/tickets/" + strconv.FormatInt(t.id, 10) + ".json",
		"id":  t.id, "external_id": t.external, "created_at": stamp(t.created), "updated_at": stamp(t.updated),
		"generated_timestamp": t.generated.Unix(), "type": t.kind, "subject": subject, "raw_subject": subject, "description": description,
		"priority": t.priority, "status": status, "recipient": nil, "requester_id": t.requester, "submitter_id": t.submitter,
		"assignee_id": t.assignee, "organization_id": nil, "group_id": t.group, "brand_id": t.brand, "problem_id": t.problem,
		"due_at": t.due, "tags": append([]string{}, t.tags...), "custom_fields": fields, "fields": fields, "collaborator_ids": []any{},
		"follower_ids": []any{}, "email_cc_ids": []any{}, "has_incidents": false, "satisfaction_rating": nil, "sharing_agreement_ids": []any{},
		"is_public":    slices.ContainsFunc(t.comments, func(c *comment) bool { return c.public }),
		"followup_ids": append([]any{}, t.followUps...), "allow_channelback": false, "allow_attachments": true, "from_messaging_channel": false,
		"via": map[string]any{"channel": "api", "source": map[string]any{"from": map[string]any{}, "to": map[string]any{}, "rel": nil}},
	}
	if d.opt.CustomStatuses {
		out["custom_status_id"] = t.custom
	}
	return out
}

// listTickets is ordered by id or by change time, or holds those of one external id.
func (d *Double) listTickets(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := c.r.URL.Query()
	var rows []*ticket
	for _, id := range slices.Sorted(maps.Keys(d.tickets)) {
		t := d.visible(c, id)
		if t != nil && (!q.Has("external_id") || t.external == q.Get("external_id")) {
			rows = append(rows, t)
		}
	}
	position := func(t *ticket) string { return ordinal(t.id) }
	switch q.Get("sort") {
	case "updated_at":
		position = func(t *ticket) string { return ordinal(t.updated.Unix()) + ordinal(t.id) }
	case "-updated_at":
		const far = int64(1) << 40
		position = func(t *ticket) string { return ordinal(far-t.updated.Unix()) + ordinal(far-t.id) }
	}
	slices.SortFunc(rows, func(a, b *ticket) int { return strings.Compare(position(a), position(b)) })
	page(c, "tickets", rows, position, d.json)
}

// input is the ticket of a request.
type input map[string]json.RawMessage

func (in input) has(name string) bool { _, ok := in[name]; return ok }

func (in input) text(name string) string {
	var s string
	_ = json.Unmarshal(in[name], &s)
	return s
}

func (in input) any(name string) any {
	var v any
	_ = json.Unmarshal(in[name], &v)
	return v
}

func (in input) number(name string) (int64, bool) {
	var n *int64
	if json.Unmarshal(in[name], &n) != nil || n == nil {
		return 0, false
	}
	return *n, true
}

func (in input) list(name string) []string {
	var all []string
	_ = json.Unmarshal(in[name], &all)
	return all
}

func read(c *call) (input, string, bool) {
	raw, err := io.ReadAll(c.r.Body)
	var body struct {
		Ticket input `json:"ticket"`
	}
	if err != nil || json.NewDecoder(bytes.NewReader(raw)).Decode(&body) != nil || body.Ticket == nil {
		c.answer(http.StatusBadRequest, map[string]any{"error": "Invalid attribute", "description": "You passed an invalid value for the ticket attribute."})
		return nil, "", false
	}
	sum := sha256.Sum256(raw)
	return body.Ticket, hex.EncodeToString(sum[:]), true
}

func (d *Double) create(c *call) {
	in, digest, ok := read(c)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := c.r.Header.Get("Idempotency-Key")
	if key != "" {
		c.w.Header().Set("X-Idempotency-Lookup", "miss")
	}
	if old, known := d.keys[key]; known && key != "" && d.now().Sub(old.at) < replayTime {
		if old.digest != digest {
			c.answer(http.StatusBadRequest, map[string]any{
				"error": "IdempotentRequestError", "description": "Request parameters don't match the given idempotency key",
			})
			return
		}
		c.w.Header().Set("X-Idempotency-Lookup", "hit")
		c.answer(http.StatusCreated, old.body)
		return
	}
	t := &ticket{
		status: "new", custom: defaultStatus("new"), requester: c.me.ID, submitter: c.me.ID, brand: brands()[0].id,
		fields: map[int64]any{}, public: true,
	}
	a := d.change(c, t, in, true)
	if a == nil {
		return
	}
	d.nextID++
	t.id = d.nextID
	t.created = t.updated
	d.tickets[t.id] = t
	// It has no effect for a ticket that is not closed.
	if n, ok := in.number("via_followup_source_id"); ok && d.tickets[n] != nil && d.tickets[n].status == "closed" {
		d.tickets[n].followUps = append(d.tickets[n].followUps, t.id)
	}
	body := map[string]any{"ticket": d.json(t), "audit": d.auditJSON(t, a)}
	if key != "" {
		d.keys[key] = replay{digest: digest, at: d.now(), body: body}
	}
	c.answer(http.StatusCreated, body)
}

func (d *Double) update(c *call) {
	in, _, ok := read(c)
	if !ok {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.visible(c, c.id())
	switch {
	case t == nil:
		c.notFound()
		return
	case d.limited(c, t.id):
		return
	case t.status == "closed":
		c.invalid("status", "Status: closed prevents ticket update")
		return
	case in.has("safe_update") && in.has("updated_stamp") && in.text("updated_stamp") != stamp(t.updated):
		c.answer(http.StatusConflict, map[string]any{
			"error": "UpdateConflict", "description": "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data and try again.",
		})
		return
	}
	copied := *t
	copied.fields, copied.tags, copied.comments, copied.audits = maps.Clone(t.fields), slices.Clone(t.tags), slices.Clone(t.comments), slices.Clone(t.audits)
	a := d.change(c, &copied, in, false)
	if a == nil {
		return
	}
	*t = copied
	c.answer(http.StatusOK, map[string]any{"ticket": d.json(t), "audit": d.auditJSON(t, a)})
}

// limited counts updates of one ticket by one account. Called with d.mu held.
func (d *Double) limited(c *call, id int64) bool {
	if d.opt.UpdateLimit == 0 {
		return false
	}
	key := strconv.FormatInt(c.me.ID, 10) + "/" + strconv.FormatInt(id, 10)
	recent := slices.DeleteFunc(d.updates[key], func(at time.Time) bool { return d.now().Sub(at) >= 10*time.Minute })
	d.updates[key] = recent
	if len(recent) >= d.opt.UpdateLimit {
		c.w.Header().Set("Retry-After", strconv.Itoa(int((10*time.Minute-d.now().Sub(recent[0]))/time.Second)+1))
		c.answer(http.StatusTooManyRequests, map[string]any{"error": "APIRateLimitExceeded", "description": "Number of allowed API requests per minute exceeded"})
		return true
	}
	d.updates[key] = append(recent, d.now())
	return false
}

func (d *Double) remove(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.visible(c, c.id())
	if t == nil {
		c.notFound()
		return
	}
	t.deleted = true
	t.touch(d.now())
	c.w.WriteHeader(http.StatusNoContent)
}

// scrub takes what a deleted ticket said; Zendesk does so after thirty days.
func (d *Double) scrub(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tickets[c.id()]
	if t == nil || !t.deleted {
		c.notFound()
		return
	}
	t.scrubbed = true
	t.generated = d.now()
	c.answer(http.StatusOK, map[string]any{"job_status": map[string]any{"id": "82de0b044094f0c67893ac9fe64f1a99", "status": "queued", "total": 1}})
}

// System is a change that Zendesk itself makes: it does not move the change time
// that people see.
func (d *Double) System(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets[id].generated = d.now()
}

// Close is what an automation does to solved tickets.
func (d *Double) Close(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets[id].status = "closed"
	d.tickets[id].touch(d.now())
}

func (t *ticket) touch(now time.Time) { t.updated, t.generated = now, now }

// merge closes the sources, tags them, and tells both sides.
func (d *Double) merge(c *call) {
	var in struct {
		IDs []int64 `json:"ids"`
	}
	_ = json.NewDecoder(c.r.Body).Decode(&in)
	d.mu.Lock()
	defer d.mu.Unlock()
	target := d.visible(c, c.id())
	if target == nil {
		c.notFound()
		return
	}
	for _, id := range in.IDs {
		t := d.visible(c, id)
		if t == nil || t.status == "closed" {
			continue
		}
		t.status = "closed"
		t.tags = append(t.tags, "closed_by_merge")
		d.speak(c, t, &audit{id: d.number(), author: c.me.ID, at: d.now()}, &comment{
			plain: "This request was closed and merged into request #" + strconv.FormatInt(target.id, 10) + ".",
		})
		t.touch(d.now())
	}
	c.answer(http.StatusOK, map[string]any{"job_status": map[string]any{"id": "82de0b044094f0c67893ac9fe64f1a99", "status": "completed", "total": len(in.IDs)}})
}
