package work

import "parley/sync/event"

// MarshalBinary writes the row; the first byte is the layout's version.
func (r *Row) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 64), 3)}
	w.Number(r.Gen)
	w.Text(string(r.State))
	w.Text(r.Key)
	w.Text(string(r.Cause))
	w.Flag(r.Forced)
	w.Flag(r.Bulk)
	w.Number(uint64(r.Attempt))
	w.Text(r.Reason)
	w.Text(string(r.Code))
	w.Time(r.Since)
	w.Time(r.Next)
	w.Flag(r.Parked)
	w.Text(string(r.Healed))
	w.Flag(r.Stands)
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (r *Row) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	*r = Row{
		Gen: p.Number(), State: State(p.Text()), Key: p.Text(), Cause: event.Cause(p.Text()), Forced: p.Flag(), Bulk: p.Flag(),
		Attempt: int(p.Number()), Reason: p.Text(), Code: event.Code(p.Text()), Since: p.Time(), Next: p.Time(), Parked: p.Flag(),
	}
	if version == 1 {
		return p.End()
	}
	r.Healed = event.ItemID(p.Text())
	if version > 2 {
		r.Stands = p.Flag()
	}
	return p.Version(version, max(2, min(version, 3)))
}
