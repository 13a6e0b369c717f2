package envelope

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"parley/sync/event"
)

// Limits of parts of a message.
const (
	maxName = 1 << 10 // bytes of a key, an id, a file name, a version
	maxHops = 64
	maxTurn = 1000
	maxCode = 32
	// maxAgain bounds how many earlier events one may repeat.
	maxAgain = 16
)

// check holds m to what its types say: one member, known words, plain values.
func check(m event.Message) error {
	members := 0
	var err error
	if m.Change != nil {
		members++
		err = checkChange(*m.Change)
	}
	if m.Outcome != nil {
		members++
		err = checkOutcome(*m.Outcome)
	}
	if m.Items != nil {
		members++
		err = checkItems(*m.Items)
	}
	if m.Ask != nil {
		members++
		err = checkAsk(*m.Ask)
	}
	if m.Goodbye != nil {
		members++
		err = checkCode(m.Goodbye.Code)
	}
	if m.Note != nil {
		members++
		err = errors.Join(checkTwin(m.Note.Twin), checkCode(m.Note.Code))
	}
	if members != 1 {
		return fmt.Errorf("%d members, exactly one is needed", members)
	}
	return err
}

func checkChange(c event.ChangeBody) error {
	if err := checkTwin(c.Twin); err != nil {
		return err
	}
	if err := checkCause(c.Cause); err != nil {
		return err
	}
	if c.Hops < 0 || c.Hops > maxHops {
		return fmt.Errorf("%d hops", c.Hops)
	}
	if c.Turn < 0 || c.Turn > maxTurn {
		return fmt.Errorf("turn %d", c.Turn)
	}
	if err := errors.Join(checkName("filter", c.Filter), checkTime("at", c.At), checkConnect(c.Connect)); err != nil {
		return err
	}
	for name, value := range c.Fields {
		if err := checkName("field", name); err != nil {
			return err
		}
		if err := checkValue(value, 0); err != nil {
			return fmt.Errorf("field %q: %w", cut(name), err)
		}
	}
	for i, name := range c.Disputed {
		if _, named := c.Fields[name]; !named || i > 0 && name <= c.Disputed[i-1] {
			return errors.New("disputed fields that are not fields of the change, in order")
		}
	}
	if err := checkAgain(c); err != nil {
		return err
	}
	for _, item := range c.Items {
		if err := checkItem(item); err != nil {
			return fmt.Errorf("item %q: %w", cut(string(item.ID)), err)
		}
	}
	return nil
}

func checkCause(cause event.Cause) error {
	switch cause {
	case event.CauseEdit, event.CauseFilter, event.CauseHeal, event.CauseResolve:
		return nil
	}
	return fmt.Errorf("unknown cause %q", cut(string(cause)))
}

func checkAgain(c event.ChangeBody) error {
	if len(c.Again) > maxAgain {
		return fmt.Errorf("it repeats %d events", len(c.Again))
	}
	named := map[string]bool{}
	for i, a := range c.Again {
		if i > 0 && a.Seq <= c.Again[i-1].Seq || a.Seq == 0 || len(a.Fields) == 0 {
			return errors.New("repeated events that are none, or not in order")
		}
		if err := errors.Join(checkCause(a.Cause), checkTime("at", a.At)); err != nil {
			return err
		}
		for j, name := range a.Fields {
			if _, field := c.Fields[name]; !field || named[name] || j > 0 && name <= a.Fields[j-1] {
				return errors.New("repeated fields that are not fields of the change, in order")
			}
			named[name] = true
		}
	}
	return nil
}

func checkConnect(c *event.Connect) error {
	if c == nil {
		return nil
	}
	switch c.Prefer {
	case event.PreferSender, event.PreferReceiver, event.PreferNeither:
		return checkName("connect", c.Key)
	}
	return fmt.Errorf("connect prefers %q", cut(string(c.Prefer)))
}

func checkItem(i event.Item) error {
	if i.ID == "" {
		return errors.New("no id")
	}
	if err := errors.Join(
		checkName("id", string(i.ID)), checkName("author", i.Author.ID), checkName("author", i.Author.Name),
		checkName("author", i.Author.Email), checkTime("created", i.Created), checkTime("edited", i.Edited),
		checkName("name", i.Name), checkName("mime", i.MIME), checkText(i.Body),
	); err != nil {
		return err
	}
	switch i.Kind {
	case event.ItemComment:
		if i.Name != "" || i.Size != 0 || i.MIME != "" || i.SHA256 != "" || i.Inline {
			return errors.New("a comment with members of an attachment")
		}
	case event.ItemAttachment:
		if i.Body != "" {
			return errors.New("an attachment with the body of a comment")
		}
		if i.Withdrawn {
			if i.Name != "" || i.Size != 0 || i.MIME != "" || i.SHA256 != "" || i.Inline {
				return errors.New("an attachment that is withdrawn says what it is")
			}
			break
		}
		if !isSHA256(i.SHA256) {
			return errors.New("sha256 is not 64 lower-case hex digits")
		}
		if i.Size < 0 {
			return errors.New("negative size")
		}
	default:
		return fmt.Errorf("unknown kind %q", cut(string(i.Kind)))
	}
	return nil
}

func isSHA256(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == 2*sha256.Size
}

func checkOutcome(o event.Outcome) error {
	switch o.Verdict {
	case event.Applied, event.Refused, event.Parked:
	default:
		return fmt.Errorf("unknown verdict %q", cut(string(o.Verdict)))
	}
	if o.Seq == 0 {
		return errors.New("an outcome of event 0")
	}
	// Of an event that was not understood nobody knows the twin but who sent it.
	nameless := o.Twin.IsZero() && o.Verdict == event.Refused && o.Code == event.CodeMalformed
	if !nameless {
		if err := checkTwin(o.Twin); err != nil {
			return err
		}
	}
	if err := checkCode(o.Code); err != nil {
		return err
	}
	for _, name := range o.Lost {
		if err := checkName("lost field", name); err != nil {
			return err
		}
	}
	return checkIDs(o.Items, o.Waiting, o.Declined)
}

func checkItems(i event.Items) error {
	return errors.Join(checkTwin(i.Twin), checkIDs(i.Done, i.Declined))
}

func checkAsk(a event.Ask) error {
	if len(a.Seqs) == 0 {
		return errors.New("asks for nothing")
	}
	for _, seq := range a.Seqs {
		if seq == 0 {
			return errors.New("asks for event 0")
		}
	}
	return nil
}

func checkIDs(lists ...[]event.ItemID) error {
	for _, list := range lists {
		for _, id := range list {
			if id == "" {
				return errors.New("an item without an id")
			}
			if err := checkName("item", string(id)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkTwin(id event.TwinID) error {
	if id.IsZero() {
		return errors.New("no twin")
	}
	return nil
}

// checkCode takes any word, so that a later version may have another code, but
// nothing that could carry text to a person's screen.
func checkCode(code event.Code) error {
	if len(code) > maxCode {
		return errors.New("code too long")
	}
	for _, r := range []byte(code) {
		if r != '-' && (r < 'a' || r > 'z') {
			return errors.New("a code that is not a word")
		}
	}
	return nil
}

func checkTime(what, text string) error {
	if text == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || text[len(text)-1] != 'Z' || t.Year() < 1 {
		return fmt.Errorf("%s is not RFC 3339 in UTC", what)
	}
	return nil
}

func checkName(what, name string) error {
	if len(name) > maxName {
		return fmt.Errorf("%s longer than %d bytes", what, maxName)
	}
	return checkText(name)
}

func checkText(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("text is not valid UTF-8")
	}
	return nil
}

// checkValue takes plain data only: any other type would be spelled as
// something that comes back as another value.
func checkValue(v any, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	switch v := v.(type) {
	case nil, bool:
		return nil
	case string:
		return checkText(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) || (v == 0 && math.Signbit(v)) {
			return fmt.Errorf("%v is not a number on the wire", v)
		}
		return nil
	case []any:
		if v == nil {
			return errors.New("a nil list: empty is an empty list or nil")
		}
		for _, element := range v {
			if err := checkValue(element, depth+1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		return checkMap(v, depth)
	default:
		return fmt.Errorf("%T is not plain data", v)
	}
}

func checkMap(m map[string]any, depth int) error {
	if m == nil {
		return errors.New("a nil map: empty is an empty map or nil")
	}
	for key, element := range m {
		if err := checkName("key", key); err != nil {
			return err
		}
		if err := checkValue(element, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// cut keeps a peer's text in an error short.
func cut(text string) string {
	if len(text) > 80 {
		return text[:80] + "…"
	}
	return text
}
