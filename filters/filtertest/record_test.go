package filtertest_test

import (
	"strings"
	"testing"
	"time"

	"parley/filters"
	"parley/filters/filtertest"
	"parley/sync/event"
)

func recording() filtertest.Recording {
	alice := event.User{ID: "ameyer", Name: "Alice Meyer", Email: "alice.meyer@acme-corp.test"}
	bob := event.User{ID: "77", Name: "Bob Ölmann"}
	issue := filters.Ours{
		Key: "SUP-12", URL: "https://tracker.acme-corp.test/issues/12",
		Fields: event.Fields{
			"summary": "Printer on db01.intern.acme-corp.test burns, says Alice",
			"status":  "Open", "priority": nil, "labels": []any{"fire", "of-ameyer"}, "due": "2026-02-01",
			"assignee": alice.Value(), "fields.Contact": []any{bob.Value()},
			"fields.Cost": 12.5, "fields.Note": "call +49 170 1234567, token=abcd1234efgh, card 4111 1111 1111 1111",
		},
		Comments: []filters.Comment{{Comment: event.Comment{
			ID: "991", Author: bob, Internal: true, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Body: "Ask **Alice Meyer** <alice.meyer@acme-corp.test> or carl@other.test; planning at https://wiki.acme-corp.test:8443/x?y=1 with gh" +
				"p_abcdefghijklmnopqrstuvwxyz0123 from 10.1.2.3. MEYER knows; Ölmann too.",
		}}},
		Attachments: []filters.Attachment{{Attachment: event.Attachment{ID: "55", Name: "Meyer, contract.pdf", Size: 3, MIME: "application/pdf", SHA256: "ff", Author: alice}}},
	}
	return filtertest.Recording{
		Name: "SUP-12", Connection: "globex", Issue: issue, At: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		Received: &filters.Replica{Fields: event.Fields{"summary": "from zoe@globex.test", "assignee": event.User{ID: "w9", Name: "Zoe Quill"}.Value()}},
		Schema:   event.Schema{Fields: map[string]event.Field{"status": {Type: event.TypeOption, Options: []string{"Open"}}}},
	}
}

// TestRecord_NothingPersonalIsInIt: neither the people of a ticket, in any place,
// nor addresses, hosts, keys and cards are in a recorded case.
func TestRecord_NothingPersonalIsInIt(t *testing.T) {
	t.Parallel()
	for _, blank := range []bool{false, true} {
		r := recording()
		r.Blank = blank
		cases, err := filtertest.Record(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := filtertest.Write(cases)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ToLower(string(raw))
		for _, secret := range []string{
			"alice", "meyer", "bob", "ölmann", "zoe", "quill", "acme-corp", "globex.test", "other.test", "intern.", "wiki", "carl@",
			"170 123", "abcd1234", "4111", "ghp_", "10.1.2.3", "contract", "w9", "991", "ff\n",
		} {
			if strings.Contains(text, secret) {
				t.Errorf("blank %v: %q is in\n%s", blank, secret, raw)
			}
		}
		for _, kept := range []string{"sup-12", "open", "12.5", "2026-02-01", ".pdf", "internal: true"} {
			if !strings.Contains(text, kept) {
				t.Errorf("blank %v: %q is not in\n%s", blank, kept, raw)
			}
		}
		if planning := strings.Contains(text, "planning"); planning == blank {
			t.Errorf("blank %v: an ordinary word is there: %v", blank, planning)
		}
	}
}

// TestRecord_EqualsStayEqual: who is the same person stays the same person.
func TestRecord_EqualsStayEqual(t *testing.T) {
	t.Parallel()
	cases, err := filtertest.Record(t.Context(), recording())
	if err != nil {
		t.Fatal(err)
	}
	assignee, _ := cases[0].Issue.Fields["assignee"].(map[string]any)
	if got := cases[0].Issue.Attachments[0].Author; got.ID != assignee["id"] || got.Email != assignee["email"] {
		t.Errorf("got author %+v and assignee %v, one person", got, assignee)
	}
	if body := cases[0].Issue.Comments[0].Body; !strings.Contains(body, "**"+cases[0].Issue.Attachments[0].Author.Name+"**") {
		t.Errorf("the name in the text is not the person's: %s", body)
	}
}

// TestRecord_PassesUntilAFilterChanges: a filled case passes, written and read
// again, and fails once the filter does something else.
func TestRecord_PassesUntilAFilterChanges(t *testing.T) {
	t.Parallel()
	s := filtertest.Scripts{
		Outgoing: "replica.summary = issue.summary\nreplica.assignee = issue.assignee\nreplica.comments = issue.notes\nreplica.attachments = issue.attachments",
		Incoming: "issue.summary = replica.summary\nissue.labels += \"globex\"",
	}
	recorded, err := filtertest.Record(t.Context(), recording())
	if err != nil {
		t.Fatal(err)
	}
	for i := range recorded {
		if recorded[i], err = s.Fill(t.Context(), recorded[i]); err != nil {
			t.Fatal(err)
		}
	}
	text, err := filtertest.Write(recorded)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := filtertest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Run(t.Context(), cases) {
		if !r.Passed() {
			t.Errorf("%+v in\n%s", r, text)
		}
	}
	s.Outgoing = strings.Replace(s.Outgoing, "issue.summary", `"x" + issue.summary`, 1)
	s.Incoming = `refuse "no"`
	for _, r := range s.Run(t.Context(), cases) {
		if r.Passed() {
			t.Errorf("%s passes with another filter", r.Name)
		}
	}
}
