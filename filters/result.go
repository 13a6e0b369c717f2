package filters

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"parley/sync/event"
)

// outward copies a script's value into plain data of a type. It is where a
// result is bounded: a small script can build a value that a walk never ends.
type outward struct {
	run    *run
	cut    bool // people lose id and e-mail: the value leaves
	bytes  int
	values int
}

func (o *outward) spend(bytes int) error {
	o.values++
	o.bytes += bytes + 8
	if o.values > maxValues || o.bytes > o.run.limits.Result {
		return fmt.Errorf("%w: the result is too large", ErrLimit)
	}
	return nil
}

func (o *outward) value(v any, t event.Type) (any, error) {
	switch {
	case v == nil && t.IsSet():
		return []any{}, o.spend(0)
	case v == nil:
		return nil, o.spend(0)
	}
	switch t {
	case event.TypeText, event.TypeRich, event.TypeOption:
		s, ok := v.(string)
		if !ok {
			return nil, wants("a text", v)
		}
		return v, o.spend(len(s))
	case event.TypeBool:
		if _, ok := v.(bool); !ok {
			return nil, wants("true or false", v)
		}
		return v, o.spend(1)
	case event.TypeNumber:
		if _, ok := toFloat(v); !ok {
			return nil, wants("a number", v)
		}
	case event.TypeDuration:
		if _, ok := v.(time.Duration); !ok {
			return nil, wants("a duration", v)
		}
	case event.TypeTime, event.TypeDate:
		return o.time(v, t)
	case event.TypeUser:
		p, ok := v.(person)
		if !ok {
			return nil, wants("a person", v)
		}
		if p.theirs && !o.cut {
			return nil, errors.New("this is a person of the other side; user(replica.assignee.email) finds ours")
		}
	case event.TypeUsers:
		return o.list(v, event.TypeUser)
	case event.TypeLinks:
		return o.links(v)
	case event.TypeSet, event.TypeOptions:
		return o.set(v)
	case event.TypeCascade:
		if s, ok := v.(string); ok {
			return map[string]any{"value": s, "child": ""}, o.spend(len(s))
		}
		if _, ok := v.(map[string]any); !ok {
			return nil, wants("a value with a child", v)
		}
	case event.TypeRef:
		switch v.(type) {
		case ticketRef, map[string]any:
		default:
			return nil, wants("a ticket", v)
		}
	}
	return o.any(v, 0)
}

func wants(what string, v any) error {
	return fmt.Errorf("the field wants %s, not a %s", what, kindOf(v))
}

func (o *outward) time(v any, t event.Type) (any, error) {
	at, ok := v.(time.Time)
	if !ok {
		return nil, wants("a time", v)
	}
	if t == event.TypeDate {
		return at.Format(dateLayout), o.spend(10)
	}
	return at.UTC().Format(time.RFC3339), o.spend(20)
}

func (o *outward) list(v any, element event.Type) (any, error) {
	in, ok := v.([]any)
	if !ok {
		return nil, wants("a list", v)
	}
	out := make([]any, 0, min(len(in), maxValues))
	for _, one := range in {
		plain, err := o.value(one, element)
		if err != nil {
			return nil, err
		}
		out = append(out, plain)
	}
	return out, nil
}

func (o *outward) links(v any) (any, error) {
	in, ok := v.([]any)
	if !ok {
		return nil, wants("a list of links", v)
	}
	links := make([]event.Link, 0, min(len(in), maxValues))
	for _, one := range in {
		l, ok := one.(link)
		switch {
		case one == nil:
			continue
		case !ok:
			return nil, wants("a list of links", one)
		case l.theirs && !o.cut:
			return nil, errors.New("this is a link of the other side; twinOf(replica.links) finds ours")
		}
		if err := o.spend(len(l.Type) + len(l.ID) + len(l.Key)); err != nil {
			return nil, err
		}
		links = append(links, l.Link)
	}
	if len(links) == 0 {
		return []any{}, nil
	}
	return event.LinksValue(links), nil
}

func (o *outward) set(v any) (any, error) {
	texts, err := o.texts(v)
	if err != nil {
		return nil, err
	}
	return sortedSet(texts), nil
}

// texts copies a list of texts.
func (o *outward) texts(v any) ([]any, error) {
	in, ok := v.([]any)
	if !ok {
		return nil, wants("a list of texts", v)
	}
	texts := make([]any, 0, min(len(in), maxValues))
	for _, one := range in {
		if one == nil {
			continue
		}
		s, ok := one.(string)
		if !ok {
			return nil, wants("a list of texts", one)
		}
		if err := o.spend(len(s)); err != nil {
			return nil, err
		}
		texts = append(texts, one)
	}
	return texts, nil
}

// any copies a value whose type nobody declared.
func (o *outward) any(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: the value is nested too deeply", ErrLimit)
	}
	plain := v // as it is: in v it would be boxed again
	switch v := v.(type) {
	case string:
		return plain, o.spend(len(v))
	case bool:
		return plain, o.spend(1)
	case int:
		return float64(v), o.spend(8)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("the number is not finite")
		}
		return plain, o.spend(8)
	case time.Time:
		if v.Location() == dateZone && v.Equal(v.Truncate(24*time.Hour)) {
			return o.time(v, event.TypeDate)
		}
		return o.time(v, event.TypeTime)
	case time.Duration:
		return v.Seconds(), o.spend(8)
	case person:
		u := o.person(v)
		return u.Value(), o.spend(len(u.ID) + len(u.Name) + len(u.Email))
	case link:
		return v.Value(), o.spend(len(v.Type) + len(v.ID) + len(v.Key))
	case ticketRef:
		return map[string]any{"id": v.ref.ID, "key": ""}, o.spend(len(v.ref.ID))
	case nil:
		return nil, o.spend(0)
	case []any:
		out := make([]any, 0, min(len(v), maxValues))
		for _, one := range v {
			plain, err := o.any(one, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, plain)
		}
		return out, o.spend(0)
	case map[string]any:
		return o.record(v, depth)
	}
	return nil, fmt.Errorf("a %s cannot stand here", kindOf(v))
}

func (o *outward) record(v map[string]any, depth int) (any, error) {
	out := make(map[string]any, min(len(v), maxValues))
	for key, one := range v {
		plain, err := o.any(one, depth+1)
		if err != nil {
			return nil, err
		}
		if err := o.spend(len(key)); err != nil {
			return nil, err
		}
		out[key] = plain
	}
	return out, nil
}

// person is what others may know of p.
func (o *outward) person(p person) event.User {
	u := event.User{ID: p.id, Name: p.name, Email: p.email}
	o.cutUser(&u, p.withEmail)
	return u
}

// cutUser leaves of u what others may know.
func (o *outward) cutUser(u *event.User, withEmail bool) {
	if !o.cut {
		return
	}
	if u.ID != "" {
		u.ID = o.run.opaqueID(u.ID)
	}
	if !withEmail {
		u.Email = ""
	}
}

// opaqueID is what a person's id is on this connection.
func (r *run) opaqueID(id string) string {
	if opaque, ok := r.opaque[id]; ok {
		return opaque
	}
	opaque := r.script.mac("person", id)[:16]
	r.opaque[id] = opaque
	return opaque
}

// items checks a list of comments or attachments: there are count in it, the
// other entries are nil.
func (o *outward) items(v any, comments bool) (list []any, count int, err error) {
	if v == nil {
		return nil, 0, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, 0, wants("a list", v)
	}
	for _, one := range list {
		it, ok := one.(*item)
		if one == nil {
			continue
		}
		if !ok || (it.comment != nil) != comments {
			what := "attachments"
			if comments {
				what = "comments"
			}
			return nil, 0, wants(what, one)
		}
		if err := o.spend(it.bytes()); err != nil {
			return nil, 0, err
		}
		count++
	}
	return list, count, nil
}

func (i *item) bytes() int {
	if i.comment != nil {
		return len(i.comment.Body) + len(i.comment.Author.Name) + 64
	}
	return len(i.attachment.Name) + len(i.attachment.Author.Name) + 160
}

func (o *outward) comments(v any) ([]Comment, error) {
	list, count, err := o.items(v, true)
	if err != nil {
		return nil, err
	}
	if given := o.run.theirs.Comments; !o.cut && areThese(list, given) {
		return slices.Clip(given), nil
	}
	out := make([]Comment, 0, count)
	for _, one := range list {
		if it, ok := one.(*item); ok {
			out = append(out, *it.comment)
			o.cutUser(&out[len(out)-1].Author, it.showEmail)
		}
	}
	return out, nil
}

// areThese tells whether list is comments, all of them and as they were given.
func areThese(list []any, comments []Comment) bool {
	if len(list) != len(comments) {
		return false
	}
	for i, one := range list {
		if it, ok := one.(*item); !ok || it.comment != &comments[i] {
			return false
		}
	}
	return true
}

func (o *outward) attachments(v any) ([]Attachment, error) {
	list, count, err := o.items(v, false)
	if err != nil {
		return nil, err
	}
	out := make([]Attachment, 0, count)
	for _, one := range list {
		if it, ok := one.(*item); ok {
			out = append(out, *it.attachment)
			o.cutUser(&out[len(out)-1].Author, it.showEmail)
		}
	}
	return out, nil
}
