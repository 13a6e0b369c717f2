package redmine

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"parley/adapters"
	"parley/adapters/internal/once"
	"parley/sync/event"
)

// Find implements adapters.Tracker.
func (t *Tracker) Find(ctx context.Context, step event.Step) (event.Found, error) {
	if step.Marker == "" {
		return event.Found{}, &adapters.Error{Class: adapters.ErrConfiguration, Op: "look for a step", Err: errNoMarker}
	}
	if step.Kind == event.StepCreate {
		return t.findIssue(ctx, step)
	}
	i, err := t.issue(ctx, "look at issue "+step.Ref.ID, step.Ref, "journals,attachments")
	if err != nil {
		return event.Found{}, err
	}
	me, err := t.account(ctx)
	if err != nil {
		return event.Found{}, err
	}
	items := t.journalsMarked(i, me, step.Marker)
	if step.Kind == event.StepAttach {
		items = filesMarked(i, me, step.Marker)
	}
	found := event.Found{Presence: presence(len(items))}
	if len(items) == 1 {
		found.Written = event.Written{Ref: i.ref(), Key: i.id(), Item: items[0]}
	}
	return found, nil
}

var errNoMarker = fmt.Errorf("a step without a marker cannot be looked for")

func presence(n int) event.Presence {
	switch n {
	case 0:
		return event.FoundNone
	case 1:
		return event.FoundOne
	}
	return event.FoundMany
}

func (t *Tracker) journalsMarked(i *issue, me account, m event.Marker) []string {
	var out []string
	for _, j := range i.Journals {
		if j.Notes != "" && t.comment(j, me).Marker == m {
			out = append(out, strconv.FormatInt(j.ID, 10))
		}
	}
	return out
}

func filesMarked(i *issue, me account, m event.Marker) []string {
	var out []string
	for _, a := range i.Attachments {
		if f := fileOf(a, me); f.Marker == m {
			out = append(out, f.ID)
		}
	}
	return out
}

const opFind = "look for a created issue"

// findIssue looks for the issue that a create made: by the marker's custom
// field, else among the newest issues of this account.
func (t *Tracker) findIssue(ctx context.Context, step event.Step) (event.Found, error) {
	me, err := t.check(ctx)
	if err != nil {
		return event.Found{}, err
	}
	if t.set.markerField != "" {
		found, sure, err := t.findByField(ctx, me, step.Marker)
		if err != nil || sure {
			return found, err
		}
	}
	var matches []issue
	for next := int64(0); ; {
		// By id downwards: an issue made meanwhile moves nothing.
		query := url.Values{"author_id": {"me"}, "sort": {"id:desc"}, "limit": {strconv.Itoa(t.set.page)}}
		if next > 0 {
			query.Set("issue_id", "<="+strconv.FormatInt(next, 10))
		}
		page, err := t.list(ctx, opFind, query)
		if err != nil {
			return event.Found{}, err
		}
		old := false
		for _, i := range page {
			if _, m := t.issueMarker(&i, me); m == step.Marker {
				matches = append(matches, i)
			}
			old = old || step.Since > 0 && i.CreatedOn.Before(time.Unix(step.Since, 0))
			next = i.ID - 1
		}
		if old || len(page) < t.set.page || next <= 0 {
			return foundIssues(matches), nil
		}
	}
}

func foundIssues(matches []issue) event.Found {
	matches = once.Rows(matches, func(i *issue) int64 { return i.ID })
	found := event.Found{Presence: presence(len(matches))}
	if len(matches) == 1 {
		found.Written = event.Written{Ref: matches[0].ref(), Key: matches[0].id()}
	}
	return found
}

// findByField is sure only if the field is used as a filter: Redmine ignores a
// filter that it does not know and lists everything.
func (t *Tracker) findByField(ctx context.Context, me account, m event.Marker) (event.Found, bool, error) {
	fields, err := t.dir.customFields(ctx)
	if err != nil {
		return event.Found{}, false, err
	}
	def, ok := fields[t.set.markerField]
	if !ok {
		return event.Found{}, false, nil
	}
	query := url.Values{"cf_" + strconv.FormatInt(def.id, 10): {string(m)}, "sort": {"id:desc"}, "limit": {"10"}}
	page, err := t.list(ctx, opFind, query)
	if err != nil {
		return event.Found{}, false, err
	}
	for _, i := range page {
		if _, have := t.issueMarker(&i, me); have != m {
			return event.Found{}, false, nil
		}
	}
	if _, err := t.check(ctx); err != nil {
		return event.Found{}, false, err
	}
	return foundIssues(page), len(page) > 0, nil
}
