package redmine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// opposite is how Redmine calls a relation at its other end.
func opposite(relation string) string {
	switch relation {
	case "duplicates":
		return "duplicated"
	case "blocks":
		return "blocked"
	case "precedes":
		return "follows"
	case "copied_to":
		return "copied_from"
	}
	return relation
}

// relations are Redmine's words for what links are called everywhere, each read
// from the issue that has the link.
func relations() map[string]string {
	return map[string]string{
		event.RelatesTo:  "relates",
		event.Duplicates: "duplicates", event.IsDuplicatedBy: "duplicated",
		event.Blocks: "blocks", event.IsBlockedBy: "blocked",
		event.Precedes: "precedes", event.Follows: "follows",
		event.Clones: "copied_from", event.IsClonedBy: "copied_to",
	}
}

func relationNames() []string { return slices.Sorted(maps.Keys(relations())) }

// relationName is what a relation is called everywhere; Redmine's own word where
// it has one that is not known here.
func relationName(word string) string {
	for name, known := range relations() {
		if known == word {
			return name
		}
	}
	return word
}

// relation is written down once for both issues, and read from IssueID.
type relation struct {
	ID        int64  `json:"id"`
	IssueID   int64  `json:"issue_id"`
	IssueToID int64  `json:"issue_to_id"`
	Type      string `json:"relation_type"`
}

// link is the relation as the issue has it.
func (r relation) link(issueID int64) event.Link {
	other, word := r.IssueToID, r.Type
	if issueID == r.IssueToID {
		other, word = r.IssueID, opposite(word)
	}
	id := strconv.FormatInt(other, 10)
	return event.Link{Type: relationName(word), ID: id, Key: id}
}

func (i *issue) links() []event.Link {
	out := make([]event.Link, len(i.Relations))
	for n, r := range i.Relations {
		out[n] = r.link(i.ID)
	}
	return out
}

// linking is what a step changes of an issue's links.
type linking struct {
	t           *Tracker
	op          string
	issue       *issue
	add, remove []event.Link
	// refused are the links that Redmine did not take, in words.
	refused []string
}

// linking decides what changes, and refuses what Redmine does not have or would
// not take before anything is written.
func (t *Tracker) linking(ctx context.Context, op string, step event.Step, i *issue, me account) (*linking, error) {
	l := &linking{t: t, op: op, issue: i}
	l.add, l.remove = step.LinkChanges(i.links())
	if err := refuseLinks(op, l.add); err != nil || len(l.add)+len(l.remove) == 0 {
		return l, err
	}
	if slices.ContainsFunc(l.add, func(l event.Link) bool { return l.ID == i.id() }) {
		return nil, &adapters.Error{Class: adapters.ErrRejected, Op: op, Err: errors.New("an issue has no link to itself")}
	}
	return l, t.mayRelate(ctx, op, me, i.Project.ID)
}

func (t *Tracker) mayRelate(ctx context.Context, op string, me account, projectID int64) error {
	may, known, err := t.permissionsIn(ctx, me, projectID)
	if err == nil && known && !may[manageRelations] {
		return denied(op, "the account may not change the relations of issues", manageRelations)
	}
	return err
}

// mayLink is what can be said of a new issue's links before it is made.
func (t *Tracker) mayLink(ctx context.Context, op string, step event.Step, projectID int64) error {
	add, _ := step.LinkChanges(nil)
	if err := refuseLinks(op, add); err != nil || len(add) == 0 {
		return err
	}
	me, err := t.account(ctx)
	if err != nil {
		return err
	}
	return t.mayRelate(ctx, op, me, projectID)
}

// linkNew links an issue that was just made. It is there by now: what fails is in
// doubt, so that it is found and not made again.
func (t *Tracker) linkNew(ctx context.Context, op string, step event.Step, made *issue) (partly string, err error) {
	l := &linking{t: t, op: op, issue: made}
	l.add, _ = step.LinkChanges(nil)
	if err := l.doAdd(ctx); err != nil {
		return "", &adapters.Error{Class: adapters.ErrDoubt, Op: op, Detail: rest.Cut(err.Error()), Hint: "the issue was created and could not be linked"}
	}
	return l.partly(), nil
}

// partly tells of the links that were refused: they are no reason to keep back the
// rest of a step.
func (l *linking) partly() string {
	if len(l.refused) == 0 {
		return ""
	}
	return "Redmine did not take these links: " + strings.Join(l.refused, ", ")
}

func refuseLinks(op string, links []event.Link) error {
	for _, l := range links {
		if relations()[l.Type] == "" || !isID(l.ID) {
			return &adapters.Error{
				Class: adapters.ErrRejected, Op: op, Err: fmt.Errorf("there is no relation %q to an issue %q in Redmine", l.Type, l.ID),
				Hint: "it has " + quoteList(relationNames()) + ": map the others in the filter",
			}
		}
	}
	return nil
}

func (l *linking) unblocks() bool {
	return slices.ContainsFunc(l.remove, func(l event.Link) bool { return l.Type == event.IsBlockedBy })
}

// around does a write between taking links away and adding some: a blocked issue
// cannot be closed, so that a blocker goes before the status and comes behind it. A
// comment is nothing that can be written again: behind it comes nothing.
func (l *linking) around(ctx context.Context, comments bool, write func() error) error {
	parts := []func() error{func() error { return l.doRemove(ctx) }, write, func() error { return l.doAdd(ctx) }}
	if comments {
		parts[1], parts[2] = parts[2], parts[1]
	}
	for _, do := range parts {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func (l *linking) doRemove(ctx context.Context) error {
	for _, r := range l.issue.Relations {
		if !slices.ContainsFunc(l.remove, r.link(l.issue.ID).Same) {
			continue
		}
		// Taken away by somebody else meanwhile: it is as wanted.
		if err := l.t.api.unrelate(ctx, r.ID); err != nil && !errors.Is(err, adapters.ErrGone) {
			return err
		}
	}
	return nil
}

func (l *linking) doAdd(ctx context.Context) error {
	for _, link := range l.add {
		if err := l.addOne(ctx, link); err != nil {
			return err
		}
	}
	return nil
}

// addOne adds a link. Redmine refuses one that somebody made meanwhile; one beside
// another relation to the same issue; one to an issue of another project, above or
// below in the tree, or that the account does not see.
func (l *linking) addOne(ctx context.Context, link event.Link) error {
	id := l.issue.id()
	if err := l.t.api.relate(ctx, id, link); !errors.Is(err, adapters.ErrRejected) {
		return l.t.believeGone(ctx, err)
	}
	again, err := l.t.api.issue(ctx, l.op, id, "relations")
	if err != nil {
		return l.t.believeGone(ctx, err)
	}
	if slices.ContainsFunc(again.links(), link.Same) {
		return nil
	}
	l.refused = append(l.refused, link.Type+" #"+link.ID)
	return nil
}

func (c client) relate(ctx context.Context, id string, l event.Link) error {
	_, err := c.rest.Do(ctx, rest.Request{
		Op: "link issue " + id, Method: http.MethodPost, Path: "issues/{id}/relations.json", Args: []string{id}, Write: true,
		JSON: map[string]any{"relation": map[string]any{"issue_to_id": l.ID, "relation_type": relations()[l.Type]}}, Expect: []int{http.StatusCreated},
	})
	return err
}

func (c client) unrelate(ctx context.Context, relation int64) error {
	id := strconv.FormatInt(relation, 10)
	_, err := c.rest.Do(ctx, rest.Request{
		Op: "take away relation " + id, Method: http.MethodDelete, Path: "relations/{id}.json", Args: []string{id}, Write: true,
		Expect: []int{http.StatusNoContent},
	})
	return err
}

// linkEdits are the links before and after each detail of each journal entry: Redmine
// tells which one came or went, so that the present ones lead back.
func (i *issue) linkEdits() map[[2]int][2]any {
	out := map[[2]int][2]any{}
	links := i.links()
	for n, j := range slices.Backward(i.Journals) {
		for m, d := range slices.Backward(j.Details) {
			if d.Property != "relation" {
				continue
			}
			came, went := stringsOf(d.New), stringsOf(d.Old)
			id := strings.Join(slices.Concat(came, went), "")
			l := event.Link{Type: relationName(d.Name), ID: id, Key: id}
			without := slices.DeleteFunc(slices.Clone(links), l.Same)
			with := append(slices.Clone(without), l)
			before, after := with, without
			if len(came) > 0 {
				before, after = without, with
			}
			out[[2]int{n, m}] = [2]any{event.LinksValue(before), event.LinksValue(after)}
			links = before
		}
	}
	return out
}
