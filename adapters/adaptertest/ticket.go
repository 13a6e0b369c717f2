package adaptertest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/event"
)

// checkTicket checks what is true of every ticket that an adapter reads.
func checkTicket(t testing.TB, ticket event.Ticket) {
	t.Helper()
	if ticket.Key == "" || ticket.Version == "" || ticket.Updated.IsZero() {
		t.Errorf("ticket %v lacks key, version or change time: %q %q %v", ticket.Ref, ticket.Key, ticket.Version, ticket.Updated)
	}
	checkTime(t, "Ticket.Updated", ticket.Updated)
	for _, name := range []string{event.FieldSummary, event.FieldDescription, event.FieldStatus} {
		if _, ok := ticket.Fields[name]; !ok {
			t.Errorf("ticket %v lacks the field %s: what is empty must be there with nil", ticket.Ref, name)
		}
	}
	for name, v := range ticket.Fields {
		checkPlain(t, name, v)
	}
	ids := map[string]bool{}
	for i, c := range ticket.Comments {
		checkText(t, "comment "+c.ID, c.Body)
		checkTime(t, "Comment.Created", c.Created)
		if c.ID == "" || ids[c.ID] || c.Author.ID == "" || c.Created.IsZero() {
			t.Errorf("comment %d lacks id, author or time, or has an id twice: %+v", i, c)
		}
		ids[c.ID] = true
		if i > 0 && c.Created.Before(ticket.Comments[i-1].Created) {
			t.Error("comments are not oldest first")
		}
	}
	for i, a := range ticket.Attachments {
		checkText(t, "the name of attachment "+a.ID, a.Name)
		if a.ID == "" || a.Name == "" || a.Created.IsZero() {
			t.Errorf("attachment %d lacks id, name or time: %+v", i, a)
		}
		if i > 0 && a.Created.Before(ticket.Attachments[i-1].Created) {
			t.Error("attachments are not oldest first")
		}
	}
}

func checkText(t testing.TB, what, s string) {
	t.Helper()
	if strings.ContainsRune(s, '\r') {
		t.Errorf("%s holds \\r: newlines must be \\n: %q", what, s)
	}
}

func checkTime(t testing.TB, what string, at time.Time) {
	t.Helper()
	if at.Location() != time.UTC {
		t.Errorf("%s is in zone %v, want UTC", what, at.Location())
	}
}

// checkPlain checks that a value is plain data.
func checkPlain(t testing.TB, name string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil, bool, float64:
	case string:
		checkText(t, name, v)
	case []any:
		for _, x := range v {
			checkPlain(t, name, x)
		}
	case map[string]any:
		for _, x := range v {
			checkPlain(t, name, x)
		}
	default:
		t.Errorf("%s holds a %T, which is not plain data", name, v)
	}
}

var datePattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// fits tells whether a value is of the form that its type has.
func fits(kind event.Type, v any) bool {
	if v == nil {
		return true
	}
	s, isText := v.(string)
	m, isMap := v.(map[string]any)
	list, isList := v.([]any)
	switch kind {
	case event.TypeText, event.TypeRich, event.TypeOption:
		return isText
	case event.TypeCascade:
		_, ok := m["value"].(string)
		return ok
	case event.TypeUser:
		return isMap && isUser(m)
	case event.TypeNumber, event.TypeDuration:
		_, ok := v.(float64)
		return ok
	case event.TypeBool:
		_, ok := v.(bool)
		return ok
	case event.TypeTime:
		at, err := time.Parse(time.RFC3339, s)
		return isText && err == nil && at.Location() == time.UTC && strings.HasSuffix(s, "Z")
	case event.TypeDate:
		return isText && datePattern.MatchString(s)
	case event.TypeSet, event.TypeOptions:
		return isList && isSet(list)
	case event.TypeUsers:
		return isList && !slices.ContainsFunc(list, func(x any) bool {
			m, ok := x.(map[string]any)
			return !ok || !isUser(m)
		})
	case event.TypeLinks:
		return isList && len(event.LinksOf(v)) == len(list) && cmp.Equal(v, event.LinksValue(event.LinksOf(v)))
	case event.TypeRefs:
		return isList && !slices.ContainsFunc(list, func(x any) bool {
			m, _ := x.(map[string]any)
			id, _ := m["id"].(string)
			key, _ := m["key"].(string)
			return id == "" || key == ""
		})
	case event.TypeRef:
		id, ok := m["id"].(string)
		return ok && id != ""
	default:
		return false
	}
}

func isUser(m map[string]any) bool {
	id, okID := m["id"].(string)
	_, okName := m["name"].(string)
	return okID && okName && id != ""
}

// isSet: sorted, no repeats.
func isSet(list []any) bool {
	for i, x := range list {
		s, ok := x.(string)
		if !ok {
			return false
		}
		if i > 0 {
			if before, _ := list[i-1].(string); before >= s {
				return false
			}
		}
	}
	return true
}

// commentMarked is the one comment that holds a marker.
func commentMarked(t testing.TB, ticket event.Ticket, m event.Marker) event.Comment {
	t.Helper()
	var found []event.Comment
	for _, c := range ticket.Comments {
		if c.Marker == m {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d comments of ticket %v have the marker, want 1; there are %+v", len(found), ticket.Ref, ticket.Comments)
	}
	return found[0]
}

func fileMarked(t testing.TB, ticket event.Ticket, m event.Marker) event.Attachment {
	t.Helper()
	var found []event.Attachment
	for _, a := range ticket.Attachments {
		if a.Marker == m {
			found = append(found, a)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d attachments of ticket %v have the marker, want 1; there are %+v", len(found), ticket.Ref, ticket.Attachments)
	}
	return found[0]
}

// commentSaying is the one comment whose text has these words.
func commentSaying(t testing.TB, ticket event.Ticket, words string) event.Comment {
	t.Helper()
	var found []event.Comment
	for _, c := range ticket.Comments {
		if strings.Contains(c.Body, words) {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d comments of ticket %v say %q, want 1; there are %+v", len(found), ticket.Ref, words, ticket.Comments)
	}
	return found[0]
}
