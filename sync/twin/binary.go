package twin

import "parley/sync/event"

// MarshalBinary writes the row; the first byte is the layout's version.
func (r *Row) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 1024), rowVersion)}
	w.Ref(r.Ref)
	w.Text(r.Key)
	w.Bytes = append(w.Bytes, r.Origin[:]...)
	w.Number(uint64(r.Hops))
	w.Text(string(r.State))
	w.Time(r.Since)
	w.Flag(r.Theirs)
	w.Number(r.Seen.Epoch)
	w.Number(uint64(r.Seen.Seq))
	w.Number(r.Epoch)
	w.Number(uint64(len(r.Sent)))
	for name, sent := range r.Sent {
		w.Text(name)
		w.Hash(sent.Hash)
		w.Number(uint64(sent.Seq))
		w.Byte(byte(sent.State))
		writeOther(&w, sent.Said, sent.Hash)
	}
	w.Number(uint64(len(r.Local)))
	for name, base := range r.Local {
		w.Text(name)
		w.Hash(base.Hash)
		w.Number(uint64(base.Seq))
		w.Number(uint64(base.At))
		w.Flag(base.Weak)
		w.Number(uint64(base.Final))
		w.Number(uint64(base.Again))
		w.Number(uint64(base.AgainAt))
	}
	w.Flag(r.Out != nil)
	if r.Out != nil {
		w.Number(uint64(r.Out.Seq))
		w.Text(string(r.Out.Parked))
		w.Number(uint64(r.Out.Since))
	}
	w.Number(uint64(len(r.Sets)))
	for name, set := range r.Sets {
		w.Text(name)
		writeSet(&w, set)
	}
	w.Texts(r.Lost)
	w.Texts(r.LostLocal)
	w.Text(string(r.Refused))
	w.Text(string(r.TheirNote))
	w.Number(uint64(r.Items))
	w.Flag(r.Connect != nil)
	if c := r.Connect; c != nil {
		w.Text(c.Key)
		w.Text(string(c.Prefer))
		w.Flag(c.Old)
	}
	r.writeEnd(&w)
	w.Hash(r.Wrote)
	w.Number(uint64(r.Turn))
	w.Texts(r.Astray)
	w.Number(uint64(len(r.Disputes)))
	for name, d := range r.Disputes {
		w.Text(name)
		d.write(&w)
	}
	w.Number(uint64(len(r.Overran)))
	for name, o := range r.Overran {
		w.Text(name)
		o.write(&w)
	}
	w.Texts(r.Untold)
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote, in this version or an earlier.
func (r *Row) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	*r = Row{Ref: p.Ref(), Key: p.Text(), Origin: event.OriginID(p.ID())}
	r.Hops, r.State, r.Since, r.Theirs = int(p.Number()), State(p.Text()), p.Time(), p.Flag()
	r.Seen = event.Position{Epoch: p.Number(), Seq: event.Seq(p.Number())}
	r.Epoch = p.Number()
	if n := p.Count(); n > 0 {
		r.Sent = make(map[string]Sent, n)
		for range n {
			name := p.Text()
			sent := Sent{Hash: p.Hash(), Seq: event.Seq(p.Number()), State: Confirm(p.Byte())}
			switch {
			case version > 1:
				sent.Said = readOther(p, sent.Hash)
			case sent.Seq > 0:
				sent.Said = sent.Hash
			default:
				sent.Said = Unrecorded
			}
			r.Sent[name] = sent
		}
	}
	if n := p.Count(); n > 0 {
		r.Local = make(map[string]Base, n)
		for range n {
			name, base := p.Text(), Base{Hash: p.Hash(), Seq: event.Seq(p.Number()), At: int64(p.Number()), Weak: p.Flag()}
			if version > 3 {
				base.Final = event.Seq(p.Number())
			}
			if version > 6 {
				base.Again, base.AgainAt = event.Seq(p.Number()), int64(p.Number())
			}
			r.Local[name] = base
		}
	}
	if p.Flag() {
		r.Out = &Unsettled{Seq: event.Seq(p.Number()), Parked: event.Code(p.Text()), Since: int64(p.Number())}
	}
	if n := p.Count(); n > 0 {
		r.Sets = make(map[string]Set, n)
		for range n {
			r.Sets[p.Text()] = readSet(p, version)
		}
	}
	r.Lost, r.LostLocal = p.Texts(), p.Texts()
	r.Refused, r.TheirNote, r.Items = event.Code(p.Text()), event.Code(p.Text()), int(p.Number())
	if version > 1 && p.Flag() {
		r.Connect = &event.Connect{Key: p.Text(), Prefer: event.Prefer(p.Text()), Old: p.Flag()}
	}
	if version > 2 {
		r.readEnd(p)
	}
	if version > 3 {
		r.Wrote, r.Turn, r.Astray = p.Hash(), int(p.Number()), p.Texts()
		for range p.Count() {
			if r.Disputes == nil {
				r.Disputes = map[string]Dispute{}
			}
			r.Disputes[p.Text()] = readDispute(p)
		}
	}
	if version > 5 {
		r.readOverran(p)
	}
	if version > 7 {
		r.Untold = p.Texts()
	}
	return p.Version(version, within(version, rowVersion))
}

func (r *Row) readOverran(p *event.Parser) {
	n := p.Count()
	if n > 0 {
		r.Overran = make(map[string]Overrun, n)
	}
	for range n {
		r.Overran[p.Text()] = readOverrun(p)
	}
}

// Layouts: version 1 of both did not keep what was on the wire, and of a row not what
// it connects, version 2 of a row not how it ended, version 3 no disputes and no
// turns, version 4 not which event said all of a set, version 5 no overruns, version 6
// not what was said again, version 7 not what the peer may not know to be disputed.
const (
	rowVersion  = 8
	pageVersion = 2
)

// within is version if there is such a layout up to the present one.
func within(version, present uint64) uint64 { return min(max(version, 1), present) }

// writeOther writes a hash that mostly is as another.
func writeOther(w *event.Writer, h, other event.Hash) {
	w.Flag(h != other)
	if h != other {
		w.Hash(h)
	}
}

func readOther(p *event.Parser, other event.Hash) event.Hash {
	if p.Flag() {
		return p.Hash()
	}
	return other
}

// Page is a part of a twin's comments and files, in the order they became known.
// A new one changes the last page only, and a ticket is looked at with few reads.
type Page []Entry

// Entry is an item by its name.
type Entry struct {
	ID event.ItemID
	Item
}

// PageLen is how many items a page holds.
const PageLen = 64

// Pages is how many pages hold so many items.
func Pages(items int) int { return (items + PageLen - 1) / PageLen }

// StateOf reads the state out of a row's bytes, and nothing else.
func StateOf(raw []byte) (State, error) {
	for _, most := range []int{min(len(raw), stateWithin), len(raw)} {
		p := event.NewParser(raw[:most])
		p.Number()
		p.Ref()
		p.Text()
		p.ID()
		p.Number()
		if state := State(p.Text()); state != "" {
			return state, nil
		}
	}
	var row Row
	err := row.UnmarshalBinary(raw)
	return row.State, err
}

// stateWithin is how far into a row its state stands, but for very long keys.
const stateWithin = 256

// MarshalBinary writes the page; the first byte is the layout's version.
func (g *Page) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 64*len(*g)+8), pageVersion)}
	w.Number(uint64(len(*g)))
	for _, e := range *g {
		w.Text(string(e.ID))
		w.Text(e.Local)
		w.Flag(e.Theirs)
		w.Flag(e.File)
		w.Hash(e.Hash)
		w.Number(uint64(e.Seq))
		w.Byte(byte(e.State))
		w.Text(e.Name)
		if !e.File {
			writeOther(&w, e.Wire, e.Hash)
		}
	}
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (g *Page) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	n := p.Count()
	*g = make(Page, 0, n)
	for range n {
		e := Entry{ID: event.ItemID(p.Text()), Item: Item{
			Local: p.Text(), Theirs: p.Flag(), File: p.Flag(), Hash: p.Hash(),
			Seq: event.Seq(p.Number()), State: Confirm(p.Byte()), Name: p.Text(),
		}}
		switch {
		case e.File:
		case version > 1:
			e.Wire = readOther(p, e.Hash)
		default:
			e.Wire = Unrecorded
		}
		*g = append(*g, e)
	}
	return p.Version(version, within(version, pageVersion))
}

func writeSet(w *event.Writer, set Set) {
	w.List(set.Held)
	w.Number(uint64(len(set.Told)))
	for _, t := range set.Told {
		w.Number(uint64(t.Seq))
		w.List(t.Hold)
		w.List(t.Removed)
		w.Flag(t.First)
	}
}

func readSet(p *event.Parser, version uint64) Set {
	set := Set{Held: orNone(p.List())}
	for range p.Count() {
		told := Told{Seq: event.Seq(p.Number()), Hold: orNone(p.List()), Removed: orNone(p.List())}
		told.First = version > 4 && p.Flag()
		set.Told = append(set.Told, told)
	}
	return set
}

// orNone is nil for a list of nothing.
func orNone(list []any) []any {
	if len(list) == 0 {
		return nil
	}
	return list
}
