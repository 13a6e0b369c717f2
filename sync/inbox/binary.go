package inbox

import "parley/sync/event"

// MarshalBinary writes the row; the first byte is the layout's version.
func (r *Row) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: append(make([]byte, 0, 64), 1)}
	w.Number(r.Epoch)
	w.Number(uint64(r.Seq))
	w.Text(string(r.State))
	w.Flag(r.Planned())
	if r.Planned() {
		w.Text(string(r.Plan))
	}
	w.Number(r.NextEpoch)
	w.Number(uint64(r.NextSeq))
	w.Number(uint64(r.Attempt))
	w.Time(r.Until)
	w.Time(r.Since)
	w.Text(string(r.Code))
	w.Text(r.Reason)
	w.Text(string(r.Told))
	w.Text(r.Key)
	w.Number(uint64(r.At))
	return w.Bytes, w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (r *Row) UnmarshalBinary(raw []byte) error {
	p := event.NewParser(raw)
	version := p.Number()
	*r = Row{Epoch: p.Number(), Seq: event.Seq(p.Number()), State: State(p.Text())}
	if p.Flag() {
		r.Plan = []byte(p.Text())
	}
	r.NextEpoch, r.NextSeq, r.Attempt, r.Until, r.Since = p.Number(), event.Seq(p.Number()), int(p.Number()), p.Time(), p.Time()
	r.Code, r.Reason, r.Told, r.Key, r.At = event.Code(p.Text()), p.Text(), event.Code(p.Text()), p.Text(), int64(p.Number())
	return p.Version(version, 1)
}
