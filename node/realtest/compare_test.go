package realtest_test

import (
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/node/realtest"
	"parley/sync/event"
)

// TestCompare_FindsEveryDifference: neither a write that did not happen nor one that
// was not shown passes.
func TestCompare_FindsEveryDifference(t *testing.T) {
	t.Parallel()
	before := event.Ticket{Fields: event.Fields{"summary": "a", "status": "Open", "updated": "1"}, Comments: []event.Comment{{ID: "1", Body: "old"}}}
	after := event.Ticket{
		Fields:      event.Fields{"summary": "b", "status": "Open", "updated": "2"},
		Comments:    []event.Comment{{ID: "1", Body: "old"}, {ID: "2", Body: "_new_"}},
		Attachments: []event.Attachment{{ID: "9", Name: "x.txt", Size: 3, SHA256: "aa"}},
	}
	shown := []admin.TryWrite{
		{Kind: "update", Fields: []admin.TryField{{Name: "summary", Now: "a", To: "b"}}},
		{Kind: "comment", Comment: &admin.TryComment{Body: "*new*"}},
		{Kind: "attach", File: &admin.TryFile{Name: "x.txt", Size: 3, SHA256: "aa"}},
	}
	if problems := realtest.Compare(&before, after, shown); len(problems) != 0 {
		t.Fatalf("what was shown happened, and yet: %q", problems)
	}
	for want, change := range map[string]func(*event.Ticket, *[]admin.TryWrite){
		"field status: shown <p>Open": func(a *event.Ticket, _ *[]admin.TryWrite) { a.Fields["status"] = "Closed" },
		"field due: shown , is <p>x":  func(a *event.Ticket, _ *[]admin.TryWrite) { a.Fields["due"] = "x" },
		"field summary: shown <p>a":   func(_ *event.Ticket, s *[]admin.TryWrite) { *s = (*s)[1:] },
		"comment is there and was":    func(_ *event.Ticket, s *[]admin.TryWrite) { *s = append((*s)[:1:1], (*s)[2]) },
		"comment was shown and is":    func(a *event.Ticket, _ *[]admin.TryWrite) { a.Comments = a.Comments[:1] },
		"comment is there and was n":  func(a *event.Ticket, _ *[]admin.TryWrite) { a.Comments[0].Body = "edited" },
		"file is there and was not":   func(_ *event.Ticket, s *[]admin.TryWrite) { *s = (*s)[:2] },
		"file was shown and is not":   func(a *event.Ticket, _ *[]admin.TryWrite) { a.Attachments = nil },
		"3 bytes bb": func(a *event.Ticket, _ *[]admin.TryWrite) {
			a.Attachments = []event.Attachment{{ID: "9", Name: "x.txt", Size: 3, SHA256: "bb"}}
		},
	} {
		a, s := after, slices.Clone(shown)
		a.Fields, a.Comments = event.Fields{}, slices.Clone(after.Comments)
		for name, value := range after.Fields {
			a.Fields[name] = value
		}
		change(&a, &s)
		if problems := realtest.Compare(&before, a, s); !strings.Contains(strings.Join(problems, "\n"), want) {
			t.Errorf("got %q, want %q", problems, want)
		}
	}
}
