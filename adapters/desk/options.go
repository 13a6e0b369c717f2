package desk

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"parley/sync/event"
)

// Person is somebody who works at the desk.
type Person struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// CustomField declares one field beyond the standard ones.
type CustomField struct {
	// Name as people see it ("Severity").
	Name string
	// Type is text, option, cascade, number, bool, date or set.
	Type event.Type
	// Options of an option or cascade field.
	Options []string
	// Children of a cascade field's options.
	Children map[string][]string
}

// Options configure a Server. Zero values mean the defaults.
type Options struct {
	// Name is the desk's title; Accent its colour, "#rrggbb".
	Name   string
	Accent string
	// Token signs the Account in at the API; it must be set.
	Token   string
	Account Person
	// Tokens sign further people in, by token; the value is a Person's ID.
	Tokens map[string]string
	// Projects are key prefixes ("DESK"). The first is preselected.
	Projects   []string
	Types      []string
	Priorities []string
	People     []Person
	Fields     []CustomField
	// MaxAttachment is in bytes.
	MaxAttachment int64
	// Hosts are names besides the loopback ones that requests may be sent to.
	Hosts []string
	// Now is the clock.
	Now func() time.Time
}

const defaultMaxAttachment = 64 << 20

var (
	accentPattern  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	projectPattern = regexp.MustCompile(`^[A-Z][A-Z0-9]{0,9}$`)
)

func (o *Options) setDefaults() {
	setDefault(&o.Name, "Ticket desk")
	setDefault(&o.Accent, "#2563eb")
	setDefault(&o.Account.ID, "parley")
	setDefault(&o.Account.Name, "Parley")
	if o.MaxAttachment <= 0 {
		o.MaxAttachment = defaultMaxAttachment
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.Projects) == 0 {
		o.Projects = []string{"DESK"}
	}
	if len(o.Types) == 0 {
		o.Types = []string{"Incident", "Request", "Task"}
	}
	if len(o.Priorities) == 0 {
		o.Priorities = []string{"Low", "Normal", "High", "Urgent"}
	}
	if len(o.People) == 0 {
		o.People = []Person{
			{ID: "alice", Name: "Alice Meyer", Email: "alice@desk.example"},
			{ID: "bob", Name: "Bob Tanaka", Email: "bob@desk.example"},
		}
	}
	if o.Fields == nil {
		o.Fields = defaultFields()
	}
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

func defaultFields() []CustomField {
	return []CustomField{
		{Name: "Severity", Type: event.TypeOption, Options: []string{"Minor", "Major", "Critical"}},
		{Name: "Remote key", Type: event.TypeText},
		{
			Name: "Region", Type: event.TypeCascade,
			Options: []string{"Americas", "Asia", "Europe"},
			Children: map[string][]string{
				"Americas": {"Boston", "Lima", "Toronto"},
				"Asia":     {"Mumbai", "Singapore", "Tokyo"},
				"Europe":   {"Berlin", "Madrid", "Paris"},
			},
		},
	}
}

func (o *Options) check() error {
	if len(o.Token) < 8 {
		return errors.New("the desk needs a token of at least 8 characters")
	}
	if !accentPattern.MatchString(o.Accent) {
		return fmt.Errorf("accent colour %q is not of the form #rrggbb", o.Accent)
	}
	for _, p := range o.Projects {
		if !projectPattern.MatchString(p) {
			return fmt.Errorf("project %q must be capital letters and digits, at most 10", p)
		}
	}
	for _, id := range o.Tokens {
		if _, ok := o.person(id); !ok {
			return fmt.Errorf("a token is for %q, who is not among the people", id)
		}
	}
	for _, f := range o.Fields {
		if !slices.Contains(customTypes(), f.Type) {
			return fmt.Errorf("field %q has type %q, which the desk does not have", f.Name, f.Type)
		}
	}
	return nil
}

func customTypes() []event.Type {
	return []event.Type{
		event.TypeText, event.TypeOption, event.TypeCascade, event.TypeNumber,
		event.TypeBool, event.TypeDate, event.TypeSet,
	}
}

// everyone is the people and the account.
func (o *Options) everyone() []Person {
	return append(slices.Clone(o.People), o.Account)
}

func (o *Options) person(id string) (Person, bool) {
	for _, p := range o.everyone() {
		if p.ID == id {
			return p, true
		}
	}
	return Person{}, false
}
