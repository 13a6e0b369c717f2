package plan

import (
	"parley/sync/event"
	"parley/sync/twin"
)

// MarshalBinary writes the plan; the first byte is the layout's version. What
// the steps write already is not written again.
func (p *Plan) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 4096), layout)}
	w.Number(p.Epoch)
	w.Number(uint64(p.Seq))
	w.Ref(p.Ref)
	w.Number(uint64(len(p.Steps)))
	for i := range p.Steps {
		p.Steps[i].write(&w)
	}
	w.Map(p.Before)
	p.writeSaid(&w)
	w.Number(uint64(p.Seen))
	w.Texts(p.Kept)
	writeItems(&w, p.Declined)
	w.Number(uint64(len(p.Files)))
	for _, f := range p.Files {
		w.Text(string(f.Item))
		w.Text(f.Name)
		w.Text(f.MIME)
		w.Number(uint64(f.Size))
		w.Text(f.SHA256)
		w.Flag(f.Internal)
	}
	w.Time(p.Read)
	w.Texts(p.Disputed)
	w.Texts(p.Untold)
	w.Number(uint64(len(p.Again)))
	for name, a := range p.Again {
		w.Text(name)
		w.Text(string(a.Cause))
		w.Time(a.At)
		w.Flag(a.Known)
	}
	for i := range p.Steps {
		was := p.Steps[i].Write.Was
		if w.Flag(was != nil); was != nil {
			w.Map(was)
		}
	}
	for i := range p.Steps {
		remove := p.Steps[i].Write.Remove
		if w.Flag(remove != nil); remove != nil {
			w.Flag(remove.File)
			w.Text(remove.ID)
		}
	}
	w.Texts(p.Via)
	for i := range p.Steps {
		as := ""
		if c := p.Steps[i].Write.Comment; c != nil {
			as = c.As
		}
		w.Text(as)
	}
	for i := range p.Steps {
		w.Number(uint64(len(p.Steps[i].Write.Make)))
		for _, m := range p.Steps[i].Write.Make {
			w.Text(m.Kind)
			w.Text(m.Name)
			w.Text(m.Project)
		}
	}
	return w.Bytes, w.Err
}

// layout is the present one. The first had no Read, and its steps no Why; the
// second had no Disputed, the third no Untold and another Read, the fourth no Again, the
// fifth no Was, the sixth no Remove, the seventh no Via, the eighth no As,
// the ninth no Make.
const layout = 10

// UnmarshalBinary reads what MarshalBinary wrote.
func (p *Plan) UnmarshalBinary(raw []byte) error {
	r := event.NewParser(raw)
	version := r.Number()
	*p = Plan{Epoch: r.Number(), Seq: event.Seq(r.Number()), Ref: r.Ref()}
	for range r.Count() {
		p.Steps = append(p.Steps, readStep(r, version))
	}
	p.Before = r.Map()
	p.readSaid(r)
	p.Seen, p.Kept = event.Seq(r.Number()), r.Texts()
	for _, item := range r.Texts() {
		p.Declined = append(p.Declined, event.ItemID(item))
	}
	for range r.Count() {
		p.Files = append(p.Files, File{
			Item: event.ItemID(r.Text()), Name: r.Text(), MIME: r.Text(), Size: int64(r.Number()), SHA256: r.Text(), Internal: r.Flag(),
		})
	}
	if version > 1 {
		p.Read = r.Time()
	}
	if version > 2 {
		p.Disputed = r.Texts()
	}
	if version > 3 {
		p.Untold = r.Texts()
	}
	if version > 4 {
		p.readAgain(r)
	}
	for i := range p.Steps {
		if version > 5 && r.Flag() {
			p.Steps[i].Write.Was = r.Map()
		}
	}
	for i := range p.Steps {
		if version > 6 && r.Flag() {
			p.Steps[i].Write.Remove = &event.Removal{File: r.Flag(), ID: r.Text()}
		}
	}
	if version > 7 {
		p.Via = r.Texts()
	}
	for i := range p.Steps {
		if version > 8 {
			p.Steps[i].readAs(r)
		}
	}
	for i := range p.Steps {
		if version > 9 {
			p.Steps[i].readMake(r)
		}
	}
	return r.Version(version, min(max(version, 1), layout))
}

func (s *Step) readAs(r *event.Parser) {
	if as := r.Text(); s.Write.Comment != nil {
		s.Write.Comment.As = as
	}
}

func (s *Step) readMake(r *event.Parser) {
	for range r.Count() {
		s.Write.Make = append(s.Write.Make, event.Making{Kind: r.Text(), Name: r.Text(), Project: r.Text()})
	}
}

func (p *Plan) readAgain(r *event.Parser) {
	n := r.Count()
	if n > 0 {
		p.Again = make(map[string]twin.Again, n)
	}
	for range n {
		p.Again[r.Text()] = twin.Again{Cause: event.Cause(r.Text()), At: r.Time(), Known: r.Flag()}
	}
}

func (p *Plan) writeSaid(w *event.Writer) {
	want := p.Want()
	w.Number(uint64(len(p.Said)))
	for name, value := range p.Said {
		written, ok := want[name]
		ok = ok && twin.Same(written, value)
		w.Text(name)
		w.Flag(ok)
		if !ok {
			w.Value(value)
		}
	}
}

func (p *Plan) readSaid(r *event.Parser) {
	want := p.Want()
	n := r.Count()
	p.Said = make(event.Fields, n)
	for range n {
		name := r.Text()
		if r.Flag() {
			p.Said[name] = want[name]
		} else {
			p.Said[name] = r.Value()
		}
	}
}

func (s *Step) write(w *event.Writer) {
	writeWrite(w, &s.Write)
	w.Text(string(s.Item))
	w.Hash(s.Hash)
	w.Text(string(s.State))
	w.Number(uint64(s.Attempt))
	w.Time(s.At)
	w.Time(s.NotBefore)
	w.Number(s.Boot)
	w.Text(string(s.Why))
}

func readStep(r *event.Parser, version uint64) Step {
	s := Step{
		Write: readWrite(r), Item: event.ItemID(r.Text()), Hash: r.Hash(), State: State(r.Text()),
		Attempt: int(r.Number()), At: r.Time(), NotBefore: r.Time(), Boot: r.Number(),
	}
	if version > 1 {
		s.Why = event.Code(r.Text())
	}
	return s
}

func writeWrite(w *event.Writer, s *event.Step) {
	w.Text(string(s.Kind))
	w.Text(string(s.Marker))
	w.Ref(s.Ref)
	w.Flag(s.Fields != nil)
	if s.Fields != nil {
		w.Map(s.Fields)
	}
	w.Flag(s.Comment != nil)
	if c := s.Comment; c != nil {
		w.Text(c.ID)
		w.Text(c.Body)
		w.Flag(c.Internal)
	}
	w.Flag(s.Attachment != nil)
	if a := s.Attachment; a != nil {
		w.Text(a.Name)
		w.Number(uint64(a.Size))
		w.Text(a.MIME)
		w.Text(a.SHA256)
		w.Flag(a.Internal)
	}
	w.Text(s.Lock)
	w.Number(uint64(s.Since))
}

func readWrite(r *event.Parser) event.Step {
	s := event.Step{Kind: event.StepKind(r.Text()), Marker: event.Marker(r.Text()), Ref: r.Ref()}
	if r.Flag() {
		s.Fields = r.Map()
	}
	if r.Flag() {
		s.Comment = &event.CommentWrite{ID: r.Text(), Body: r.Text(), Internal: r.Flag()}
	}
	if r.Flag() {
		s.Attachment = &event.AttachmentWrite{
			Name: r.Text(), Size: int64(r.Number()), MIME: r.Text(), SHA256: r.Text(), Internal: r.Flag(),
		}
	}
	s.Lock, s.Since = r.Text(), int64(r.Number())
	return s
}

func writeItems(w *event.Writer, items []event.ItemID) {
	w.Number(uint64(len(items)))
	for _, item := range items {
		w.Text(string(item))
	}
}
