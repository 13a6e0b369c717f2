package azuredevops

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

const (
	opChanges = "list changed work items"
	// startBack is by how much a feed begins before the newest change.
	startBack = time.Minute

	pathRevisions   = "{project}/_apis/wit/reporting/workitemrevisions"
	pathDiscussions = "{project}/_apis/wit/reporting/workItemRevisions/discussions"
)

// position is where the feeds of each project go on.
type position map[string]*place

// place is the place in the feeds of a project: that of its revisions, and that of its
// comments, since the text of a comment changes without a revision.
type place struct {
	// Start is when the feed of revisions begins, as long as it has no token.
	Start string `json:"s,omitempty"`
	// Revisions and Discussions are watermarks.
	Revisions   string `json:"r,omitempty"`
	Discussions string `json:"d,omitempty"`
}

func (p position) cursor() event.Cursor {
	raw, _ := json.Marshal(p) //nolint:errchkjson // plain data
	return event.Cursor(raw)
}

func parsePosition(c event.Cursor) (position, error) {
	var p position
	if err := json.Unmarshal([]byte(c), &p); err != nil || p == nil {
		return nil, &adapters.Error{Class: adapters.ErrConfiguration, Op: opChanges, Err: fmt.Errorf("%q is not one of our cursors", c)}
	}
	return p, nil
}

// Changes implements adapters.Tracker.
func (t *Tracker) Changes(ctx context.Context, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	if cursor == "" {
		start, err := t.startNow(ctx)
		return nil, start, err
	}
	p, err := parsePosition(cursor)
	if err != nil {
		return nil, "", err
	}
	var out []event.Change
	for _, project := range t.set.projects {
		at := p[project]
		if at == nil {
			// A project that was added to the settings begins now, too.
			if at, err = t.startIn(ctx, project); err != nil {
				return nil, "", err
			}
			p[project] = at
		}
		for _, f := range []func(context.Context, string, *place, []event.Change, int) ([]event.Change, error){t.revisions, t.discussions} {
			if out, err = f(ctx, project, at, out, limit); err != nil {
				return nil, "", err
			}
		}
	}
	// A credential that is good afterwards was good for the whole of the list.
	if _, err := t.check(ctx); err != nil {
		return nil, "", err
	}
	slices.SortStableFunc(out, func(a, b event.Change) int { return a.Updated.Compare(b.Updated) })
	return out, p.cursor(), nil
}

// revisions adds what the feed of revisions has behind its watermark. Long texts are
// not in it: it tells which items to read.
func (t *Tracker) revisions(ctx context.Context, project string, at *place, out []event.Change, limit int) ([]event.Change, error) {
	query := url.Values{
		"includeDeleted": {"true"}, "includeLatestOnly": {"true"}, "fields": {strings.Join([]string{refCreated, refChanged, refDeleted, refProject}, ",")},
	}
	for len(out) < limit {
		query.Set("$maxPageSize", strconv.Itoa(min(limit-len(out), t.set.page)))
		query.Del("startDateTime")
		query.Del("continuationToken")
		if at.Revisions != "" {
			query.Set("continuationToken", at.Revisions)
		} else if at.Start != "" {
			query.Set("startDateTime", at.Start)
		}
		page, err := t.api.feed(ctx, project, pathRevisions, query)
		if err != nil {
			return nil, err
		}
		if page.token != "" {
			at.Revisions = page.token
		}
		if out, err = told(out, page.rows); err != nil {
			return nil, err
		}
		if page.last {
			break
		}
	}
	return out, nil
}

// told adds rows of a feed.
func told(out []event.Change, rows []item) ([]event.Change, error) {
	for n := range rows {
		if rows[n].settle() != nil {
			return nil, incomplete(opChanges, adapters.ErrConfiguration)
		}
		c := rows[n].change()
		if !slices.ContainsFunc(out, func(o event.Change) bool { return o.Ref == c.Ref && o.Version == c.Version }) {
			out = append(out, c)
		}
	}
	return out, nil
}

// discussions adds the items whose comments were changed. The rows of this feed are
// revisions as they were: what counts is which item they are of.
func (t *Tracker) discussions(ctx context.Context, project string, at *place, out []event.Change, limit int) ([]event.Change, error) {
	for len(out) < limit {
		query := url.Values{"$maxPageSize": {strconv.Itoa(min(limit-len(out), t.set.page))}}
		if at.Discussions != "" {
			query.Set("continuationToken", at.Discussions)
		}
		page, err := t.api.feed(ctx, project, pathDiscussions, query)
		if err != nil {
			return nil, err
		}
		if page.token != "" {
			at.Discussions = page.token
		}
		var ids []int64
		for _, row := range page.rows {
			if row.ID <= 0 {
				return nil, incomplete(opChanges, adapters.ErrConfiguration)
			}
			if !slices.Contains(ids, row.ID) {
				ids = append(ids, row.ID)
			}
		}
		rows, err := t.api.batch(ctx, opChanges, ids)
		if err != nil {
			return nil, err
		}
		if out, err = told(out, rows); err != nil {
			return nil, err
		}
		if page.last {
			break
		}
	}
	return out, nil
}

// startNow is a cursor at the tracker's own present.
func (t *Tracker) startNow(ctx context.Context) (event.Cursor, error) {
	p := position{}
	for _, project := range t.set.projects {
		at, err := t.startIn(ctx, project)
		if err != nil {
			return "", err
		}
		p[project] = at
	}
	_, err := t.check(ctx)
	return p.cursor(), err
}

// mostPages bounds the way through the comments of a project that nobody followed yet.
const mostPages = 10_000

// startIn is the present place in a project: a little before its newest change, by the
// clock that changes are stamped with, and the end of the feed of comments.
func (t *Tracker) startIn(ctx context.Context, project string) (*place, error) {
	at := &place{}
	newest, err := t.api.wiql(ctx, opChanges,
		"SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = "+quote(project)+" ORDER BY [System.ChangedDate] DESC", 1)
	if err != nil {
		return nil, err
	}
	rows, err := t.api.batch(ctx, opChanges, newest)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		at.Start = rows[0].changed.Add(-startBack).Format(time.RFC3339)
	}
	query := url.Values{"$maxPageSize": {strconv.Itoa(1000)}}
	for range mostPages {
		page, err := t.api.feed(ctx, project, pathDiscussions, query)
		if err != nil {
			return nil, err
		}
		if page.token != "" {
			at.Discussions = page.token
			query.Set("continuationToken", page.token)
		}
		if page.last {
			break
		}
	}
	return at, nil
}
