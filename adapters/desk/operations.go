package desk

import (
	"context"
	"slices"
	"strconv"
	"unicode/utf8"

	"parley/sync/event"
)

// create makes a ticket. Required fields and those with a usual value are
// filled in.
func (s *Server) create(ctx context.Context, by, marker string, fields event.Fields) (result, error) {
	return s.change(ctx, by, func(st *state) (*entry, error) {
		links, fields, err := st.takeLinks(nil, fields, nil)
		if err != nil {
			return nil, err
		}
		set, err := st.clean(fields)
		if err != nil {
			return nil, err
		}
		defaults := event.Fields{
			event.FieldProject:  st.options.Projects[0],
			event.FieldType:     st.options.Types[0],
			event.FieldStatus:   statusOpen,
			event.FieldReporter: by,
		}
		for name, v := range defaults {
			if _, ok := set[name]; !ok {
				set[name] = v
			}
		}
		if set[event.FieldSummary] == nil {
			return nil, invalidf("a ticket needs a summary")
		}
		project, _ := set[event.FieldProject].(string)
		key := project + "-" + strconv.Itoa(st.numbers[project]+1)
		return &entry{Ticket: st.lastID + 1, Create: &creation{Key: key, Marker: marker}, Set: set, Links: links}, nil
	})
}

// update is what can be done to a ticket in one change.
type update struct {
	Fields event.Fields `json:"fields,omitempty"`
	// Was are the links that those of Fields were decided on: see event.Step.
	Was     event.Fields   `json:"was,omitempty"`
	Comment *commentWanted `json:"comment,omitempty"`
}

type commentWanted struct {
	Marker   string `json:"marker,omitempty"`
	Body     string `json:"body"`
	Internal bool   `json:"internal,omitempty"`
	// As is in whose name it is written; "" is the writer's own.
	As string `json:"as,omitempty"`
}

// update sets fields and adds a comment, both or neither. A version other than
// 0 must be the ticket's own.
func (s *Server) update(ctx context.Context, by, id string, version uint64, u update) (result, error) {
	return s.change(ctx, by, func(st *state) (*entry, error) {
		t, err := st.live(id)
		if err != nil {
			return nil, err
		}
		if version != 0 && version != t.version {
			return nil, errChanged
		}
		links, fields, err := st.takeLinks(t, u.Fields, u.Was)
		if err != nil {
			return nil, err
		}
		set, err := st.clean(fields)
		if err != nil {
			return nil, err
		}
		if err := t.mayBecome(set); err != nil {
			return nil, err
		}
		for name, v := range set {
			if same(t.fields[name], v) {
				delete(set, name)
			}
		}
		e := &entry{Ticket: t.id, Set: set, Links: links}
		if u.Comment != nil {
			if e.Comment, err = u.Comment.clean(); err != nil {
				return nil, err
			}
			if err := s.speak(e.Comment, u.Comment.As, by); err != nil {
				return nil, err
			}
		}
		return e, nil
	})
}

// speak puts a comment under another one's name: Parley's account may do that for all
// whom the desk knows, and nobody else for anybody.
func (s *Server) speak(c *comment, as, by string) error {
	switch {
	case as == "" || as == by:
		return nil
	case by != s.options.Account.ID:
		return errForbidden
	case !slices.ContainsFunc(s.options.everyone(), func(p Person) bool { return p.ID == as }):
		return invalidf("there is no person %q in whose name to write", as)
	}
	c.By, c.Via = as, by
	return nil
}

// mayBecome holds new values against the ones there are.
func (t *ticket) mayBecome(set event.Fields) error {
	from, _ := t.fields[event.FieldStatus].(string)
	if to, ok := set[event.FieldStatus].(string); ok && !mayMove(from, to) {
		return invalidf("a ticket that is %s cannot become %s", from, to)
	}
	if to, ok := set[event.FieldProject]; ok && to != t.fields[event.FieldProject] {
		return invalidf("a ticket stays in its project")
	}
	if set[event.FieldParent] == strconv.FormatInt(t.id, 10) {
		return invalidf("a ticket is not its own parent")
	}
	return nil
}

func (c *commentWanted) clean() (*comment, error) {
	body, err := cleanBody(c.Body)
	if err != nil {
		return nil, err
	}
	return &comment{Body: body, Internal: c.Internal, Marker: c.Marker}, nil
}

func cleanBody(s string) (string, error) {
	s = newlines(s)
	switch {
	case s == "":
		return "", invalidf("a comment needs a text")
	case !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxText:
		return "", invalidf("a comment is text of at most %d characters", maxText)
	}
	return s, nil
}

// reword changes the text of a comment. Only its author may.
func (s *Server) reword(ctx context.Context, by, id, commentID, body string) (result, error) {
	return s.change(ctx, by, func(st *state) (*entry, error) {
		t, err := st.live(id)
		if err != nil {
			return nil, err
		}
		text, err := cleanBody(body)
		if err != nil {
			return nil, err
		}
		for _, c := range t.comments {
			switch {
			case c.ID != commentID:
			case c.By != by && c.Via != by:
				return nil, errForbidden
			case c.Body == text:
				return &entry{Ticket: t.id}, nil
			default:
				return &entry{Ticket: t.id, Edit: &rewording{Comment: c.ID, Body: text}}, nil
			}
		}
		return nil, errGone
	})
}

// attach adds a file whose bytes are stored already.
func (s *Server) attach(ctx context.Context, by, id string, f file) (result, error) {
	return s.change(ctx, by, func(st *state) (*entry, error) {
		t, err := st.live(id)
		if err != nil {
			return nil, err
		}
		return &entry{Ticket: t.id, File: &f}, nil
	})
}

// take removes a comment, or a file, of a ticket. Only its author may; what is not there
// is removed already.
func (s *Server) take(ctx context.Context, by, id string, what removal) (result, error) {
	return s.change(ctx, by, func(st *state) (*entry, error) {
		t, err := st.live(id)
		if err != nil {
			return nil, err
		}
		author := ""
		for _, c := range t.comments {
			if what.Comment != "" && c.ID == what.Comment {
				author = c.By
				if c.Via == by {
					author = by
				}
			}
		}
		for i := range t.files {
			if what.File != "" && t.files[i].ID == what.File {
				author = t.files[i].By
			}
		}
		switch author {
		case "":
			return &entry{Ticket: t.id}, nil
		case by:
			return &entry{Ticket: t.id, Remove: &what}, nil
		}
		return nil, errForbidden
	})
}

func (s *Server) remove(ctx context.Context, by, id string) (result, error) {
	return s.change(ctx, by, func(st *state) (*entry, error) {
		t, err := st.live(id)
		if err != nil {
			return nil, err
		}
		return &entry{Ticket: t.id, Delete: true}, nil
	})
}
