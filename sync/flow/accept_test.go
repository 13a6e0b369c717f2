package flow_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/flow"
)

// rule puts other rules of a node in force.
func (n *node) rule(change func(*flow.Rules)) {
	e := n.wires[0]
	next := *e.rules
	change(&next)
	e.rules = &next
	e.con.SetRules(&next)
}

// TestAccept_WhatIsNotTakenIsDeclinedAloneAndTheRestIsWritten: one comment or file that
// may not enter stops nothing else of the ticket, and never comes by itself later.
func TestAccept_WhatIsNotTakenIsDeclinedAloneAndTheRestIsWritten(t *testing.T) {
	t.Parallel()
	const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00"
	for name, c := range map[string]struct {
		gate     func(*filters.Accept)
		comments []string
		files    []string
	}{
		"anything": {func(*filters.Accept) {}, []string{"hello"}, []string{"long.txt", "photo.png", "setup.png"}},
		"no comments": {
			func(a *filters.Accept) { a.Visible = filters.VisibleNone }, nil, []string{"long.txt", "photo.png", "setup.png"},
		},
		"internal ones only": {
			func(a *filters.Accept) { a.Visible = filters.VisibleInternal }, nil, []string{"long.txt", "photo.png", "setup.png"},
		},
		"pictures": {
			func(a *filters.Accept) { a.Kinds = []string{filters.KindPicture} }, []string{"hello"}, []string{"photo.png"},
		},
		"no files": {func(a *filters.Accept) { a.Kinds = []string{} }, []string{"hello"}, nil},
		"small ones": {
			func(a *filters.Accept) { a.MaxAttachment = 20 }, []string{"hello"}, []string{"photo.png", "setup.png"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			b.rule(func(r *flow.Rules) { c.gate(&r.Accept) })
			a.rule(func(r *flow.Rules) { r.Egress.Unscanned = filters.UnscannedKinds() })
			ref := a.desk.open("one")
			a.desk.comment(ref, "hello", false)
			a.desk.attach(ref, "photo.png", png)
			a.desk.attach(ref, "setup.png", "MZ\x90\x00\x03\x00\x00\x00")
			a.desk.attach(ref, "long.txt", "a text of more than twenty letters")
			w.settle()
			a.desk.set(ref, "summary", "two")
			w.settle()
			got := b.one()
			names := files(got)
			slices.Sort(names)
			if diff := cmp.Diff(c.files, names); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.comments, bodies(got)); diff != "" {
				t.Errorf("comments (-want +got):\n%s", diff)
			}
			if got.Fields["summary"] != "two" || b.saw("parked")+b.saw("refused here") != 0 || a.rows('j')+b.rows('j') != 0 {
				t.Errorf("the rest is %v; parked %d, refused %d, under way %d", got.Fields, b.saw("parked"), b.saw("refused here"), b.rows('j'))
			}
		})
	}
}

// TestAccept_InternalCommentsEnterWhereOnlyThoseMay: the incoming filter makes them so.
func TestAccept_InternalCommentsEnterWhereOnlyThoseMay(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	b.rule(func(r *flow.Rules) {
		r.Accept.Visible = filters.VisibleInternal
		_, r.Incoming = compile(t, outgoing, `issue.summary = replica.summary
issue.comments = map(replica.comments, with(#, {internal: true}))`)
	})
	ref := a.desk.open("one")
	a.desk.comment(ref, "hello", false)
	w.settle()
	if got := b.one(); len(got.Comments) != 1 || !got.Comments[0].Internal || got.Comments[0].Body != "hello" {
		t.Errorf("the comments are %+v", got.Comments)
	}
}
