package twin

import (
	"time"

	"parley/sync/event"
)

// MarshalBinary writes the row; the first byte is the layout's version.
func (r *Row) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 1024), 1)}
	w.Text(r.Ref.ID)
	w.Number(uint64(r.Ref.Created))
	w.Text(r.Key)
	w.Bytes = append(w.Bytes, r.Origin[:]...)
	w.Number(uint64(r.Hops))
	w.Text(string(r.State))
	writeTime(&w, r.Since)
	w.Flag(r.Theirs)
	w.Number(r.Seen.Epoch)
	w.Number(uint64(r.Seen.Seq))
	w.Number(r.Epoch)
	w.Number(uint64(len(r.Sent)))
	for name, sent := range r.Sent {
		w.Text(name)
		w.Text(string(sent.Hash))
		w.Number(uint64(sent.Seq))
		w.Text(string(sent.State))
	}
	w.Number(uint64(len(r.Local)))
	for name, base := range r.Local {
		w.Text(name)
		w.Text(string(base.Hash))
		w.Number(uint64(base.Seq))
		w.Number(uint64(base.At))
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
	writeTexts(&w, r.Lost)
	writeTexts(&w, r.LostLocal)
	w.Text(string(r.Refused))
	w.Text(string(r.TheirNote))
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (r *Row) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	*r = Row{Ref: event.Ref{ID: p.Text(), Created: int64(p.Number())}, Key: p.Text(), Origin: event.OriginID(p.ID())}
	r.Hops, r.State, r.Since, r.Theirs = int(p.Number()), State(p.Text()), readTime(p), p.Flag()
	r.Seen = event.Position{Epoch: p.Number(), Seq: event.Seq(p.Number())}
	r.Epoch = p.Number()
	if n := p.Count(); n > 0 {
		r.Sent = make(map[string]Sent, n)
		for range n {
			r.Sent[p.Text()] = Sent{Hash: event.Hash(p.Text()), Seq: event.Seq(p.Number()), State: Confirm(p.Text())}
		}
	}
	if n := p.Count(); n > 0 {
		r.Local = make(map[string]Base, n)
		for range n {
			r.Local[p.Text()] = Base{Hash: event.Hash(p.Text()), Seq: event.Seq(p.Number()), At: int64(p.Number())}
		}
	}
	if p.Flag() {
		r.Out = &Unsettled{Seq: event.Seq(p.Number()), Parked: event.Code(p.Text()), Since: int64(p.Number())}
	}
	if n := p.Count(); n > 0 {
		r.Sets = make(map[string]Set, n)
		for range n {
			r.Sets[p.Text()] = readSet(p)
		}
	}
	r.Lost, r.LostLocal = readTexts(p), readTexts(p)
	r.Refused, r.TheirNote = event.Code(p.Text()), event.Code(p.Text())
	return p.Version(version, 1)
}

// MarshalBinary writes the item; the first byte is the layout's version.
func (i *Item) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 64), 1)}
	w.Text(i.Local)
	w.Flag(i.Theirs)
	w.Flag(i.File)
	w.Text(string(i.Hash))
	w.Number(uint64(i.Seq))
	w.Text(string(i.State))
	w.Text(i.Name)
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (i *Item) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	*i = Item{
		Local: p.Text(), Theirs: p.Flag(), File: p.Flag(), Hash: event.Hash(p.Text()),
		Seq: event.Seq(p.Number()), State: Confirm(p.Text()), Name: p.Text(),
	}
	return p.Version(version, 1)
}

func writeTime(w *event.Writer, t time.Time) {
	w.Flag(!t.IsZero())
	if !t.IsZero() {
		w.Number(uint64(t.UnixNano()))
	}
}

func readTime(p *event.Parser) time.Time {
	if !p.Flag() {
		return time.Time{}
	}
	return time.Unix(0, int64(p.Number())).UTC()
}

func writeSet(w *event.Writer, set Set) {
	w.List(set.Held)
	w.Number(uint64(len(set.Told)))
	for _, t := range set.Told {
		w.Number(uint64(t.Seq))
		w.List(t.Hold)
		w.List(t.Removed)
	}
}

func readSet(p *event.Parser) Set {
	set := Set{Held: orNone(p.List())}
	for range p.Count() {
		set.Told = append(set.Told, Told{Seq: event.Seq(p.Number()), Hold: orNone(p.List()), Removed: orNone(p.List())})
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

func writeTexts(w *event.Writer, texts []string) {
	w.Number(uint64(len(texts)))
	for _, t := range texts {
		w.Text(t)
	}
}

func readTexts(p *event.Parser) []string {
	var texts []string
	for range p.Count() {
		texts = append(texts, p.Text())
	}
	return texts
}
