package outbox

import "parley/sync/event"

// MarshalBinary writes the row; the first byte is the layout's version.
func (r *Row) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 64), 1)}
	w.Bytes = append(w.Bytes, r.Twin[:]...)
	w.Ref(r.Ref)
	w.Number(r.Epoch)
	w.Number(uint64(r.At))
	w.Text(r.Key)
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (r *Row) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	*r = Row{Twin: event.TwinID(p.ID()), Ref: p.Ref(), Epoch: p.Number(), At: int64(p.Number()), Key: p.Text()}
	return p.Version(version, 1)
}
