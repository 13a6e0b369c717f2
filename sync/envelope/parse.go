package envelope

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/sync/event"
)

// parser reads the canonical spelling in its one order. It need not be strict:
// what it read is spelled once more and compared. Texts share memory with the
// whole message.
type parser struct {
	all  string
	left string
	err  error
}

func parse(raw []byte) (event.Message, error) {
	p := &parser{all: string(raw)}
	p.left = p.all
	var m event.Message
	switch {
	case p.skip(`{"change":{`):
		m.Change = p.change()
	case p.skip(`{"outcome":{`):
		m.Outcome = p.outcome()
	case p.skip(`{"items":{`):
		m.Items = &event.Items{Twin: event.TwinID(p.id(`"twin":`)), Done: texts[event.ItemID](p, `,"done":`), Declined: texts[event.ItemID](p, `,"declined":`)}
	case p.skip(`{"ask":{"seqs":[`):
		m.Ask = &event.Ask{Seqs: p.seqs()}
	case p.skip(`{"goodbye":{`):
		m.Goodbye = &event.Goodbye{}
		if p.skip(`"code":`) {
			m.Goodbye.Code = event.Code(p.text())
		}
	case p.skip(`{"note":{`):
		m.Note = &event.Note{Twin: event.TwinID(p.id(`"twin":`)), Code: event.Code(p.textMember(`,"code":`)), After: p.position(`,"after":{`)}
	default:
		p.fail("a message of a known kind")
	}
	p.want(`}}`)
	if p.err == nil && p.left != "" {
		p.fail("the end")
	}
	return m, p.err
}

func (p *parser) fail(want string) {
	if p.err == nil {
		p.err = fmt.Errorf("not spelled canonically: %s is missing at byte %d", want, len(p.all)-len(p.left))
		p.left = ""
	}
}

// skip reads what is spelled exactly so, if it comes next.
func (p *parser) skip(exact string) bool {
	rest, ok := strings.CutPrefix(p.left, exact)
	if ok {
		p.left = rest
	}
	return ok
}

func (p *parser) want(exact string) {
	if !p.skip(exact) {
		p.fail(exact)
	}
}

func (p *parser) change() *event.ChangeBody {
	c := &event.ChangeBody{Twin: event.TwinID(p.id(`"twin":`)), Origin: event.OriginID(p.id(`,"origin":`))}
	c.Hops = int(p.intMember(`,"hops":`))
	c.Turn = int(p.intMember(`,"turn":`))
	c.First = p.skip(`,"first":true`)
	p.want(`,"filter":`)
	c.Filter = p.text()
	p.want(`,"cause":`)
	c.Cause = event.Cause(p.text())
	c.Seen = p.position(`,"seen":{`)
	p.want(`,"at":`)
	c.At = p.text()
	if p.skip(`,"fields":{`) {
		c.Fields = p.object()
	}
	c.Disputed = texts[string](p, `,"disputed":`)
	if p.skip(`,"again":[`) {
		for more := true; more && p.err == nil; more = p.skip(`,`) {
			c.Again = append(c.Again, p.again())
		}
		p.want(`]`)
	}
	if p.skip(`,"items":[`) {
		for more := true; more && p.err == nil; more = p.skip(`,`) {
			c.Items = append(c.Items, p.item())
		}
		p.want(`]`)
	}
	c.More = p.skip(`,"more":true`)
	if p.skip(`,"connect":{`) {
		c.Connect = &event.Connect{}
		if p.skip(`"key":`) {
			c.Connect.Key = p.text()
			p.want(`,`)
		}
		p.want(`"prefer":`)
		c.Connect.Prefer = event.Prefer(p.text())
		c.Connect.Old = p.skip(`,"old":true`)
		p.want(`}`)
	}
	return c
}

func (p *parser) again() event.Again {
	p.want(`{"seq":`)
	a := event.Again{Seq: event.Seq(p.number())}
	p.want(`,"at":`)
	a.At = p.text()
	p.want(`,"cause":`)
	a.Cause = event.Cause(p.text())
	a.Fields = texts[string](p, `,"fields":`)
	p.want(`}`)
	return a
}

// position reads a place in a stream that may be there.
func (p *parser) position(name string) event.Position {
	var at event.Position
	if !p.skip(name) {
		return at
	}
	if p.skip(`"epoch":`) {
		at.Epoch = p.number()
		p.skip(`,`)
	}
	if p.skip(`"seq":`) {
		at.Seq = event.Seq(p.number())
	}
	p.want(`}`)
	return at
}

func (p *parser) item() event.Item {
	p.want(`{"id":`)
	i := event.Item{ID: event.ItemID(p.text())}
	p.want(`,"kind":`)
	i.Kind = event.ItemKind(p.text())
	if p.skip(`,"author":{"id":`) {
		i.Author.ID = p.text()
		p.want(`,"name":`)
		i.Author.Name = p.text()
		i.Author.Email = p.textMember(`,"email":`)
		p.want(`}`)
	}
	i.Created = p.textMember(`,"created":`)
	i.Body = p.textMember(`,"body":`)
	i.Internal = p.skip(`,"internal":true`)
	i.Edited = p.textMember(`,"edited":`)
	i.Name = p.textMember(`,"name":`)
	i.Size = p.intMember(`,"size":`)
	i.MIME = p.textMember(`,"mime":`)
	i.SHA256 = p.textMember(`,"sha256":`)
	i.Inline = p.skip(`,"inline":true`)
	i.Withdrawn = p.skip(`,"withdrawn":true`)
	p.want(`}`)
	return i
}

func (p *parser) outcome() *event.Outcome {
	o := &event.Outcome{Twin: event.TwinID(p.id(`"twin":`))}
	p.want(`,"epoch":`)
	o.Epoch = p.number()
	p.want(`,"seq":`)
	o.Seq = event.Seq(p.number())
	p.want(`,"verdict":`)
	o.Verdict = event.Verdict(p.text())
	o.Code = event.Code(p.textMember(`,"code":`))
	o.Items = texts[event.ItemID](p, `,"items":`)
	o.Waiting = texts[event.ItemID](p, `,"waiting":`)
	o.Declined = texts[event.ItemID](p, `,"declined":`)
	o.Lost = texts[string](p, `,"lost":`)
	return o
}

func (p *parser) seqs() []event.Seq {
	var out []event.Seq
	for more := true; more && p.err == nil; more = p.skip(`,`) {
		out = append(out, event.Seq(p.number()))
	}
	p.want(`]`)
	return out
}

// id reads a member that must be there.
func (p *parser) id(name string) event.ID {
	p.want(name)
	id, err := event.ParseID(p.text())
	if err != nil {
		p.fail("an id")
	}
	return id
}

// textMember reads a member that may be there.
func (p *parser) textMember(name string) string {
	if !p.skip(name) {
		return ""
	}
	return p.text()
}

func (p *parser) intMember(name string) int64 {
	if !p.skip(name) {
		return 0
	}
	n, err := strconv.ParseInt(p.digits(), 10, 64)
	if err != nil {
		p.fail("a whole number")
	}
	return n
}

func (p *parser) number() uint64 {
	n, err := strconv.ParseUint(p.digits(), 10, 64)
	if err != nil {
		p.fail("a number")
	}
	return n
}

// digits is everything that may belong to a number.
func (p *parser) digits() string {
	n := 0
	for n < len(p.left) && strings.IndexByte("0123456789+-.eE", p.left[n]) >= 0 {
		n++
	}
	s := p.left[:n]
	p.left = p.left[n:]
	return s
}

func texts[T ~string](p *parser, name string) []T {
	if !p.skip(name) {
		return nil
	}
	p.want(`[`)
	var out []T
	for more := true; more && p.err == nil; more = p.skip(`,`) {
		out = append(out, T(p.text()))
	}
	p.want(`]`)
	return out
}

// object reads a free object behind its brace.
func (p *parser) object() map[string]any {
	m := map[string]any{}
	if p.skip(`}`) {
		return m
	}
	for more := true; more && p.err == nil; more = p.skip(`,`) {
		name := p.text()
		p.want(`:`)
		m[name] = p.value()
	}
	p.want(`}`)
	return m
}

// value reads a plain value; how deep it goes was bounded before.
func (p *parser) value() any {
	switch {
	case strings.HasPrefix(p.left, `"`):
		return p.text()
	case p.skip(`{`):
		return p.object()
	case p.skip(`[`):
		list := []any{}
		if p.skip(`]`) {
			return list
		}
		for more := true; more && p.err == nil; more = p.skip(`,`) {
			list = append(list, p.value())
		}
		p.want(`]`)
		return list
	case p.skip(`null`):
		return nil
	case p.skip(`true`):
		return true
	case p.skip(`false`):
		return false
	}
	f, err := strconv.ParseFloat(p.digits(), 64)
	if err != nil {
		p.fail("a value")
	}
	return f
}

// text reads a text with its quotes.
func (p *parser) text() string {
	end := -1
	if strings.HasPrefix(p.left, `"`) {
		end = strings.IndexByte(p.left[1:], '"')
	}
	if end < 0 {
		p.fail("a text")
		return ""
	}
	if s := p.left[1 : 1+end]; strings.IndexByte(s, '\\') < 0 {
		p.left = p.left[end+2:]
		return s
	}
	return p.escaped(end)
}

// escaped reads a text with escapes in it, which is likely to end at the next
// quote, after size bytes.
func (p *parser) escaped(size int) string {
	var b strings.Builder
	b.Grow(size)
	for i, from := 1, 1; i < len(p.left); i++ {
		c := p.left[i]
		switch {
		case c == '"':
			b.WriteString(p.left[from:i])
			p.left = p.left[i+1:]
			return b.String()
		case c != '\\':
			continue
		case i+1 == len(p.left):
			p.fail("a text")
			return ""
		}
		b.WriteString(p.left[from:i])
		i++
		from = i + 1
		switch c = p.left[i]; c {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b', 'f', 'u':
			more, ok := p.rare(&b, i-1)
			if !ok {
				return ""
			}
			i += more
			from = i + 1
		default:
			b.WriteByte(c)
		}
	}
	p.fail("the end of a text")
	return ""
}

// rare reads the escape at i, which is left to encoding/json, and returns how many
// bytes it has behind its letter.
func (p *parser) rare(b *strings.Builder, i int) (int, bool) {
	size := 2
	if p.left[i+1] == 'u' {
		size = 6
	}
	var s string
	if i+size > len(p.left) || json.Unmarshal([]byte(`"`+p.left[i:i+size]+`"`), &s) != nil || !utf8.ValidString(s) {
		p.fail("an escape")
		return 0, false
	}
	b.WriteString(s)
	return size - 2, true
}
