package audit

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
)

// Fault is the first thing that is wrong with a log.
type Fault struct {
	// Number is the record's, or the one that is missing.
	Number uint64
	What   string
}

// Error implements error.
func (f *Fault) Error() string { return fmt.Sprintf("record %d: %s", f.Number, f.What) }

// Report is what Check saw.
type Report struct {
	// Records are there, from First to Last; Head is the last one's.
	Records int    `json:"records"`
	First   uint64 `json:"first"`
	Last    uint64 `json:"last"`
	Head    Head   `json:"head"`
	// Pruned is the last record that was removed with a signed record of it.
	Pruned uint64 `json:"pruned,omitempty"`
	// Held are the heads that were found as they were noted; Gone are those of records
	// that were removed since.
	Held int `json:"held"`
	Gone int `json:"gone,omitempty"`
}

// Checker goes through a log, a line at a time, the oldest first.
type Checker struct {
	key     ed25519.PublicKey
	against []Head
	report  Report
	// from is what the first record says that came before it.
	from   Head
	pruned []Head
}

// NewChecker holds a log to the heads that were noted of it. Signatures are checked if
// there is a key.
func NewChecker(key ed25519.PublicKey, against ...Head) *Checker {
	return &Checker{key: key, against: slices.DeleteFunc(slices.Clone(against), func(h Head) bool { return h.Number == 0 })}
}

// Line takes the next line. The error is a *Fault.
func (c *Checker) Line(line []byte) error {
	r, err := ParseLine(line)
	next := c.report.Last + 1
	if err != nil {
		return &Fault{next, "it cannot be read: " + err.Error()}
	}
	switch {
	case c.report.Records == 0:
		c.report.First, c.from = r.Number, Head{r.Number - 1, r.Before}
		if (r.Number == 1) != (r.Before == "") || r.Number == 0 {
			return &Fault{r.Number, "it does not begin as a log does"}
		}
	case r.Number != next:
		return &Fault{next, fmt.Sprintf("it is missing, record %d comes behind %d", r.Number, c.report.Last)}
	case r.Before != c.report.Head.Hash:
		return &Fault{c.report.Last, "it was changed: the one behind it names another"}
	}
	c.report.Records++
	c.report.Last, c.report.Head = r.Number, headOf(r.Number, line)
	if r.Action == ActionPrune && r.Signature != "" {
		if err := c.prune(r); err != nil {
			return err
		}
	}
	for _, h := range c.against {
		if h.Number == r.Number && h.Hash != c.report.Head.Hash {
			return &Fault{r.Number, "it was changed, or one before it: another head was noted of it"}
		}
	}
	return nil
}

// prune takes the word of a record that removed others.
func (c *Checker) prune(r Record) error {
	through, err := strconv.ParseUint(r.Said[saidThrough], 10, 64)
	signature, wrong := hex.DecodeString(r.Signature)
	if err != nil || wrong != nil || through >= r.Number {
		return &Fault{r.Number, "it says that records were removed, and not which"}
	}
	if c.key != nil && !ed25519.Verify(c.key, signedOf(r), signature) {
		return &Fault{r.Number, "it says that records were removed, and this node did not sign it"}
	}
	c.pruned = append(c.pruned, Head{through, r.Said[saidHash]})
	c.report.Pruned = max(c.report.Pruned, through)
	return nil
}

// End tells what became of it, once all lines were taken. The error is a *Fault.
func (c *Checker) End() (Report, error) {
	if c.from.Number > 0 && !slices.ContainsFunc(c.pruned, c.allows) {
		return c.report, &Fault{c.from.Number, "it is missing with all before it, and no record tells that they were removed"}
	}
	for _, h := range c.against {
		switch {
		case h.Number > c.report.Last:
			return c.report, &Fault{c.report.Last + 1, fmt.Sprintf("the end is missing: record %d was there once", h.Number)}
		case h.Number == c.from.Number && h.Hash != c.from.Hash:
			return c.report, &Fault{h.Number, "it was changed, or one before it: another head was noted of it"}
		case h.Number < c.report.First && h.Number != c.from.Number:
			c.report.Gone++
		default:
			c.report.Held++
		}
	}
	return c.report, nil
}

// allows tells whether a removal explains where the log begins: it removed exactly what
// is missing, or more, of which a crash left some.
func (c *Checker) allows(through Head) bool {
	return through.Number > c.from.Number || through == c.from
}
