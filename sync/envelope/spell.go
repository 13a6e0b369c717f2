package envelope

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"

	"parley/sync/event"
)

// speller writes the canonical spelling: what encoding/json writes for the
// event's types, without escapes for HTML, if all text is valid UTF-8 (check sees
// to that). A test holds both to each other.
type speller struct {
	b   []byte
	err error
}

// spellers are for use again: what they hold must not leave the package.
var spellers = sync.Pool{New: func() any { return new(speller) }}

// spell returns the spelling of m, which is valid until release.
func spell(m event.Message) (*speller, error) {
	s := spellers.Get().(*speller)
	s.b, s.err = append(s.b[:0], '{'), nil
	s.member("change", m.Change != nil, func() { s.change(m.Change) })
	s.member("outcome", m.Outcome != nil, func() { s.outcome(m.Outcome) })
	s.member("items", m.Items != nil, func() { s.items(m.Items) })
	s.member("ask", m.Ask != nil, func() { s.ask(m.Ask) })
	s.member("goodbye", m.Goodbye != nil, func() { s.goodbye(m.Goodbye) })
	s.member("note", m.Note != nil, func() { s.note(m.Note) })
	s.b = append(s.b, '}')
	return s, s.err
}

// release gives the speller back, unless a rare long message made it large.
func (s *speller) release() {
	if cap(s.b) <= 16<<10 {
		spellers.Put(s)
	}
}

// name begins a member of an object.
func (s *speller) name(name string) {
	if s.b[len(s.b)-1] != '{' {
		s.b = append(s.b, ',')
	}
	s.b = append(append(append(s.b, '"'), name...), '"', ':')
}

func (s *speller) member(name string, there bool, write func()) {
	if there {
		s.name(name)
		write()
	}
}

func (s *speller) textMember(name, text string, always bool) {
	if text != "" || always {
		s.name(name)
		s.text(text)
	}
}

func (s *speller) idMember(name string, id event.ID) {
	s.name(name)
	s.b = append(append(append(s.b, '"'), id.String()...), '"')
}

func (s *speller) numberMember(name string, n uint64, always bool) {
	if n != 0 || always {
		s.name(name)
		s.b = strconv.AppendUint(s.b, n, 10)
	}
}

func (s *speller) flagMember(name string, flag bool) {
	if flag {
		s.name(name)
		s.b = append(s.b, "true"...)
	}
}

func (s *speller) change(c *event.ChangeBody) {
	s.b = append(s.b, '{')
	s.idMember("twin", event.ID(c.Twin))
	s.idMember("origin", event.ID(c.Origin))
	s.intMember("hops", int64(c.Hops))
	s.intMember("turn", int64(c.Turn))
	s.flagMember("first", c.First)
	s.textMember("filter", c.Filter, true)
	s.textMember("cause", string(c.Cause), true)
	s.position("seen", c.Seen)
	s.textMember("at", c.At, true)
	s.member("fields", len(c.Fields) > 0, func() { s.object(c.Fields) })
	spellTexts(s, "disputed", c.Disputed)
	s.member("again", len(c.Again) > 0, func() {
		s.b = append(s.b, '[')
		for i := range c.Again {
			s.comma(i)
			s.again(&c.Again[i])
		}
		s.b = append(s.b, ']')
	})
	s.member("items", len(c.Items) > 0, func() {
		s.b = append(s.b, '[')
		for i := range c.Items {
			s.comma(i)
			s.item(&c.Items[i])
		}
		s.b = append(s.b, ']')
	})
	s.flagMember("more", c.More)
	s.member("connect", c.Connect != nil, func() {
		s.b = append(s.b, '{')
		s.textMember("key", c.Connect.Key, false)
		s.textMember("prefer", string(c.Connect.Prefer), true)
		s.flagMember("old", c.Connect.Old)
		s.b = append(s.b, '}')
	})
	s.b = append(s.b, '}')
}

func (s *speller) again(a *event.Again) {
	s.b = append(s.b, '{')
	s.numberMember("seq", uint64(a.Seq), true)
	s.textMember("at", a.At, true)
	s.textMember("cause", string(a.Cause), true)
	spellTexts(s, "fields", a.Fields)
	s.b = append(s.b, '}')
}

func (s *speller) item(i *event.Item) {
	s.b = append(s.b, '{')
	s.textMember("id", string(i.ID), true)
	s.textMember("kind", string(i.Kind), true)
	s.member("author", i.Author != event.User{}, func() {
		s.b = append(s.b, '{')
		s.textMember("id", i.Author.ID, true)
		s.textMember("name", i.Author.Name, true)
		s.textMember("email", i.Author.Email, false)
		s.b = append(s.b, '}')
	})
	s.textMember("created", i.Created, false)
	s.textMember("body", i.Body, false)
	s.flagMember("internal", i.Internal)
	s.textMember("edited", i.Edited, false)
	s.textMember("name", i.Name, false)
	s.intMember("size", i.Size)
	s.textMember("mime", i.MIME, false)
	s.textMember("sha256", i.SHA256, false)
	s.flagMember("inline", i.Inline)
	s.flagMember("withdrawn", i.Withdrawn)
	s.b = append(s.b, '}')
}

func (s *speller) intMember(name string, n int64) {
	if n != 0 {
		s.name(name)
		s.b = strconv.AppendInt(s.b, n, 10)
	}
}

func (s *speller) outcome(o *event.Outcome) {
	s.b = append(s.b, '{')
	s.idMember("twin", event.ID(o.Twin))
	s.numberMember("epoch", o.Epoch, true)
	s.numberMember("seq", uint64(o.Seq), true)
	s.textMember("verdict", string(o.Verdict), true)
	s.textMember("code", string(o.Code), false)
	spellTexts(s, "items", o.Items)
	spellTexts(s, "waiting", o.Waiting)
	spellTexts(s, "declined", o.Declined)
	spellTexts(s, "lost", o.Lost)
	s.b = append(s.b, '}')
}

func (s *speller) items(i *event.Items) {
	s.b = append(s.b, '{')
	s.idMember("twin", event.ID(i.Twin))
	spellTexts(s, "done", i.Done)
	spellTexts(s, "declined", i.Declined)
	s.b = append(s.b, '}')
}

func (s *speller) ask(a *event.Ask) {
	s.b = append(s.b, '{')
	s.name("seqs")
	s.b = append(s.b, '[')
	for i, seq := range a.Seqs {
		s.comma(i)
		s.b = strconv.AppendUint(s.b, uint64(seq), 10)
	}
	s.b = append(s.b, ']', '}')
}

func (s *speller) goodbye(g *event.Goodbye) {
	s.b = append(s.b, '{')
	s.textMember("code", string(g.Code), false)
	s.b = append(s.b, '}')
}

func (s *speller) note(n *event.Note) {
	s.b = append(s.b, '{')
	s.idMember("twin", event.ID(n.Twin))
	s.textMember("code", string(n.Code), true)
	s.position("after", n.After)
	s.b = append(s.b, '}')
}

func (s *speller) position(name string, at event.Position) {
	s.member(name, at != event.Position{}, func() {
		s.b = append(s.b, '{')
		s.numberMember("epoch", at.Epoch, false)
		s.numberMember("seq", uint64(at.Seq), false)
		s.b = append(s.b, '}')
	})
}

func (s *speller) comma(i int) {
	if i > 0 {
		s.b = append(s.b, ',')
	}
}

func spellTexts[T ~string](s *speller, name string, list []T) {
	if len(list) == 0 {
		return
	}
	s.name(name)
	s.b = append(s.b, '[')
	for i, one := range list {
		s.comma(i)
		s.text(string(one))
	}
	s.b = append(s.b, ']')
}

// object writes a free object, its keys in byte order.
func (s *speller) object(m map[string]any) {
	s.b = append(s.b, '{')
	var room [32]string
	names := slices.AppendSeq(room[:0], maps.Keys(m))
	slices.Sort(names)
	for i, name := range names {
		s.comma(i)
		s.text(name)
		s.b = append(s.b, ':')
		s.value(m[name])
	}
	s.b = append(s.b, '}')
}

func (s *speller) value(v any) {
	switch v := v.(type) {
	case nil:
		s.b = append(s.b, "null"...)
	case bool:
		s.b = strconv.AppendBool(s.b, v)
	case string:
		s.text(v)
	case float64:
		s.float(v)
	case []any:
		s.b = append(s.b, '[')
		for i, one := range v {
			s.comma(i)
			s.value(one)
		}
		s.b = append(s.b, ']')
	case map[string]any:
		s.object(v)
	default:
		s.err = errors.New("not plain data")
	}
}

func (s *speller) float(f float64) {
	switch size := math.Abs(f); {
	case size < 1<<53 && f == math.Trunc(f):
		s.b = strconv.AppendInt(s.b, int64(f), 10)
	case size >= 1e-6 && size < 1e21: // without an exponent
		s.b = strconv.AppendFloat(s.b, f, 'f', -1, 64)
	default:
		s.other(f)
	}
}

// other leaves to encoding/json what is rare.
func (s *speller) other(v any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		s.err = err
		return
	}
	s.b = append(s.b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

func (s *speller) text(text string) {
	start := len(s.b)
	s.b = append(s.b, '"')
	from := 0
	for i := range len(text) {
		if !special[text[i]] {
			continue
		}
		var escape byte
		switch c := text[i]; {
		case c == '\n':
			escape = 'n'
		case c == '\t':
			escape = 't'
		case c == '\r':
			escape = 'r'
		case c == '"' || c == '\\':
			escape = c
		case c < ' ' || c == 0xe2 && lineEnd(text[i:]):
			s.b = s.b[:start]
			s.other(text)
			return
		default:
			continue
		}
		s.b = append(append(s.b, text[from:i]...), '\\', escape)
		from = i + 1
	}
	s.b = append(append(s.b, text[from:]...), '"')
}

// special are the bytes that may need an escape.
var special = func() (t [256]bool) {
	for c := range ' ' {
		t[c] = true
	}
	t['"'], t['\\'], t[0xe2] = true, true, true
	return t
}()

// lineEnd tells whether text begins with U+2028 or U+2029, which JSON may hold
// as they are and encoding/json escapes.
func lineEnd(text string) bool {
	return len(text) >= 3 && text[1] == 0x80 && text[2]&^1 == 0xa8
}
