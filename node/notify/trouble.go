package notify

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Kind is a kind of trouble.
type Kind string

// The kinds.
const (
	Parked   Kind = "parked"    // a ticket waits for a person
	Conflict Kind = "conflict"  // a field waits for a person's decision
	Overran  Kind = "overran"   // an edit was written over, as the policy says
	Astray   Kind = "astray"    // a field of the peer's was changed here
	PeerAway Kind = "peer-away" // the other node does not answer
	Stopped  Kind = "stopped"   // a connection does not go on by itself
	Failing  Kind = "failing"   // ticket after ticket fails
	Fuse     Kind = "fuse"      // too many tickets in a minute: the rest waits
	Refused  Kind = "refused"   // what the peer sends is wrong
	Differs  Kind = "differs"   // the two sides do not hold the same

	Damaged Kind = "damaged" // the store was damaged, and what was lost is sent again

	Fenced     Kind = "fenced"      // another live copy of this node works there, this one stands back
	Copied     Kind = "copied"      // another copy of this node was started, and stands back
	PeerCopied Kind = "peer-copied" // two copies of the peer live
)

// Condition says what is wrong, and where: it is what is told once.
type Condition struct {
	Kind       Kind   `json:"kind"`
	Connection string `json:"connection"`
	Ticket     string `json:"ticket,omitempty"` // the key that people use, for Parked
}

// Trouble is a condition that holds, and who is to be told.
type Trouble struct {
	Condition
	// Code is why, from a closed list; no text.
	Code string
	// Since is when it began.
	Since time.Time
	// To are the targets, as Ways knows them.
	To []string
}

// Line is a trouble as a message tells it.
type Line struct {
	Condition
	Code  string    `json:"code,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// Message is what one target is told at one time.
type Message struct {
	// Node is the name of the node that tells.
	Node string    `json:"node"`
	At   time.Time `json:"at"`
	// Wrong and Over are cut to MaxLines; More counts what was left out.
	Wrong []Line `json:"wrong,omitempty"`
	Over  []Line `json:"over,omitempty"`
	More  int    `json:"more,omitempty"`
}

// MaxLines is how many troubles one message lists.
const MaxLines = 100

// Subject is a message in one line.
func (m Message) Subject() string {
	var parts []string
	switch {
	case len(m.Wrong) == 1 && m.More == 0:
		parts = append(parts, m.Wrong[0].headline())
	case len(m.Wrong) > 0:
		parts = append(parts, count(len(m.Wrong), "problem"))
	}
	switch {
	case len(m.Over) == 1 && len(m.Wrong) == 0 && m.More == 0:
		parts = append(parts, "over: "+m.Over[0].headline())
	case len(m.Over) > 0:
		parts = append(parts, fmt.Sprintf("%d over", len(m.Over)))
	}
	if m.More > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", m.More))
	}
	if len(parts) == 0 {
		parts = append(parts, "test")
	}
	return "[Parley " + m.Node + "] " + strings.Join(parts, ", ")
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Text is a message for a person.
func (m Message) Text() string {
	var out strings.Builder
	for _, l := range m.Wrong {
		fmt.Fprintf(&out, "%s\n", l.headline())
		if !l.Since.IsZero() {
			fmt.Fprintf(&out, "    since %s\n", l.Since.UTC().Format("2006-01-02 15:04 MST"))
		}
		fmt.Fprintf(&out, "    %s\n", l.advice())
	}
	for _, l := range m.Over {
		fmt.Fprintf(&out, "over: %s\n", l.headline())
	}
	if m.More > 0 {
		fmt.Fprintf(&out, "... and %d more, see: parley status\n", m.More)
	}
	if out.Len() == 0 {
		out.WriteString("This is a test: nothing is wrong.\n")
	}
	fmt.Fprintf(&out, "\nNode %s, %s\n", m.Node, m.At.UTC().Format("2006-01-02 15:04:05 MST"))
	return out.String()
}

// headline is a trouble in one line.
func (l Line) headline() string {
	var text string
	switch l.Kind {
	case Parked:
		text = fmt.Sprintf("ticket %s is parked on %s", l.Ticket, l.Connection)
	case Conflict:
		text = fmt.Sprintf("ticket %s waits for a decision on %s", l.Ticket, l.Connection)
	case Overran:
		text = fmt.Sprintf("an edit of ticket %s was written over on %s", l.Ticket, l.Connection)
	case Astray:
		text = fmt.Sprintf("ticket %s has a field of the peer's that was changed here, on %s", l.Ticket, l.Connection)
	case PeerAway:
		text = fmt.Sprintf("the peer of %s is away", l.Connection)
	case Stopped:
		text = fmt.Sprintf("connection %s has stopped", l.Connection)
	case Failing:
		text = fmt.Sprintf("ticket after ticket fails on %s", l.Connection)
	case Fuse:
		text = fmt.Sprintf("a fuse of %s is blown", l.Connection)
	case Fenced:
		text = fmt.Sprintf("another live copy of this node works on %s, and this one stands back", l.Connection)
	case Copied:
		text = fmt.Sprintf("a second copy of this node has said hello on %s", l.Connection)
	case PeerCopied:
		text = fmt.Sprintf("two copies of the peer of %s live", l.Connection)
	case Damaged:
		text = fmt.Sprintf("the node's store was damaged: what is lost of %s is healed from its peer", l.Connection)
	case Refused:
		text = fmt.Sprintf("what the peer of %s sends is refused", l.Connection)
	case Differs:
		text = fmt.Sprintf("the two sides of %s do not hold the same", l.Connection)
	default:
		text = fmt.Sprintf("%s on %s", l.Kind, l.Connection)
	}
	if l.Code != "" {
		text += " (" + l.Code + ")"
	}
	return text
}

// advice says what to do.
func (l Line) advice() string {
	if l.Kind == Parked {
		return "see: parley ticket explain " + l.Ticket
	}
	if l.Kind == Conflict || l.Kind == Overran {
		return "see: parley conflict show " + l.Ticket
	}
	if l.Kind == Fuse {
		return "see: parley status, and let it go on with: parley connection resume " + l.Connection
	}
	if l.Kind == Differs {
		return "see: parley connection verify " + l.Connection + ", and mend it with --heal"
	}
	if l.Kind == Damaged {
		return "see: parley status, check the disk, and remove the damaged store when you do not need it"
	}
	if l.Kind == Fenced {
		return "stop this copy; or, if it is the right one, stop the other and: parley node claim"
	}
	return "see: parley status"
}

// clean makes a trouble fit to be sent: keys and codes may come from a tracker.
func (t Trouble) clean() Trouble {
	t.Connection, t.Ticket, t.Code = cut(t.Connection), cut(t.Ticket), cut(t.Code)
	t.Kind = Kind(cut(string(t.Kind)))
	return t
}

// cut takes out control and format characters and shortens.
func cut(text string) string {
	const most = 80
	kept := make([]rune, 0, min(len(text), most))
	for _, r := range text {
		if len(kept) == most {
			break
		}
		if unicode.IsPrint(r) {
			kept = append(kept, r)
		}
	}
	return string(kept)
}

// compare orders lines for people: by kind, connection and ticket.
func compare(a, b Line) int {
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Ticket, b.Ticket),
	)
}
