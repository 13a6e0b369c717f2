package envelope

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version of the wire that this package writes and reads.
const Version = 1

// kind is the second byte of every frame.
type kind byte

// The kinds of frame.
const (
	kindEnvelope kind = 'e'
	kindReceipt  kind = 'r'
	kindHello    kind = 'h'
	kindBlob     kind = 'b'
)

// typ stands in the token's header, so that no token passes for another kind.
func (k kind) typ() string {
	switch k {
	case kindEnvelope:
		return "parley-envelope-1"
	case kindReceipt:
		return "parley-receipt-1"
	case kindHello:
		return "parley-hello-1"
	default:
		return "parley-blob-1"
	}
}

const maxFrame = 1 << 20

// Errors of a Codec.
var (
	// ErrRefused is wrapped by every error of the Open functions: what came is
	// not from the peer, not for this connection, or not well formed.
	ErrRefused = errors.New("refused")
	// ErrUnknownKey: it names a key that this connection does not know. It is
	// wrapped together with ErrRefused.
	ErrUnknownKey = errors.New("unknown key")
)

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))
}

// frontSize is that of what stands before the token.
const frontSize = 6

// frame is version ‖ kind ‖ token length (4 bytes) ‖ token ‖ sealed body. It
// leaves room for a body of so many bytes.
func frame(kind kind, token string, body int) ([]byte, error) {
	size := frontSize + len(token) + body
	if size > maxFrame {
		return nil, fmt.Errorf("%d bytes, at most %d", size, maxFrame)
	}
	out := make([]byte, 0, size)
	out = append(out, Version, byte(kind))
	out = binary.BigEndian.AppendUint32(out, uint32(len(token)))
	return append(out, token...), nil
}

func unframe(kind kind, wire []byte) (token, sealed []byte, err error) {
	if len(wire) > maxFrame {
		return nil, nil, refuse("%d bytes, at most %d", len(wire), maxFrame)
	}
	if len(wire) < frontSize {
		return nil, nil, refuse("%d bytes are no frame", len(wire))
	}
	if wire[0] != Version {
		return nil, nil, refuse("wire version %d", wire[0])
	}
	if wire[1] != byte(kind) {
		return nil, nil, refuse("a frame of another kind")
	}
	size := binary.BigEndian.Uint32(wire[2:])
	rest := wire[frontSize:]
	if uint64(size) > uint64(len(rest)) {
		return nil, nil, refuse("the token is cut short")
	}
	return rest[:size], rest[size:], nil
}

// unframeToken is unframe for kinds that have no body.
func unframeToken(kind kind, wire []byte) (string, error) {
	token, sealed, err := unframe(kind, wire)
	if err == nil && len(sealed) != 0 {
		err = refuse("%d bytes after the token", len(sealed))
	}
	return string(token), err
}

// appendEntry writes length (4 bytes) ‖ salt ‖ bytes.
func appendEntry(out []byte, e Entry) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(e.Bytes)))
	out = append(out, e.Salt[:]...)
	return append(out, e.Bytes...)
}

// readEntries reads exactly n entries and nothing after them.
func readEntries(plain []byte, n int) ([]Entry, error) {
	const front = 4 + len(Salt{})
	entries := make([]Entry, 0, n)
	for range n {
		if len(plain) < front {
			return nil, refuse("the entries are cut short")
		}
		size := binary.BigEndian.Uint32(plain)
		e := Entry{Salt: Salt(plain[4:front])}
		plain = plain[front:]
		if uint64(size) > uint64(len(plain)) {
			return nil, refuse("an entry is cut short")
		}
		e.Bytes, plain = plain[:size:size], plain[size:]
		entries = append(entries, e)
	}
	if len(plain) != 0 {
		return nil, refuse("%d bytes after the last entry", len(plain))
	}
	return entries, nil
}
