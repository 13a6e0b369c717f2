package envelope_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/sync/envelope"
)

// forge makes envelopes by docs/wire-format.md alone, without the package: the
// good one shows that the document suffices, the others are each wrong in one
// place and signed all the same.
type forge struct {
	header  func() string
	claims  []claim // in order
	entries []envelope.Entry
	sign    func(unsigned string) []byte
	info    string
	token   func(string) string // may change the token after it was signed
	about   func(token string) string
	plain   func([]byte) []byte
	wire    func([]byte) []byte
	to      hpke.PublicKey
}

// claim is one member of the claims, spelled.
type claim struct{ name, value string }

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func quote(text string) string { return `"` + text + `"` }

func keyName(raw []byte) string {
	sum := sha256.Sum256(raw)
	return b64(sum[:12])
}

// goodForge is an envelope of two events from the inviter pa to the acceptor pb.
func goodForge(pa, pb party) *forge { return goodForgeOf(pa, pb, someCut(2, 10)) }

func goodForgeOf(pa, pb party, cut envelope.Cut) *forge {
	run := cut.Before[:]
	var digests []byte
	for _, e := range cut.Entries {
		d := sha256.Sum256(append(e.Salt[:], e.Bytes...))
		digests = append(digests, d[:]...)
		next := sha256.Sum256(append(append([]byte{}, run...), d[:]...))
		run = next[:]
	}
	identity := func(text string) string { return text }
	same := func(raw []byte) []byte { return raw }
	return &forge{
		header: func() string {
			return fmt.Sprintf(`{"alg":"EdDSA","kid":"%s","typ":"parley-envelope-1"}`, keyName(pa.verify()))
		},
		claims: []claim{
			{"iss", quote(pa.id)},
			{"aud", quote(pb.id)},
			{"con", quote(connection.String())},
			{"from", `"inviter"`},
			{"stream", `"d"`},
			{"epoch", "2"},
			{"first", "41"},
			{"last", "42"},
			{"before", quote(b64(cut.Before[:]))},
			{"after", quote(b64(run))},
			{"digests", quote(b64(digests))},
			{"key", quote(keyName(pb.seal.PublicKey().Bytes()))},
		},
		entries: cut.Entries,
		sign:    func(unsigned string) []byte { return ed25519.Sign(pa.sign, []byte(unsigned)) },
		info:    strings.Join([]string{"parley 1", connection.String(), "inviter", pa.id, pb.id}, "\n"),
		token:   identity, about: identity, plain: same, wire: same,
		to: pb.seal.PublicKey(),
	}
}

func (f *forge) set(name, value string) {
	for i := range f.claims {
		if f.claims[i].name == name {
			f.claims[i].value = value
		}
	}
}

func (f *forge) make(tb testing.TB) []byte {
	tb.Helper()
	var members []string
	for _, c := range f.claims {
		members = append(members, quote(c.name)+":"+c.value)
	}
	unsigned := b64([]byte(f.header())) + "." + b64([]byte("{"+strings.Join(members, ",")+"}"))
	token := f.token(unsigned + "." + b64(f.sign(unsigned)))

	var plain []byte
	for _, e := range f.entries {
		plain = binary.BigEndian.AppendUint32(plain, uint32(len(e.Bytes)))
		plain = append(append(plain, e.Salt[:]...), e.Bytes...)
	}
	enc, context, err := hpke.NewSender(f.to, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(f.info))
	if err != nil {
		tb.Fatal(err)
	}
	key, err := context.Export("parley body 1", 32)
	if err != nil {
		tb.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		tb.Fatal(err)
	}
	nonce := []byte("twelve bytes")
	sealed := append(append([]byte{}, enc...), nonce...)
	sealed = gcm.Seal(sealed, nonce, f.plain(plain), []byte(f.about(token)))

	wire := binary.BigEndian.AppendUint32([]byte{1, 'e'}, uint32(len(token)))
	return f.wire(append(append(wire, token...), sealed...))
}

// forgeries are each wrong in one place.
func forgeries(pa, pb, pc party) map[string]func(*forge) {
	swap := func(old, with string) func(*forge) {
		return func(f *forge) {
			header := f.header()
			f.header = func() string { return strings.Replace(header, old, with, 1) }
		}
	}
	set := func(name, value string) func(*forge) { return func(f *forge) { f.set(name, value) } }
	return map[string]func(*forge){
		"algorithm none":               func(f *forge) { swap("EdDSA", "none")(f); f.sign = func(string) []byte { return nil } },
		"HMAC with the public key":     func(f *forge) { swap("EdDSA", "HS256")(f); f.sign = hmacWith(pa.verify()) },
		"signature by another key":     func(f *forge) { f.sign = func(u string) []byte { return ed25519.Sign(pc.sign, []byte(u)) } },
		"unknown key id":               swap(keyName(pa.verify()), keyName(pc.verify())),
		"no key id":                    swap(fmt.Sprintf(`"kid":"%s",`, keyName(pa.verify())), ""),
		"kind of a receipt":            swap("envelope", "receipt"),
		"header with another member":   swap(`,"typ"`, `,"b64":true,"typ"`),
		"header in another order":      swap(`{"alg":"EdDSA",`, `{`+`"typ":"x","alg":"EdDSA",`),
		"header with a space":          swap(`,"typ"`, `, "typ"`),
		"another claim":                func(f *forge) { f.claims = append(f.claims, claim{"exp", "1"}) },
		"a claim twice":                func(f *forge) { f.claims = append(f.claims, f.claims[len(f.claims)-1]) },
		"claims in another order":      func(f *forge) { f.claims[4], f.claims[5] = f.claims[5], f.claims[4] },
		"a claim missing":              func(f *forge) { f.claims = f.claims[:len(f.claims)-1] },
		"another issuer":               set("iss", quote(pc.id)),
		"another audience":             set("aud", quote(pc.id)),
		"a list as audience":           set("aud", `["`+pb.id+`"]`),
		"another connection":           set("con", `"aiaaaaaaaaaaaaaaaaaaaaaaaa"`),
		"the other direction":          set("from", `"acceptor"`),
		"an unknown stream":            set("stream", `"x"`),
		"no stream":                    set("stream", `""`),
		"an epoch as text":             set("epoch", `"2"`),
		"event 0":                      func(f *forge) { f.set("first", "0"); f.set("last", "1") },
		"a last number that is off":    set("last", "43"),
		"a run before that is off":     set("before", quote(b64(make([]byte, 32)))),
		"a run after that is off":      set("after", quote(b64(make([]byte, 32)))),
		"a short run":                  set("before", quote(b64(make([]byte, 31)))),
		"digests of other events":      set("digests", quote(b64(make([]byte, 64)))),
		"no digests":                   set("digests", `""`),
		"257 digests":                  set("digests", quote(b64(make([]byte, 257*32)))),
		"a part of a digest":           set("digests", quote(b64(make([]byte, 63)))),
		"an unknown sealing key":       set("key", quote(keyName([]byte("x")))),
		"sealed to another":            func(f *forge) { f.to = pc.seal.PublicKey() },
		"sealed for another direction": func(f *forge) { f.info = strings.Replace(f.info, "inviter", "acceptor", 1) },
		"sealed under another token":   func(f *forge) { f.about = func(token string) string { return token + "x" } },
		"an event missing":             func(f *forge) { f.entries = f.entries[:1] },
		"an event too many":            func(f *forge) { f.entries = append(f.entries, f.entries[0]) },
		"events in another order":      func(f *forge) { f.entries = []envelope.Entry{f.entries[1], f.entries[0]} },
		"too many bytes of events":     func(f *forge) { *f = *goodForgeOf(pa, pb, someCut(2, envelope.MaxBytes/2+1)) },
		"another salt":                 func(f *forge) { f.entries[0].Salt[0] ^= 1 },
		"an event's length too large":  func(f *forge) { f.plain = func(p []byte) []byte { p[0] = 0xff; return p } },
		"a byte after the events":      func(f *forge) { f.plain = func(p []byte) []byte { return append(p, 0) } },
		"a line break in the token":    func(f *forge) { f.token = func(t string) string { return t[:len(t)-4] + "\n" + t[len(t)-4:] } },
		"a fourth part in the token":   func(f *forge) { f.token = func(t string) string { return t + ".x" } },
		"padding in the token":         func(f *forge) { f.token = func(t string) string { return t + "=" } },
		"wire version 2":               func(f *forge) { f.wire = func(w []byte) []byte { w[0] = 2; return w } },
		"frame of a receipt":           func(f *forge) { f.wire = func(w []byte) []byte { w[1] = 'r'; return w } },
		"a token longer than the rest": func(f *forge) { f.wire = func(w []byte) []byte { w[2] = 0xff; return w } },
		"no body":                      func(f *forge) { f.wire = func(w []byte) []byte { return w[:6+binary.BigEndian.Uint32(w[2:])] } },
	}
}

func hmacWith(key []byte) func(string) []byte {
	return func(unsigned string) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(unsigned))
		return mac.Sum(nil)
	}
}

// document is the JSON of testdata/vectors.json.
type document struct {
	About      string          `json:"about"`
	Connection string          `json:"connection"`
	Inviter    keysVector      `json:"inviter"`
	Acceptor   keysVector      `json:"acceptor"`
	Messages   []messageVector `json:"messages"`
	NoMessages []messageVector `json:"noMessages"`
	Frames     []frameVector   `json:"frames"`
	NoFrames   []frameVector   `json:"noFrames"`
	Entries    []entryVector   `json:"entries"`
}

type keysVector struct {
	Node string `json:"node"`
	Sign string `json:"sign"` // seed
	Seal string `json:"seal"` // private
}

type messageVector struct {
	Name  string `json:"name"`
	Bytes string `json:"bytes"` // base64url
}

type frameVector struct {
	Name  string          `json:"name"`
	Kind  string          `json:"kind"`
	From  string          `json:"from"`
	About string          `json:"about,omitempty"` // of a piece
	Wire  string          `json:"wire"`
	Says  json.RawMessage `json:"says,omitempty"` // what it opens to
}

type entryVector struct {
	Salt   string `json:"salt"`
	Bytes  string `json:"bytes"`
	Digest string `json:"digest"`
	Run    string `json:"run"` // after it, from zero
}
