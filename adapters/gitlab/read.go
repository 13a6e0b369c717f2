package gitlab

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"parley/adapters/internal/defuse"
	"parley/sync/event"
)

const fieldMilestone = event.CustomPrefix + "Milestone"

const fieldConfidential = event.CustomPrefix + "Confidential"

// Read implements adapters.Tracker.
func (t *Tracker) Read(ctx context.Context, ref event.Ref) (event.Ticket, error) {
	op := "read issue " + ref.ID
	me, err := t.account(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	i, err := t.issue(ctx, op, ref)
	if err != nil {
		return event.Ticket{}, err
	}
	p, err := t.dir.project(ctx)
	if err != nil {
		return event.Ticket{}, err
	}
	description, m := cutMarker(i.Description, isAuthor(i.Author, me))
	talk, err := t.talk(ctx, op, i, me)
	if err != nil {
		return event.Ticket{}, err
	}
	files, err := t.files(ctx, op, i, description, talk)
	if err != nil {
		return event.Ticket{}, err
	}
	ticket := event.Ticket{
		Ref: i.ref(), Key: i.key(), URL: i.web(), Fields: i.fields(&p, i.refer(description, files)), Marker: m, Version: i.version(), Updated: i.Updated.UTC(),
		// What does not say that it is for everybody is not.
		Restricted: i.Confidential == nil || *i.Confidential, Next: next(i.State),
	}
	for n := range talk.comments {
		talk.comments[n].Body = i.refer(talk.comments[n].Body, files)
	}
	ticket.Comments, ticket.Attachments = talk.comments, files
	if ticket.Fields[event.FieldParent], err = t.parent(ctx, op, i, p.Path); err != nil {
		return event.Ticket{}, err
	}
	links, err := t.api.links(ctx, op, i.id())
	if err != nil {
		return event.Ticket{}, t.believeGone(ctx, op, err)
	}
	ticket.Fields[event.FieldLinks] = linksOf(links, i.Project)
	return ticket, nil
}

// files are those that the texts of an issue link to. What a note says that is there for the
// file alone, our own before all, holds against what other texts say of it.
func (t *Tracker) files(ctx context.Context, op string, i *issue, description string, all talk) ([]event.Attachment, error) {
	slices.SortStableFunc(all.carried, func(a, b event.Attachment) int { return cmp.Compare(b.Marker, a.Marker) })
	shown := i.filesIn(description, event.Attachment{Author: i.Author.event(), Created: i.Created.UTC()})
	return t.sized(ctx, op, i.Project, once(slices.Concat(all.carried, shown, all.shown)))
}

func isAuthor(u *user, me user) bool { return u != nil && u.ID == me.ID }

func (i *issue) fields(p *project, description string) event.Fields {
	out := event.Fields{
		event.FieldKey: i.key(), event.FieldURL: emptyNil(i.web()), event.FieldProject: p.Path,
		event.FieldSummary: emptyNil(defuse.MeantFormula(lines(*i.Title))), event.FieldDescription: emptyNil(description), event.FieldStatus: i.State,
		event.FieldType: emptyNil(i.Type), event.FieldLabels: setOf(i.Labels), event.FieldDue: emptyNil(i.Due),
		event.FieldReporter: i.Author.value(), event.FieldAssignee: nil, fieldMilestone: nil,
		fieldConfidential:  i.Confidential == nil || *i.Confidential,
		event.FieldCreated: i.Created.UTC().Format(time.RFC3339), event.FieldUpdated: i.Updated.UTC().Format(time.RFC3339),
	}
	out[event.FieldEstimate], out[event.FieldSpent] = i.Times.values()
	if len(i.Assignees) > 0 {
		out[event.FieldAssignee] = i.Assignees[0].value()
	}
	if i.Milestone != nil {
		out[fieldMilestone] = emptyNil(i.Milestone.Title)
	}
	return out
}

func (i *issue) web() string {
	u, err := url.Parse(i.Web)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return u.String()
}

func setOf(all []string) any {
	if len(all) == 0 {
		return nil
	}
	var out []any
	for _, s := range slices.Compact(slices.Sorted(slices.Values(all))) {
		out = append(out, s)
	}
	return out
}

// next are the states that may follow one.
func next(state string) []string {
	if state == stateOpen {
		return []string{stateClosed}
	}
	return []string{stateOpen}
}

// Moves implements adapters.Workflow.
func (t *Tracker) Moves(ctx context.Context, ref event.Ref) (map[string][]string, error) {
	if _, err := t.issue(ctx, "read the workflow of issue "+ref.ID, ref); err != nil {
		return nil, err
	}
	return map[string][]string{stateOpen: next(stateOpen), stateClosed: next(stateClosed)}, nil
}

// talk is what the notes of an issue hold.
type talk struct {
	comments []event.Comment
	// carried are the files that a note is there for, shown those that comments link to.
	carried, shown []event.Attachment
}

func (t *Tracker) talk(ctx context.Context, op string, i *issue, me user) (talk, error) {
	all, err := t.api.notes(ctx, op, i.id())
	if err != nil {
		return talk{}, t.believeGone(ctx, op, err)
	}
	var out talk
	for n := range all {
		if all[n].System {
			continue
		}
		c := all[n].comment(me)
		about := event.Attachment{Author: c.Author, Created: c.Created, Internal: c.Internal}
		// A note that is nothing but a link is the file, whoever wrote it.
		if f, ok := i.carried(c.Body, about); ok {
			f.Marker = c.Marker
			out.carried = append(out.carried, f)
			continue
		}
		out.comments = append(out.comments, c)
		out.shown = append(out.shown, i.filesIn(c.Body, about)...)
	}
	slices.SortStableFunc(out.comments, func(a, b event.Comment) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(number(a.ID), number(b.ID)))
	})
	return out, nil
}

func (n *note) comment(me user) event.Comment {
	c := event.Comment{ID: n.id(), Author: n.Author.event(), Created: n.Created.UTC(), Internal: n.hidden()}
	c.Body, c.Marker = cutMarker(*n.Body, isAuthor(n.Author, me))
	if n.Updated.After(n.Created) {
		c.Edited = n.Updated.UTC()
	}
	return c
}
