package zendesk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

// ticket is a ticket as every list and export has it.
type ticket struct {
	ID           int64         `json:"id"`
	ExternalID   string        `json:"external_id"`
	Created      time.Time     `json:"created_at"`
	Updated      time.Time     `json:"updated_at"`
	Generated    int64         `json:"generated_timestamp"`
	Type         string        `json:"type"`
	Subject      string        `json:"subject"`
	Description  string        `json:"description"`
	Priority     string        `json:"priority"`
	Status       string        `json:"status"`
	CustomStatus int64         `json:"custom_status_id"`
	Requester    int64         `json:"requester_id"`
	Submitter    int64         `json:"submitter_id"`
	Assignee     int64         `json:"assignee_id"`
	Group        int64         `json:"group_id"`
	Brand        int64         `json:"brand_id"`
	Problem      int64         `json:"problem_id"`
	FollowUps    []int64       `json:"followup_ids"`
	Due          *time.Time    `json:"due_at"`
	Tags         []string      `json:"tags"`
	Custom       []customField `json:"custom_fields"`
}

type customField struct {
	ID    int64 `json:"id"`
	Value any   `json:"value"`
}

// whole tells whether the ticket holds what every answer must.
func (t *ticket) whole() bool {
	return t.ID > 0 && !t.Created.IsZero() && !t.Updated.IsZero() && t.Status != ""
}

func (t *ticket) key() string { return strconv.FormatInt(t.ID, 10) }

func (t *ticket) ref() event.Ref { return event.NewRef(t.key(), t.Created) }

// changed is the time of the last change: the export goes by one that counts
// changes made by Zendesk itself too, which leave updated_at as it is.
func (t *ticket) changed() time.Time {
	if g := time.Unix(t.Generated, 0).UTC(); g.After(t.Updated) {
		return g
	}
	return t.Updated.UTC()
}

func (t *ticket) version() string {
	return t.Updated.UTC().Format(time.RFC3339) + "/" + t.changed().Format(time.RFC3339)
}

// deleted tickets stay in the export, later with their texts taken out.
func (t *ticket) deleted() bool { return t.Status == statusDeleted }

// merged: Zendesk closes a ticket that it merges into another one, and says so
// with a tag.
func (t *ticket) merged() bool {
	return t.Status == statusClosed && slices.Contains(t.Tags, tagMerged)
}

func (t *ticket) change() event.Change {
	return event.Change{Ref: t.ref(), Key: t.key(), Version: t.version(), Updated: t.changed(), Deleted: t.deleted()}
}

// lock is the change time, which Zendesk's own lock goes by, and the content: a
// second holds more than one change.
func (t *ticket) lock() string {
	content := *t
	content.Generated = 0
	raw, err := json.Marshal(content)
	if err != nil {
		raw = fmt.Appendf(nil, "%v", content)
	}
	sum := sha256.Sum256(raw)
	return t.Updated.UTC().Format(time.RFC3339) + "/" + hex.EncodeToString(sum[:8])
}

func (t *ticket) custom(id int64) any {
	for _, f := range t.Custom {
		if f.ID == id {
			return f.Value
		}
	}
	return nil
}

const (
	statusNew     = "new"
	statusSolved  = "solved"
	statusClosed  = "closed"
	statusDeleted = "deleted"
	tagMerged     = "closed_by_merge"
)

type user struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Email       string `json:"email"`
	Role        string `json:"role"`
	Restriction string `json:"ticket_restriction"`
	Restricted  bool   `json:"restricted_agent"`
	OnlyPrivate bool   `json:"only_private_comments"`
	Suspended   bool   `json:"suspended"`
	Zone        string `json:"iana_time_zone"`
}

func (u *user) event() event.User {
	id := strconv.FormatInt(u.ID, 10)
	return event.User{ID: id, Name: orDefault(u.Name, "user "+id), Email: u.Email}
}

// seesAll tells whether no ticket is hidden from the account.
func (u *user) seesAll() bool {
	return u.Role == roleAdmin || u.Role == "agent" && u.Restriction == "" && !u.Restricted
}

const roleAdmin = "admin"

type comment struct {
	ID      int64     `json:"id"`
	Audit   int64     `json:"audit_id"`
	Author  int64     `json:"author_id"`
	Body    string    `json:"body"`
	HTML    string    `json:"html_body"`
	Public  *bool     `json:"public"`
	Created time.Time `json:"created_at"`
	Files   []file    `json:"attachments"`
}

// internal: what does not say that it is public is for the agents.
func (c *comment) internal() bool { return c.Public == nil || !*c.Public }

type file struct {
	ID       int64  `json:"id"`
	Name     string `json:"file_name"`
	OldName  string `json:"name"`
	URL      string `json:"content_url"`
	Type     string `json:"content_type"`
	Size     *int64 `json:"size"`
	Inline   bool   `json:"inline"`
	Deleted  bool   `json:"deleted"`
	Scan     string `json:"malware_scan_result"`
	Override bool   `json:"malware_access_override"`
}

func (f *file) name() string { return orDefault(f.Name, f.OldName) }

type audit struct {
	ID       int64     `json:"id"`
	Author   int64     `json:"author_id"`
	Created  time.Time `json:"created_at"`
	Metadata struct {
		Custom json.RawMessage `json:"custom"`
	} `json:"metadata"`
	Events []auditEvent `json:"events"`
}

type auditEvent struct {
	ID       int64           `json:"id"`
	Type     string          `json:"type"`
	Field    json.RawMessage `json:"field_name"`
	Value    any             `json:"value"`
	Previous any             `json:"previous_value"`
	Files    []file          `json:"attachments"`
}

// comment is the event of the comment that the audit added; nil if it added none.
func (a *audit) comment() *auditEvent {
	for i := range a.Events {
		if a.Events[i].Type == "Comment" {
			return &a.Events[i]
		}
	}
	return nil
}

// mark is what a write of ours left with an update.
type mark struct {
	Marker event.Marker
	// File says that the comment is there for the file it carries.
	File bool
}

// mark reads what stands in the audit; people may put anything there.
func (a *audit) mark() mark {
	var custom struct {
		Marker string `json:"parley"`
		Kind   string `json:"parley_kind"`
	}
	if json.Unmarshal(a.Metadata.Custom, &custom) != nil || !markerText.MatchString(custom.Marker) {
		return mark{}
	}
	return mark{Marker: event.Marker(custom.Marker), File: custom.Kind == kindFile}
}

const kindFile = "file"

// fieldDef is a field of tickets as Zendesk declares it.
type fieldDef struct {
	ID       int64          `json:"id"`
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Active   bool           `json:"active"`
	Tag      string         `json:"tag"`
	Options  []option       `json:"custom_field_options"`
	System   []option       `json:"system_field_options"`
	Statuses []customStatus `json:"custom_statuses"`
}

type option struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type customStatus struct {
	ID       int64  `json:"id"`
	Label    string `json:"agent_label"`
	Category string `json:"status_category"`
	Active   bool   `json:"active"`
}

// named is a brand or a group.
type named struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

func isID(s string) bool {
	if s == "" || len(s) > 18 || s[0] == '0' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
