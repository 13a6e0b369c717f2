package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrinter_TextOfTicketsCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	out := &bytes.Buffer{}
	p := &printer{out: out}
	companies := [2]*company{{profile: profiles()[0]}, {profile: profiles()[1]}}
	evil := "a\x1b]0;title\x07b\x9b2J\u202ec\nd\xff" + strings.Repeat("x", 5000)
	for k := madeTicket; k <= setField; k++ {
		p.crossed(companies[0], companies[1], crossing{
			happening: happening{kind: k, key: "GLOBEX-7" + evil, who: evil, name: evil, text: evil, old: evil}, from: place{key: "ACME-3" + evil},
		})
		p.stays(companies[0], happening{kind: madeNote, key: evil, who: evil})
	}
	for line := range strings.Lines(out.String()) {
		if strings.ContainsAny(line, "\x1b\x07\u009b\u202e") || len(line) > 600 {
			t.Errorf("printed %q", line)
		}
	}
	if got, want := strings.Count(out.String(), "\n"), 2*int(setField+1); got != want {
		t.Errorf("%d lines, want %d", got, want)
	}
}

func TestPrinter_ALineTellsWhatCrossedAndHowFast(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 14, 2, 11, 0, time.Local)
	acme, globex := &company{profile: profiles()[0]}, &company{profile: profiles()[1]}
	for _, tt := range []struct {
		name string
		what happening
		want string
	}{
		{"ticket", happening{kind: madeTicket, text: "Printer on fire"}, "“Printer on fire”"},
		{"comment", happening{kind: madeComment, text: "On our\nway"}, "comment “On our way”"},
		{"file", happening{kind: addedFile, name: "Übersicht.pdf", size: 4 << 20}, "file “Übersicht.pdf” 4.0 MB"},
		{"status", happening{kind: setField, name: "status", old: "Open", text: "Waiting"}, "status: Open → Waiting"},
		{"own field", happening{kind: setField, name: "fields.Severity", text: "Major"}, "Severity: Major"},
		{"emptied", happening{kind: setField, name: "due", old: "2030-01-01"}, "due emptied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.what.key, tt.what.at = "GLOBEX-7", at
			out := &bytes.Buffer{}
			(&printer{out: out}).crossed(acme, globex, crossing{happening: tt.what, from: place{key: "ACME-3"}, took: 180 * time.Millisecond, timed: true})
			want := "14:02:11  Acme ACME-3 → Globex GLOBEX-7  " + tt.want + "  0.18 s\n"
			if diff := cmp.Diff(out.String(), want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestMatcher_TheCauseOfACommentIsTheOneWithItsText(t *testing.T) {
	t.Parallel()
	m := newMatcher([2]*company{{profile: profiles()[0]}, {profile: profiles()[1]}}, &printer{out: &bytes.Buffer{}})
	at := func(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }
	m.remember([]happening{{side: 1, key: "GLOBEX-1", remote: "ACME-1", kind: madeTicket, own: true}})
	m.add([]happening{
		{side: 0, key: "ACME-1", kind: madeComment, text: "one", at: at(0)},
		{side: 0, key: "ACME-1", kind: madeComment, text: "two", at: at(10)},
		{side: 1, key: "GLOBEX-1", kind: madeComment, own: true, text: "**Ann**\n\ntwo", at: at(50)},
		{side: 1, key: "GLOBEX-1", kind: addedFile, own: true, name: "from nowhere", at: at(60)},
	})
	m.settle(at(70))
	m.settle(at(70).Add(patience))
	got := m.crossings()
	if len(got) != 2 {
		t.Fatalf("%d things crossed, want 2: %+v", len(got), got)
	}
	if !got[0].timed || got[0].took != 40*time.Millisecond {
		t.Errorf("the comment took %v (timed %v), want 40ms", got[0].took, got[0].timed)
	}
	if got[1].timed {
		t.Errorf("a file without a cause took %v", got[1].took)
	}
}

func TestSummarize_PercentilesAreNearestRanks(t *testing.T) {
	t.Parallel()
	var all []crossing
	for i := 100; i > 0; i-- {
		all = append(all, crossing{took: time.Duration(i) * time.Millisecond, timed: true})
	}
	got := summarize(append(all, crossing{}))
	if got.P50 != 50 || got.P99 != 99 || got.Events != 101 {
		t.Errorf("got %+v, want p50 50, p99 99, 101 events", got)
	}
	if empty := summarize(nil); empty.P50 != 0 || empty.P99 != 0 {
		t.Errorf("of nothing: %+v", empty)
	}
}
