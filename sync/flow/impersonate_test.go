package flow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/filters"
	"parley/sync/event"
	"parley/sync/flow"
)

const asAnn = "issue.comments = map(replica.comments, asUser(#, user(#.body contains \"Ann\" ? \"ann\" : \"nobody\")))"

// spoken are the comments of a ticket, each with its author.
func spoken(k event.Ticket) []string {
	var out []string
	for _, c := range k.Comments {
		out = append(out, c.Author.ID+": "+c.Body)
	}
	return out
}

// TestImpersonate_OnlyWhereTheGateLetsIt: whom it does not let write is written for by
// ours, and nobody's name is lost.
func TestImpersonate_OnlyWhereTheGateLetsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gate filters.Accept
		hers bool
	}{
		"no":            {filters.Accept{}, false},
		"anybody":       {filters.Accept{Impersonate: true}, true},
		"her by e-mail": {filters.Accept{Impersonate: true, Impersonated: []string{"Ann@b.example"}}, true},
		"her by id":     {filters.Accept{Impersonate: true, Impersonated: []string{"ann"}}, true},
		"others":        {filters.Accept{Impersonate: true, Impersonated: []string{"bob"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			b.rule(func(r *flow.Rules) {
				r.Accept.Impersonate, r.Accept.Impersonated = c.gate.Impersonate, c.gate.Impersonated
			})
			b.scripts("", asAnn)
			ref := a.desk.open("one")
			a.desk.comment(ref, "Ann says", false)
			a.desk.comment(ref, "somebody says", false)
			w.settle()
			at := a.desk.get(ref).Comments[0].Created.UTC().Format("2006-01-02 15:04")
			want := []string{"bot: **Ana** · " + at + "\n\nAnn says", "bot: **Ana** · " + at + "\n\nsomebody says"}
			if c.hers {
				want[0] = "ann: Ann says"
			}
			if diff := cmp.Diff(want, spoken(b.one())); diff != "" {
				t.Errorf("comments (-want +got):\n%s", diff)
			}
		})
	}
}

// TestImpersonate_WhatWeWroteInAnothersNameNeverComesBack: neither while it is in doubt
// whether it was written, nor after an edit of either side's ticket, and it is not
// written twice.
func TestImpersonate_WhatWeWroteInAnothersNameNeverComesBack(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]string{"nothing fails": "", "the answer is lost": "write done", "it cannot be read back": "read"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			b.rule(func(r *flow.Rules) { r.Accept.Impersonate = true })
			b.scripts("", asAnn)
			b.desk.edits, b.desk.mute = true, fail != ""
			ref := a.desk.open("one")
			w.settle()
			written, failed := false, fail == ""
			b.desk.on = func(call string, step event.Step) error {
				written = written || call == "write done" && step.Kind == event.StepComment
				if !written || failed || call != fail {
					return nil
				}
				failed = true
				return trouble(adapters.ErrDoubt, call)
			}
			a.desk.comment(ref, "Ann says", false)
			w.settle()
			w.pass(time.Minute)
			w.settle()
			b.desk.set(b.one().Ref, "summary", "theirs")
			w.settle()
			a.desk.reword(ref, 0, "Ann says more")
			w.settle()
			w.pass(time.Minute)
			w.settle()
			if diff := cmp.Diff([]string{"ann: Ann says more"}, spoken(b.one())); diff != "" {
				t.Errorf("comments at b (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"ana: Ann says more"}, spoken(a.desk.get(ref))); diff != "" {
				t.Errorf("comments at a (-want +got):\n%s", diff)
			}
			if !failed {
				t.Error("nothing went wrong")
			}
		})
	}
}
