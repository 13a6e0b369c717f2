package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/sync/event"
)

func TestID_TextFormIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := event.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		got, err := event.ParseID(id.String())
		if err != nil || got != id {
			t.Fatalf("%s read as %v, %v", id, got, err)
		}
		// Any text that is read as an id is exactly what the id is written as: two
		// spellings of one id would be two keys in the store.
		text := rapid.StringMatching(`[a-zA-Z2-9=]{25,27}`).Draw(t, "text")
		if other, err := event.ParseID(text); err == nil && other.String() != text {
			t.Fatalf("%q is read as %s", text, other)
		}
	})
}

func TestID_OtherSpellingsAreErrors(t *testing.T) {
	t.Parallel()
	good := event.ID{1, 15: 2}.String()
	for _, text := range []string{
		"", good[1:], good + "a", strings.ToUpper(good), good + "======", " " + good, good[:13] + "\n" + good[13:],
		good[:25] + "b", // bits that no byte holds
	} {
		if id, err := event.ParseID(text); err == nil {
			t.Errorf("%q is read as %s", text, id)
		}
	}
}

func TestID_EachKindIsWrittenAsText(t *testing.T) {
	t.Parallel()
	type all struct {
		Con    event.ConnectionID
		Twin   event.TwinID
		Origin event.OriginID
		ID     event.ID
		ByTwin map[event.TwinID]int
	}
	want := all{event.ConnectionID{1}, event.TwinID{2}, event.OriginID{3}, event.ID{4}, map[event.TwinID]int{{5}: 6}}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got all
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	for _, name := range []string{"Con", "Twin", "Origin", "ID"} {
		if err := json.Unmarshal([]byte(`{"`+name+`": "short"}`), &got); err == nil {
			t.Errorf("%s was read from what is no id", name)
		}
	}
	if want.Con.String() != event.ID(want.Con).String() || want.Twin.IsZero() || !(event.OriginID{}).IsZero() {
		t.Error("the kinds are written differently")
	}
}

func TestNewID_DrawsAllOfItOrFails(t *testing.T) {
	t.Parallel()
	id, err := event.NewID(iotest.OneByteReader(bytes.NewReader(bytes.Repeat([]byte{7}, 16))))
	if err != nil || id != event.ID(bytes.Repeat([]byte{7}, 16)) {
		t.Errorf("got %s, %v", id, err)
	}
	if id, err = event.NewID(bytes.NewReader(make([]byte, 15))); !errors.Is(err, io.ErrUnexpectedEOF) || !id.IsZero() {
		t.Errorf("15 random bytes made %s, %v", id, err)
	}
}

func TestRef_ComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := event.Ref{ID: rapid.StringN(1, 40, -1).Draw(t, "id"), Created: rapid.Int64().Draw(t, "created")}
		got, err := event.ParseRef(want.String())
		if err != nil || got != want {
			t.Fatalf("%q read as %+v, %v", want, got, err)
		}
	})
}

func TestRef_ADeletedIdGivenOutAgainIsAnotherTicket(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 3, 1, 12, 0, 0, 999, time.UTC)
	a, again := event.NewRef("5", created), event.NewRef("5", created.Add(time.Second))
	if a == again {
		t.Error("two tickets are one")
	}
	if a != event.NewRef("5", created.Add(100*time.Millisecond).In(time.FixedZone("", 3600))) {
		t.Error("fractions of a second or the zone make another ticket")
	}
}

func TestRef_WhatIsNoRefIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"@5", "5", "5@", "5@x", "5@1.5", "5@99999999999999999999"} {
		if ref, err := event.ParseRef(text); err == nil {
			t.Errorf("%q is read as %+v", text, ref)
		}
	}
	var ref event.Ref
	if err := json.Unmarshal([]byte(`"5"`), &ref); err == nil {
		t.Errorf("a key is read as %+v", ref)
	}
}

func TestRef_ZeroIsEmptyText(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(event.Ref{})
	if err != nil || string(raw) != `""` {
		t.Errorf("got %s, %v", raw, err)
	}
	ref := event.Ref{ID: "5"}
	if err := json.Unmarshal([]byte(`""`), &ref); err != nil || !ref.IsZero() {
		t.Errorf("got %+v, %v", ref, err)
	}
}

func TestHashValue_TellsValuesApartAndMapsAlike(t *testing.T) {
	t.Parallel()
	a := map[string]any{"id": "1", "name": "Ana"}
	b := map[string]any{"name": "Ana", "id": "1"}
	if event.HashValue(a) != event.HashValue(b) {
		t.Error("the order of keys changes the hash")
	}
	seen := map[event.Hash]any{}
	for _, v := range []any{nil, "", "null", "1", 1.0, true, false, []any{}, []any{"1"}, []any{nil}, []any{"a", "b"}, []any{"b", "a"}, map[string]any{}, a, func() {}} {
		h := event.HashValue(v)
		if other, ok := seen[h]; ok {
			t.Errorf("%#v and %#v have one hash", v, other)
		}
		if seen[h] = v; h == 0 {
			t.Errorf("hash of %#v: %x", v, h)
		}
	}
}
