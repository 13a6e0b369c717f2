package github

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

const (
	stateOpen   = "open"
	stateClosed = "closed"
)

type user struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

// event is a person; what a deleted account wrote has none.
func (u *user) event() event.User {
	if u == nil || u.Login == "" {
		return event.User{ID: "ghost", Name: "ghost"}
	}
	return event.User{ID: u.Login, Name: u.Login}
}

func (u *user) value() any {
	if u == nil || u.Login == "" {
		return nil
	}
	return u.event().Value()
}

// label is an object, or in some answers its name alone.
type label struct{ Name string }

// UnmarshalJSON implements json.Unmarshaler.
func (l *label) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		return json.Unmarshal(raw, &l.Name)
	}
	var out struct {
		Name string `json:"name"`
	}
	err := json.Unmarshal(raw, &out)
	l.Name = out.Name
	return err
}

type milestone struct {
	Number int64  `json:"number"`
	Title  string `json:"title"`
}

type issueType struct {
	Name    string `json:"name"`
	Enabled *bool  `json:"is_enabled"`
}

type option struct {
	Name string `json:"name"`
}

// fieldValue is the value of one of the organisation's fields.
type fieldValue struct {
	FieldID int64           `json:"issue_field_id"`
	Kind    string          `json:"data_type"`
	Value   json.RawMessage `json:"value"`
	Single  *option         `json:"single_select_option"`
	Multi   []option        `json:"multi_select_options"`
}

// fieldDef is one of the organisation's fields.
type fieldDef struct {
	ID      int64    `json:"id"`
	Name    string   `json:"name"`
	Kind    string   `json:"data_type"`
	Options []option `json:"options"`
}

type issue struct {
	ID         int64        `json:"id"`
	Number     int64        `json:"number"`
	State      string       `json:"state"`
	Reason     string       `json:"state_reason"`
	Title      *string      `json:"title"`
	Body       string       `json:"body"`
	User       *user        `json:"user"`
	Comments   int          `json:"comments"`
	Labels     []label      `json:"labels"`
	Assignee   *user        `json:"assignee"`
	Assignees  []user       `json:"assignees"`
	Milestone  *milestone   `json:"milestone"`
	Created    time.Time    `json:"created_at"`
	Updated    time.Time    `json:"updated_at"`
	Web        string       `json:"html_url"`
	Repository string       `json:"repository_url"`
	Type       *issueType   `json:"type"`
	Parent     string       `json:"parent_issue_url"`
	Values     []fieldValue `json:"issue_field_values"`
	Depends    *summary     `json:"issue_dependencies_summary"`
	// Pull is there for pull requests, which are issues to GitHub.
	Pull *struct{} `json:"pull_request"`
}

// identified tells whether it is known which issue it is: some webhooks leave the
// state empty.
func (i *issue) identified() bool { return i.ID > 0 && i.Number > 0 && !i.Created.IsZero() }

// sound tells whether what every answer holds is there.
func (i *issue) sound() bool {
	return i.identified() && i.Title != nil && !i.Updated.IsZero() && (i.State == stateOpen || i.State == stateClosed)
}

func (i *issue) id() string { return strconv.FormatInt(i.Number, 10) }

func (i *issue) ref() event.Ref { return event.NewRef(i.id(), i.Created) }

// version tells apart what was changed within one second too, as far as the list of
// issues shows it: all but the texts of comments.
func (i *issue) version() string {
	h := fnv.New64a()
	raw, _ := json.Marshal([]any{ //nolint:errchkjson // plain data
		i.Title, i.Body, i.State, i.Reason, i.Comments, i.labelNames(), i.logins(), i.Milestone, i.Type, i.Parent, i.Values, i.Depends,
	})
	_, _ = h.Write(raw)
	return i.Updated.UTC().Format(time.RFC3339) + " " + strconv.FormatUint(h.Sum64(), 36)
}

// logins are the people assigned.
func (i *issue) logins() []string {
	var out []string
	for n := range i.Assignees {
		out = append(out, i.Assignees[n].Login)
	}
	if len(out) == 0 && i.Assignee != nil {
		out = append(out, i.Assignee.Login)
	}
	return out
}

func (i *issue) labelNames() []string {
	var out []string
	for _, l := range i.Labels {
		out = append(out, l.Name)
	}
	return out
}

// reason is why a closed issue was closed; "" for an open one.
func (i *issue) reason() string {
	if i.State != stateClosed {
		return ""
	}
	return i.Reason
}

type comment struct {
	ID      int64     `json:"id"`
	Body    *string   `json:"body"`
	User    *user     `json:"user"`
	Created time.Time `json:"created_at"`
	Updated time.Time `json:"updated_at"`
}

func (c *comment) sound() bool { return c.ID > 0 && c.Body != nil && !c.Created.IsZero() }

func (c *comment) id() string { return strconv.FormatInt(c.ID, 10) }

// activity is one line of an issue's history.
type activity struct {
	ID        int64      `json:"id"`
	Event     string     `json:"event"`
	Actor     *user      `json:"actor"`
	Created   time.Time  `json:"created_at"`
	Reason    string     `json:"state_reason"`
	Label     *label     `json:"label"`
	Assignee  *user      `json:"assignee"`
	Milestone *milestone `json:"milestone"`
	Rename    *struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"rename"`
}

// repository is where the issues are, and what the account may do there.
type repository struct {
	ID        int64  `json:"id"`
	FullName  string `json:"full_name"`
	HasIssues *bool  `json:"has_issues"`
	Archived  bool   `json:"archived"`
	Private   bool   `json:"private"`
	Owner     struct {
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"owner"`
	Permissions map[string]bool `json:"permissions"`
}

func (r *repository) organisation() bool { return r.Owner.Type == "Organization" }

// isID tells whether s is the number of an issue or of a comment.
func isID(s string) bool {
	return s != "" && len(s) <= 18 && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

func emptyNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (a *activity) id() string { return strconv.FormatInt(a.ID, 10) }
