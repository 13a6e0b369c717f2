package servicenow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // a machine may have no zones

	"parley/adapters"
	"parley/adapters/servicenow/servicenowdouble"
	"parley/sync/event"
)

func TestTrap_AConditionThatIsIgnoredListsNothing(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		b := newBench(t, servicenowdouble.Options{Strict: strict}, nil)
		b.made("one")
		for _, query := range []string{"colour=red", "assignment_group.colour=red", "short_description.name=x", "stateSOUNDSLIKE1", "STATE=1"} {
			found, _, err := b.tracker.List(t.Context(), query, "", 10)
			b.is(query, err, adapters.ErrConfiguration)
			if len(found) > 0 {
				t.Errorf("%s lists %d tickets", query, len(found))
			}
		}
		b.open(map[string]string{"query": "colour=red"})
		_, _, err := b.tracker.Changes(t.Context(), "", 10)
		b.is("a poll with a field that is not there", err, adapters.ErrConfiguration)
	}
	// A condition on a field that is there can be ignored too.
	b := newBench(t, servicenowdouble.Options{Ignores: "urgency"}, nil)
	b.made("one")
	_, _, err := b.tracker.List(t.Context(), "urgency=1", "", 10)
	b.is("rows that do not fulfil the query", err, adapters.ErrConfiguration)
}

// TestTrap_AnOrderThatIsIgnoredIsAnError: a place in a list without order means nothing.
func TestTrap_AnOrderThatIsIgnoredIsAnError(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, servicenowdouble.Options{Now: clock.now, Ignores: "sys_updated_on"}, map[string]string{"lag": "1m"})
	cursor := event.Cursor(`{"t":{"t":1},"f":{"t":1}}`)
	for n := range 3 {
		b.made(fmt.Sprint("row ", n))
		clock.forward(time.Second)
	}
	_, _, err := b.tracker.Changes(t.Context(), cursor, 10)
	b.is("a list without order", err, adapters.ErrConfiguration)
}

// hidden hides all tickets but some from the bot.
func hidden(but func(row map[string]string) bool) func(string, string, map[string]string) bool {
	return func(login, table string, row map[string]string) bool {
		return login == bot().Login && table == "incident" && !but(row)
	}
}

func TestTrap_AShortOrEmptyPageIsNotTheEnd(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, servicenowdouble.Options{
		Now: clock.now, Hides: hidden(func(row map[string]string) bool { return row["short_description"] == "seen" }),
	}, map[string]string{"page_size": "5"})
	b.made("seen")
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	want := map[string]bool{}
	for n := range 90 {
		summary := "hidden"
		if n == 0 || n == 41 || n == 89 {
			summary = "seen"
		}
		_, key := b.made(summary)
		if summary == "seen" {
			want[key] = true
		}
		clock.forward(time.Second)
	}
	seen := b.round(&cursor, 50)
	list := b.listed("", 2)
	for key := range want {
		if seen[key] == 0 || list[key] == "" {
			t.Errorf("%s lies behind hidden tickets: polled %d times, listed %q", key, seen[key], list[key])
		}
	}
	if len(list) != len(want)+1 {
		t.Errorf("listed %v", list)
	}
}

func TestTrap_MoreHiddenRowsThanAPageHasAreWalkedThrough(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, servicenowdouble.Options{
		Now: clock.now, Hides: hidden(func(row map[string]string) bool { return row["sys_created_by"] == alice().Login }),
	}, map[string]string{"page_size": "100"})
	b.made("before")
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	b.site.Fill(17_000)
	clock.forward(time.Second)
	_, key := b.made("behind")
	if seen := b.round(&cursor, 50); seen[key] == 0 {
		t.Errorf("a ticket behind 17000 hidden ones was left out: %v", seen)
	}
}

func TestTrap_ASecondFullOfChangesIsWalkedThrough(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, servicenowdouble.Options{Now: clock.now}, map[string]string{"page_size": "7"})
	cursor := event.Cursor("")
	b.made("zero")
	clock.forward(time.Minute)
	b.round(&cursor, 3)
	want := 23
	for n := range want {
		b.made(fmt.Sprint("at once ", n))
	}
	clock.forward(time.Second)
	b.made("a moment later")
	seen := b.round(&cursor, 3)
	if len(seen) != want+1 {
		t.Errorf("got %d tickets, want %d", len(seen), want+1)
	}
	for key, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times in one round", key, n)
		}
	}
}

// TestTrap_RowsThatMoveBetweenPagesAreNotLeftOut: a ticket that is edited while the list
// is read goes to its end, and the others move up.
func TestTrap_RowsThatMoveBetweenPagesAreNotLeftOut(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	var mu sync.Mutex
	var waiting []string // ids to edit between pages
	var edit func(id string)
	b := newBench(t, servicenowdouble.Options{Now: clock.now, BeforeList: func(table string) {
		mu.Lock()
		var ids []string
		if edit != nil && table == "incident" {
			n := min(4, len(waiting))
			ids, waiting = waiting[:n], waiting[n:]
		}
		mu.Unlock()
		for _, id := range ids {
			edit(id)
		}
	}}, map[string]string{"page_size": "10"})
	b.made("zero")
	clock.forward(time.Minute)
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	var ids []string
	for n := range 40 {
		id, _ := b.made(fmt.Sprint("row ", n))
		ids = append(ids, id)
		clock.forward(time.Second)
	}
	var edits error
	mu.Lock()
	waiting = slices.Clone(ids[:18])
	edit = func(id string) {
		edits = errors.Join(edits, b.hand.Edit(context.Background(), id, event.Fields{event.FieldSummary: "moved " + id}))
	}
	mu.Unlock()
	if seen := b.round(&cursor, 9); len(seen) != 40 {
		t.Errorf("got %d tickets, want all 40", len(seen))
	}
	if edits != nil || len(waiting) != 0 {
		t.Errorf("%d rows did not move: %v", len(waiting), edits)
	}
}

func TestTrap_TimesInQueriesAreInTheZoneOfTheAccount(t *testing.T) {
	t.Parallel()
	away := bot()
	away.Zone = west()
	b := newBench(t, servicenowdouble.Options{Accounts: []servicenowdouble.Account{away, alice()}}, nil)
	b.made("one")
	_, _, err := b.tracker.Changes(t.Context(), "", 10)
	b.is("a poll in another zone than GMT", err, adapters.ErrConfiguration)
	var told *adapters.Error
	if !errors.As(err, &told) || told.Hint == "" {
		t.Errorf("got %v without a hint", err)
	}
	if found := b.probed(adapters.LevelError); len(found) != 1 {
		t.Errorf("Probe finds %+v, want the zone", found)
	}
}

// TestTrap_AZoneThatIsGMTInSummerOnlyIsFound: the account's record is from July.
func TestTrap_AZoneThatIsGMTInSummerOnlyIsFound(t *testing.T) {
	t.Parallel()
	azores, err := time.LoadLocation("Atlantic/Azores")
	if err != nil {
		t.Fatal(err)
	}
	for name, zone := range map[string]*time.Location{"Atlantic/Azores": azores, "GMT": nil} {
		clock := newFrozen()
		clock.ms.Store(time.Date(2026, 7, 4, 5, 6, 7, 0, time.UTC).UnixMilli())
		account := bot()
		account.Zone = zone
		b := newBench(t, servicenowdouble.Options{Accounts: []servicenowdouble.Account{account, alice()}, Now: clock.now}, nil)
		clock.ms.Store(time.Date(2026, 12, 4, 5, 6, 7, 0, time.UTC).UnixMilli())
		b.made("winter")
		_, _, err := b.tracker.Changes(t.Context(), "", 10)
		if zone == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if zone != nil {
			b.is(name, err, adapters.ErrConfiguration)
		}
	}
}

// probed are the findings of a level.
func (b *bench) probed(level adapters.Level) []adapters.Finding {
	b.Helper()
	all := b.tracker.(adapters.Prober).Probe(b.Context())
	return slices.DeleteFunc(all, func(f adapters.Finding) bool { return f.Level != level })
}

func TestTrap_WhatALongTransactionWroteIsReported(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, servicenowdouble.Options{Now: clock.now}, map[string]string{"lag": "10s"})
	late, lateKey := b.made("late")
	early, newKey := b.made("new")
	clock.forward(time.Minute)
	cursor := event.Cursor("")
	b.round(&cursor, 50)
	b.site.ShowLater(late, 8*time.Second)
	b.must(b.hand.Edit(t.Context(), late, event.Fields{event.FieldSummary: "shown late"}))
	clock.forward(2 * time.Second)
	b.must(b.hand.Edit(t.Context(), early, event.Fields{event.FieldSummary: "shown at once"}))
	clock.forward(time.Second)
	if seen := b.round(&cursor, 50); seen[newKey] == 0 || seen[lateKey] != 0 {
		t.Fatalf("got %v, want the newer change alone", seen)
	}
	clock.forward(6 * time.Second)
	if seen := b.round(&cursor, 50); seen[lateKey] == 0 {
		t.Error("a change that became visible after a newer one was left out")
	}
}

func TestChanges_AClockThatIsSetBackHidesNothing(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, servicenowdouble.Options{Now: clock.now}, nil)
	id, key := b.made("before")
	cursor := event.Cursor("")
	for range 3 {
		b.round(&cursor, 50)
		clock.forward(10 * time.Second)
	}
	clock.forward(-time.Hour)
	b.must(b.hand.Edit(t.Context(), id, event.Fields{event.FieldSummary: "after the clock was set back"}))
	clock.forward(time.Second)
	if seen := b.round(&cursor, 50); seen[key] == 0 {
		t.Error("a change after the clock was set back was left out")
	}
}

func TestTrap_AFileThatMovesNoTicketIsReported(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	for files, want := range map[string]int{"yes": 1, "no": 0} {
		b := newBench(t, servicenowdouble.Options{Now: clock.now}, map[string]string{"poll_files": files})
		id, key := b.made("with a file")
		clock.forward(time.Minute)
		before := b.read(b.ref(key))
		cursor := event.Cursor("")
		b.round(&cursor, 50)
		b.must(b.hand.Attach(t.Context(), id, "a.txt", []byte("a")))
		clock.forward(time.Second)
		changes, _, err := b.tracker.Changes(t.Context(), cursor, 50)
		b.must(err)
		if len(changes) != want {
			t.Fatalf("poll_files %s: got %+v", files, changes)
		}
		after := b.read(before.Ref)
		if after.Version == before.Version {
			t.Error("a file does not change the version")
		}
		if want == 1 && changes[0].Version != after.Version {
			t.Errorf("the poll says version %q, the ticket %q", changes[0].Version, after.Version)
		}
	}
}

func TestTrap_EditsOfOneSecondAreToldApart(t *testing.T) {
	t.Parallel()
	clock := newFrozen()
	b := newBench(t, servicenowdouble.Options{Now: clock.now}, nil)
	id, key := b.made("zero")
	seen := map[string]bool{b.read(b.ref(key)).Version: true}
	for n := range 3 {
		b.must(b.hand.Edit(t.Context(), id, event.Fields{event.FieldSummary: fmt.Sprint("edit ", n)}))
		seen[b.read(b.ref(key)).Version] = true
	}
	// A script may keep the time and not the count: a full listing shows it.
	b.site.SetQuietly("incident", id, "sys_mod_count", "17")
	version := b.listed("", 10)[key]
	if seen[version] || len(seen) != 4 {
		t.Errorf("the versions are %v, then %q", seen, version)
	}
}

// noEntries hides all journals from the bot.
func noEntries(login, table string, _ map[string]string) bool {
	return login == bot().Login && table == "sys_journal_field"
}

func TestTrap_AHiddenJournalIsAnError(t *testing.T) {
	t.Parallel()
	noJournal := bot()
	noJournal.Denied = []string{"sys_journal_field"}
	for name, opt := range map[string]servicenowdouble.Options{
		"rows are hidden":                 {Hides: noEntries},
		"rows are hidden and not counted": {HidesEarly: noEntries},
		"some rows are hidden": {Hides: func(login, table string, row map[string]string) bool {
			return noEntries(login, table, row) && row["element"] == "work_notes"
		}},
		"the table is denied": {Accounts: []servicenowdouble.Account{noJournal, alice()}},
	} {
		b := newBench(t, opt, nil)
		id, key := b.made("talk")
		ref := b.ref(key)
		b.must(errors.Join(b.hand.Comment(t.Context(), id, "hello", false), b.hand.Comment(t.Context(), id, "aside", true)))
		_, err := b.tracker.Read(t.Context(), ref)
		b.is(name+": Read", err, adapters.ErrDenied)
		_, err = b.say(ref, mark, "lost", false)
		b.is(name+": a comment", err, adapters.ErrDenied)
		_, err = b.tracker.Find(t.Context(), commentStep(ref, mark, "lost", false))
		if said := b.site.Journal(id); len(said) != 2 {
			t.Errorf("%s: the journal holds %q", name, said)
		}
		if name == "the table is denied" {
			b.is(name+": Find", err, adapters.ErrDenied)
		}
		// The others only show at a ticket.
		if (name == "rows are hidden" || name == "the table is denied") && len(b.probed(adapters.LevelError)) == 0 {
			t.Errorf("%s: Probe finds nothing wrong", name)
		}
	}
}

// TestTrap_ACommentThatCannotBeReadBackIsNeverNone: in a ticket without comments nothing
// tells beforehand that they are hidden.
func TestTrap_ACommentThatCannotBeReadBackIsNeverNone(t *testing.T) {
	t.Parallel()
	for _, opt := range []servicenowdouble.Options{{Hides: noEntries}, {HidesEarly: noEntries}} {
		b := newBench(t, opt, nil)
		id, key := b.made("silence")
		ref := b.ref(key)
		_, _ = b.say(ref, mark, "once", false)
		if said := b.site.Journal(id); len(said) != 1 {
			t.Fatalf("the journal holds %q, want the comment", said)
		}
		_, err := b.tracker.Find(t.Context(), commentStep(ref, mark, "once", false))
		b.is("Find", err, adapters.ErrDenied)
	}
	// Neither is a comment written into a column that the account cannot read.
	b := newBench(t, servicenowdouble.Options{HidesColumn: func(login, table, column string) bool {
		return login == bot().Login && table == "incident" && column == "work_notes"
	}}, nil)
	id, key := b.made("hidden column")
	_, err := b.say(b.ref(key), mark, "aside", true)
	b.is("a hidden column", err, adapters.ErrDenied)
	if said := b.site.Journal(id); len(said) != 0 {
		t.Errorf("the journal holds %q", said)
	}
}

func TestTrap_ACommentsIDIsReadBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	_, key := b.made("talk")
	ref := b.ref(key)
	for _, internal := range []bool{false, true} {
		m := map[bool]event.Marker{false: "aaaaaaaaaaaaaaaa", true: "bbbbbbbbbbbbbbbb"}[internal]
		w, err := b.say(ref, m, "said", internal)
		b.must(err)
		comments := b.read(ref).Comments
		n := slices.IndexFunc(comments, func(c event.Comment) bool { return c.Marker == m })
		if n < 0 || w.Item == "" || comments[n].ID != w.Item || comments[n].Internal != internal {
			t.Errorf("Write says %q, the ticket has %+v", w.Item, comments)
		}
	}
	// A marker that somebody else wrote, in a quotation, is text.
	b.must(b.hand.Comment(t.Context(), ref.ID, "you wrote:\n[parley:aaaaaaaaaaaaaaaa]", false))
	found, err := b.tracker.Find(t.Context(), commentStep(ref, "aaaaaaaaaaaaaaaa", "said", false))
	if err != nil || found.Presence != event.FoundOne {
		t.Errorf("got %+v, %v; want one", found, err)
	}
	for _, c := range b.read(ref).Comments {
		if strings.Contains(c.Body, "parley:") {
			t.Errorf("a marker shows in %q", c.Body)
		}
	}
}

func TestRead_CommentsOfOneSecondAreInTheirOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{Now: newFrozen().now}, nil)
	id, key := b.made("quick")
	for n := range 8 {
		b.must(b.hand.Comment(t.Context(), id, fmt.Sprintf("word %d", n), n%3 == 1))
	}
	for n, c := range b.read(b.ref(key)).Comments {
		if c.Body != fmt.Sprintf("word %d", n) {
			t.Errorf("comment %d is %q", n, c.Body)
		}
	}
}

func TestTrap_ClosingNeedsCodeAndNotes(t *testing.T) {
	t.Parallel()
	none := map[string]string{"close_code": "", "close_notes": "", "hold_reason": ""}
	b := newBench(t, servicenowdouble.Options{}, none)
	id, key := b.made("to close")
	ref := b.ref(key)
	for _, status := range []string{"Resolved", "Closed", "On Hold"} {
		err := b.set(ref, event.Fields{event.FieldStatus: status})
		b.is(status+" without what it needs", err, adapters.ErrRejected)
	}
	if got := b.read(ref).Fields[event.FieldStatus]; got != "New" {
		t.Errorf("the status is %v", got)
	}
	b.open(nil)
	b.must(b.set(ref, event.Fields{event.FieldStatus: "On Hold"}))
	if got := b.site.Value("incident", id, "hold_reason"); got != "4" {
		t.Errorf("the hold reason is %q", got)
	}
	b.must(b.set(ref, event.Fields{event.FieldStatus: "Resolved", event.FieldResolution: "Resolved by caller"}))
	if code, notes := b.site.Value("incident", id, "close_code"), b.site.Value("incident", id, "close_notes"); code != "Resolved by caller" ||
		notes != "Closed by the other side" {
		t.Errorf("closed with %q, %q; want the step's code and the setting's notes", code, notes)
	}
	// What the ticket has is kept.
	b.must(b.set(ref, event.Fields{event.FieldStatus: "Closed"}))
	if code := b.site.Value("incident", id, "close_code"); code != "Resolved by caller" {
		t.Errorf("closed with %q, the ticket had another code", code)
	}
	_, key = b.made("cancelled")
	b.must(b.set(b.ref(key), event.Fields{event.FieldStatus: "Canceled"}))
	if got := b.read(b.ref(key)).Fields[event.FieldResolution]; got != nil {
		t.Errorf("a cancelled ticket has the resolution %v", got)
	}
	b.open(map[string]string{"close_code": "Fixed it"})
	_, key = b.made("no such code")
	b.is("a code that is no choice", b.set(b.ref(key), event.Fields{event.FieldStatus: "Resolved"}), adapters.ErrConfiguration)
}

func TestTrap_A403OfAPolicyIsNoDenial(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	_, key := b.made("closed")
	ref := b.ref(key)
	b.must(b.set(ref, event.Fields{event.FieldStatus: "Closed"}))
	b.is("a business rule", b.set(ref, event.Fields{event.FieldStatus: "New"}), adapters.ErrRejected)
	reader := bot()
	reader.ReadOnly = true
	b = newBench(t, servicenowdouble.Options{Accounts: []servicenowdouble.Account{reader, alice()}}, nil)
	_, key = b.made("read only")
	b.is("an ACL", b.set(b.ref(key), event.Fields{event.FieldSummary: "x"}), adapters.ErrDenied)
}
