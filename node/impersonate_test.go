package node_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/node/admin"
	"parley/sync/event"
)

// TestImpersonate_TakesALeaveOfTheConnectionAndStaysOurs: a filter that writes in the
// name of people is refused until the accept gate lets it, which is told as more than
// entered before; what was written so is the person's at this desk, and never comes back.
func TestImpersonate_TakesALeaveOfTheConnectionAndStaysOurs(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	a.script("out.parley", strings.Replace(outgoing, "= issue.comments", "= map(issue.comments, with(#, {author: withEmail(#.author)}))", 1))
	a.run()
	b.run()
	join(t, a, b)
	b.publish(admin.PublishRequest{Reason: "as it is"})

	b.script("in.parley", strings.Replace(fmt.Sprintf(incoming, "GLOBEX"), "= replica.comments", "= map(replica.comments, asUser(#, user(#.author.email)))", 1))
	got, err := b.node.Publish(t.Context(), admin.PublishRequest{Connection: "peer", Reason: "no leave"})
	if err == nil || got.Published || !strings.Contains(err.Error(), "accept: {impersonate: true}") {
		t.Fatalf("without a leave: %+v, %v", got, err)
	}
	settings, err := os.ReadFile(b.file())
	must(t, err)
	b.script("parley.yaml", strings.Replace(string(settings), "in: in.parley", "in: in.parley, accept: {impersonate: true}", 1))
	must(t, b.node.Reload(t.Context()))
	got, err = b.node.Publish(t.Context(), admin.PublishRequest{Connection: "peer", Reason: "more than before"})
	if err == nil || got.Published || !strings.Contains(err.Error(), "comments enter in the name of people here") {
		t.Errorf("what enters now and did not: %+v, %v", got, err)
	}
	b.publish(admin.PublishRequest{Reason: "with a leave", Wider: true})

	made := a.create("Printer on fire")
	a.write(event.Step{Kind: event.StepComment, Ref: made.Ref, Comment: &event.CommentWrite{Body: "It burns"}}, "")
	says := func(s *site, want ...string) {
		t.Helper()
		eventually(t, "the comments", func() error {
			ticket, err := s.find("Printer on fire")
			if err != nil {
				return err
			}
			var have []string
			for _, c := range ticket.Comments {
				have = append(have, c.Author.ID+": "+c.Body)
			}
			if !slices.Equal(have, want) {
				return fmt.Errorf("there is %q, want %q", have, want)
			}
			return nil
		})
	}
	says(b, "alice: It burns")
	twin, err := b.find("Printer on fire")
	must(t, err)
	b.write(event.Step{Kind: event.StepComment, Ref: twin.Ref, Comment: &event.CommentWrite{Body: "On our way"}}, "")
	says(a, "alice: It burns", "parley: On our way")
	a.quiet()
	b.quiet()
	says(a, "alice: It burns", "parley: On our way")
	says(b, "alice: It burns", "alice: On our way")
}
