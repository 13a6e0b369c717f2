package filters_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"parley/filters"
	"parley/sync/event"
)

// FuzzCompile: no text makes the compiler panic or take long; what it refuses
// it refuses with problems that point into the text; what it accepts runs
// within its limits.
func FuzzCompile(f *testing.F) {
	for _, src := range []string{
		benchOutgoing, benchIncoming, "", "\x00", "\ufeff", "}", "if", "else", "let", "replica.", "replica.fields[", `replica.fields["a"`,
		"replica.key = map([1], {let x = #; x})", "if true {\n} else if false {\n} else {\n}", "replica.key = 1 < 2 < 3", "replica.key = `a``b`",
		"/*", "'", "skip \"a\" }", "replica.key = \"\\u{110000}\"", "replica.key = 0x", "replica.key = #", "replica.key = a ? \n: b", "replica.key=.a",
		"replica.key = issue.summary[1:2]", "let a=[1]\nlet b=[a,a]\nreplica.fields['x']=b==b", "note sum(map(1..9, #))", "replica.key = not in", "replica.key = ::map([1], #)",
	} {
		f.Add(src, uint8(0))
		f.Add(src, uint8(1))
		f.Add(src, uint8(2))
	}
	env := sampleEnv()
	env.Limits = filters.Limits{Time: time.Second, Memory: 4 << 20}
	f.Fuzz(func(t *testing.T, src string, kind uint8) {
		started := time.Now()
		err := fuzzOne(t, src, kind, env)
		if took := time.Since(started); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		var list filters.Problems
		if !errors.As(err, &list) {
			return
		}
		lines := strings.Count(src, "\n") + 1
		for _, p := range list {
			if p.Line < 1 || p.Line > lines || p.Col < 1 || p.Message == "" || p.Code == "" {
				t.Errorf("a problem points nowhere: %+v", p)
			}
		}
		_ = list.Error()
	})
}

func fuzzOne(t *testing.T, src string, kind uint8, env filters.Env) error {
	issue := sampleIssue()
	var runErr error
	switch kind % 3 {
	case 0:
		f, err := filters.CompileOutgoing(src, env)
		if err != nil {
			return err
		}
		_, runErr = f.Run(t.Context(), filters.OutInput{Context: sampleContext(), Issue: issue, Trace: true})
	case 1:
		f, err := filters.CompileIncoming(src, env)
		if err != nil {
			return err
		}
		fields := event.Fields{"summary": "x", "status": "open", "labels": []any{"a"}, "assignee": value("1", "E", "e@x")}
		_, runErr = f.Run(t.Context(), filters.InInput{Context: sampleContext(), Issue: &issue, Replica: filters.Replica{Fields: fields, Comments: issue.Comments, CommentsSent: true}})
	default:
		f, err := filters.CompileScope(src, env)
		if err != nil {
			return err
		}
		_, runErr = f.Match(t.Context(), issue, sampleContext())
	}
	var failure *filters.RunError
	if runErr != nil && !errors.As(runErr, &failure) {
		t.Errorf("a run failed with %T: %v", runErr, runErr)
	}
	return nil
}
