package flow_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/envelope"
	"parley/sync/envelope/plain"
	"parley/sync/shape"
	"parley/sync/transport"
)

// enforce puts another outgoing filter of a node in force, as publishing does.
func (n *node) enforce(source string, gate filters.Egress) {
	n.w.t.Helper()
	e := n.wires[0]
	next := *e.rules
	next.Outgoing, _ = compile(n.w.t, source, incoming)
	next.Egress = gate
	e.rules = &next
	e.con.SetRules(&next)
	n.path.Announce(e.con)
}

// peerSends lists the fields that the peer of a node says it sends.
func (n *node) peerSends() string {
	heard := n.con().PeerShape()
	if heard == nil {
		return "nothing said"
	}
	return strings.Join(slices.Sorted(maps.Keys(heard.Shape.Fields)), " ")
}

func (n *node) checkPeerSends(want string) {
	n.w.t.Helper()
	if got := n.peerSends(); got != want {
		n.w.t.Errorf("%s knows that %q is sent, want %q", n.name, got, want)
	}
	if _, held := n.wires[0].peer.con.OurShape(); held != (want != "nothing said") {
		n.w.t.Errorf("the peer of %s takes it for told: %v", n.name, held)
	}
}

const sentAtFirst = "key labels parent status summary"

// TestShape_PublishingTellsThePeerAndNothingElseDoes: each side knows what the other
// sends as soon as they meet; it is told once, told again when it changes, and the
// change stands until people have seen it.
func TestShape_PublishingTellsThePeerAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	a.checkPeerSends(sentAtFirst)
	b.checkPeerSends(sentAtFirst)
	if heard := b.con().PeerShape(); !heard.Shape.Comments || heard.Before != nil || b.saw("shape") != 0 {
		t.Errorf("at first: %+v, announced %d times", heard, b.saw("shape"))
	}
	told := len(w.shapes)
	if told != 2 {
		t.Errorf("%d messages were sent, want one of each side", told)
	}
	a.desk.open("one")
	a.enforce(strings.Replace(outgoing, "= issue.summary", "= upper(issue.summary)", 1), filters.Egress{})
	w.settle()
	b.crash()
	a.crash()
	w.settle()
	if got := len(w.shapes); got != told {
		t.Errorf("%d more messages about the same", got-told)
	}

	a.enforce("replica.summary = issue.summary\nreplica.priority = issue.priority", filters.Egress{})
	w.settle()
	b.checkPeerSends("priority summary")
	heard := b.con().PeerShape()
	if heard.Before == nil || b.saw("shape") != 1 || !heard.Changed.Equal(heard.At) {
		t.Fatalf("the change: %+v, announced %d times", heard, b.saw("shape"))
	}
	want := []string{
		"comments come no longer", "attachments come no longer", "key comes no longer", "labels comes no longer", "parent comes no longer", "priority comes now", "status comes no longer",
	}
	if got := shape.Diff(*heard.Before, heard.Shape); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	b.crash()
	if heard := b.con().PeerShape(); heard.Before == nil {
		t.Error("a restart forgets that nobody has seen the change")
	}
	b.must(b.path.SeenShape(b.con()))
	b.crash()
	if heard := b.con().PeerShape(); heard.Before != nil || b.peerSends() != "priority summary" {
		t.Errorf("after people looked: %+v", heard)
	}
}

func TestShape_AChangeThatIsTakenBackIsNoNews(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	for _, source := range []string{"replica.summary = issue.summary", "replica.key = issue.key", outgoing} {
		a.enforce(source, filters.Egress{})
		w.settle()
	}
	b.checkPeerSends(sentAtFirst)
	if heard := b.con().PeerShape(); heard.Before != nil || heard.Number != 4 {
		t.Errorf("got %+v", heard)
	}
}

// TestShape_ToldNoMoreThanTheGateLetsLeave: a field that the egress gate denies is
// not in what the peer is told.
func TestShape_ToldNoMoreThanTheGateLetsLeave(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	a.enforce(outgoing, filters.Egress{Allow: []string{"summary", "comments"}})
	w.settle()
	b.checkPeerSends("summary")
	if heard := b.con().PeerShape(); !heard.Shape.Comments || heard.Shape.Attachments {
		t.Errorf("got %+v", heard)
	}
	for _, sent := range w.sent {
		if strings.Contains(string(sent), `"parent":{`) && strings.Contains(string(sent), `"number"`) {
			// b's own, whose gate lets all leave, goes the other way.
			if !strings.Contains(string(sent), `"attachments":true`) {
				t.Errorf("denied, and told: %s", sent)
			}
		}
	}
}

// oldCodec is that of a version which does not know shapes.
type oldCodec struct{ plain.Codec }

func (c oldCodec) SealHello(h envelope.Hello) ([]byte, error) {
	h.Capabilities = slices.DeleteFunc(slices.Clone(h.Capabilities), func(a string) bool { return strings.HasPrefix(a, "shape") })
	return c.Codec.SealHello(h)
}

// TestShape_APeerOfAnOlderVersionIsNotDisturbed: who does not say that it takes
// shapes is sent none, and everything else goes on.
func TestShape_APeerOfAnOlderVersionIsNotDisturbed(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.wires[0].codec = oldCodec{}
	b.boot()
	a.desk.open("one")
	a.enforce("replica.summary = issue.summary", filters.Egress{})
	for range 3 {
		w.settle()
		a.crash()
	}
	b.one()
	b.checkPeerSends("nothing said")
	for _, sent := range w.shapes {
		if !strings.Contains(string(sent), `"labels"`) {
			t.Errorf("the old peer was sent %s", sent)
		}
	}
	// It is updated.
	b.wires[0].codec = nil
	b.crash()
	w.settle()
	b.checkPeerSends("summary")
}

// TestShape_AKillBetweenTheDiskAndTheAnswerChangesNothing: what the peer has on disk,
// and could not say so, is told again and is no change.
func TestShape_AKillBetweenTheDiskAndTheAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"who tells", "who hears", "both"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			w.settle()
			a.wires[0].deaf = true
			a.enforce("replica.summary = issue.summary", filters.Egress{})
			a.alone()
			if b.peerSends() != "summary" || b.saw("shape") != 1 {
				t.Fatalf("it is not on disk: %s", b.peerSends())
			}
			if _, held := a.con().OurShape(); held {
				t.Fatal("taken for told without an answer")
			}
			if who != "who hears" {
				a.crash()
			}
			if who != "who tells" {
				b.crash()
			}
			a.wires[0].deaf = false
			w.settle()
			b.checkPeerSends("summary")
			if heard := b.con().PeerShape(); heard.Number != 2 || b.saw("shape") != 1 {
				t.Errorf("number %d, announced %d times", heard.Number, b.saw("shape"))
			}
		})
	}
}

// TestShape_AnOlderOneNeverReplacesANewer: a message that comes late, or that
// somebody on the way keeps and sends again, changes nothing.
func TestShape_AnOlderOneNeverReplacesANewer(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	a.enforce("replica.summary = issue.summary", filters.Egress{})
	w.settle()
	for _, old := range w.shapes {
		if _, err := b.path.Receive(context.Background(), b.con().ID, transport.KindShape, old); err != nil {
			t.Errorf("a message that comes again: %v", err)
		}
	}
	b.checkPeerSends("summary")
}

// TestShape_ARestoredSideCountsOnFromWhereThePeerIs: numbers that a restore has lost
// do not keep what is sent from being told, and a peer that lost it is told again.
func TestShape_ARestoredSideCountsOnFromWhereThePeerIs(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	w.settle()
	ofA, ofB := a.store.Snapshot(), b.store.Snapshot()
	for i := range 3 {
		a.enforce(fmt.Sprintf("replica.summary = issue.summary\nreplica.fields[\"F%d\"] = issue.key", i), filters.Egress{})
		w.settle()
	}
	b.checkPeerSends("fields.F2 summary")
	a.restore(ofA)
	a.enforce("replica.summary = issue.summary", filters.Egress{})
	w.settle()
	b.checkPeerSends("summary")
	if heard := b.con().PeerShape(); heard.Number != 5 {
		t.Errorf("the number is %d, want 5", heard.Number)
	}
	b.restore(ofB)
	w.settle()
	b.checkPeerSends("summary")
}

// TestShape_AHostilePeerIsRefused: what is no shape touches nothing on disk, and one
// that tells without end is stopped.
func TestShape_AHostilePeerIsRefused(t *testing.T) {
	t.Parallel()
	w, _, b := pair(t)
	w.settle()
	tell := func(body string) error {
		wire, err := plain.Codec{}.SealBlob("shape", []byte(body))
		b.must(err)
		_, err = b.path.Receive(context.Background(), b.con().ID, transport.KindShape, wire)
		return err
	}
	for _, body := range []string{
		`{"number":9,"shape":{"fields":{"a\u001b[2J":{}}}}`, "{\"number\":9,\"shape\":{\"fields\":{\"a\u202eb\":{}}}}", `{"number":0,"shape":{}}`,
		`{"number":9007199254740992,"shape":{}}`, `{"number":9,"shape":{"fields":{` + strings.Repeat(`"a":{},`, 200_000) + `"b":{}}}}`, ``,
	} {
		if err := tell(body); err == nil {
			t.Errorf("%.60q was taken", body)
		}
	}
	b.checkPeerSends(sentAtFirst)
	refused := 0
	for i := range 2000 {
		if tell(fmt.Sprintf(`{"number":%d,"shape":{"fields":{"f%d":{}}}}`, i+10, i)) != nil {
			refused++
		}
	}
	if refused < 1000 {
		t.Errorf("of 2000 shapes within a second %d were refused", refused)
	}
}
