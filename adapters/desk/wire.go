package desk

import (
	"strconv"
	"time"

	"parley/sync/event"
)

// What the API says, as JSON.

type wireChange struct {
	ID      string    `json:"id"`
	Key     string    `json:"key"`
	Version uint64    `json:"version"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Deleted bool      `json:"deleted,omitempty"`
}

type wireChanges struct {
	Desk    string        `json:"desk"`
	Changes *[]wireChange `json:"changes"`
	// Next is the number to ask after, or for a list the page to ask for; ""
	// ends a list.
	Next string `json:"next"`
}

type wireTicket struct {
	wireChange
	Marker      string        `json:"marker,omitempty"`
	Fields      event.Fields  `json:"fields"`
	Comments    []wireComment `json:"comments"`
	Attachments []wireFile    `json:"attachments"`
	// Next are the statuses that the workflow allows.
	Next []string `json:"next"`
}

type wireComment struct {
	comment
	Author Person `json:"author"`
}

type wireFile struct {
	file
	Author Person `json:"author"`
}

type wireWritten struct {
	ID      string    `json:"id"`
	Key     string    `json:"key"`
	Created time.Time `json:"created"`
	Version uint64    `json:"version"`
	Item    string    `json:"item,omitempty"`
}

type wireFound struct {
	Places *[]wirePlace `json:"places"`
}

type wirePlace struct {
	wireWritten
	Kind string `json:"kind"`
}

type wireCreate struct {
	Marker string       `json:"marker,omitempty"`
	Fields event.Fields `json:"fields"`
}

type wireSchema struct {
	Desk          string                 `json:"desk"`
	Fields        map[string]event.Field `json:"fields"`
	Projects      []string               `json:"projects"`
	Types         []string               `json:"types"`
	MaxAttachment int64                  `json:"maxAttachment"`
	// Impersonate tells whether who asks may write in the name of others.
	Impersonate bool `json:"impersonate,omitempty"`
	// Moves is the workflow: what may follow each status.
	Moves map[string][]string `json:"moves"`
}

type wireWho struct {
	Desk    string `json:"desk"`
	Name    string `json:"name"`
	Account Person `json:"account"`
}

type wirePeople struct {
	People *[]Person `json:"people"`
}

type wireHistory struct {
	History *[]wireEdit `json:"history"`
}

type wireEdit struct {
	edit
	Author Person `json:"author"`
}

type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (t *ticket) wireChange() wireChange {
	return wireChange{
		ID: strconv.FormatInt(t.id, 10), Key: t.key, Version: t.version,
		Created: t.created, Updated: t.updated, Deleted: t.deleted,
	}
}

// wire is a ticket whole. A field that was never set is empty.
func (s *state) wire(t *ticket) wireTicket {
	out := wireTicket{
		wireChange: t.wireChange(), Marker: t.marker, Fields: event.Fields{},
		Comments: []wireComment{}, Attachments: []wireFile{},
	}
	for name, def := range s.defs {
		out.Fields[name] = s.expand(def, t.fields[name])
	}
	out.Fields[event.FieldLinks] = event.LinksValue(s.linksOf(t))
	out.Fields[event.FieldChildren] = s.childrenOf(t)
	out.Fields[event.FieldCreator] = s.personValue(t.creator)
	status, _ := t.fields[event.FieldStatus].(string)
	out.Next = nextStatuses(status)
	for _, c := range t.comments {
		out.Comments = append(out.Comments, wireComment{c, s.whois(c.By)})
	}
	for _, f := range t.files {
		out.Attachments = append(out.Attachments, wireFile{f, s.whois(f.By)})
	}
	return out
}

// childrenOf are the tickets that name t as their parent.
func (s *state) childrenOf(t *ticket) []any {
	keys := map[string]string{}
	for _, c := range s.tickets {
		if c.fields[event.FieldParent] == strconv.FormatInt(t.id, 10) && !c.deleted {
			keys[strconv.FormatInt(c.id, 10)] = c.key
		}
	}
	return event.RefsValue(keys)
}

// expand turns the ids that are kept into what they stand for.
func (s *state) expand(def definition, v any) any {
	id, isID := v.(string)
	switch {
	case v == nil:
		return nil
	case def.Type == event.TypeUser && isID:
		return s.personValue(id)
	case def.Type == event.TypeRef && isID:
		n, _ := strconv.ParseInt(id, 10, 64)
		parent := s.tickets[n]
		if parent == nil || parent.deleted {
			return nil
		}
		return map[string]any{"id": id, "key": parent.key}
	default:
		return v
	}
}

func (s *state) personValue(id string) any {
	p := s.whois(id)
	return event.User{ID: p.ID, Name: p.Name, Email: p.Email}.Value()
}

// whois also names people who left the configuration.
func (s *state) whois(id string) Person {
	if p, ok := s.options.person(id); ok {
		return p
	}
	return Person{ID: id, Name: id}
}
