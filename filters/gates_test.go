package filters_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

// leaving is a replica of the sample ticket with everything in it.
func leaving(t *testing.T) (filters.Replica, filters.OursMeta) {
	t.Helper()
	issue := sampleIssue()
	out := send(t, `
replica.url = issue.url
replica.summary = issue.summary
replica.comments = concat(issue.comments, issue.notes | map(with(#, {internal: false})), issue.foreignComments)
replica.attachments = issue.attachments`)
	return out.Replica, filters.MetaOf(issue, false)
}

func ids(r filters.Replica) (out []string) {
	for _, c := range r.Comments {
		out = append(out, c.ID)
	}
	for _, a := range r.Attachments {
		out = append(out, a.ID)
	}
	return out
}

func TestEgress_InternalCommentsNeverLeaveByDefault(t *testing.T) {
	t.Parallel()
	replica, meta := leaving(t)
	got, findings := filters.Egress{}.Check(replica, meta)
	if diff := cmp.Diff(ids(got), []string{"1", "11", "12"}); diff != "" {
		t.Errorf("what leaves (-got +want):\n%s", diff)
	}
	want := []filters.Finding{
		{Code: filters.FindingField, Field: "url", Sample: "•••-1"},
		{Code: filters.FindingInternal, Field: "comments", Item: "2", Sample: "•••al"},
	}
	if diff := cmp.Diff(findings, want); diff != "" {
		t.Errorf("findings (-got +want):\n%s", diff)
	}
	if len(replica.Comments) != 3 || replica.Fields["url"] == nil {
		t.Error("the gate changed what it was given")
	}
}

func TestEgress_PermissionsLetThingsLeave(t *testing.T) {
	t.Parallel()
	replica, meta := leaving(t)
	gate := filters.Egress{Allow: []string{"url", "summary", "comments", "attachments"}, InternalComments: true, Foreign: []string{"initech"}}
	got, findings := gate.Check(replica, meta)
	if diff := cmp.Diff(ids(got), []string{"1", "2", "4", "11", "12", "14"}); diff != "" || len(findings) > 0 || got.Fields["url"] == nil {
		t.Errorf("findings %v, what leaves (-got +want):\n%s", findings, diff)
	}
}

func TestEgress_WhatOtherConnectionsWroteDoesNotLeave(t *testing.T) {
	t.Parallel()
	replica, meta := leaving(t)
	got, findings := filters.Egress{Foreign: []string{"somebody"}}.Check(replica, meta)
	for _, id := range ids(got) {
		if id == "4" || id == "14" || id == "13" {
			t.Errorf("%s of another connection leaves", id)
		}
	}
	for _, f := range findings {
		if f.Item == "4" || f.Item == "14" {
			t.Errorf("leaving out what is another connection's stops the ticket: %v", f)
		}
	}
}

func TestEgress_RestrictedTicketsAndUnknownFields(t *testing.T) {
	t.Parallel()
	replica, meta := leaving(t)
	meta.Restricted = true
	got, findings := filters.Egress{}.Check(replica, meta)
	if len(got.Fields)+len(got.Comments)+len(got.Attachments) > 0 || len(findings) != 1 || findings[0].Code != filters.FindingRestricted {
		t.Errorf("a restricted ticket: %v leaves, %v", got, findings)
	}
	if _, findings := (filters.Egress{Restricted: true}).Check(replica, meta); findings[0].Code == filters.FindingRestricted {
		t.Errorf("permission is not heeded: %v", findings)
	}
	meta.Restricted = false
	got, findings = filters.Egress{Allow: []string{"priority"}}.Check(replica, meta)
	var fields []string
	for _, f := range findings {
		fields = append(fields, f.Field)
		if strings.Contains(f.Sample, "Printer") {
			t.Errorf("a finding shows the content: %v", f)
		}
	}
	if diff := cmp.Diff(fields, []string{"summary", "url", "comments", "attachments"}); diff != "" || len(got.Fields) > 0 || got.CommentsSent {
		t.Errorf("fields held (-got +want):\n%s", diff)
	}
	replica.Comments = []filters.Comment{comment("99", "made up", "", false)}
	if _, findings := (filters.Egress{Allow: []string{"url", "summary", "comments", "attachments"}}).Check(replica, meta); len(findings) != 1 || findings[0].Code != filters.FindingUnknownItem {
		t.Errorf("a comment that our ticket does not have: %v", findings)
	}
}

func TestEgress_SizeIsBounded(t *testing.T) {
	t.Parallel()
	replica := filters.Replica{Fields: event.Fields{"summary": strings.Repeat("x", 2000)}}
	if _, findings := (filters.Egress{MaxBytes: 1000}).Check(replica, filters.OursMeta{}); len(findings) != 1 || findings[0].Code != filters.FindingTooLarge {
		t.Errorf("got %v", findings)
	}
	var deep any = "x"
	for range 100 {
		deep = []any{deep}
	}
	if _, findings := (filters.Egress{}).Check(filters.Replica{Fields: event.Fields{"summary": deep}}, filters.OursMeta{}); len(findings) != 1 {
		t.Errorf("a deep value: %v", findings)
	}
}

func TestEgress_ScriptsThatCopyWhatMayNotLeave(t *testing.T) {
	t.Parallel()
	f := outgoing(t, `replica.description = issue.url + join(issue.notes | map(.body)) + join(issue.foreignComments | map(.body))`, sampleEnv())
	var got []string
	for _, one := range (filters.Egress{}).CheckScript(f) {
		got = append(got, one.Field)
	}
	if diff := cmp.Diff(got, []string{"foreignComments", "notes", "url"}); diff != "" {
		t.Errorf("findings (-got +want):\n%s", diff)
	}
	if got := (filters.Egress{InternalComments: true, Foreign: []string{"x"}, Allow: []string{"url"}}).CheckScript(f); len(got) > 0 {
		t.Errorf("with permission: %v", got)
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	result := filters.InResult{
		Fields:   event.Fields{"project": "SUP", "type": "Incident", "summary": "secret text"},
		Sets:     map[string]filters.SetChange{"labels": {Add: []any{"a"}}},
		Comments: []filters.Comment{comment("1", "x", "", false)}, CommentsSet: true,
		Attachments: []filters.Attachment{file("2", "f", 2048, "")}, AttachmentsSet: true,
	}
	open := filters.Accept{Comments: true, Attachments: true}
	for name, c := range map[string]struct {
		gate   filters.Accept
		result filters.InResult
		create bool
		want   []filters.FindingCode
	}{
		"all allowed":     {open, result, true, nil},
		"zero gate":       {filters.Accept{}, result, true, []filters.FindingCode{filters.FindingComments, filters.FindingAttachments}},
		"projects":        {filters.Accept{Projects: []string{"OPS"}, Comments: true, Attachments: true}, result, false, []filters.FindingCode{filters.FindingProject}},
		"types":           {filters.Accept{Types: []string{"Task"}, Comments: true, Attachments: true}, result, true, []filters.FindingCode{filters.FindingType}},
		"project missing": {filters.Accept{Projects: []string{"SUP"}}, filters.InResult{Fields: event.Fields{}}, true, []filters.FindingCode{filters.FindingProject}},
		"later update":    {filters.Accept{Projects: []string{"SUP"}, Types: []string{"x"}}, filters.InResult{Fields: event.Fields{}}, false, nil},
		"fields":          {filters.Accept{Fields: []string{"priority"}, Comments: true, Attachments: true}, result, false, []filters.FindingCode{filters.FindingField, filters.FindingField}},
	} {
		var got []filters.FindingCode
		for _, f := range c.gate.Check(c.result, c.create) {
			got = append(got, f.Code)
			if strings.Contains(f.Sample, "secret text") {
				t.Errorf("%s: a finding shows the content", name)
			}
		}
		if diff := cmp.Diff(got, c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

func TestCounter_AllowsSoManyAnHour(t *testing.T) {
	t.Parallel()
	var c filters.Counter
	for i := range 3 {
		if !c.Allow(at.Add(time.Duration(i)*time.Minute), 3) {
			t.Errorf("number %d is refused", i+1)
		}
	}
	if c.Allow(at.Add(59*time.Minute), 3) {
		t.Error("a fourth within the hour is allowed")
	}
	if got := c.Next(at.Add(59*time.Minute), 3); !got.Equal(at.Add(time.Hour)) {
		t.Errorf("the next is allowed at %s", got)
	}
	if !c.Allow(at.Add(time.Hour), 3) || c.Count(at.Add(time.Hour)) != 3 {
		t.Error("an hour later there is no room")
	}
	if !c.Allow(at, 0) {
		t.Error("no limit is a limit")
	}
}

// TestAccept_AFileIsWhatItBeginsWith: its name and its MIME type are the peer's word.
func TestAccept_AFileIsWhatItBeginsWith(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", filters.KindBytes-1)
	for want, contents := range map[string][]string{
		filters.KindText:    {"", "Printer on fire", "\xef\xbb\xbfwith a mark", long + "ä, cut in the middle of a letter", "\xff\xfeo\x00k\x00!\x00\n\x00"},
		filters.KindPicture: {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "\xff\xd8\xff\xe0\x00\x10JFIF"},
		filters.KindOffice:  {"PK\x03\x04" + strings.Repeat("\x00", 26) + "[Content_Types].xml", "PK\x03\x04" + strings.Repeat("\x00", 26) + "mimetypeapplication/vnd.oasis.opendocument.text"},
		filters.KindArchive: {"PK\x03\x04" + strings.Repeat("\x00", 26) + "setup.exe", "\x1f\x8b\x08\x00"},
		filters.KindPDF:     {"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\x00"},
		filters.KindOther:   {"MZ\x90\x00\x03\x00\x00\x00", "\x7fELF\x02\x01\x01\x00"},
	} {
		for _, content := range contents {
			if got, err := filters.FileKind(strings.NewReader(content)); err != nil || got != want {
				t.Errorf("%.20q is %s, %v, want %s", content, got, err, want)
			}
		}
	}
}
