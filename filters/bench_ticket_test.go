package filters_test

import (
	"fmt"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

// The scripts of a busy connection: plain lines mostly, one table written out,
// and a long conversation.
const talkOutgoing = `
replica.fields["seq"]      = issue.fields["Points"]
replica.key                = issue.key
replica.summary            = issue.summary
replica.description        = issue.description
replica.priority           = {"High": "P2", "Medium": "P3"}[issue.priority] ?? "P4"
replica.fields["severity"] = issue.fields["Severity"] ?? "S3"
replica.status             = issue.status == "Done" ? "Closed" : issue.status
replica.labels             = issue.labels | filter(not (# startsWith "internal"))
replica.comments           = issue.comments | filter(not .internal)
replica.fields["impact"]   = issue.fields["Locked"]
`

const talkIncoming = `
issue.fields["Points"]   = replica.fields["seq"]
issue.summary            = prefixed("[Acme] ", replica.summary)
issue.description        = replica.description
issue.priority           = {"P2": "High", "P3": "Low"}[replica.priority] ?? "Low"
issue.fields["Severity"] = replica.fields["severity"]
issue.status             = replica.status
issue.labels             = concat(replica.labels, ["acme"])
issue.comments           = replica.comments
`

// longTalk is a ticket with 20 public and 10 internal comments.
func longTalk() filters.Ours {
	issue := sampleIssue()
	issue.Comments = nil
	for i := range 30 {
		c := comment(fmt.Sprint(i), fmt.Sprintf("Comment %d: the printer burns still, and nobody has called.", i), "", i%3 == 2)
		c.Author = event.User{ID: fmt.Sprint("person-", i%4), Name: "Ann", Email: "ann@acme.example"}
		issue.Comments = append(issue.Comments, c)
	}
	return issue
}

func sendTalk(b *testing.B) filters.OutResult {
	b.Helper()
	out, err := outgoing(b, talkOutgoing, sampleEnv()).Run(b.Context(), filters.OutInput{Context: sampleContext(), Issue: longTalk()})
	if err != nil || len(out.Replica.Comments) != 20 {
		b.Fatal(len(out.Replica.Comments), err)
	}
	return out
}

func BenchmarkTalkOutgoing(b *testing.B) {
	f := outgoing(b, talkOutgoing, sampleEnv())
	in := filters.OutInput{Context: sampleContext(), Issue: longTalk()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Run(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTalkIncoming(b *testing.B) {
	f := incoming(b, talkIncoming, sampleEnv())
	issue := longTalk()
	in := filters.InInput{Context: sampleContext(), Issue: &issue, Replica: sendTalk(b).Replica}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Run(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTalkEgress(b *testing.B) {
	out, issue := sendTalk(b), longTalk()
	b.ReportAllocs()
	for b.Loop() {
		passed, findings := (filters.Egress{}).Check(out.Replica, filters.MetaOf(issue, false))
		if len(findings) > 0 || len(passed.Comments) != 20 {
			b.Fatal(findings)
		}
	}
}

func BenchmarkTalkAccept(b *testing.B) {
	issue := longTalk()
	in := filters.InInput{Context: sampleContext(), Issue: &issue, Replica: sendTalk(b).Replica}
	result, err := incoming(b, talkIncoming, sampleEnv()).Run(b.Context(), in)
	if err != nil {
		b.Fatal(err)
	}
	gate := filters.Accept{Comments: true, Attachments: true}
	b.ReportAllocs()
	for b.Loop() {
		if findings := gate.Check(result, false); len(findings) > 0 {
			b.Fatal(findings)
		}
	}
}

// What the gate's detectors cost of a ticket with twenty comments, all of it about
// to leave for the first time.
func BenchmarkTalkScan(b *testing.B) {
	out := sendTalk(b)
	change := event.ChangeBody{Fields: out.Replica.Fields}
	for _, c := range out.Replica.Comments {
		change.Items = append(change.Items, event.Item{ID: event.ItemID(c.ID), Kind: event.ItemComment, Author: c.Author, Body: c.Body})
	}
	b.ReportAllocs()
	for b.Loop() {
		if findings := (filters.Egress{}).Scan(&change); len(findings) > 0 {
			b.Fatal(findings)
		}
	}
}
