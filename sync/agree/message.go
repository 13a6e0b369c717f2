package agree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"parley/sync/event"
)

// Bounds of messages.
const (
	MaxBuckets = 16      // of one question
	MaxTwins   = 500     // in one answer, and to be healed by one question
	MaxFacts   = 2000    // in one answer, both directions together
	MaxName    = 1 << 10 // bytes of a fact's name
	MaxHeads   = 64      // kept of a record, and in one answer
	MaxMessage = 700_000 // bytes of any message
)

// ErrMessage: bytes that are no message, or not spelled as one is.
var ErrMessage = errors.New("no message about agreement")

// Ask is a question: exactly one of its members beside the salt is set.
type Ask struct {
	Salt    Salt        `json:"salt"`
	Buckets *AskBuckets `json:"buckets,omitempty"`
	Twins   *AskTwins   `json:"twins,omitempty"`
	Twin    *AskTwin    `json:"twin,omitempty"`
	Heal    *AskHeal    `json:"heal,omitempty"`
	Witness *AskWitness `json:"witness,omitempty"`
}

// AskBuckets asks for the digests of buckets in a row.
type AskBuckets struct {
	From  int `json:"from"`
	Count int `json:"count"`
}

// AskTwins asks for the twins of a bucket, those behind After.
type AskTwins struct {
	Bucket int          `json:"bucket"`
	After  event.TwinID `json:"after"`
}

// AskTwin asks for one twin's facts, from the fact with number From on.
type AskTwin struct {
	Twin event.TwinID `json:"twin"`
	From int          `json:"from"`
}

// AskHeal asks for twins to be sent whole.
type AskHeal struct {
	Twins []event.TwinID `json:"twins"`
}

// AskWitness gives the head of the asker's record of what people did to be kept, if
// it is not empty, and asks for those that are kept.
type AskWitness struct {
	Head string `json:"head,omitempty"`
}

// Answer answers an Ask with the member of the same name.
type Answer struct {
	// Busy is set if the question was asked too often; nothing else is then.
	Busy    bool           `json:"busy,omitempty"`
	Buckets []Pair         `json:"buckets,omitempty"`
	Twins   *AnswerTwins   `json:"twins,omitempty"`
	Twin    *AnswerTwin    `json:"twin,omitempty"`
	Heal    *AnswerHealing `json:"heal,omitempty"`
	Witness *AnswerWitness `json:"witness,omitempty"`
}

// Pair are the digests of the two directions, as the answerer sees them.
type Pair struct {
	Sent     Digest `json:"sent"`
	Received Digest `json:"received"`
}

// AnswerTwins are twins in the order of their ids; More tells that some follow.
type AnswerTwins struct {
	List []Line `json:"list,omitempty"`
	More bool   `json:"more,omitempty"`
}

// Line is one twin. Moving tells that something of it is under way.
type Line struct {
	Twin   event.TwinID `json:"twin"`
	Moving bool         `json:"moving,omitempty"`
	Pair
}

// AnswerTwin is a part of a twin's record; facts are numbered through both lists.
type AnswerTwin struct {
	Record
	More bool `json:"more,omitempty"`
}

// AnswerHealing says how many twins will be sent whole.
type AnswerHealing struct {
	Twins int `json:"twins"`
}

// AnswerWitness are the heads that are kept of the asker's, the oldest first.
type AnswerWitness struct {
	Heads []string `json:"heads,omitempty"`
}

// head is how the head of a record is spelled: its number, and its hash in hex.
var head = regexp.MustCompile(`^[1-9][0-9]{0,18}:[0-9a-f]{64}$`)

// Part is what of a record fits into one answer, from fact number from on.
func (r Record) Part(from int) AnswerTwin {
	out := AnswerTwin{Record: Record{Ended: r.Ended, Moving: r.Moving}}
	size, n := 0, 0
	take := func(list []Fact) (part []Fact) {
		for _, f := range list {
			if from > 0 {
				from--
				continue
			}
			// A character may be spelled with six.
			size += 6*len(f.Name) + 128
			if out.More = out.More || n == MaxFacts || n > 0 && size > MaxMessage*3/4; out.More {
				return part
			}
			part, n = append(part, f), n+1
		}
		return part
	}
	out.Sent = take(r.Sent)
	out.Received = take(r.Received)
	return out
}

// Encode spells a message.
func Encode(m any) ([]byte, error) {
	raw, err := json.Marshal(m)
	if err == nil && len(raw) > MaxMessage {
		err = fmt.Errorf("message of %d bytes: %w", len(raw), ErrMessage)
	}
	return raw, err
}

// decode reads the one spelling of a message.
func decode(raw []byte, m any) error {
	if len(raw) > MaxMessage {
		return fmt.Errorf("%d bytes: %w", len(raw), ErrMessage)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if again, err := json.Marshal(m); err != nil || !bytes.Equal(again, raw) {
		return fmt.Errorf("another spelling: %w", ErrMessage)
	}
	return nil
}

// DecodeAsk reads a question.
func DecodeAsk(raw []byte) (Ask, error) {
	var a Ask
	if err := decode(raw, &a); err != nil {
		return Ask{}, err
	}
	if !a.fits() {
		return Ask{}, fmt.Errorf("question out of bounds: %w", ErrMessage)
	}
	return a, nil
}

func (a Ask) fits() bool {
	members, ok := 0, true
	if b := a.Buckets; b != nil {
		members, ok = members+1, b.From >= 0 && b.Count > 0 && b.Count <= MaxBuckets && b.From <= Buckets-b.Count
	}
	if t := a.Twins; t != nil {
		members, ok = members+1, ok && t.Bucket >= 0 && t.Bucket < Buckets
	}
	if t := a.Twin; t != nil {
		members, ok = members+1, ok && t.From >= 0
	}
	if h := a.Heal; h != nil {
		members, ok = members+1, ok && len(h.Twins) > 0 && len(h.Twins) <= MaxTwins
	}
	if w := a.Witness; w != nil {
		members, ok = members+1, ok && (w.Head == "" || head.MatchString(w.Head))
	}
	return ok && members == 1
}

// DecodeAnswer reads the answer to a question.
func DecodeAnswer(to Ask, raw []byte) (Answer, error) {
	var a Answer
	if err := decode(raw, &a); err != nil {
		return Answer{}, err
	}
	if !a.fits(to) {
		return Answer{}, fmt.Errorf("answer out of bounds, or to another question: %w", ErrMessage)
	}
	return a, nil
}

func (a Answer) fits(to Ask) bool {
	if a.Busy {
		return a.Buckets == nil && a.Twins == nil && a.Twin == nil && a.Heal == nil && a.Witness == nil
	}
	if (a.Buckets != nil) != (to.Buckets != nil) || (a.Twins != nil) != (to.Twins != nil) ||
		(a.Twin != nil) != (to.Twin != nil) || (a.Heal != nil) != (to.Heal != nil) || (a.Witness != nil) != (to.Witness != nil) {
		return false
	}
	switch {
	case to.Buckets != nil:
		return len(a.Buckets) == to.Buckets.Count
	case to.Twins != nil:
		return a.Twins.fits(*to.Twins)
	case to.Twin != nil:
		return a.Twin.fits()
	case to.Witness != nil:
		return len(a.Witness.Heads) <= MaxHeads && !slices.ContainsFunc(a.Witness.Heads, func(h string) bool { return !head.MatchString(h) })
	}
	return a.Heal.Twins >= 0 && a.Heal.Twins <= len(to.Heal.Twins)
}

func (a AnswerTwins) fits(to AskTwins) bool {
	last := to.After
	for i, line := range a.List {
		if BucketOf(line.Twin) != to.Bucket || (i > 0 || !last.IsZero()) && string(line.Twin[:]) <= string(last[:]) {
			return false
		}
		last = line.Twin
	}
	return len(a.List) <= MaxTwins && (!a.More || len(a.List) > 0)
}

func (a AnswerTwin) fits() bool {
	if len(a.Sent)+len(a.Received) > MaxFacts || len(a.Moving) > 8 || a.More && len(a.Sent)+len(a.Received) == 0 {
		return false
	}
	for _, list := range [][]Fact{a.Sent, a.Received} {
		for i, f := range list {
			if len(f.Name) > MaxName || i > 0 && list[i-1].compare(f) >= 0 {
				return false
			}
		}
	}
	return true
}
