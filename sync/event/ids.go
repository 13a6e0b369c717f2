package event

import (
	"encoding/base32"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// ID is 16 random bytes; connections, twins and origins have one.
type ID [16]byte

// Distinct kinds of ID, so that one is never passed for another.
type (
	// ConnectionID names a connection, alike on both sides.
	ConnectionID ID
	// TwinID names a pair of tickets, alike on both sides.
	TwinID ID
	// OriginID names the ticket that a chain of copies started from.
	OriginID ID
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewID draws an ID from random.
func NewID(random io.Reader) (ID, error) {
	var id ID
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return ID{}, fmt.Errorf("draw an id: %w", err)
	}
	return id, nil
}

// ParseID reads what String wrote; any other spelling is an error.
func ParseID(s string) (ID, error) {
	raw, err := encoding.DecodeString(s)
	if err != nil || len(raw) != len(ID{}) {
		return ID{}, fmt.Errorf("%q is not an id", s)
	}
	id := ID(raw)
	if id.String() != s {
		return ID{}, fmt.Errorf("%q is not an id", s)
	}
	return id, nil
}

// String is 26 characters, lower case.
func (id ID) String() string { return encoding.EncodeToString(id[:]) }

// IsZero tells whether the id was never drawn.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// String is the text form, as ID's.
func (id ConnectionID) String() string { return ID(id).String() }

// IsZero tells whether the id was never drawn.
func (id ConnectionID) IsZero() bool { return ID(id).IsZero() }

// MarshalText implements encoding.TextMarshaler.
func (id ConnectionID) MarshalText() ([]byte, error) { return ID(id).MarshalText() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ConnectionID) UnmarshalText(text []byte) error { return (*ID)(id).UnmarshalText(text) }

// String is the text form, as ID's.
func (id TwinID) String() string { return ID(id).String() }

// IsZero tells whether the id was never drawn.
func (id TwinID) IsZero() bool { return ID(id).IsZero() }

// MarshalText implements encoding.TextMarshaler.
func (id TwinID) MarshalText() ([]byte, error) { return ID(id).MarshalText() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *TwinID) UnmarshalText(text []byte) error { return (*ID)(id).UnmarshalText(text) }

// String is the text form, as ID's.
func (id OriginID) String() string { return ID(id).String() }

// IsZero tells whether the id was never drawn.
func (id OriginID) IsZero() bool { return ID(id).IsZero() }

// MarshalText implements encoding.TextMarshaler.
func (id OriginID) MarshalText() ([]byte, error) { return ID(id).MarshalText() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *OriginID) UnmarshalText(text []byte) error { return (*ID)(id).UnmarshalText(text) }

// Ref points at one ticket of our tracker. ID is the tracker's own lasting id
// (not the key people see, which may change). Created is in it because some
// trackers give a deleted id out again: equal ids with different times are
// different tickets. Ref is comparable.
type Ref struct {
	ID      string
	Created int64 // seconds since 1970, UTC
}

// NewRef makes a Ref; created is cut to whole seconds.
func NewRef(id string, created time.Time) Ref { return Ref{ID: id, Created: created.Unix()} }

// IsZero tells whether the ref points at nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// String is "id@seconds".
func (r Ref) String() string { return r.ID + "@" + strconv.FormatInt(r.Created, 10) }

// ParseRef reads what String wrote.
func ParseRef(s string) (Ref, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 {
		return Ref{}, fmt.Errorf("%q is not a ticket reference", s)
	}
	seconds, err := strconv.ParseInt(s[at+1:], 10, 64)
	if err != nil {
		return Ref{}, fmt.Errorf("%q is not a ticket reference", s)
	}
	return Ref{ID: s[:at], Created: seconds}, nil
}

// MarshalText implements encoding.TextMarshaler; the zero Ref is "".
func (r Ref) MarshalText() ([]byte, error) {
	if r.IsZero() {
		return []byte{}, nil
	}
	return []byte(r.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Ref) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Ref{}
		return nil
	}
	parsed, err := ParseRef(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// Cursor is an adapter's place in its tracker's list of changes. Only the
// adapter reads it; "" asks for the beginning.
type Cursor string

// Marker is what a write leaves in the tracker so that it is recognised after
// a crash: 16 lower-case characters of base32, 80 bits. The same thing always
// has the same marker.
type Marker string

// Seq numbers the events of one stream from 1, without holes.
type Seq uint64
