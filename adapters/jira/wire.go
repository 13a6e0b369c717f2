package jira

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

// stampLayout is how Jira writes times: no colon in the offset.
const stampLayout = "2006-01-02T15:04:05.000-0700"

// stamp is a time of Jira's.
type stamp struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (s *stamp) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil || text == "" {
		return err
	}
	for _, layout := range []string{stampLayout, time.RFC3339, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			s.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("%d characters that are no time", len(text))
}

// user is a person: accountId in the Cloud, name and key in a Data Center.
type user struct {
	AccountID   string `json:"accountId"`
	Name        string `json:"name"`
	Key         string `json:"key"`
	DisplayName string `json:"displayName"`
	Email       string `json:"emailAddress"`
	TimeZone    string `json:"timeZone"`
}

// id is what a person is written by.
func (u *user) id() string {
	if u.AccountID != "" {
		return u.AccountID
	}
	return u.Name
}

func (u *user) event() event.User {
	if u == nil || u.id() == "" {
		// Jira shows no author for what anonymous people and deleted accounts wrote.
		return event.User{ID: "unknown", Name: "unknown"}
	}
	return event.User{ID: u.id(), Name: orDefault(u.DisplayName, u.id()), Email: u.Email}
}

func (u *user) value() any {
	if u == nil || u.id() == "" {
		return nil
	}
	return u.event().Value()
}

// named is a thing with a name: project, type, status, option, version.
type named struct {
	ID    string `json:"id"`
	Key   string `json:"key"`
	Name  string `json:"name"`
	Value string `json:"value"`
	// Type of a project: "software", "service_desk", …
	Type     string `json:"projectTypeKey"`
	Category *struct {
		Key string `json:"key"`
	} `json:"statusCategory"`
	Child *named `json:"child"`
}

func (n *named) label() string {
	if n.Name != "" {
		return n.Name
	}
	return n.Value
}

// issue has its fields as they came: their meaning depends on the field.
type issue struct {
	ID         string                     `json:"id"`
	Key        string                     `json:"key"`
	Fields     map[string]json.RawMessage `json:"fields"`
	Properties map[string]json.RawMessage `json:"properties"`
	Changelog  *struct {
		Histories []history `json:"histories"`
	} `json:"changelog"`

	created, updated time.Time
}

// settle reads the times that every answer must hold.
func (i *issue) settle() error {
	var created, updated stamp
	if json.Unmarshal(i.Fields["created"], &created) != nil || json.Unmarshal(i.Fields["updated"], &updated) != nil ||
		!isID(i.ID) || i.Key == "" || created.IsZero() || updated.IsZero() {
		return errIncomplete
	}
	i.created, i.updated = created.Time, updated.Time
	return nil
}

func (i *issue) number() int64 {
	n, _ := strconv.ParseInt(i.ID, 10, 64)
	return n
}

func (i *issue) ref() event.Ref { return event.NewRef(i.ID, i.created) }

func (i *issue) version() string { return i.updated.Format("2006-01-02T15:04:05.000Z07:00") }

func (i *issue) change() event.Change {
	return event.Change{Ref: i.ref(), Key: i.Key, Version: i.version(), Updated: i.updated}
}

// field reads one field into out; absent and null leave it as it is.
func (i *issue) field(name string, out any) error {
	raw := i.Fields[name]
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("read field %s: %w", name, errIncomplete)
	}
	return nil
}

type property struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

type comment struct {
	ID         string          `json:"id"`
	Author     *user           `json:"author"`
	Body       json.RawMessage `json:"body"`
	Created    stamp           `json:"created"`
	Updated    stamp           `json:"updated"`
	Visibility *struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"visibility"`
	Public     *bool       `json:"jsdPublic"`
	Properties *[]property `json:"properties"`
}

type attachment struct {
	ID       json.Number `json:"id"`
	Name     string      `json:"filename"`
	Author   *user       `json:"author"`
	Created  stamp       `json:"created"`
	Size     *int64      `json:"size"`
	MIMEType string      `json:"mimeType"`
}

type transition struct {
	ID     string                `json:"id"`
	Name   string                `json:"name"`
	To     named                 `json:"to"`
	Fields map[string]fieldInUse `json:"fields"`
}

// fieldInUse is a field on a screen.
type fieldInUse struct {
	ID            string          `json:"fieldId"`
	Key           string          `json:"key"`
	Name          string          `json:"name"`
	Required      bool            `json:"required"`
	HasDefault    bool            `json:"hasDefaultValue"`
	Schema        fieldSchema     `json:"schema"`
	Operations    []string        `json:"operations"`
	AllowedValues json.RawMessage `json:"allowedValues"`
}

func (f *fieldInUse) id() string {
	if f.ID != "" {
		return f.ID
	}
	return f.Key
}

// options are the names that the field may take.
func (f *fieldInUse) options() []string {
	var values []named
	if json.Unmarshal(f.AllowedValues, &values) != nil {
		return nil
	}
	var out []string
	for _, v := range values {
		if s := v.label(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

type fieldSchema struct {
	Type   string `json:"type"`
	Items  string `json:"items"`
	System string `json:"system"`
	Custom string `json:"custom"`
}

type fieldDetails struct {
	ID     string       `json:"id"`
	Name   string       `json:"name"`
	Custom bool         `json:"custom"`
	Schema *fieldSchema `json:"schema"`
}

type history struct {
	ID      string       `json:"id"`
	Author  *user        `json:"author"`
	Created stamp        `json:"created"`
	Items   []changeItem `json:"items"`
}

type changeItem struct {
	Field      string  `json:"field"`
	FieldID    string  `json:"fieldId"`
	FieldType  string  `json:"fieldtype"`
	From       *string `json:"from"`
	FromString *string `json:"fromString"`
	To         *string `json:"to"`
	ToString   *string `json:"toString"`
}

func isID(s string) bool {
	if s == "" || len(s) > 18 || s[0] == '0' {
		return false
	}
	return strings.Trim(s, "0123456789") == ""
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
