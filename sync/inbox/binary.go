package inbox

import (
	"encoding/binary"
	"errors"

	"parley/sync/event"
)

// layout is the present one. The first had no Begun.
const layout = 2

// errLayout: bytes that no MarshalBinary made.
var errLayout = errors.New("row is not of this version")

// MarshalBinary writes the row: the layout's version, the length of all but the
// plan, that, and the plan.
func (r *Row) MarshalBinary() ([]byte, error) {
	w := event.Writer{Bytes: make([]byte, 0, 128)}
	w.Number(r.Epoch)
	w.Number(uint64(r.Seq))
	w.Text(string(r.State))
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
	w.Flag(r.Begun)
	out := append(make([]byte, 0, 1+binary.MaxVarintLen64+len(w.Bytes)+len(r.Plan)), layout)
	out = binary.AppendUvarint(out, uint64(len(w.Bytes)))
	return append(append(out, w.Bytes...), r.Plan...), w.Err
}

// UnmarshalBinary reads what MarshalBinary wrote; the plan stays a part of raw.
func (r *Row) UnmarshalBinary(raw []byte) error {
	if len(raw) < 2 || raw[0] < 1 || raw[0] > layout {
		return errLayout
	}
	size, n := binary.Uvarint(raw[1:])
	if n <= 0 || size > uint64(len(raw)-1-n) {
		return errLayout
	}
	p := event.NewParser(raw[1+n : 1+n+int(size)])
	*r = Row{
		Epoch: p.Number(), Seq: event.Seq(p.Number()), State: State(p.Text()),
		NextEpoch: p.Number(), NextSeq: event.Seq(p.Number()), Attempt: int(p.Number()), Until: p.Time(), Since: p.Time(),
		Code: event.Code(p.Text()), Reason: p.Text(), Told: event.Code(p.Text()), Key: p.Text(), At: int64(p.Number()),
	}
	if raw[0] > 1 {
		r.Begun = p.Flag()
	}
	if plan := raw[1+n+int(size):]; len(plan) > 0 {
		r.Plan = plan
	}
	return p.End()
}
