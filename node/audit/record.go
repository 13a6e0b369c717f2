package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Outcomes of what is recorded.
const (
	Asked = "asked" // begun; a record of its own says how it ended
	Done  = "done"
	Shown = "shown" // content of tickets was shown
	// Refused is followed by a colon and the kind of the refusal.
	Refused = "refused"
)

// Record is one thing that was done, or one half of it: asked for, and how it ended.
type Record struct {
	Number uint64    `json:"number"`
	At     time.Time `json:"at"`
	// Who is a person as the machine knows them, or the node itself.
	Who string `json:"who"`
	// From is where they came in.
	From    string `json:"from"`
	Action  string `json:"action"`
	Outcome string `json:"outcome"`
	// Of is the record that this one tells the end of.
	Of         uint64 `json:"of,omitempty"`
	Connection string `json:"connection,omitempty"`
	Ticket     string `json:"ticket,omitempty"`
	// Said is what was asked for, by name.
	Said    map[string]string `json:"said,omitempty"`
	Changed []Change          `json:"changed,omitempty"`
	// Signature is the node's, of a record that removes others: hex, Ed25519.
	Signature string `json:"signature,omitempty"`
	// Before is the hash of the record before this one, "" in the first.
	Before string `json:"before"`
}

// Change is what something was, and is.
type Change struct {
	What string `json:"what"`
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
}

// Bounds of a record.
const (
	maxText   = 200 // bytes of one text
	maxMany   = 40  // of what was said, and of changes
	maxRecord = 32 << 10
)

// hashed begins what a record's hash is made of.
const hashed = "parley audit record 1\n"

// Line is the record as one line of JSON, without its end: what it is kept, exported
// and hashed as.
func (r Record) Line() ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("write a record: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// ErrForm says that a line is no record as Line writes it.
var ErrForm = errors.New("this is no record of an audit log")

// ParseLine reads what Line wrote; anything else, were it only spelt in another way, is ErrForm.
func ParseLine(line []byte) (Record, error) {
	var r Record
	if len(line) > maxRecord {
		return r, ErrForm
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if again, err := r.Line(); err != nil || !bytes.Equal(again, line) {
		return r, ErrForm
	}
	return r, nil
}

// Head names a record by number and hash; the zero Head is that of an empty log.
type Head struct {
	Number uint64
	Hash   string
}

// String is the head as people note it.
func (h Head) String() string { return strconv.FormatUint(h.Number, 10) + ":" + h.Hash }

// MarshalText implements encoding.TextMarshaler.
func (h Head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Head) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHead(string(text))
	return err
}

// ParseHead reads a head.
func ParseHead(text string) (Head, error) {
	number, hash, _ := strings.Cut(strings.TrimSpace(text), ":")
	n, err := strconv.ParseUint(number, 10, 64)
	raw, wrong := hex.DecodeString(hash)
	if n == 0 && hash == "" && err == nil {
		return Head{}, nil
	}
	if err != nil || wrong != nil || n == 0 || len(raw) != sha256.Size || hex.EncodeToString(raw) != hash {
		return Head{}, fmt.Errorf("%.80q is no head: it is a number, a colon and 64 digits, as `parley audit head` prints it", text)
	}
	return Head{n, hash}, nil
}

// headOf is the head that a line is.
func headOf(number uint64, line []byte) Head {
	sum := sha256.Sum256(append([]byte(hashed), line...))
	return Head{number, hex.EncodeToString(sum[:])}
}

// clean makes a record fit to be kept: bounded, printable, UTF-8.
func (r Record) clean() Record {
	for _, text := range []*string{&r.Who, &r.From, &r.Action, &r.Outcome, &r.Connection, &r.Ticket} {
		*text = plain(*text)
	}
	r.At = r.At.UTC().Truncate(time.Millisecond)
	if len(r.Said) > 0 {
		said := map[string]string{}
		for name, text := range r.Said {
			if len(said) < maxMany {
				said[plain(name)] = plain(text)
			}
		}
		r.Said = said
	}
	var changed []Change
	for _, c := range r.Changed[:min(len(r.Changed), maxMany)] {
		changed = append(changed, Change{plain(c.What), plain(c.Was), plain(c.Is)})
	}
	r.Changed = changed
	return r
}

// plain is a text without what a terminal or a reader could act on, cut at maxText bytes.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || !unicode.IsGraphic(r) {
			return '\ufffd'
		}
		return r
	}, text[:min(len(text), 8*maxText)])
	if len(text) <= maxText {
		return text
	}
	cut := maxText - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
