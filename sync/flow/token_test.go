package flow_test

import (
	"strings"
	"testing"
)

// The twin that a token belongs to is known before the first sync, and stays the same.
func TestWork_ATokenLeavesWithTheFirstSyncAndIsReadWhenItComesBack(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	r := *a.con().Rules()
	r.Outgoing, r.Incoming = compile(t, `replica.summary = token(issue.summary, "customer")`, `issue.summary = reveal(replica.summary, "customer")`)
	a.con().SetRules(&r)
	ours := a.desk.open("Ann Example")
	w.settle()
	theirs := b.one()
	token, _ := theirs.Fields["summary"].(string)
	if !strings.HasPrefix(token, "sealed1") {
		t.Fatalf("the peer got %q", token)
	}
	b.desk.set(theirs.Ref, "summary", "Call "+token)
	w.settle()
	if got := a.desk.find(ours).Fields["summary"]; got != "Call Ann Example" {
		t.Errorf("it came back as %q", got)
	}
	if got := b.one().Fields["summary"]; got != "Call "+token {
		t.Errorf("the peer's own edit was answered with %q", got)
	}
	queued := a.saw("queued") + b.saw("queued")
	w.settle()
	if more := a.saw("queued") + b.saw("queued") - queued; more != 0 {
		t.Errorf("%d events follow from a ticket that nobody changed", more)
	}

	// The same token on another ticket of the peer says nothing here.
	b.desk.open("Moved " + token)
	w.settle()
	if moved := a.desk.named("Moved " + token); moved.Ref.IsZero() {
		t.Error("a token that was moved to another ticket was read, or the ticket did not arrive")
	}
}
