package node_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/sync/event"
)

// TestTakeBack_OverWholeNodes: a comment and a file are deleted at one desk; what became of
// it at the other, the admins of both sides see, as JSON too.
func TestTakeBack_OverWholeNodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, says  string
		body        string
		files       int
		ours, their []string
	}{
		{"without a permit", "", "(withdrawn by the other side)", 1, []string{"comment: taken back", "file lent.txt: not taken back"}, []string{"comment: replaced", "file lent.txt: still here"}},
		{"with one", "accept: {remove: allow}", "", 0, []string{"comment: taken back", "file lent.txt: taken back"}, []string{"comment: removed", "file lent.txt: removed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := joined(t, tt.says)
			made := a.create("Lent")
			step := event.Step{Kind: event.StepComment, Ref: made.Ref, Comment: &event.CommentWrite{Body: "said"}}
			said, err := a.people.Write(t.Context(), step, nil)
			must(t, err)
			file, err := a.people.Write(t.Context(), event.Step{Kind: event.StepAttach, Ref: made.Ref, Attachment: &event.AttachmentWrite{Name: "lent.txt", Size: 4, MIME: "text/plain"}}, strings.NewReader("lent"))
			must(t, err)
			var theirs event.Ticket
			eventually(t, "comment and file arrive", func() error {
				if theirs, err = b.find("Lent"); err != nil || len(theirs.Comments)+len(theirs.Attachments) != 2 {
					return fmt.Errorf("%d comments, %d files, %w", len(theirs.Comments), len(theirs.Attachments), err)
				}
				return nil
			})
			must(t, a.people.Remove(t.Context(), made.Ref, event.Removal{ID: said.Item}))
			must(t, a.people.Remove(t.Context(), made.Ref, event.Removal{File: true, ID: file.Item}))
			eventually(t, "the other side is asked", func() error {
				if theirs, err = b.people.Read(t.Context(), theirs.Ref); err != nil {
					return err
				}
				body := ""
				for _, c := range theirs.Comments {
					body += c.Body
				}
				ours, their := a.asked(made.Key), b.asked(theirs.Key)
				if body != tt.body || len(theirs.Attachments) != tt.files || !slices.Equal(ours, tt.ours) || !slices.Equal(their, tt.their) {
					return fmt.Errorf("%q and %d files; we see %q, they %q", body, len(theirs.Attachments), ours, their)
				}
				return nil
			})
		})
	}
}

// asked is what `ticket explain --json` says was asked back.
func (s *site) asked(key string) []string {
	s.t.Helper()
	e, err := s.node.Explain(s.t.Context(), key)
	must(s.t, err)
	raw, err := json.Marshal(e)
	must(s.t, err)
	var back admin.Explanation
	must(s.t, json.Unmarshal(raw, &back))
	var out []string
	for _, ticket := range back.Tickets {
		for _, one := range ticket.TakenBack {
			out = append(out, strings.TrimSpace(one.Kind+" "+one.Name)+": "+one.State)
		}
	}
	slices.Sort(out)
	return out
}
