package filters

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"parley/sync/event"
)

// Inside a script a value is nil, bool, int, float64, string, time.Time,
// time.Duration, []any, map[string]any, or one of the types here. Scripts reach
// the members of all of them through member() only, never by reflection.

// person is a user. On the way out only what withEmail marked keeps its e-mail.
type person struct {
	id, name, email string
	withEmail       bool
	theirs          bool // the id means nothing at our tracker
}

// link is a relation of a ticket to another one.
type link struct {
	event.Link
	theirs bool // the other ticket means nothing at our tracker
}

// item is a comment or an attachment; scripts never change one in place.
type item struct {
	comment    *Comment
	attachment *Attachment
	showEmail  bool
}

// ticketRef is a ticket of ours that a look-up found.
type ticketRef struct{ ref event.Ref }

// special values say what to do instead of what to set.
type (
	keepValue    struct{} // leave as is
	pendingValue struct{} // leave as is: the twin is not here yet
	exactValue   struct{ items any }
	stayValue    struct{ items any } // keepRemoved
)

const dateLayout = "2006-01-02"

// dateZone marks a time that is a calendar date. It is UTC under another name.
var dateZone = time.FixedZone("date", 0)

// inward turns a plain value of a type into what scripts see. What does not fit
// its type is an error: the peer may send anything.
func inward(v any, t event.Type) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch t {
	case event.TypeText, event.TypeRich, event.TypeOption:
		return exact[string](v, "a text")
	case event.TypeBool:
		return exact[bool](v, "true or false")
	case event.TypeNumber:
		return inwardNumber(v)
	case event.TypeDuration:
		n, err := inwardNumber(v)
		if err != nil || math.Abs(n.(float64)) > math.MaxInt64/float64(time.Second)/2 {
			return nil, errors.New("is not a duration")
		}
		return time.Duration(n.(float64) * float64(time.Second)), nil
	case event.TypeTime, event.TypeDate:
		s, ok := v.(string)
		if !ok {
			return nil, errors.New("is not a time")
		}
		return parseTime(s)
	case event.TypeUser:
		return inwardPerson(v)
	case event.TypeUsers:
		return inwardList(v, inwardPerson)
	case event.TypeLinks:
		return inwardLinks(v)
	case event.TypeSet, event.TypeOptions:
		return inwardSet(v)
	case event.TypeRefs:
		return inwardList(v, func(one any) (any, error) { return exact[map[string]any](one, "a ticket") })
	case event.TypeCascade, event.TypeRef:
		return exact[map[string]any](v, "a value with members")
	}
	return v, nil
}

func exact[T any](v any, what string) (any, error) {
	if _, ok := v.(T); !ok {
		return nil, errors.New("is not " + what)
	}
	return v, nil
}

func inwardNumber(v any) (any, error) {
	switch n := v.(type) {
	case float64:
		return v, nil
	case int:
		return float64(n), nil
	case int64:
		return float64(n), nil
	}
	return nil, errors.New("is not a number")
}

func inwardPerson(v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("is not a person")
	}
	id, _ := m["id"].(string)
	name, _ := m["name"].(string)
	email, _ := m["email"].(string)
	return person{id: id, name: name, email: email}, nil
}

// inwardLinks leaves out what is no link: the peer may send anything.
func inwardLinks(v any) (any, error) {
	if _, ok := v.([]any); !ok {
		return nil, errors.New("is not a list of links")
	}
	links := event.LinksOf(v)
	out := make([]any, len(links))
	for i, l := range links {
		out[i] = link{Link: l}
	}
	return out, nil
}

// inwardSet gives a list of texts as it is: nothing in a script changes a list
// in place.
func inwardSet(v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		return inwardList(v, func(one any) (any, error) { return one, nil })
	}
	for _, one := range list {
		if _, ok := one.(string); !ok {
			return nil, errors.New("is not a text")
		}
	}
	return v, nil
}

func inwardList(v any, element func(any) (any, error)) (any, error) {
	var in []any
	switch list := v.(type) {
	case []any:
		in = list
	case []string:
		for _, s := range list {
			in = append(in, s)
		}
	default:
		return nil, errors.New("is not a list")
	}
	out := make([]any, len(in))
	for i, one := range in {
		var err error
		if out[i], err = element(one); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parseTime reads the two written forms of a time.
func parseTime(s string) (any, error) {
	if len(s) == len(dateLayout) {
		if t, err := time.ParseInLocation(dateLayout, s, dateZone); err == nil {
			return t, nil
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, errors.New("is not a time")
	}
	return t.UTC(), nil
}

// member is the only way from a value to a part of it. Nothing has no parts,
// and asking it gives nothing.
func member(base, key any) (any, error) {
	switch b := base.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		if key == nil {
			return nil, nil
		}
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("a %s is no name of a member", kindOf(key))
		}
		return b[name], nil
	case []any:
		n, ok := toInt(key)
		if !ok {
			return nil, errors.New("elements of a list go by number")
		}
		if n < 0 {
			n += len(b)
		}
		if n < 0 || n >= len(b) {
			return nil, nil
		}
		return b[n], nil
	}
	name, ok := key.(string)
	if !ok {
		return nil, fmt.Errorf("a %s has no elements", kindOf(base))
	}
	switch b := base.(type) {
	case person:
		return b.member(name)
	case *item:
		return b.member(name)
	case link:
		return b.member(name)
	case string: // an option, or a custom field of unknown type
		switch name {
		case "name", "value":
			return b, nil
		case "child":
			return nil, nil
		}
	case ticketRef:
		if name == "id" {
			return b.ref.ID, nil
		}
	}
	return nil, fmt.Errorf("a %s has no %s", kindOf(base), name)
}

func (p person) member(name string) (any, error) {
	switch name {
	case "id":
		return p.id, nil
	case "name":
		return p.name, nil
	case "email":
		if p.email == "" {
			return nil, nil
		}
		return p.email, nil
	}
	return nil, fmt.Errorf("a person has no %s", name)
}

func (l link) member(name string) (any, error) {
	switch name {
	case "type":
		return l.Type, nil
	case "id":
		return l.ID, nil
	case "key":
		if l.Key == "" {
			return nil, nil
		}
		return l.Key, nil
	}
	return nil, fmt.Errorf("a link has no %s", name)
}

func personOf(u event.User) person { return person{id: u.ID, name: u.Name, email: u.Email} }

func timeOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}

func (i *item) member(name string) (any, error) {
	if c := i.comment; c != nil {
		switch name {
		case "id":
			return c.ID, nil
		case "body":
			return c.Body, nil
		case "author":
			p := personOf(c.Author)
			p.withEmail = i.showEmail
			return p, nil
		case "created":
			return timeOrNil(c.Created), nil
		case "edited":
			return timeOrNil(c.Edited), nil
		case "internal":
			return c.Internal, nil
		case "from":
			return c.From, nil
		}
		return nil, fmt.Errorf("a comment has no %s", name)
	}
	a := i.attachment
	switch name {
	case "id":
		return a.ID, nil
	case "name":
		return a.Name, nil
	case "size":
		return int(a.Size), nil
	case "mime":
		return a.MIME, nil
	case "sha256":
		return a.SHA256, nil
	case "author":
		p := personOf(a.Author)
		p.withEmail = i.showEmail
		return p, nil
	case "created":
		return timeOrNil(a.Created), nil
	case "internal":
		return a.Internal, nil
	case "inline":
		return a.Inline, nil
	case "from":
		return a.From, nil
	}
	return nil, fmt.Errorf("an attachment has no %s", name)
}

// change returns a copy of i with one member changed.
func (i *item) change(name string, v any) (*item, error) {
	out := *i
	if i.comment != nil {
		c := *i.comment
		out.comment = &c
		switch name {
		case "body":
			return &out, set(&c.Body, name, v)
		case "internal":
			return &out, set(&c.Internal, name, v)
		case "created":
			return &out, set(&c.Created, name, v)
		case "edited":
			return &out, set(&c.Edited, name, v)
		case "author":
			return &out, out.setAuthor(&c.Author, v)
		}
		return nil, fmt.Errorf("%s of a comment cannot be changed", name)
	}
	a := *i.attachment
	out.attachment = &a
	switch name {
	case "name":
		return &out, set(&a.Name, name, v)
	case "mime":
		return &out, set(&a.MIME, name, v)
	case "internal":
		return &out, set(&a.Internal, name, v)
	case "inline":
		return &out, set(&a.Inline, name, v)
	case "author":
		return &out, out.setAuthor(&a.Author, v)
	}
	return nil, fmt.Errorf("%s of an attachment cannot be changed", name)
}

func set[T any](to *T, name string, v any) error {
	if v == nil {
		var zero T
		*to = zero
		return nil
	}
	typed, ok := v.(T)
	if !ok {
		return fmt.Errorf("%s cannot be a %s", name, kindOf(v))
	}
	*to = typed
	return nil
}

func (i *item) setAuthor(to *event.User, v any) error {
	p, ok := v.(person)
	if !ok && v != nil {
		return fmt.Errorf("author cannot be a %s", kindOf(v))
	}
	*to = event.User{ID: p.id, Name: p.name, Email: p.email}
	i.showEmail = p.withEmail
	return nil
}

// kindOf names a value's kind as people would.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "yes or no"
	case int, int64, float64:
		return "number"
	case time.Time:
		return "time"
	case time.Duration:
		return "duration"
	case []any:
		return "list"
	case person:
		return "person"
	case *item:
		if v.comment != nil {
			return "comment"
		}
		return "attachment"
	case link:
		return "link"
	case ticketRef:
		return "ticket"
	case keepValue, pendingValue:
		return "keep"
	case exactValue, stayValue:
		return "collection"
	case viaValue:
		return "way to a status"
	}
	return "value"
}

// toInt takes whole numbers only.
func toInt(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<52 {
			return int(n), true
		}
	}
	return 0, false
}

func toFloat(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// sortedSet makes what a set is in event.Fields of a list of texts, in place.
func sortedSet(texts []any) []any {
	slices.SortFunc(texts, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	texts = slices.Compact(texts)
	return slices.DeleteFunc(texts, func(one any) bool { return strings.TrimSpace(one.(string)) == "" })
}
