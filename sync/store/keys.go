package store

import (
	"encoding/binary"

	"parley/sync/event"
)

// The layout of the keys. Numbers are big-endian, ids are raw bytes.
//
//	c/<tracker>                          the poll's cursor
//	w/<con>/<ref>                        work row
//	t/<con>/<twin>                       twin: state small enough to rewrite with every event
//	s/<con>/<twin>  x/<con>/<twin>       last replica sent (if the script asks), last received
//	r/<con>/<ref>                        → twin (unique)
//	R/<con>/<id>/<ref>                   ref names the ticket with this id, which the peer does not have; → its key
//	v/<ref>                              → the connections that have a twin or a held look of a ticket
//	g/<origin>                           → ref: this node has a ticket of that origin
//	a/<con>/<twin>/<page>                a page of a twin's comments and attachments
//	e/<con>/<o|i>/<epoch>/<stream>/<seq> event: salt, run, bytes; never rewritten
//	k/<con>/<o|i>/<epoch>/<stream>/<seq> token and receipt of the envelope that ended at seq
//	h/<con>/<o|i>/<stream>               head of a stream
//	q/<con>/<seq>                        outbox row of an unsettled data event
//	i/<con>/<twin>                       inbox row, with the plan once there is one
//	j/<con>/<twin>/<item>                attachment to be fetched and written
//	o/<con>/<twin>/<name>                chore: a write of our own that no event asks for
//	z/<con>/<twin>/<epoch>/<seq>         what the fields were before an event of the peer
//	b/<con>/<digest>                     a file offered to the peer
//	f/<con>/<twin>                       a twin that people must know something of
//	y/<con>                              agreement and this side's state of a connection
//	u/<pairing>                          invitation that was given out
//	n/<name>                             what people were told
//	l/<con>                              a running load; d/<con> a heal under way
//	v/<con>/<a|s|f|k>                    last comparison with the peer; place of the sweep; fuses blown; where the streams stood
//	v/<con>/h<o|i>                       what we said that we send; what the peer says
//	G/<con>/<ref>                        what the egress gate found in one of our tickets, and approvals
//	F/<con>/v/<version>  F/<con>/h/<n>   a version of the filters, by content; the nth that was put in force
//	F/<con>/t/<digest>                   a test file that versions of the filters passed, or a list of such
//	p/<con>                              who is at the ends of a connection
//	A/<n>                                the nth record of what people did
//	m/…                                  schema, boot counter, that it was restored

// Side is whose stream a key is about.
type Side byte

// The sides.
const (
	Out Side = 'o' // ours
	In  Side = 'i' // the peer's
)

func key(kind byte, size int) []byte {
	return append(make([]byte, 0, size+2), kind, '/')
}

func conKey(kind byte, con event.ConnectionID, extra int) []byte {
	k := append(key(kind, len(con)+1+extra), con[:]...)
	return append(k, '/')
}

// Prefix is what all keys of a kind and connection start with.
func Prefix(kind byte, con event.ConnectionID) []byte { return conKey(kind, con, 0) }

// CursorKey holds the poll's place.
func CursorKey(tracker string) []byte { return append(key('c', len(tracker)), tracker...) }

// WorkKey holds a work.Row.
func WorkKey(con event.ConnectionID, ref event.Ref) []byte { return refKey('w', con, ref) }

// RefKey holds the twin of one of our tickets.
func RefKey(con event.ConnectionID, ref event.Ref) []byte { return refKey('r', con, ref) }

// AwaitedPrefix is what all keys of those start with that name a ticket of ours,
// by its id, which the peer does not have.
func AwaitedPrefix(con event.ConnectionID, id string) []byte {
	return append(append(conKey('R', con, len(id)+1), id...), 0)
}

// AwaitedKey tells that who names such a ticket.
func AwaitedKey(con event.ConnectionID, id string, who event.Ref) []byte {
	return append(AwaitedPrefix(con, id), who.String()...)
}

// KnownKey holds the connections that have something on record of one of our tickets.
func KnownKey(ref event.Ref) []byte {
	s := ref.String()
	return append(key('v', len(s)), s...)
}

// GateKey holds what the egress gate found in one of our tickets, and what people
// let leave of it.
func GateKey(con event.ConnectionID, ref event.Ref) []byte { return refKey('G', con, ref) }

func refKey(kind byte, con event.ConnectionID, ref event.Ref) []byte {
	s := ref.String()
	return append(conKey(kind, con, len(s)), s...)
}

// RefOf reads the ref at the end of a WorkKey or RefKey.
func RefOf(key []byte) (event.Ref, error) {
	if len(key) < conKeyLen {
		return event.Ref{}, ErrNotFound
	}
	return event.ParseRef(string(key[conKeyLen:]))
}

const conKeyLen = 2 + len(event.ConnectionID{}) + 1

func twinKey(kind byte, con event.ConnectionID, twin event.TwinID) []byte {
	return append(conKey(kind, con, len(twin)), twin[:]...)
}

// TwinOf reads the twin out of a key that has one behind its connection.
func TwinOf(key []byte) event.TwinID {
	var id event.TwinID
	if len(key) >= conKeyLen+len(id) {
		copy(id[:], key[conKeyLen:])
	}
	return id
}

// TwinKey holds a twin.Row.
func TwinKey(con event.ConnectionID, twin event.TwinID) []byte { return twinKey('t', con, twin) }

// SentKey holds the last replica sent of a twin.
func SentKey(con event.ConnectionID, twin event.TwinID) []byte { return twinKey('s', con, twin) }

// ReceivedKey holds the last replica received of a twin.
func ReceivedKey(con event.ConnectionID, twin event.TwinID) []byte { return twinKey('x', con, twin) }

// InboxKey holds an inbox.Row.
func InboxKey(con event.ConnectionID, twin event.TwinID) []byte { return twinKey('i', con, twin) }

// TroubleKey lists a twin that people must know something of; the row says what.
func TroubleKey(con event.ConnectionID, twin event.TwinID) []byte { return twinKey('f', con, twin) }

// OriginKey tells which of our tickets has an origin.
func OriginKey(origin event.OriginID) []byte { return append(key('g', len(origin)), origin[:]...) }

// PageKey holds a twin.Page, counted from 0.
func PageKey(con event.ConnectionID, twin event.TwinID, page int) []byte {
	k := append(conKey('a', con, len(twin)+1+4), twin[:]...)
	return binary.BigEndian.AppendUint32(append(k, '/'), uint32(page))
}

// JobKey holds an attachment to be fetched.
func JobKey(con event.ConnectionID, twin event.TwinID, item event.ItemID) []byte {
	k := append(conKey('j', con, len(twin)+1+len(item)), twin[:]...)
	return append(append(k, '/'), item...)
}

// ItemOf reads the item at the end of a JobKey, or the name at the end of a ChoreKey.
func ItemOf(key []byte) event.ItemID {
	if len(key) <= conKeyLen+len(event.TwinID{}) {
		return ""
	}
	return event.ItemID(key[conKeyLen+len(event.TwinID{})+1:])
}

// ChoreKey holds a write of our own to the ticket of a twin.
func ChoreKey(con event.ConnectionID, twin event.TwinID, name event.ItemID) []byte {
	k := append(conKey('o', con, len(twin)+1+len(name)), twin[:]...)
	return append(append(k, '/'), name...)
}

// BeforeKey holds what the fields that an event of the peer changed were before.
func BeforeKey(con event.ConnectionID, twin event.TwinID, at event.Position) []byte {
	k := append(conKey('z', con, len(twin)+1+8+1+8), twin[:]...)
	k = binary.BigEndian.AppendUint64(append(k, '/'), at.Epoch)
	return binary.BigEndian.AppendUint64(append(k, '/'), uint64(at.Seq))
}

// FuseKey holds the fuses of a connection that are blown.
func FuseKey(con event.ConnectionID) []byte { return append(conKey('v', con, 1), 'f') }

// EventKey holds one event of a stream.
func EventKey(con event.ConnectionID, side Side, epoch uint64, stream byte, seq event.Seq) []byte {
	return streamKey('e', con, side, epoch, stream, seq)
}

// ProofKey holds the token of the envelope that ended at seq, and its receipt.
func ProofKey(con event.ConnectionID, side Side, epoch uint64, stream byte, seq event.Seq) []byte {
	return streamKey('k', con, side, epoch, stream, seq)
}

func streamKey(kind byte, con event.ConnectionID, side Side, epoch uint64, stream byte, seq event.Seq) []byte {
	k := append(conKey(kind, con, 1+8+1+8), byte(side))
	k = binary.BigEndian.AppendUint64(k, epoch)
	k = append(k, stream)
	return binary.BigEndian.AppendUint64(k, uint64(seq))
}

// StreamOf reads whose stream and which epoch an EventKey or ProofKey is of.
func StreamOf(key []byte) (con event.ConnectionID, side Side, epoch uint64, ok bool) {
	if len(key) != conKeyLen+1+8+1+8 {
		return con, 0, 0, false
	}
	copy(con[:], key[2:])
	return con, Side(key[conKeyLen]), binary.BigEndian.Uint64(key[conKeyLen+1:]), true
}

// SidePrefix starts every EventKey ('e') or ProofKey ('k') of one side.
func SidePrefix(kind byte, con event.ConnectionID, side Side) []byte {
	return append(conKey(kind, con, 1), byte(side))
}

// PlaceOf reads which epoch, stream and number an EventKey or ProofKey is of.
func PlaceOf(key []byte) (epoch uint64, stream byte, seq event.Seq) {
	if len(key) != conKeyLen+1+8+1+8 {
		return 0, 0, 0
	}
	return binary.BigEndian.Uint64(key[conKeyLen+1:]), key[conKeyLen+9], SeqOf(key)
}

// LastOf is the last key that there can be of the stream and epoch of an EventKey or ProofKey.
func LastOf(key []byte) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(nil), key[:len(key)-8]...), ^uint64(0))
}

// ShapeKey holds what a side says that it sends.
func ShapeKey(con event.ConnectionID, side Side) []byte {
	return append(conKey('v', con, 2), 'h', byte(side))
}

// TrimKey holds where the streams of a connection stood at some times.
func TrimKey(con event.ConnectionID) []byte { return append(conKey('v', con, 1), 'k') }

// HeadKey holds the head of a stream.
func HeadKey(con event.ConnectionID, side Side, stream byte) []byte {
	return append(conKey('h', con, 2), byte(side), stream)
}

// HeadOf reads whose stream a HeadKey is of.
func HeadOf(key []byte) (con event.ConnectionID, ok bool) {
	if len(key) != conKeyLen+2 || key[0] != 'h' {
		return con, false
	}
	copy(con[:], key[2:])
	return con, true
}

// OutboxKey holds an outbox.Row of the data stream.
func OutboxKey(con event.ConnectionID, seq event.Seq) []byte {
	return binary.BigEndian.AppendUint64(conKey('q', con, 8), uint64(seq))
}

// SeqOf reads the number at the end of a key.
func SeqOf(key []byte) event.Seq {
	if len(key) < 8 {
		return 0
	}
	return event.Seq(binary.BigEndian.Uint64(key[len(key)-8:]))
}

// OfferKey tells that a file was offered to the peer.
func OfferKey(con event.ConnectionID, digest string) []byte {
	return append(conKey('b', con, len(digest)), digest...)
}

// LoadKey holds a running load, HealKey the place of a heal under way.
func LoadKey(con event.ConnectionID) []byte { return conKey('l', con, 0) }

// HealKey holds the place of a heal under way.
func HealKey(con event.ConnectionID) []byte { return conKey('d', con, 0) }

// VersionKey holds a version of a connection's filters, by its content; it is never
// rewritten.
func VersionKey(con event.ConnectionID, version string) []byte {
	return append(append(conKey('F', con, 1+len(version)), 'v'), version...)
}

// TestsKey holds a test file that a version of a connection's filters passed, or the
// list of one version's, by its content; it is never rewritten.
func TestsKey(con event.ConnectionID, digest string) []byte {
	return append(append(conKey('F', con, 1+len(digest)), 't'), digest...)
}

// PublishedKey holds which version was put in force as the nth, PublishedPrefix
// starts them all.
func PublishedKey(con event.ConnectionID, n uint64) []byte {
	return binary.BigEndian.AppendUint64(PublishedPrefix(con), n)
}

// PublishedPrefix starts every PublishedKey of a connection.
func PublishedPrefix(con event.ConnectionID) []byte { return append(conKey('F', con, 9), 'h') }

// PartnerKey holds who is at the ends of a connection, and whether it begins anew.
func PartnerKey(con event.ConnectionID) []byte { return conKey('p', con, 0) }

// AgreedKey holds how the two sides last compared, SweepKey how far the sweep of
// our tracker has come.
func AgreedKey(con event.ConnectionID) []byte { return append(conKey('v', con, 1), 'a') }

// SweepKey holds how far the sweep of our tracker has come.
func SweepKey(con event.ConnectionID) []byte { return append(conKey('v', con, 1), 's') }

// WitnessKey holds the heads of the peer's record of what people did.
func WitnessKey(con event.ConnectionID) []byte { return append(conKey('v', con, 1), 'w') }

// AgreementKey holds a connection's agreement; AgreementPrefix starts them all.
func AgreementKey(con event.ConnectionID) []byte { return append(AgreementPrefix(), con[:]...) }

// AgreementPrefix starts every AgreementKey.
func AgreementPrefix() []byte { return key('y', 16) }

// InvitationKey holds an invitation that was given out; with an empty pairing
// it is the prefix of them all.
func InvitationKey(pairing string) []byte { return append(key('u', len(pairing)), pairing...) }

// AcceptedKey holds what we confirmed of a code that was given to us; with an empty
// pairing it is the prefix of them all.
func AcceptedKey(pairing string) []byte { return append(key('U', len(pairing)), pairing...) }

// ToldKey holds what people were told of.
func ToldKey(name string) []byte { return append(key('n', len(name)), name...) }

// MetaKey holds a fact about the store itself.
func MetaKey(name string) []byte { return append(key('m', len(name)), name...) }

// AuditPrefix starts every AuditKey.
func AuditPrefix() []byte { return key('A', 8) }

// AuditKey holds a record of what people did, by its number.
func AuditKey(number uint64) []byte { return binary.BigEndian.AppendUint64(AuditPrefix(), number) }

// AuditNumber reads the number of an AuditKey.
func AuditNumber(key []byte) uint64 {
	if len(key) != len(AuditPrefix())+8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
}
