package envelope_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"slices"
	"testing"

	"parley/sync/envelope"
)

var update = flag.Bool("update", false, "write testdata/vectors.json again")

const vectorsFile = "testdata/vectors.json"

// unb64 reads what a vector holds.
func unb64(tb testing.TB, text string) []byte {
	tb.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// says is what a frame opens to, as JSON for people and for comparison.
func says(tb testing.TB, codec *envelope.Sealer, kind, about string, wire []byte) (json.RawMessage, error) {
	tb.Helper()
	var v any
	var err error
	switch kind {
	case "envelope":
		v, _, err = codec.Open(wire)
	case "receipt":
		v, err = codec.OpenReceipt(wire)
	case "hello":
		v, err = codec.OpenHello(wire)
	case "blob":
		v, err = codec.OpenBlob(about, wire)
	default:
		tb.Fatalf("kind %q", kind)
	}
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return raw, nil
}

func makeVectors(tb testing.TB) document {
	tb.Helper()
	pa, pb, pc := newParty(tb, "a"), newParty(tb, "b"), newParty(tb, "c")
	a, b := pair(tb)
	keys := func(p party) keysVector { return keysVector{p.id, b64(p.sign.Seed()), b64(sealBytes(tb, p))} }
	d := document{
		About:      "Test vectors of docs/wire-format.md. Bytes are base64url without padding. A reader takes messages and frames, with the result that stands there, and refuses noMessages and noFrames.",
		Connection: connection.String(), Inviter: keys(pa), Acceptor: keys(pb),
	}
	for _, name := range sorted(samples()) {
		raw, err := envelope.Encode(samples()[name])
		if err != nil {
			tb.Fatal(err)
		}
		d.Messages = append(d.Messages, messageVector{name, b64(raw)})
	}
	for _, name := range sorted(otherSpellings()) {
		if raw := otherSpellings()[name]; len(raw) < 4<<10 {
			d.NoMessages = append(d.NoMessages, messageVector{name, b64([]byte(raw))})
		}
	}
	all := frames(tb, a, b)
	for _, kind := range sorted(all) {
		about := map[string]string{"blob": "x"}[kind]
		said, err := says(tb, b, kind, about, all[kind].wire)
		if err != nil {
			tb.Fatal(err)
		}
		d.Frames = append(d.Frames, frameVector{kind, kind, "inviter", about, b64(all[kind].wire), said})
	}
	d.Frames = append(d.Frames, fenceVector(tb, a, b))
	for _, name := range sorted(forgeries(pa, pb, pc)) {
		f := goodForge(pa, pb)
		forgeries(pa, pb, pc)[name](f)
		if wire := f.make(tb); len(wire) < 32<<10 {
			d.NoFrames = append(d.NoFrames, frameVector{Name: name, Kind: "envelope", From: "inviter", Wire: b64(wire)})
		}
	}
	var run envelope.Run
	for _, e := range someCut(2, 3).Entries {
		digest := e.Digest()
		run = run.Next(digest)
		d.Entries = append(d.Entries, entryVector{b64(e.Salt[:]), b64(e.Bytes), b64(digest[:]), b64(run[:])})
	}
	return d
}

// fenceVector is a hello that says that another process is dealt with.
func fenceVector(tb testing.TB, a, b *envelope.Sealer) frameVector {
	tb.Helper()
	h := someHello()
	h.Reply, h.Answers = true, h.Nonce
	h.Known, h.Rival, h.Fenced = envelope.Boot{Counter: 3, Random: 7}, envelope.Boot{Counter: 4, Random: 8}, true
	wire, err := a.SealHello(h)
	if err != nil {
		tb.Fatal(err)
	}
	said, err := says(tb, b, "hello", "", wire)
	if err != nil {
		tb.Fatal(err)
	}
	return frameVector{"hello that fences", "hello", "inviter", "", b64(wire), said}
}

func sealBytes(tb testing.TB, p party) []byte {
	tb.Helper()
	raw, err := p.seal.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// vectors reads the file, after writing it where -update asks for that.
func vectors(t *testing.T) document {
	t.Helper()
	if *update {
		raw, err := json.MarshalIndent(makeVectors(t), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorsFile, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVectors_AreTakenAndRefused(t *testing.T) {
	t.Parallel()
	judge(t, vectors(t))
}

// TestVectors_OfVersion1AreTakenAndRefusedForEver: what a node of the first version
// sends. The file is never written again.
func TestVectors_OfVersion1AreTakenAndRefusedForEver(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/wire-1.json")
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	judge(t, d)
}

func judge(t *testing.T, d document) {
	t.Helper()
	if len(d.Messages) < 7 || len(d.NoMessages) < 30 || len(d.Frames) < 4 || len(d.NoFrames) < 40 {
		t.Fatal("vectors are missing")
	}
	for _, v := range d.Messages {
		raw := unb64(t, v.Bytes)
		m, err := envelope.Decode(raw)
		if err != nil {
			t.Errorf("message %s: %v", v.Name, err)
			continue
		}
		if again, err := envelope.Encode(m); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("message %s: encoded again: %s, %v", v.Name, again, err)
		}
	}
	for _, v := range d.NoMessages {
		if _, err := envelope.Decode(unb64(t, v.Bytes)); !errors.Is(err, envelope.ErrMessage) {
			t.Errorf("no message, %s: got %v, want ErrMessage", v.Name, err)
		}
	}
	_, b := pair(t)
	for _, v := range d.Frames {
		said, err := says(t, b, v.Kind, v.About, unb64(t, v.Wire))
		if err != nil {
			t.Errorf("frame %s: %v", v.Name, err)
			continue
		}
		var want bytes.Buffer
		if err := json.Compact(&want, v.Says); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(said, want.Bytes()) {
			t.Errorf("frame %s: got %s, want %s", v.Name, said, want.Bytes())
		}
	}
	for _, v := range d.NoFrames {
		if _, err := says(t, b, v.Kind, v.About, unb64(t, v.Wire)); !errors.Is(err, envelope.ErrRefused) {
			t.Errorf("no frame, %s: got %v, want ErrRefused", v.Name, err)
		}
	}
}

func TestVectors_HashesAreThese(t *testing.T) {
	t.Parallel()
	d := vectors(t)
	if len(d.Entries) == 0 {
		t.Fatal("vectors are missing")
	}
	var run envelope.Run
	for i, v := range d.Entries {
		e := envelope.Entry{Salt: envelope.Salt(unb64(t, v.Salt)), Bytes: unb64(t, v.Bytes)}
		digest := e.Digest()
		run = run.Next(digest)
		if b64(digest[:]) != v.Digest || b64(run[:]) != v.Run {
			t.Errorf("entry %d: digest %s, run %s", i, b64(digest[:]), b64(run[:]))
		}
	}
}

func TestSealer_OpensWhatAnotherImplementationMade(t *testing.T) {
	t.Parallel()
	_, b := pair(t)
	got, _, err := b.Open(goodForge(newParty(t, "a"), newParty(t, "b")).make(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.After() != someCut(2, 10).After() {
		t.Error("it opened to something else")
	}
}

func TestSealer_RefusesEveryForgery(t *testing.T) {
	t.Parallel()
	pa, pb, pc := newParty(t, "a"), newParty(t, "b"), newParty(t, "c")
	_, b := pair(t)
	for name, spoil := range forgeries(pa, pb, pc) {
		f := goodForge(pa, pb)
		spoil(f)
		if c, _, err := b.Open(f.make(t)); !errors.Is(err, envelope.ErrRefused) {
			t.Errorf("%s: got %v and %d events, want ErrRefused", name, err, len(c.Entries))
		}
	}
}
