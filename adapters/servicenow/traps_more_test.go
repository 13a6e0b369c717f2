package servicenow_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/servicenow/servicenowdouble"
	"parley/sync/event"
)

func TestTrap_EveryFormOfALimitIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	reset := strconv.FormatInt(time.Now().Add(3*time.Minute).Unix(), 10)
	rule := http.Header{"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Reset": {reset}, "X-Ratelimit-Rule": {"abc"}}
	after := rule.Clone()
	after.Set("Retry-After", "7")
	for name, c := range map[string]struct {
		header      http.Header
		least, most time.Duration
	}{
		"seconds": {after, 7 * time.Second, 7 * time.Second},
		"reset":   {rule, 2 * time.Minute, 3 * time.Minute},
		"nothing": {http.Header{"X-Ratelimit-Limit": {"10"}}, 0, 0},
	} {
		b.site.LimitNext(c.header)
		_, _, err := b.tracker.Changes(t.Context(), "", 10)
		var limited *adapters.Error
		if !errors.As(err, &limited) || !errors.Is(err, adapters.ErrLimited) || limited.After < c.least || limited.After > c.most {
			t.Errorf("%s: got %v, want a limit of %v to %v", name, err, c.least, c.most)
		}
	}
}

func TestTrap_AHiddenOrArchivedTicketIsNotTakenForDeleted(t *testing.T) {
	t.Parallel()
	hides := hidden(func(row map[string]string) bool { return row["short_description"] != "secret" })
	for _, archive := range []bool{false, true} {
		b := newBench(t, servicenowdouble.Options{Archive: archive, Hides: hides}, nil)
		gone, goneKey := b.made("deleted")
		kept, keptKey := b.made("kept")
		goneRef, keptRef := b.ref(goneKey), b.ref(keptKey)
		b.must(b.hand.Delete(t.Context(), gone))
		_, err := b.tracker.Read(t.Context(), goneRef)
		b.is("a deleted ticket", err, adapters.ErrGone)
		if archive {
			b.site.Archive(kept)
			_, err = b.tracker.Read(t.Context(), keptRef)
			b.is("an archived ticket", err, adapters.ErrDenied)
			continue
		}
		b.must(b.hand.Edit(t.Context(), kept, event.Fields{event.FieldSummary: "secret"}))
		_, err = b.tracker.Read(t.Context(), keptRef)
		b.is("a hidden ticket", err, adapters.ErrDenied)
		_, err = b.tracker.Locate(t.Context(), keptKey)
		b.is("Locate of a hidden ticket", err, adapters.ErrDenied)
	}
	// An archive that may not be read proves nothing.
	b := newBench(t, servicenowdouble.Options{Archive: true, Accounts: []servicenowdouble.Account{
		{Login: bot().Login, Password: bot().Password, Name: "Bot", Denied: []string{"ar_incident"}}, alice(),
	}}, nil)
	id, key := b.made("deleted")
	ref := b.ref(key)
	b.must(b.hand.Delete(t.Context(), id))
	_, err := b.tracker.Read(t.Context(), ref)
	b.is("a deleted ticket with a hidden archive", err, adapters.ErrDenied)
}

func TestTrap_AnAccountThatSeesNoTicketIsDenied(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{Hides: hidden(func(map[string]string) bool { return false })}, nil)
	_, _, err := b.tracker.Changes(t.Context(), "", 10)
	b.must(err) // there is none
	b.made("one")
	b.open(nil)
	_, _, err = b.tracker.Changes(t.Context(), "", 10)
	b.is("a poll", err, adapters.ErrDenied)
	_, _, err = b.tracker.List(t.Context(), "", "", 10)
	b.is("a list", err, adapters.ErrDenied)
}

func TestTrap_CodeTagsOfAPeerAreNoHTML(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	id, key := b.made("html")
	ref := b.ref(key)
	const evil = "look: [code]<script>alert(1)</script>[/code] and [CODE]<img src=x onerror=alert(2)>[/Code]"
	_, err := b.say(ref, mark, evil, false)
	b.must(err)
	b.must(b.set(ref, event.Fields{event.FieldDescription: evil}))
	for _, text := range append(b.site.Journal(id), b.site.Value("incident", id, "description")) {
		if strings.Contains(strings.ToLower(text), "[code]") || strings.Contains(strings.ToLower(text), "[/code]") {
			t.Errorf("HTML of a peer is in ServiceNow: %q", text)
		}
	}
	// What a person wrote as HTML comes as its words.
	b.must(b.hand.Comment(t.Context(), id, "see [code]<b>this</b><script>alert(3)</script> <a href=\"https://example.org/\">link</a>[/code] & that\nthere", true))
	ticket := b.read(ref)
	first, second := ticket.Comments[0].Body, ticket.Comments[1].Body
	if ticket.Comments[0].Internal {
		first, second = second, first
	}
	if second != "see **this** [link](https://example.org/) & that\nthere" {
		t.Errorf("HTML in a journal reads as %q", second)
	}
	// The words of the peer come back as they were, and stay.
	const again = event.Marker("bbbbbbbbbbbbbbbb")
	_, err = b.say(ref, again, first, false)
	b.must(err)
	for _, c := range b.read(ref).Comments {
		if c.Marker == again && c.Body != first {
			t.Errorf("%q came back as %q", first, c.Body)
		}
	}
	if plain := strings.ReplaceAll(first, `\`, ""); !strings.Contains(plain, "[code]<script>alert(1)</script>[/code]") || strings.Contains(first, "\u200b") {
		t.Errorf("the words of the peer read as %q", first)
	}
}

func TestTrap_AValueIsNeverAScriptOrACondition(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	_, key := b.made("one")
	b.must(b.set(b.ref(key), event.Fields{"fields.Remote key": "A-1"}))
	people := b.tracker.(adapters.People)
	for _, who := range []string{"javascript:gs.getUserName()", "JavaScript:gs.getUserID()", "nobody^ORuser_nameISNOTEMPTY", "x\n^NQactive=true"} {
		if found, err := people.FindUser(t.Context(), who); err != nil || len(found) != 0 {
			t.Errorf("FindUser(%q) gave %+v, %v", who, found, err)
		}
	}
	search := b.tracker.(adapters.Searcher)
	for _, value := range []string{"javascript:gs.getUserName()", "x^ORu_remote_key=A-1", "x^NQu_remote_key=A-1"} {
		if found, err := search.ByField(t.Context(), "fields.Remote key", value, 5); !errors.Is(err, adapters.ErrConfiguration) || len(found) != 0 {
			t.Errorf("ByField(%q) gave %+v, %v", value, found, err)
		}
		if _, err := b.tracker.Locate(t.Context(), "INC^"+value); !errors.Is(err, adapters.ErrGone) {
			t.Errorf("Locate(%q): %v", value, err)
		}
	}
	for _, query := range []string{
		"ORactive=true", "active=false^NQactive=true", "active=true^ORDERBYnumber", "opened_by=javascript:gs.getUserID()", "active=true^^", "=1",
		"active=true^GROUPBYstate", "stateISEMPTYx",
	} {
		_, _, err := b.tracker.List(t.Context(), query, "", 10)
		b.is(query, err, adapters.ErrConfiguration)
	}
	// The query of the settings binds every other.
	b.made("two")
	b.open(map[string]string{"query": "u_remote_key=A-1"})
	if found := b.listed("short_description=one^ORshort_description=two", 10); len(found) != 1 {
		t.Errorf("listed %v beyond the query of the settings", found)
	}
	b.open(nil)
	if found := b.listed("short_descriptionSTARTSWITHT^ORpriority<=4^impactIN1,2,3^assignment_group.nameISEMPTY", 10); len(found) != 1 {
		t.Errorf("a query of several conditions listed %v", found)
	}
}

func TestTrap_WhatWouldBeCutIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{Description: 50}, nil)
	_, key := b.made("long")
	ref := b.ref(key)
	b.must(b.set(ref, event.Fields{event.FieldDescription: strings.Repeat("é", 50)}))
	b.is("a description", b.set(ref, event.Fields{event.FieldDescription: strings.Repeat("é", 51)}), adapters.ErrRejected)
	b.is("a text", b.set(ref, event.Fields{"fields.Remote key": strings.Repeat("é", 101)}), adapters.ErrRejected)
	long := event.Step{Kind: event.StepAttach, Ref: ref, Marker: mark, Attachment: &event.AttachmentWrite{Name: strings.Repeat("n", 90) + ".txt", Size: 1}}
	_, err := b.tracker.Write(t.Context(), long, strings.NewReader("x"))
	b.is("the name of a file", err, adapters.ErrRejected)
}

func TestSignIn_EveryWayIsTaken(t *testing.T) {
	t.Parallel()
	account := bot()
	account.Client, account.Secret = "client-of-the-bot", "secret-of-the-client"
	other := alice()
	other.Key, other.Zone = "key-of-alice", nil
	for name, c := range map[string]struct {
		change map[string]string
		opt    servicenowdouble.Options
		want   error
	}{
		"password":                      {nil, servicenowdouble.Options{}, nil},
		"API key":                       {map[string]string{"password": "", "api_key": account.Key}, servicenowdouble.Options{}, nil},
		"client credentials":            {map[string]string{"password": "", "client_id": account.Client, "client_secret": account.Secret}, servicenowdouble.Options{}, nil},
		"scripts are switched off":      {nil, servicenowdouble.Options{NoScripts: true}, nil},
		"a key of somebody else":        {map[string]string{"password": "", "api_key": other.Key}, servicenowdouble.Options{}, adapters.ErrConfiguration},
		"a wrong key":                   {map[string]string{"password": "", "api_key": "no"}, servicenowdouble.Options{}, adapters.ErrDenied},
		"a wrong secret":                {map[string]string{"password": "", "client_id": account.Client, "client_secret": "no"}, servicenowdouble.Options{}, adapters.ErrDenied},
		"the own record cannot be read": {nil, servicenowdouble.Options{Hides: func(login, table string, _ map[string]string) bool { return table == "sys_user" }}, adapters.ErrDenied},
	} {
		c.opt.Accounts = []servicenowdouble.Account{account, other}
		// The address for tokens is described elsewhere than the rest of the API.
		d := servicenowdouble.New(c.opt)
		s := &site{Double: d, url: newServer(t, d)}
		b := &bench{TB: t, site: s, hand: hand{s}}
		b.open(c.change)
		_, _, err := b.tracker.Changes(t.Context(), "", 10)
		if c.want != nil {
			b.is(name, err, c.want)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d.RevokeTokens() // in the middle: another is got
		_, key := b.made("one")
		b.must(b.set(b.ref(key), event.Fields{event.FieldSummary: "two"}))
	}
}

// TestHistory_SpellsValuesAsReadDoes: what overran an edit is found by comparing the two.
func TestHistory_SpellsValuesAsReadDoes(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, nil)
	_, key := b.made("history")
	ref := b.ref(key)
	rounds := []event.Fields{
		{
			event.FieldSummary: "one", event.FieldDescription: "**text** of one", event.FieldDue: "2027-03-04", event.FieldStatus: "In Progress",
			event.FieldAssignee: b.site.person(alice()), "fields.Assignment group": "Network", "fields.Customer severity": "Major",
			"fields.Cost": 1.5, "fields.Needed by": "2027-01-02", "fields.Starts": "2027-01-02T03:04:00Z", "fields.VIP": true,
			"fields.Watch list": []any{b.site.person(alice())}, "fields.Impact": "1 - High", "fields.Details": "a **b**",
		},
		{
			event.FieldSummary: "two", event.FieldDescription: nil, event.FieldDue: nil, event.FieldStatus: "Resolved",
			event.FieldAssignee: b.site.person(bot()), "fields.Assignment group": "Database", "fields.Customer severity": nil,
			"fields.Cost": 2.0, "fields.Needed by": nil, "fields.Starts": "2027-06-02T13:14:00Z", "fields.VIP": false,
			"fields.Watch list": nil, "fields.Impact": "3 - Low", "fields.Details": "c",
		},
	}
	var reads []event.Fields
	for _, fields := range rounds {
		b.must(b.set(ref, fields))
		reads = append(reads, b.read(ref).Fields)
	}
	edits, err := b.tracker.(adapters.Historian).History(t.Context(), ref, time.Time{})
	b.must(err)
	last := map[string]adapters.Edit{}
	for _, e := range edits {
		last[e.Field] = e
	}
	for name := range rounds[1] {
		e, ok := last[name]
		if !ok || !e.Own {
			t.Errorf("%s: history has %+v", name, e)
		}
		if d := cmp.Diff([]any{e.Old, e.New}, []any{reads[0][name], reads[1][name]}); d != "" {
			t.Errorf("%s (-history +read):\n%s", name, d)
		}
	}
	// The priority follows from what was written: it changed as well.
	if e := last[event.FieldPriority]; e.Old == e.New {
		t.Errorf("the history of the priority is %+v", e)
	}
}

func TestHistory_AHiddenAuditIsAnError(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{Hides: func(login, table string, _ map[string]string) bool {
		return login == bot().Login && table == "sys_audit"
	}}, nil)
	id, key := b.made("audited")
	b.must(b.hand.Edit(t.Context(), id, event.Fields{event.FieldSummary: "changed"}))
	_, err := b.tracker.(adapters.Historian).History(t.Context(), b.ref(key), time.Time{})
	b.is("History", err, adapters.ErrDenied)
	if len(b.probed(adapters.LevelError)) != 1 {
		t.Error("Probe does not tell of it")
	}
	b.open(map[string]string{"history": "no"})
	if _, ok := b.tracker.(adapters.Historian); ok {
		t.Error("a tracker without setting history has one")
	}
	if found := b.probed(adapters.LevelError); len(found) != 0 {
		t.Errorf("Probe finds %+v", found)
	}
}

func TestProbe_TellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	hides := func(what string) servicenowdouble.Options {
		return servicenowdouble.Options{Hides: func(login, table string, _ map[string]string) bool { return login == bot().Login && table == what }}
	}
	for table, level := range map[string]adapters.Level{
		"sys_dictionary": adapters.LevelError, "sys_choice": adapters.LevelError, "sys_journal_field": adapters.LevelError,
		"sys_attachment": adapters.LevelWarning, "incident": adapters.LevelError, "sys_properties": "",
	} {
		b := newBench(t, hides(table), nil)
		id, _ := b.made("one")
		b.must(b.hand.Comment(t.Context(), id, "said", false))
		b.must(b.hand.Attach(t.Context(), id, "a.txt", []byte("a")))
		if level == "" {
			if found := append(b.probed(adapters.LevelError), b.probed(adapters.LevelWarning)...); len(found) != 0 {
				t.Errorf("%s hidden: %+v", table, found)
			}
			continue
		}
		found := b.probed(level)
		if len(found) == 0 || found[0].Hint == "" {
			t.Errorf("%s hidden: %+v", table, b.tracker.(adapters.Prober).Probe(t.Context()))
		}
	}
	b := newBench(t, servicenowdouble.Options{}, map[string]string{"caller": "nobody"})
	if len(b.probed(adapters.LevelError)) != 1 {
		t.Error("Probe does not tell of a caller that is nobody")
	}
}

func TestCreate_TheCallerOfTheSettingsIsUsed(t *testing.T) {
	t.Parallel()
	b := newBench(t, servicenowdouble.Options{}, map[string]string{"caller": alice().Email})
	for _, c := range []struct{ said, want map[string]any }{
		{nil, b.site.person(alice())}, {b.site.person(bot()), b.site.person(bot())},
	} {
		fields := event.Fields{event.FieldSummary: "who asks"}
		if c.said != nil {
			fields[event.FieldReporter] = c.said
		}
		w, err := b.tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: fields}, nil)
		b.must(err)
		if d := cmp.Diff(b.read(w.Ref).Fields[event.FieldReporter], any(c.want)); d != "" {
			t.Error(d)
		}
	}
}
