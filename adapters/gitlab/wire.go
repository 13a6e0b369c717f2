package gitlab

import (
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

const (
	stateOpen   = "opened"
	stateClosed = "closed"
)

type user struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
}

func (u *user) event() event.User {
	if u == nil || u.Username == "" {
		return event.User{ID: "ghost", Name: "ghost"}
	}
	if u.Name == "" {
		return event.User{ID: u.Username, Name: u.Username}
	}
	return event.User{ID: u.Username, Name: u.Name}
}

func (u *user) value() any {
	if u == nil || u.Username == "" {
		return nil
	}
	return u.event().Value()
}

type milestone struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
}

type issue struct {
	ID           int64      `json:"id"`
	IID          int64      `json:"iid"`
	Project      int64      `json:"project_id"`
	Title        *string    `json:"title"`
	Description  string     `json:"description"`
	State        string     `json:"state"`
	Created      time.Time  `json:"created_at"`
	Updated      time.Time  `json:"updated_at"`
	Labels       []string   `json:"labels"`
	Author       *user      `json:"author"`
	Assignees    []user     `json:"assignees"`
	Milestone    *milestone `json:"milestone"`
	Due          string     `json:"due_date"`
	Confidential *bool      `json:"confidential"`
	Type         string     `json:"issue_type"`
	Web          string     `json:"web_url"`
	// Moved is the issue in another project that this one became.
	Moved int64     `json:"moved_to_id"`
	Times *timeSums `json:"time_stats"`
}

// timeSums are in seconds.
type timeSums struct {
	Estimate float64 `json:"time_estimate"`
	Spent    float64 `json:"total_time_spent"`
}

func (s *timeSums) values() (estimate, spent any) {
	if s == nil {
		return nil, nil
	}
	if s.Estimate > 0 {
		estimate = s.Estimate
	}
	if s.Spent > 0 {
		spent = s.Spent
	}
	return estimate, spent
}

// related is an issue, maybe of another project, that one is linked to.
type related struct {
	IID        int64  `json:"iid"`
	Project    int64  `json:"project_id"`
	Type       string `json:"link_type"`
	Link       int64  `json:"issue_link_id"`
	References struct {
		Full string `json:"full"`
	} `json:"references"`
}

func (r *related) sound() bool { return r.IID > 0 && r.Project > 0 && r.Link > 0 && r.Type != "" }

func (r *related) link() string { return strconv.FormatInt(r.Link, 10) }

// event is the relation as GitLab's pages say it, and what it leads to: an issue of another
// project goes by its whole name.
func (r *related) event(project int64) event.Link {
	id := strconv.FormatInt(r.IID, 10)
	out := event.Link{Type: strings.ReplaceAll(r.Type, "_", " "), ID: id, Key: "#" + id}
	if r.Project != project {
		out.Key = r.References.Full
		if out.Key == "" {
			out.Key = "issue " + id + " of project " + strconv.FormatInt(r.Project, 10)
		}
		out.ID = out.Key
	}
	return out
}

// secret is what GitLab tells of an access token.
type secret struct {
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	// Ends is a day, which begins without the token; "" is never.
	Ends string `json:"expires_at"`
}

func (i *issue) sound() bool {
	return i.ID > 0 && i.IID > 0 && i.Title != nil && !i.Created.IsZero() && !i.Updated.IsZero() &&
		(i.State == stateOpen || i.State == stateClosed)
}

func (i *issue) id() string { return strconv.FormatInt(i.IID, 10) }

func (i *issue) key() string { return "#" + i.id() }

func (i *issue) ref() event.Ref { return event.NewRef(i.id(), i.Created) }

func (i *issue) version() string { return i.Updated.UTC().Format(stampLayout) }

func (i *issue) change() event.Change {
	return event.Change{Ref: i.ref(), Key: i.key(), Version: i.version(), Updated: i.Updated.UTC()}
}

// stampLayout has the precision of GitLab's times.
const stampLayout = "2006-01-02T15:04:05.000Z07:00"

// note is a comment, or a line that GitLab wrote of what was done.
type note struct {
	ID           int64     `json:"id"`
	Body         *string   `json:"body"`
	Author       *user     `json:"author"`
	Created      time.Time `json:"created_at"`
	Updated      time.Time `json:"updated_at"`
	System       bool      `json:"system"`
	Internal     *bool     `json:"internal"`
	Confidential bool      `json:"confidential"`
}

func (n *note) sound() bool { return n.ID > 0 && n.Body != nil && !n.Created.IsZero() }

func (n *note) id() string { return strconv.FormatInt(n.ID, 10) }

// hidden: what does not say so for certain counts as internal.
func (n *note) hidden() bool { return n.Internal == nil || *n.Internal || n.Confidential }

type access struct {
	Level int `json:"access_level"`
}

// project is where the issues are, and what the account may do there.
type project struct {
	ID       int64  `json:"id"`
	Path     string `json:"path_with_namespace"`
	Issues   string `json:"issues_access_level"`
	Enabled  *bool  `json:"issues_enabled"`
	Archived bool   `json:"archived"`
	Visible  string `json:"visibility"`
	// Permissions is there for those who are signed in.
	Permissions *struct {
		Project *access `json:"project_access"`
		Group   *access `json:"group_access"`
	} `json:"permissions"`
}

// The levels of access that count here.
const (
	levelGuest   = 10
	levelPlanner = 15
	levelOwner   = 50
)

func (p *project) level() int {
	if p.Permissions == nil {
		return 0
	}
	n := 0
	for _, a := range []*access{p.Permissions.Project, p.Permissions.Group} {
		if a != nil {
			n = max(n, a.Level)
		}
	}
	return n
}

type upload struct {
	Secret   string
	FileName string
	URL      string `json:"url"`
}

func isID(s string) bool {
	return s != "" && len(s) <= 18 && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

func emptyNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
