package node_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/admin"
	"parley/sync/envelope"
	"parley/sync/event"
)

// comparing is a filter that compares with what was sent before.
const comparing = `
replica.key = issue.key
replica.summary = issue.summary
replica.status = issue.status
replica.description = previous == nil ? "new" : "was " + previous.summary
replica.comments = issue.comments
replica.attachments = issue.attachments
`

// sees lets what comes in be written with its description.
func (s *site) sees() {
	s.t.Helper()
	s.script("in.parley", fmt.Sprintf(incoming, "GLOBEX")+"issue.description = replica.description\n")
	must(s.t, s.node.Reload(s.t.Context()))
}

// next is the message that comes after n others.
func (s *site) next(n int) (raw []byte, change *event.ChangeBody) {
	s.t.Helper()
	eventually(s.t, "a message more", func() error {
		all, err := s.node.Arrived()
		if err != nil || len(all) <= n {
			return fmt.Errorf("%d messages, %w", len(all), err)
		}
		for _, one := range all {
			m, err := envelope.Decode(one)
			must(s.t, err)
			if change == nil || m.Change.At > change.At {
				raw, change = one, m.Change
			}
		}
		return nil
	})
	return raw, change
}

func (s *site) arrived() int {
	s.t.Helper()
	all, err := s.node.Arrived()
	must(s.t, err)
	return len(all)
}

// saysWhatLeft holds a preview and a try of a ticket to the message that then left.
func saysWhatLeft(t *testing.T, said admin.PreviewTicket, tried *admin.TryLeaving, raw []byte, change *event.ChangeBody) {
	t.Helper()
	shown, would, left := map[string]any{}, map[string]any{}, map[string]any{}
	for _, f := range said.Fields {
		shown[f.Name] = f.Value
	}
	for _, f := range tried.Fields {
		would[f.Name] = f.To
	}
	for name, value := range change.Fields {
		left[name] = value
	}
	if diff := cmp.Diff(shown, left); diff != "" {
		t.Errorf("%s (-preview +left):\n%s", said.Key, diff)
	}
	if diff := cmp.Diff(would, left); diff != "" {
		t.Errorf("%s (-try +left):\n%s", said.Key, diff)
	}
	if said.Bytes != len(raw) {
		t.Errorf("%s: %d bytes were said, %d left", said.Key, said.Bytes, len(raw))
	}
}

func (s *site) previewed(key string) admin.PreviewTicket {
	s.t.Helper()
	got, err := s.node.Preview(s.t.Context(), "peer", admin.PreviewRequest{Keys: []string{key}})
	must(s.t, err)
	return got.Tickets[0]
}

func (s *site) tried(r admin.TryRequest) admin.TryResult {
	s.t.Helper()
	got, err := s.node.Try(s.t.Context(), r)
	must(s.t, err)
	return got
}

// TestPreview_PreviousIsWhatTheWireHasThen: a filter that reads previous is shown the
// replica that was last sent, and nil for a ticket that the peer does not have: in force
// or only tried, in step or with something under way.
func TestPreview_PreviousIsWhatTheWireHasThen(t *testing.T) {
	t.Parallel()
	a, b, old := together(t) // the filter in force does not compare
	b.sees()
	a.pause("out")
	a.write(event.Step{Kind: event.StepUpdate, Ref: old.Ref, Fields: event.Fields{"summary": "Printer out"}}, "")

	// Tried before it is in force: it was not kept what was sent.
	tried := a.tried(admin.TryRequest{Key: old.Key, Out: comparing})
	if tried.Replica["description"] != "was Printer on fire" {
		t.Errorf("tried: the replica has %v", tried.Replica["description"])
	}
	a.script("out.parley", comparing)
	shown := a.publish(admin.PublishRequest{Reason: "it compares", DryRun: true, Wider: true})
	if shown.Fields["description"] != 1 {
		t.Errorf("publishing shows %+v", shown)
	}
	a.publish(admin.PublishRequest{Reason: "it compares", Wider: true})
	for i, want := range []string{"was Printer on fire", "was Printer out", "was Printer gone"} {
		said, n := a.previewed(old.Key), b.arrived()
		would := a.tried(admin.TryRequest{Key: old.Key}).Leaving
		a.resume()
		raw, change := b.next(n)
		saysWhatLeft(t, said, would, raw, change)
		if change.Fields["description"] != want {
			t.Errorf("the description left as %v, want %q", change.Fields["description"], want)
		}
		a.quiet()
		a.pause("out")
		next := []string{"Printer gone", "Printer back", "Printer here"}[i]
		secondPasses(t)
		a.write(event.Step{Kind: event.StepUpdate, Ref: old.Ref, Fields: event.Fields{"summary": next}}, "")
	}

	// One that the peer does not have.
	made := a.create("Another printer")
	said, n := a.previewed(made.Key), b.arrived()
	would := a.tried(admin.TryRequest{Key: made.Key}).Leaving
	a.resume()
	eventually(t, "the new one appears", func() error { _, err := b.find("Another printer"); return err })
	eventually(t, "both have arrived", func() error {
		if b.arrived() < n+2 {
			return fmt.Errorf("%d messages", b.arrived()-n)
		}
		return nil
	})
	all, err := b.node.Arrived()
	must(t, err)
	for _, raw := range all {
		m, err := envelope.Decode(raw)
		must(t, err)
		if m.Change.Fields["key"] == made.Key {
			saysWhatLeft(t, said, would, raw, m.Change)
			if m.Change.Fields["description"] != "new" {
				t.Errorf("of a new one %v left", m.Change.Fields["description"])
			}
		}
	}
	a.quiet()

	// While the peer has not answered: previous is what is under way.
	b.pause("in")
	a.write(event.Step{Kind: event.StepUpdate, Ref: made.Ref, Fields: event.Fields{"summary": "Another one"}}, "")
	b.waiting()
	a.write(event.Step{Kind: event.StepUpdate, Ref: made.Ref, Fields: event.Fields{"summary": "A third"}}, "")
	if got := a.tried(admin.TryRequest{Key: made.Key}); got.Replica["description"] != "was Another one" || got.Leaving.Why == "" {
		t.Errorf("while something is under way the replica has %v, and %+v would leave", got.Replica["description"], got.Leaving)
	}
	n = b.arrived()
	b.resume()
	if _, change := b.next(n); change.Fields["description"] != "was Another one" {
		t.Errorf("then it left as %v", change.Fields["description"])
	}
}
