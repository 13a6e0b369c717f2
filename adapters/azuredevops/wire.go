package azuredevops

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

// The fields that have a meaning of their own here.
const (
	refTitle       = "System.Title"
	refDescription = "System.Description"
	refRepro       = "Microsoft.VSTS.TCM.ReproSteps"
	refState       = "System.State"
	refReason      = "System.Reason"
	refType        = "System.WorkItemType"
	refProject     = "System.TeamProject"
	refArea        = "System.AreaPath"
	refIteration   = "System.IterationPath"
	refTags        = "System.Tags"
	refCreated     = "System.CreatedDate"
	refCreator     = "System.CreatedBy"
	refChanged     = "System.ChangedDate"
	refDeleted     = "System.IsDeleted"
	refHistory     = "System.History"
)

// The relations that are read.
const (
	relFile   = "AttachedFile"
	relParent = "System.LinkTypes.Hierarchy-Reverse"
	relChild  = "System.LinkTypes.Hierarchy-Forward"
)

// identity is a person as work items name them.
type identity struct {
	ID         string `json:"id"`
	Name       string `json:"displayName"`
	UniqueName string `json:"uniqueName"`
	Descriptor string `json:"descriptor"`
}

// UnmarshalJSON implements json.Unmarshaler: what nobody is behind is a text.
func (i *identity) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*i = identity{Name: text}
		return nil
	}
	type plain identity
	return json.Unmarshal(raw, (*plain)(i))
}

func (i *identity) event() event.User {
	if i == nil || i.ID == "" && i.Name == "" {
		return event.User{ID: "unknown", Name: "unknown"}
	}
	u := event.User{ID: orDefault(i.ID, i.Name), Name: orDefault(i.Name, i.UniqueName)}
	if strings.Contains(i.UniqueName, "@") {
		u.Email = i.UniqueName
	}
	return u
}

type relation struct {
	Rel        string `json:"rel"`
	URL        string `json:"url"`
	Attributes struct {
		Name    string    `json:"name"`
		Comment string    `json:"comment"`
		Size    int64     `json:"resourceSize"`
		Created time.Time `json:"resourceCreatedDate"`
		Added   time.Time `json:"authorizedDate"`
	} `json:"attributes"`
}

// last is the end of the address: the number of a work item, the id of a file.
func (r *relation) last() string {
	path, _, _ := strings.Cut(r.URL, "?")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// item is a work item. Its fields are as they came: their meaning depends on the field.
type item struct {
	ID        int64                      `json:"id"`
	Rev       int64                      `json:"rev"`
	Fields    map[string]json.RawMessage `json:"fields"`
	Relations []relation                 `json:"relations"`
	// Formats tells which long texts are Markdown, not HTML.
	Formats map[string]string `json:"multilineFieldsFormat"`
	Comment *struct {
		ID int64 `json:"commentId"`
	} `json:"commentVersionRef"`

	created, changed time.Time
}

// settle reads the times that every answer must hold.
func (i *item) settle() error {
	if json.Unmarshal(i.Fields[refCreated], &i.created) != nil || json.Unmarshal(i.Fields[refChanged], &i.changed) != nil ||
		i.ID <= 0 || i.Rev <= 0 || i.created.IsZero() || i.changed.IsZero() {
		return errIncomplete
	}
	i.created, i.changed = i.created.UTC(), i.changed.UTC()
	return nil
}

func (i *item) key() string     { return strconv.FormatInt(i.ID, 10) }
func (i *item) ref() event.Ref  { return event.NewRef(i.key(), i.created) }
func (i *item) version() string { return strconv.FormatInt(i.Rev, 10) }

func (i *item) change() event.Change {
	c := event.Change{Ref: i.ref(), Key: i.key(), Version: i.version(), Updated: i.changed}
	_ = json.Unmarshal(i.Fields[refDeleted], &c.Deleted)
	return c
}

// text is a field that is a text; "" if it is none.
func (i *item) text(ref string) string {
	var s string
	_ = json.Unmarshal(i.Fields[ref], &s)
	return s
}

func (i *item) has(ref string) bool {
	raw := string(i.Fields[ref])
	return raw != "" && raw != "null" && raw != `""`
}

// tags are the tags as they are told: one text.
func (i *item) tags() []string { return splitTags(i.text(refTags)) }

func splitTags(s string) []string {
	var out []string
	for tag := range strings.SplitSeq(s, ";") {
		if tag = strings.TrimSpace(tag); tag != "" {
			out = append(out, tag)
		}
	}
	return out
}

// said is a comment.
type said struct {
	ID        int64     `json:"id"`
	CommentID int64     `json:"commentId"` // as older versions have it
	Text      string    `json:"text"`
	Format    string    `json:"format"`
	By        *identity `json:"createdBy"`
	Created   time.Time `json:"createdDate"`
	Modified  time.Time `json:"modifiedDate"`
	Deleted   bool      `json:"isDeleted"`
}

func (s *said) number() int64 { return max(s.ID, s.CommentID) }

// fieldUse is a field as a type of work item has it.
type fieldUse struct {
	Ref      string            `json:"referenceName"`
	Name     string            `json:"name"`
	Required bool              `json:"alwaysRequired"`
	Default  json.RawMessage   `json:"defaultValue"`
	Allowed  []json.RawMessage `json:"allowedValues"`
}

// options are the values that the field takes, as texts; none for people.
func (f *fieldUse) options() []string {
	var out []string
	for _, raw := range f.Allowed {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			var n json.Number
			if json.Unmarshal(raw, &n) != nil {
				return nil
			}
			s = n.String()
		}
		out = append(out, s)
	}
	return out
}

// fieldInfo is a field as all of the organisation has it.
type fieldInfo struct {
	Ref       string `json:"referenceName"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	ReadOnly  bool   `json:"readOnly"`
	Identity  bool   `json:"isIdentity"`
	Suggested bool   `json:"isPicklistSuggested"`
}

type workItemType struct {
	Name        string `json:"name"`
	Disabled    bool   `json:"isDisabled"`
	Transitions map[string][]struct {
		To string `json:"to"`
	} `json:"transitions"`
}

// next are the states that may follow one.
func (w *workItemType) next(state string) []string {
	var out []string
	for _, t := range w.Transitions[state] {
		if t.To != state && t.To != "" {
			out = append(out, t.To)
		}
	}
	return out
}

type stateInfo struct {
	Name     string `json:"name"`
	Category string `json:"category"`
}

// revision is one entry of a work item's history.
type revision struct {
	Rev     int64     `json:"rev"`
	By      *identity `json:"revisedBy"`
	Revised time.Time `json:"revisedDate"`
	Fields  map[string]struct {
		Old json.RawMessage `json:"oldValue"`
		New json.RawMessage `json:"newValue"`
	} `json:"fields"`
}

// at is when it was made. revisedDate is when the next one replaced it, and in the
// year 9999 for the last: the field that the revision set tells.
func (r *revision) at() time.Time {
	var t time.Time
	if json.Unmarshal(r.Fields[refChanged].New, &t) == nil && !t.IsZero() {
		return t.UTC()
	}
	return r.Revised.UTC()
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func isID(s string) bool {
	return s != "" && len(s) <= 10 && s[0] != '0' && strings.Trim(s, "0123456789") == "" && !tooLarge(s)
}

// tooLarge: ids are 32 bits wide.
func tooLarge(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err != nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func wrongField(name string) error { return fmt.Errorf("read field %s: %w", name, errIncomplete) }
