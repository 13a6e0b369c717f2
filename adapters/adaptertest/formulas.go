package adaptertest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// noWidth is what keeps a text from being a formula.
const noWidth = "\u200b"

// textFormulas: a text of one line that a spreadsheet would run when the tracker's tickets
// are exported is written with a character of no width before it, and is read as it was, in
// the history too, so that no edit comes from it.
func textFormulas(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("formulas"))
	since := e.read(ref).Updated.Add(-time.Minute)
	said := recording(e.proxy)
	meant := map[any]bool{}
	for _, formula := range []string{"=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+9)*cmd|' /C calc'!A0"} {
		for _, name := range e.lines() {
			want := unique(formula)
			meant[want] = true
			e.writeLine(ref, name, want)
			if !said.holds(noWidth + want) {
				t.Errorf("%s: %q is written as a formula", name, want)
			}
		}
	}
	e.tellsOnly(ref, since, meant)
}

// longFormulas: a description or a comment that begins as a formula does is written with a
// character of no width first, whatever its format, and is read as it was, once and once more.
func longFormulas(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("long formulas"))
	said := recording(e.proxy)
	for _, formula := range []string{"=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+9)*cmd|' /C calc'!A0", "- HYPERLINK(A1)\n- last"} {
		e.rewrite(ref, unique(formula))
		begins := formula[:5]
		if said.holds(`"`+begins) || said.holds(">"+begins) {
			t.Errorf("%q is written as a formula", formula)
		}
	}
	if !said.holds(noWidth + "=cmd") {
		t.Error("no formula is written with a character of no width first")
	}
}

// longProse: Markdown that only begins with the same signs is written without one.
func longProse(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("prose"))
	said := recording(e.proxy)
	for _, want := range []string{"- one\n- two (or so)", "-5 degrees (really)", "-- \nAlice (mobile)", "+49 (0)30 123456", "===== heading =====\n\ntext"} {
		e.rewrite(ref, want)
		if said.holds(noWidth) {
			t.Errorf("%q is written with a character of no width", want)
		}
	}
}

// rewrite writes a text as description and as comment, and what is read of it, which must be
// the same.
func (e *env) rewrite(ref event.Ref, want string) {
	e.Helper()
	first := e.throughComments(ref, []string{want})
	if second := e.throughComments(ref, first); first[0] != second[0] || letters(first[0]) != letters(want) || strings.Contains(first[0], noWidth) {
		e.Errorf("%q is read as %q, that as %q", want, first[0], second[0])
	}
	var was any
	for round := range 2 {
		w := e.write(event.Step{Kind: event.StepCreate, Marker: newMarker(), Fields: e.fields(unique("long"), want)})
		got := e.read(w.Ref).Fields[event.FieldDescription]
		if text, _ := got.(string); strings.Contains(text, noWidth) || round > 0 && got != was {
			e.Errorf("a description %q is read as %q", want, got)
		} else {
			was, want = got, text
		}
	}
}

// textNumbers: what only looks like a formula is written as it is: a telephone number with
// a character in it that nobody sees could not be dialled.
func textNumbers(t *testing.T, s *Subject) {
	e := newEnv(t, s)
	ref := e.create(unique("numbers"))
	said := recording(e.proxy)
	for _, want := range []string{"-5", "+49 30 123456", "+49 (0)30 123456", "-5 degrees (really)", "@alice look!"} {
		for _, name := range e.lines() {
			e.writeLine(ref, name, want)
			if said.holds(noWidth) {
				t.Errorf("%s: %q is written with a character of no width", name, want)
			}
		}
	}
}

// lines are the fields that are a text of one line and take any.
func (e *env) lines() []string {
	e.Helper()
	types := e.schema().Fields
	names := []string{event.FieldSummary}
	for _, name := range slices.Sorted(maps.Keys(e.subject.Fields)) {
		if types[name].Type == event.TypeText {
			names = append(names, name)
		}
	}
	return names
}

// writeLine writes a text, which must be read as it is, and what was read once more.
func (e *env) writeLine(ref event.Ref, name, want string) {
	e.Helper()
	for range 2 {
		e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{name: want}})
		if got := e.read(ref).Fields[name]; got != want {
			e.Errorf("%s: %q is read as %q", name, want, got)
		}
	}
}

// tellsOnly checks that a history spells what was written as it was meant.
func (e *env) tellsOnly(ref event.Ref, since time.Time, meant map[any]bool) {
	e.Helper()
	historian, ok := e.tracker.(adapters.Historian)
	if !ok {
		return
	}
	edits, err := historian.History(e.Context(), ref, since)
	e.must(err)
	for _, edit := range edits {
		if slices.Contains(e.lines(), edit.Field) && edit.New != nil && !meant[edit.New] {
			e.Errorf("the history of %s tells %q, which nobody wrote", edit.Field, edit.New)
		}
	}
}
