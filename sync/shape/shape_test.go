package shape_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/sync/event"
	"parley/sync/shape"
)

func sample() shape.Shape {
	return shape.Of(event.Schema{Comments: true, Fields: map[string]event.Field{
		"summary": {Type: event.TypeText}, "status": {Type: event.TypeOption, Options: []string{"open", "closed", "open"}}, "fields.Any": {},
	}})
}

func TestTell_HasOneSpellingAndComesBackAsItWas(t *testing.T) {
	t.Parallel()
	raw, err := shape.Encode(shape.Tell{Number: 7, Shape: sample()})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"number":7,"shape":{"comments":true,"fields":{"fields.Any":{},"status":{"type":"option","options":["closed","open"]},"summary":{"type":"text"}}}}`
	if string(raw) != want {
		t.Errorf("got %s, want %s", raw, want)
	}
	got, err := shape.DecodeTell(raw)
	if err != nil || got.Number != 7 || got.Shape.Digest() != sample().Digest() {
		t.Errorf("decoded %+v, %v", got, err)
	}
	for _, other := range []string{
		" " + want, strings.Replace(want, `"number":7,`, `"number":7, `, 1), strings.Replace(want, `7`, `7.0`, 1), strings.Replace(want, `"fields.Any":{}`, `"fields.Any":{"script":"x"}`, 1),
		strings.Replace(want, `["closed","open"]`, `["open","closed"]`, 1), strings.Replace(want, `["closed","open"]`, `["open","open"]`, 1),
		strings.Replace(want, `"number":7`, `"number":0`, 1), strings.Replace(want, `"number":7`, `"number":18446744073709551615`, 1), want + want, `null`, ``, `{}`,
	} {
		if _, err := shape.DecodeTell([]byte(other)); !errors.Is(err, shape.ErrMessage) {
			t.Errorf("%s was taken: %v", other, err)
		}
	}
}

// TestTell_AHostilePeerIsRefusedWhole: what would cost much, or would deceive who
// reads it, is no shape.
func TestTell_AHostilePeerIsRefusedWhole(t *testing.T) {
	t.Parallel()
	field := func(name string) string { return `{"number":1,"shape":{"fields":{"` + name + `":{}}}}` }
	option := func(name string) string {
		return `{"number":1,"shape":{"fields":{"a":{"options":["` + name + `"]}}}}`
	}
	var many, options []string
	for i := range shape.MaxFields + 1 {
		many = append(many, fmt.Sprintf(`"f%05d":{}`, i))
		options = append(options, fmt.Sprintf(`"o%05d"`, i))
	}
	hostile := map[string]string{
		"million fields": `{"number":1,"shape":{"fields":{` + strings.Repeat(`"a":{},`, 1_000_000) + `"b":{}}}}`,
		"many fields":    `{"number":1,"shape":{"fields":{` + strings.Join(many, ",") + `}}}`,
		"many options":   `{"number":1,"shape":{"fields":{"a":{"options":[` + strings.Join(options, ",") + `]}}}}`,
		"type":           `{"number":1,"shape":{"fields":{"a":{"type":"` + strings.Repeat("x", 41) + `"}}}}`,
		"bidi type":      `{"number":1,"shape":{"fields":{"a":{"type":"` + "\u202e" + `"}}}}`,
	}
	for name, text := range map[string]string{
		"escape": `a\u001b[2J`, "new line": `a\nb`, "right to left": "a\u202eb", "isolate": "a\u2066b", "zero width": "a\u200bb", "line separator": `a\u2028b`, "private": "a\ue000",
		"replacement": "a\ufffdb", "invalid": "a\xffb", "empty": "", "long": strings.Repeat("a", shape.MaxName+1),
	} {
		hostile["field "+name], hostile["option "+name] = field(text), option(text)
	}
	for name, raw := range hostile {
		if _, err := shape.DecodeTell([]byte(raw)); !errors.Is(err, shape.ErrMessage) {
			t.Errorf("%s was taken: %v", name, err)
		}
	}
	for _, fine := range []string{field("Überfällig"), field("fields.優先"), option("In\u00a0Progress")} {
		if _, err := shape.DecodeTell([]byte(fine)); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

func TestHeld_IsBounded(t *testing.T) {
	t.Parallel()
	digest := sample().Digest()
	if h, err := shape.DecodeHeld([]byte(`{"number":1,"digest":"` + digest + `"}`)); err != nil || h.Digest != digest {
		t.Errorf("got %+v, %v", h, err)
	}
	for _, raw := range []string{
		`{"number":1,"digest":""}`, `{"number":1,"digest":"` + strings.ToUpper(digest) + `"}`, `{"number":1,"digest":"` + digest + `00"}`,
		`{"number":9007199254740992,"digest":"` + digest + `"}`,
	} {
		if _, err := shape.DecodeHeld([]byte(raw)); !errors.Is(err, shape.ErrMessage) {
			t.Errorf("%s was taken: %v", raw, err)
		}
	}
}

// TestOf_WhatDoesNotFitIsToldLessExactly: our own shape is one that a peer takes,
// whatever our tracker calls its fields.
func TestOf_WhatDoesNotFitIsToldLessExactly(t *testing.T) {
	t.Parallel()
	many := make([]string, shape.MaxOptions+1)
	for i := range many {
		many[i] = fmt.Sprint("o", i)
	}
	wide := event.Schema{Fields: map[string]event.Field{"a": {Options: many}, "b": {Options: []string{"x\u202ey"}}, "c\x1b": {}, "d": {Options: []string{"x"}}}}
	got := shape.Of(wide)
	if len(got.Fields) != 3 || got.Fields["a"].Options != nil || got.Fields["b"].Options != nil || len(got.Fields["d"].Options) != 1 {
		t.Errorf("got %+v", got)
	}
	huge := event.Schema{Comments: true, Fields: map[string]event.Field{}}
	for i := range 20 {
		huge.Fields[fmt.Sprint("f", i)] = event.Field{Type: event.TypeOption, Options: []string{strings.Repeat("&", shape.MaxName), strings.Repeat("<", shape.MaxName)}}
	}
	if got := shape.Of(huge); len(got.Fields) != 20 || got.Fields["f1"].Options != nil {
		t.Errorf("options that are too large in sum: %d fields, %v", len(got.Fields), got.Fields["f1"])
	}
	for i := range shape.MaxFields {
		huge.Fields[fmt.Sprint("g", i)] = event.Field{}
	}
	if got := shape.Of(huge); len(got.Fields) != 0 || got.Comments {
		t.Errorf("too many fields: %d", len(got.Fields))
	}
	for _, s := range []event.Schema{wide, huge, {}} {
		raw, err := shape.Encode(shape.Tell{Number: shape.MaxNumber - 1, Shape: shape.Of(s)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := shape.DecodeTell(raw); err != nil {
			t.Errorf("our own shape is refused: %v", err)
		}
	}
}

func TestDiff_SaysInWordsWhatCameAndWhatWent(t *testing.T) {
	t.Parallel()
	after := shape.Of(event.Schema{Attachments: true, Fields: map[string]event.Field{
		"status": {Type: event.TypeOption, Options: []string{"open", "done"}}, "fields.Any": {Type: event.TypeText}, "labels": {Type: event.TypeSet},
	}})
	want := []string{
		"comments come no longer", "attachments come now", "fields.Any is of type text now, and was of no known type", "labels comes now",
		`status can be "done" now`, `status is "closed" no longer`, "summary comes no longer",
	}
	if got := shape.Diff(sample(), after); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := shape.Diff(sample(), sample()); len(got) != 0 {
		t.Errorf("the same differs: %q", got)
	}
	if got := shape.Diff(shape.Shape{}, shape.Shape{Fields: map[string]shape.Field{"a": {}}}); !slices.Equal(got, []string{"a comes now"}) {
		t.Errorf("got %q", got)
	}
}

func FuzzDecodeTell(f *testing.F) {
	raw, _ := shape.Encode(shape.Tell{Number: 7, Shape: sample()})
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		tell, err := shape.DecodeTell(raw)
		if err != nil {
			return
		}
		again, err := shape.Encode(tell)
		if err != nil || string(again) != string(raw) {
			t.Errorf("%s was taken for %s, %v", raw, again, err)
		}
	})
}
