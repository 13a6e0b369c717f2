package gitlab

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// GitLab has one relation between two issues at most, which it tells of at both. Of some
// projects it takes none but "relates to".

// relations are those that GitLab has, in words as its pages have them.
func relations() []string { return []string{event.RelatesTo, event.Blocks, event.IsBlockedBy} }

// relation is the word of GitLab's API for one.
func relation(words string) string { return strings.ReplaceAll(words, " ", "_") }

func linksOf(all []related, project int64) any {
	var out []event.Link
	for n := range all {
		out = append(out, all[n].event(project))
	}
	return event.LinksValue(out)
}

// linking is what a step does to the links of an issue.
type linking struct {
	add []event.Link
	// remove are the numbers of links.
	remove []string
}

// linking is checked before anything is written. have are the links of the issue, none if it
// is to be made.
func (e *edit) linking(step event.Step, have []related, project int64) (linking, error) {
	var out linking
	value := step.Fields[event.FieldLinks]
	if given, _ := value.([]any); value != nil && (given == nil || len(given) != len(event.LinksOf(value))) {
		return out, e.reject("%s is not a list of links with type and id", event.FieldLinks)
	}
	var now []event.Link
	for n := range have {
		now = append(now, have[n].event(project))
	}
	add, remove := step.LinkChanges(now)
	for _, l := range add {
		switch {
		case !slices.Contains(relations(), l.Type):
			return out, e.reject("GitLab has no relation %q: it has %q", l.Type, relations())
		case !isID(l.ID):
			return out, e.reject("%q is not the number of an issue of this project", l.ID)
		case e.of != nil && l.ID == e.of.id():
			return out, e.reject("an issue has no link to itself")
		}
	}
	out.add = add
	for n := range have {
		if slices.ContainsFunc(remove, now[n].Same) {
			out.remove = append(out.remove, have[n].link())
		}
	}
	return out, nil
}

// linksFor reads the links that a step changes; none if it names no links.
func (t *Tracker) linksFor(ctx context.Context, op string, i *issue, step event.Step) ([]related, error) {
	if _, named := step.Fields[event.FieldLinks]; !named {
		return nil, nil
	}
	have, err := t.api.links(ctx, op, i.id())
	return have, t.believeGone(ctx, op, err)
}

// relate makes the changes, and says what GitLab did not take: a relation beside another one of
// the same two issues, one that the project's licence does not have, an issue that the account
// does not see. Links that are refused are no reason to keep back the rest of a step.
func (t *Tracker) relate(ctx context.Context, i *issue, l linking) (string, error) {
	for _, id := range l.remove {
		if err := t.api.unlink(ctx, i.id(), id); err != nil && !rest.HasStatus(err, http.StatusNotFound) {
			return "", err
		}
	}
	var left []string
	for _, one := range l.add {
		err := t.api.link(ctx, i, one)
		if err != nil && !refused(err) {
			return "", err
		}
		if err != nil {
			left = append(left, one.Type+" #"+one.ID)
		}
	}
	if left == nil {
		return "", nil
	}
	return "GitLab did not take these links: " + strings.Join(left, ", "), nil
}

func refused(err error) bool {
	return slices.ContainsFunc([]int{
		http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity,
	}, func(status int) bool { return rest.HasStatus(err, status) })
}
