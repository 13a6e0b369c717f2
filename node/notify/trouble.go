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
	Fields   Kind = "fields"    // the peer sends other fields than when people last looked

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

// words are what people are told of a kind of trouble: what is wrong, and what to
// do. In both CONNECTION and TICKET stand for names.
type words struct{ wrong, do string }

// words of a kind; one that is not here is told by its name.
func (k Kind) words() words {
	const status = "see: parley status"
	switch k {
	case Parked:
		return words{"ticket TICKET is parked on CONNECTION", "see: parley ticket explain TICKET"}
	case Conflict:
		return words{"ticket TICKET waits for a decision on CONNECTION", "see: parley conflict show TICKET"}
	case Overran:
		return words{"an edit of ticket TICKET was written over on CONNECTION", "see: parley conflict show TICKET"}
	case Astray:
		return words{"ticket TICKET has a field of the peer's that was changed here, on CONNECTION", status}
	case PeerAway:
		return words{"the peer of CONNECTION is away", status}
	case Stopped:
		return words{"connection CONNECTION has stopped", status}
	case Failing:
		return words{"ticket after ticket fails on CONNECTION", status}
	case Fuse:
		return words{"a fuse of CONNECTION is blown", "see: parley status, and let it go on with: parley connection resume CONNECTION"}
	case Fenced:
		return words{"another live copy of this node works on CONNECTION, and this one stands back", "stop this copy; or, if it is the right one, stop the other and: parley node claim"}
	case Copied:
		return words{"a second copy of this node has said hello on CONNECTION", status}
	case PeerCopied:
		return words{"two copies of the peer of CONNECTION live", status}
	case Damaged:
		return words{"the node's store was damaged: what is lost of CONNECTION is healed from its peer", "see: parley status, check the disk, and remove the damaged store when you do not need it"}
	case Refused:
		return words{"what the peer of CONNECTION sends is refused", status}
	case Fields:
		return words{"the other side of CONNECTION sends other fields than before", "see: parley connection fields CONNECTION, and when it is known: the same with --seen"}
	case Differs:
		return words{"the two sides of CONNECTION do not hold the same", "see: parley connection verify CONNECTION, and mend it with --heal"}
	}
	return words{string(k) + " on CONNECTION", status}
}

// headline is a trouble in one line.
func (l Line) headline() string {
	text := l.fill(l.Kind.words().wrong)
	if l.Code != "" {
		text += " (" + l.Code + ")"
	}
	return text
}

// advice says what to do.
func (l Line) advice() string { return l.fill(l.Kind.words().do) }

// fill names what a sentence is about. Both names are put in at once: a ticket's
// key may hold anything, also one of the two words.
func (l Line) fill(sentence string) string {
	return strings.NewReplacer("CONNECTION", l.Connection, "TICKET", l.Ticket).Replace(sentence)
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
