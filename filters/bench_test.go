package filters_test

import (
	"strconv"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

const benchOutgoing = `
replica.key         = issue.key
replica.summary     = unprefixed("[Globex] ", issue.summary)
replica.description = issue.description
replica.status      = lookup("status", issue.status)
replica.priority    = issue.priority
replica.assignee    = issue.assignee
replica.due         = issue.due
replica.labels      = issue.labels | filter(# startsWith "pub-") | map(trimPrefix(#, "pub-"))
replica.fields["Region"] = issue.fields["Region"]
if issue.fields["Severity"] == "S1" {
  replica.priority = "Highest"
}
replica.comments    = issue.comments
replica.attachments = issue.attachments | filter(.size < 10 * MB)
`

const benchIncoming = `
if firstSync {
  issue.project = vars.project
}
issue.summary  = prefixed("[Globex] ", replica.summary)
issue.description = replica.description
issue.status   = lookup("status", replica.status)
issue.priority = option(replica.priority) ?? keep
issue.assignee = user(replica.assignee?.email) ?? keep
issue.due      = replica.due
issue.labels   = replica.labels | map("pub-" + #)
if replica.status == "closed" {
  issue.resolution = "Done"
}
issue.fields["Region"] = option(replica.fields["Region"]?.value, replica.fields["Region"]?.child) ?? keep
issue.comments = replica.comments | map(with(#, {body: byline(#) + .body}))
issue.attachments = replica.attachments
`

func BenchmarkOutgoing(b *testing.B) {
	f := outgoing(b, benchOutgoing, sampleEnv())
	in := filters.OutInput{Context: sampleContext(), Issue: sampleIssue()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Run(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutgoingOfMany runs a filter of each of many connections in turn.
func BenchmarkOutgoingOfMany(b *testing.B) {
	all := make([]*filters.Outgoing, 2000)
	for i := range all {
		env := sampleEnv()
		env.Key = []byte(strconv.Itoa(i))
		all[i] = outgoing(b, benchOutgoing, env)
	}
	in := filters.OutInput{Context: sampleContext(), Issue: sampleIssue()}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := all[i%len(all)].Run(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIncoming(b *testing.B) {
	f := incoming(b, benchIncoming, sampleEnv())
	out, err := outgoing(b, benchOutgoing, sampleEnv()).Run(b.Context(), filters.OutInput{Context: sampleContext(), Issue: sampleIssue()})
	if err != nil {
		b.Fatal(err)
	}
	issue := sampleIssue()
	in := filters.InInput{Context: sampleContext(), Issue: &issue, Replica: out.Replica}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Run(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScope(b *testing.B) {
	s, err := filters.CompileScope(`issue.project == vars.project and vars.label in issue.labels`, sampleEnv())
	if err != nil {
		b.Fatal(err)
	}
	issue, info := sampleIssue(), sampleContext()
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := s.Match(b.Context(), issue, info); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		outgoing(b, benchOutgoing, sampleEnv())
	}
}

func BenchmarkEgress(b *testing.B) {
	issue := sampleIssue()
	out, err := outgoing(b, benchOutgoing, sampleEnv()).Run(b.Context(), filters.OutInput{Context: sampleContext(), Issue: issue})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, findings := (filters.Egress{}).Check(out.Replica, filters.MetaOf(issue, false)); len(findings) > 0 {
			b.Fatal(findings)
		}
	}
}

// The stated limit of a run is about 10 µs for a dozen lines; this only keeps
// the benchmark's scripts working.
func TestBenchmarkScriptsWork(t *testing.T) {
	t.Parallel()
	out := send(t, benchOutgoing)
	back := receive(t, benchIncoming, out.Replica.Fields)
	if back.Fields["summary"] != "[Globex] Printer on fire" || !back.CommentsSet {
		// receive passes fields only: comments were not sent.
		if back.CommentsSet || back.Fields["summary"] != "[Globex] Printer on fire" {
			t.Errorf("got %v", back.Fields)
		}
	}
	if want := (event.Fields{"labels": []any{"pub-fire"}}); back.Fields["labels"].([]any)[0] != want["labels"].([]any)[0] {
		t.Errorf("labels are %v", back.Fields["labels"])
	}
}
