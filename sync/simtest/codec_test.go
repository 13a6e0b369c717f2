package simtest

import (
	"encoding/binary"
	"fmt"

	"parley/sync/envelope"
)

// codec is the wire without bytes: what is sealed is kept, and the wire is the
// number that it is kept under. It tells the trace what leaves.
type codec struct{ end *end }

var _ envelope.Codec = codec{}

func (k codec) keep(v any) []byte {
	w := k.end.node.world
	w.wires = append(w.wires, v)
	return binary.BigEndian.AppendUint64(nil, uint64(len(w.wires)-1))
}

func kept[T any](k codec, wire []byte) (T, error) {
	v, ok := k.end.node.world.wires[binary.BigEndian.Uint64(wire)].(T)
	if !ok {
		return v, fmt.Errorf("the wire holds no %T", v)
	}
	return v, nil
}

func (k codec) Seal(c envelope.Cut) ([]byte, string, error) {
	w := k.end.node.world
	for i, e := range c.Entries {
		w.events++
		w.trace("%s sends %s %c%d %s", k.end.node.name, k.end.peer.node.name, c.Stream, int(c.First)+i, e.Bytes)
	}
	return k.keep(c), "token", nil
}

func (k codec) Open(wire []byte) (envelope.Cut, string, error) {
	c, err := kept[envelope.Cut](k, wire)
	return c, "token", err
}

func (k codec) SealReceipt(r envelope.Receipt) ([]byte, error) { return k.keep(r), nil }

func (k codec) OpenReceipt(wire []byte) (envelope.Receipt, error) {
	return kept[envelope.Receipt](k, wire)
}

func (k codec) SealHello(h envelope.Hello) ([]byte, error) { return k.keep(h), nil }

func (k codec) OpenHello(wire []byte) (envelope.Hello, error) { return kept[envelope.Hello](k, wire) }

func (codec) SealBlob(_ string, body []byte) ([]byte, error) { return body, nil }

func (codec) OpenBlob(_ string, wire []byte) ([]byte, error) { return wire, nil }
