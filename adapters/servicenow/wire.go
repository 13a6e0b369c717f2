package servicenow

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

// stampLayout is how values of times are written, in UTC.
const stampLayout = "2006-01-02 15:04:05"

// cell is one field of a record. What comes depends on sysparm_display_value: a
// string, a reference with link and value, or value and display_value.
type cell struct {
	Value, Display string
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *cell) UnmarshalJSON(raw []byte) error {
	var plain *string
	if json.Unmarshal(raw, &plain) == nil {
		if plain != nil {
			c.Value = *plain
		}
		return nil
	}
	var whole struct {
		Value   *string `json:"value"`
		Display *string `json:"display_value"`
	}
	if err := json.Unmarshal(raw, &whole); err != nil {
		return err
	}
	if whole.Value == nil && whole.Display == nil {
		return errors.New("a field without a value")
	}
	if whole.Value != nil {
		c.Value = *whole.Value
	}
	if whole.Display != nil {
		c.Display = *whole.Display
	}
	return nil
}

// row is one record of any table.
type row map[string]cell

func (r row) value(field string) string { return r[field].Value }

func (r row) id() string { return r["sys_id"].Value }

func (r row) time(field string) (time.Time, error) { return parseStamp(r.value(field)) }

func parseStamp(s string) (time.Time, error) {
	at, err := time.Parse(stampLayout, s)
	if err != nil {
		return at, fmt.Errorf("%d characters that are no time", len(s))
	}
	return at, nil
}

// record is a ticket as it came.
type record struct {
	row
	created, updated time.Time
	mods             int
}

var errIncomplete = errors.New("the answer lacks what it must hold")

// settle reads what every ticket must hold.
func settle(r row) (*record, error) {
	out := &record{row: r}
	var errs [3]error
	out.created, errs[0] = r.time("sys_created_on")
	out.updated, errs[1] = r.time("sys_updated_on")
	out.mods, errs[2] = strconv.Atoi(r.value("sys_mod_count"))
	if errors.Join(errs[:]...) != nil || !isID(r.id()) || r.value("number") == "" || out.created.Unix() == 0 {
		return nil, errIncomplete
	}
	return out, nil
}

// settleFields are what settle reads.
func settleFields() []string {
	return []string{"sys_id", "number", "sys_created_on", "sys_updated_on", "sys_mod_count"}
}

func (r *record) key() string { return r.value("number") }

func (r *record) ref() event.Ref { return event.NewRef(r.id(), r.created) }

// version tells two states of a ticket apart, those of its files included: these do
// not move the ticket's change time. sys_mod_count tells edits of one second apart.
func (r *record) version(files stamp) string {
	return fmt.Sprintf("%s/%d/%s", r.updated.Format(time.RFC3339), r.mods, files)
}

// stamp is what tells two states of a ticket's files apart.
type stamp struct {
	count  int
	newest time.Time
	last   string
}

// String is the stamp as part of a version.
func (s stamp) String() string {
	if s.count == 0 {
		return "0"
	}
	return fmt.Sprintf("%d:%d:%s", s.count, s.newest.Unix(), s.last)
}

func (s stamp) with(at time.Time, id string) stamp {
	s.count++
	if at.After(s.newest) || at.Equal(s.newest) && id > s.last {
		s.newest, s.last = at, id
	}
	return s
}

var sysID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func isID(s string) bool { return sysID.MatchString(s) }

// user is a row of sys_user.
type user struct {
	ID, Login, Name, Email string
	created                string
}

func userOf(r row) user {
	return user{
		ID: r.id(), Login: r.value("user_name"), Name: r.value("name"), Email: r.value("email"),
		created: r.value("sys_created_on"),
	}
}

func userFields() []string { return []string{"sys_id", "user_name", "name", "email", "sys_created_on"} }

func (u user) event() event.User {
	return event.User{ID: u.ID, Name: orDefault(u.Name, orDefault(u.Login, u.ID)), Email: u.Email}
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func isTrue(s string) bool { return s == "true" || s == "1" }

// lines makes newlines \n.
func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}
