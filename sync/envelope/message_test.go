package envelope_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/sync/envelope"
	"parley/sync/event"
)

func twin(b byte) event.TwinID { return event.TwinID{b, 1, 2, 3} }

// change is about 2 KiB, with every kind of value in it.
func change() event.Message {
	return event.Message{Change: &event.ChangeBody{
		Twin: twin(1), Origin: event.OriginID{9}, Hops: 1, First: true, Filter: "v12",
		Cause: event.CauseEdit, Seen: event.Position{Epoch: 3, Seq: 17}, At: "2026-01-31T12:00:00Z",
		Fields: event.Fields{
			"summary":         "Broken <b>door</b> & \"gate\"\u2028 ütf ✓ \U0001F600",
			"description":     strings.Repeat("It does not open.\n\tNot even a bit. ", 40),
			"labels":          []any{"a", "b"},
			"assignee":        map[string]any{"id": "7", "name": "Ann"},
			"estimate":        3600.5,
			"spent":           1e21,
			"fields.Severity": "S1",
			"fields.Urgent":   true,
			"due":             nil,
			"components":      []any{},
		},
		Items: []event.Item{
			{ID: "c1", Kind: event.ItemComment, Author: event.User{ID: "7", Name: "Ann"}, Body: strings.Repeat("hello ", 60), Internal: true, Created: "2026-01-31T11:59:59.123Z"},
			{ID: "a1", Kind: event.ItemAttachment, Name: "Übersicht.pdf", Size: 4 << 20, MIME: "application/pdf", SHA256: strings.Repeat("0f", 32), Inline: true},
		},
		More: true,
	}}
}

// samples holds one message of every kind.
func samples() map[string]event.Message {
	return map[string]event.Message{
		"change": change(),
		"bare change": {Change: &event.ChangeBody{
			Twin: twin(1), Cause: event.CauseHeal, Filter: "v1", At: "2026-01-31T12:00:00Z",
		}},
		"disputed change": {Change: &event.ChangeBody{
			Twin: twin(1), Hops: 1, Turn: 3, Cause: event.CauseEdit, Filter: "v1", At: "2026-01-31T12:00:00Z",
			Fields: event.Fields{"priority": "High", "status": nil, "summary": "ours"}, Disputed: []string{"status", "summary"},
		}},
		"repeating change": {Change: &event.ChangeBody{
			Twin: twin(1), Cause: event.CauseFilter, Filter: "v1", At: "2026-01-31T12:00:00Z",
			Fields: event.Fields{"due": nil, "priority": "High", "status": "Open", "summary": "ours"}, Disputed: []string{"status"},
			Again: []event.Again{
				{Seq: 3, At: "2026-01-31T11:00:00Z", Cause: event.CauseEdit, Fields: []string{"priority", "summary"}},
				{Seq: 4, At: "2026-01-31T11:30:00Z", Cause: event.CauseHeal, Fields: []string{"due"}},
			},
		}},
		"outcome": {Outcome: &event.Outcome{
			Twin: twin(2), Seq: 4, Verdict: event.Refused, Code: event.CodeByGate,
			Items: []event.ItemID{"a"}, Waiting: []event.ItemID{"b"}, Declined: []event.ItemID{"c", "d"}, Lost: []string{"status"},
		}},
		"items":           {Items: &event.Items{Twin: twin(2), Done: []event.ItemID{"b"}}},
		"ask":             {Ask: &event.Ask{Seqs: []event.Seq{1, math.MaxUint64}}},
		"goodbye":         {Goodbye: &event.Goodbye{}},
		"note":            {Note: &event.Note{Twin: twin(3), Code: event.CodeEnded}},
		"note of a place": {Note: &event.Note{Twin: twin(3), Code: event.CodeLeft, After: event.Position{Epoch: 1, Seq: 9}}},
	}
}

func TestMessage_ComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for name, want := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := envelope.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := envelope.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("decoded (-got +want):\n%s", diff)
			}
			again, err := envelope.Encode(got)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, again) {
				t.Errorf("encoded again: got %s, want %s", again, raw)
			}
		})
	}
}

// repetitions are changes that repeat what they cannot.
func repetitions(with func(func(*event.ChangeBody)) event.Message) map[string]event.Message {
	return map[string]event.Message{
		"repeats no event": with(func(c *event.ChangeBody) {
			c.Again = []event.Again{{At: c.At, Cause: event.CauseEdit, Fields: []string{"summary"}}}
		}),
		"repeats no field": with(func(c *event.ChangeBody) { c.Again = []event.Again{{Seq: 1, At: c.At, Cause: event.CauseEdit}} }),
		"repeats a field that is none": with(func(c *event.ChangeBody) {
			c.Again = []event.Again{{Seq: 1, At: c.At, Cause: event.CauseEdit, Fields: []string{"severity"}}}
		}),
		"repeats a field twice": with(func(c *event.ChangeBody) {
			c.Again = []event.Again{
				{Seq: 1, At: c.At, Cause: event.CauseEdit, Fields: []string{"summary"}}, {Seq: 2, At: c.At, Cause: event.CauseEdit, Fields: []string{"summary"}},
			}
		}),
		"repeats out of order": with(func(c *event.ChangeBody) {
			c.Again = []event.Again{
				{Seq: 2, At: c.At, Cause: event.CauseEdit, Fields: []string{"summary"}}, {Seq: 1, At: c.At, Cause: event.CauseEdit, Fields: []string{"due"}},
			}
		}),
		"repeats without end": with(func(c *event.ChangeBody) {
			for i := range 17 {
				name := "f" + strconv.Itoa(i)
				c.Fields[name] = "x"
				c.Again = append(c.Again, event.Again{Seq: event.Seq(i + 1), At: c.At, Cause: event.CauseEdit, Fields: []string{name}})
			}
		}),
	}
}

func TestEncode_RefusesWhatWouldComeBackAnother(t *testing.T) {
	t.Parallel()
	with := func(edit func(*event.ChangeBody)) event.Message {
		m := change()
		edit(m.Change)
		return m
	}
	field := func(v any) event.Message {
		return with(func(c *event.ChangeBody) { c.Fields["x"] = v })
	}
	var deep any = "bottom"
	for range envelope.MaxDepth {
		deep = []any{deep}
	}
	loop := map[string]any{}
	loop["loop"] = loop
	tests := repetitions(with)
	maps.Copy(tests, map[string]event.Message{
		"no member":           {},
		"two members":         {Goodbye: &event.Goodbye{}, Ask: &event.Ask{Seqs: []event.Seq{1}}},
		"no twin":             {Note: &event.Note{}},
		"unknown cause":       with(func(c *event.ChangeBody) { c.Cause = "whim" }),
		"code with spaces":    {Goodbye: &event.Goodbye{Code: "read this"}},
		"code with escape":    {Goodbye: &event.Goodbye{Code: "\x1b"}},
		"negative hops":       with(func(c *event.ChangeBody) { c.Hops = -1 }),
		"negative turn":       with(func(c *event.ChangeBody) { c.Turn = -1 }),
		"turn without end":    with(func(c *event.ChangeBody) { c.Turn = 1001 }),
		"dispute of no field": with(func(c *event.ChangeBody) { c.Disputed = []string{"severity"} }),
		"disputes unsorted":   with(func(c *event.ChangeBody) { c.Disputed = []string{"summary", "due"} }),
		"dispute said twice":  with(func(c *event.ChangeBody) { c.Disputed = []string{"due", "due"} }),
		"time in a zone":      with(func(c *event.ChangeBody) { c.At = "2026-01-31T12:00:00+01:00" }),
		"time that is none":   with(func(c *event.ChangeBody) { c.At = "yesterdayZ" }),
		"unknown verdict":     {Outcome: &event.Outcome{Twin: twin(1), Seq: 1, Verdict: "maybe"}},
		"outcome of nothing":  {Outcome: &event.Outcome{Twin: twin(1), Verdict: event.Applied}},
		"asks for nothing":    {Ask: &event.Ask{}},
		"unknown item kind":   with(func(c *event.ChangeBody) { c.Items[0].Kind = "worklog" }),
		"comment with a sum":  with(func(c *event.ChangeBody) { c.Items[0].SHA256 = strings.Repeat("0f", 32) }),
		"short sum":           with(func(c *event.ChangeBody) { c.Items[1].SHA256 = "0f" }),
		"item without id":     with(func(c *event.ChangeBody) { c.Items[0].ID = "" }),
		"int":                 field(1),
		"strings":             field([]string{"a"}),
		"nil list":            field([]any(nil)),
		"nil map":             field(map[string]any(nil)),
		"not a number":        field(math.NaN()),
		"infinity":            field(math.Inf(1)),
		"minus zero":          field(math.Copysign(0, -1)),
		"invalid UTF-8":       field("a\xffb"),
		"invalid UTF-8 key":   field(map[string]any{"\xff": true}),
		"too deep":            field(deep),
		"endless":             field(loop),
		"too large":           field(strings.Repeat("x", envelope.MaxMessage)),
		"too many values":     field(make([]any, envelope.MaxNodes)),
		"long key":            field(map[string]any{strings.Repeat("k", 1025): true}),
	})
	for name, m := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := envelope.Encode(m)
			if !errors.Is(err, envelope.ErrMessage) {
				t.Errorf("got error %v for %.80q, want ErrMessage", err, raw)
			}
		})
	}
}

// goodNote and goodFields are spelled canonically; otherSpellings are not.
const goodNote = `{"note":{"twin":"aeaqeayaaaaaaaaaaaaaaaaaaa","code":"ended"}}`

func goodFields(text string) string {
	return `{"change":{"twin":"aeaqeayaaaaaaaaaaaaaaaaaaa","origin":"aeaqeayaaaaaaaaaaaaaaaaaaa","filter":"","cause":"edit","at":"","fields":{` + text + `}}}`
}

func otherSpellings() map[string]string {
	const good = goodNote
	fields := goodFields
	return map[string]string{
		"nothing":             ``,
		"null":                `null`,
		"empty":               `{}`,
		"space before":        " " + good,
		"newline after":       good + "\n",
		"something after":     good + `{}`,
		"space inside":        strings.Replace(good, ":{", ": {", 1),
		"unknown key":         strings.Replace(good, `"code"`, `"color"`, 1),
		"extra key":           strings.Replace(good, `}}`, `,"x":1}}`, 1),
		"key in upper case":   strings.Replace(good, `"code"`, `"Code"`, 1),
		"repeated key":        strings.Replace(good, `}}`, `,"code":"ended"}}`, 1),
		"other order":         `{"note":{"code":"ended","twin":"aeaqeayaaaaaaaaaaaaaaaaaaa"}}`,
		"needless escape":     strings.Replace(good, `ended`, `\u0065nded`, 1),
		"twin in upper case":  strings.ToUpper(good),
		"empty member":        `{"goodbye":{"code":""}}`,
		"null member":         strings.Replace(good, `{"note"`, `{"ask":null,"note"`, 1),
		"two members":         `{"goodbye":{},` + good[1:],
		"not sorted":          fields(`"b":1,"a":1`),
		"repeated field":      fields(`"a":1,"a":1`),
		"number with zero":    fields(`"a":1.0`),
		"number with e":       fields(`"a":1e2`),
		"number too precise":  fields(`"a":9007199254740993`),
		"number too large":    fields(`"a":1e400`),
		"minus zero":          fields(`"a":-0`),
		"invalid UTF-8":       fields("\"a\":\"\xff\""),
		"lone surrogate":      fields(`"a":"\ud800"`),
		"raw control":         fields("\"a\":\"\x01\""),
		"escaped slash":       fields(`"a":"\/"`),
		"raw line separator":  fields("\"a\":\"\u2028\""),
		"escaped less-than":   fields(`"a":"\u003c"`),
		"no fields":           fields(``),
		"unclosed":            good[:len(good)-1],
		"unclosed string":     `{"note":{"twin":"aeaq\`,
		"nested without end":  strings.Repeat("[", envelope.MaxMessage),
		"closed without open": strings.Repeat("]", 100),
		"long":                fields(`"a":"` + strings.Repeat("x", envelope.MaxMessage) + `"`),
		"many":                fields(`"a":[0` + strings.Repeat(",0", envelope.MaxNodes) + `]`),
	}
}

func TestDecode_RefusesEveryOtherSpelling(t *testing.T) {
	t.Parallel()
	for _, good := range []string{goodNote, goodFields(`"a":1,"b":"x"`)} {
		if _, err := envelope.Decode([]byte(good)); err != nil {
			t.Fatal(err)
		}
	}
	for name, raw := range otherSpellings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := envelope.Decode([]byte(raw))
			if !errors.Is(err, envelope.ErrMessage) {
				t.Errorf("got error %v and %+v, want ErrMessage", err, m)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("an error of %d bytes quotes what the peer sent", len(err.Error()))
			}
		})
	}
}

// FuzzDecode states the one property that digests rest on: what parses has one
// spelling.
// TestEncode_BytesAreTheCallers: the next message is not spelled over them, and
// changing them changes no other message.
func TestEncode_BytesAreTheCallers(t *testing.T) {
	t.Parallel()
	one, other := event.Message{Ask: &event.Ask{Seqs: []event.Seq{11}}}, event.Message{Ask: &event.Ask{Seqs: []event.Seq{22}}}
	encode := func(m event.Message) []byte {
		raw, err := envelope.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for range 100 { // under the race detector buffers are used again by chance only
		first := encode(one)
		second := encode(other)
		if got, want := string(first), `{"ask":{"seqs":[11]}}`; got != want {
			t.Fatalf("after the next message: got %s, want %s", got, want)
		}
		clear(first)
		if got, want := string(second), `{"ask":{"seqs":[22]}}`; got != want {
			t.Fatalf("after a change to the first: got %s, want %s", got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range samples() {
		raw, err := envelope.Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := envelope.Decode(raw)
		if err != nil {
			return
		}
		again, err := envelope.Encode(m)
		if err != nil {
			t.Fatalf("decoded, but does not encode: %v", err)
		}
		if !bytes.Equal(again, raw) {
			t.Fatalf("got %q, want %q", again, raw)
		}
		if !json.Valid(raw) {
			t.Fatalf("decoded, but is no JSON: %q", raw)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	m := change()
	for b.Loop() {
		if _, err := envelope.Encode(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	raw, err := envelope.Encode(change())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := envelope.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
