package event

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"time"
)

// Rows that are read and written with every event are kept in a form of their
// own: JSON would be a quarter of what an event costs. Writer makes it, Parser
// reads it.

// errBinary: bytes that no Writer made.
var errBinary = errors.New("row is not of this version")

// The tags of values.
const (
	tagNil    = 'n'
	tagText   = 's'
	tagNumber = 'f'
	tagFalse  = '0'
	tagTrue   = '1'
	tagList   = 'l'
	tagMap    = 'm'
	tagJSON   = 'j' // whatever else is plain data
)

// Writer puts values one behind the other. The first error sticks.
type Writer struct {
	Bytes []byte
	Err   error
}

// Number writes an unsigned number.
func (w *Writer) Number(n uint64) { w.Bytes = binary.AppendUvarint(w.Bytes, n) }

// Flag writes a bool.
func (w *Writer) Flag(f bool) {
	if f {
		w.Bytes = append(w.Bytes, 1)
	} else {
		w.Bytes = append(w.Bytes, 0)
	}
}

// Text writes a text.
func (w *Writer) Text(s string) {
	w.Number(uint64(len(s)))
	w.Bytes = append(w.Bytes, s...)
}

// Hash writes a hash.
func (w *Writer) Hash(h Hash) { w.Bytes = binary.BigEndian.AppendUint64(w.Bytes, uint64(h)) }

// Byte writes one byte.
func (w *Writer) Byte(b byte) { w.Bytes = append(w.Bytes, b) }

// Time writes a time to the nanosecond; its zone is not kept.
func (w *Writer) Time(t time.Time) {
	w.Flag(!t.IsZero())
	if !t.IsZero() {
		w.Number(uint64(t.UnixNano()))
	}
}

// Ref writes a ref.
func (w *Writer) Ref(r Ref) {
	w.Text(r.ID)
	w.Number(uint64(r.Created))
}

// Texts writes a list of texts.
func (w *Writer) Texts(texts []string) {
	w.Number(uint64(len(texts)))
	for _, t := range texts {
		w.Text(t)
	}
}

// Value writes a plain value.
func (w *Writer) Value(v any) {
	switch v := v.(type) {
	case nil:
		w.Bytes = append(w.Bytes, tagNil)
	case string:
		w.Bytes = append(w.Bytes, tagText)
		w.Text(v)
	case float64:
		w.Bytes = binary.BigEndian.AppendUint64(append(w.Bytes, tagNumber), math.Float64bits(v))
	case bool:
		if v {
			w.Bytes = append(w.Bytes, tagTrue)
		} else {
			w.Bytes = append(w.Bytes, tagFalse)
		}
	case []any:
		w.Bytes = append(w.Bytes, tagList)
		w.List(v)
	case map[string]any:
		w.Bytes = append(w.Bytes, tagMap)
		w.Map(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil && w.Err == nil {
			w.Err = err
		}
		w.Bytes = append(w.Bytes, tagJSON)
		w.Text(string(raw))
	}
}

// List writes a list of plain values.
func (w *Writer) List(list []any) {
	w.Number(uint64(len(list)))
	for _, v := range list {
		w.Value(v)
	}
}

// Map writes plain values by name.
func (w *Writer) Map(m map[string]any) {
	w.Number(uint64(len(m)))
	for name, v := range m {
		w.Text(name)
		w.Value(v)
	}
}

// Parser reads what a Writer made, in the same order. The first error sticks,
// and everything after it is empty. Texts share memory with each other.
type Parser struct {
	left string
	err  error
}

// NewParser makes a Parser of a copy of raw.
func NewParser(raw []byte) *Parser { return &Parser{left: string(raw)} }

// End returns the first error, or that something is left over.
func (p *Parser) End() error {
	if p.err == nil && p.left != "" {
		p.fail()
	}
	return p.err
}

// Version is End, and checks the layout's version that was read first.
func (p *Parser) Version(got, want uint64) error {
	if got != want {
		p.fail()
	}
	return p.End()
}

func (p *Parser) fail() { p.left, p.err = "", errBinary }

// take returns the next n bytes.
func (p *Parser) take(n uint64) string {
	if n > uint64(len(p.left)) {
		p.fail()
		return ""
	}
	s := p.left[:n]
	p.left = p.left[n:]
	return s
}

// Number reads an unsigned number.
func (p *Parser) Number() uint64 {
	var n uint64
	for i := 0; i < len(p.left) && i < binary.MaxVarintLen64; i++ {
		b := p.left[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			p.left = p.left[i+1:]
			return n
		}
	}
	p.fail()
	return 0
}

// Flag reads a bool.
func (p *Parser) Flag() bool { return p.take(1) == "\x01" }

// ID reads 16 bytes as they stand.
func (p *Parser) ID() (id ID) {
	copy(id[:], p.take(uint64(len(id))))
	return id
}

// Hash reads a hash.
func (p *Parser) Hash() Hash {
	bits := p.take(8)
	if len(bits) < 8 {
		return 0
	}
	var h Hash
	for i := range 8 {
		h = h<<8 | Hash(bits[i])
	}
	return h
}

// Byte reads one byte.
func (p *Parser) Byte() byte {
	b := p.take(1)
	if b == "" {
		return 0
	}
	return b[0]
}

// Time reads a time, as UTC.
func (p *Parser) Time() time.Time {
	if !p.Flag() {
		return time.Time{}
	}
	return time.Unix(0, int64(p.Number())).UTC()
}

// Ref reads a ref.
func (p *Parser) Ref() Ref { return Ref{ID: p.Text(), Created: int64(p.Number())} }

// Texts reads a list of texts; nil for none.
func (p *Parser) Texts() []string {
	var texts []string
	for range p.Count() {
		texts = append(texts, p.Text())
	}
	return texts
}

// Text reads a text.
func (p *Parser) Text() string { return p.take(p.Number()) }

// Count reads how many entries follow: never more than there are bytes.
func (p *Parser) Count() int {
	n := p.Number()
	if n > uint64(len(p.left)) {
		p.fail()
		return 0
	}
	return int(n)
}

// Value reads a plain value.
func (p *Parser) Value() any { return p.value(0) }

// deepest bounds values in values.
const deepest = 100

func (p *Parser) value(depth int) any {
	if depth > deepest {
		p.fail()
		return nil
	}
	switch tag := p.take(1); tag {
	case string(tagText):
		return p.Text()
	case string(tagNumber):
		if bits := p.take(8); len(bits) == 8 {
			return math.Float64frombits(binary.BigEndian.Uint64([]byte(bits)))
		}
	case string(tagFalse):
		return false
	case string(tagTrue):
		return true
	case string(tagList):
		return p.list(depth)
	case string(tagMap):
		return p.plainMap(depth)
	case string(tagJSON):
		var v any
		if err := json.Unmarshal([]byte(p.Text()), &v); err != nil {
			p.fail()
		}
		return v
	case string(tagNil):
	default:
		p.fail()
	}
	return nil
}

// List reads a list of plain values.
func (p *Parser) List() []any { return p.list(0) }

func (p *Parser) list(depth int) []any {
	n := p.Count()
	out := make([]any, 0, n)
	for range n {
		out = append(out, p.value(depth+1))
	}
	return out
}

// Map reads plain values by name.
func (p *Parser) Map() map[string]any { return p.plainMap(0) }

func (p *Parser) plainMap(depth int) map[string]any {
	n := p.Count()
	out := make(map[string]any, n)
	for range n {
		name := p.Text()
		out[name] = p.value(depth + 1)
	}
	return out
}
