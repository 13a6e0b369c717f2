package jira

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

const linksField = "issuelinks"

// linkType is a relation with its words at either end: an issue stands in the outward
// words to the other one of a link that it begins, and in the inward words to that of one
// that leads to it.
type linkType struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Inward  string `json:"inward"`
	Outward string `json:"outward"`
}

// issueLink is a link as one of its issues shows it.
type issueLink struct {
	ID      string   `json:"id"`
	Type    linkType `json:"type"`
	Inward  *named   `json:"inwardIssue"`
	Outward *named   `json:"outwardIssue"`
}

// relation is the name of a relation, whatever the site's administrator calls it: the
// common ones are worded in a few ways.
func relation(words string) string {
	words = strings.TrimSpace(words)
	switch strings.ToLower(words) {
	case event.RelatesTo, "is related to", "related to":
		return event.RelatesTo
	case event.Blocks:
		return event.Blocks
	case event.IsBlockedBy, "blocked by":
		return event.IsBlockedBy
	case event.Duplicates, "is a duplicate of", "is duplicate of":
		return event.Duplicates
	case event.IsDuplicatedBy, "duplicated by":
		return event.IsDuplicatedBy
	case event.Clones, "is a clone of":
		return event.Clones
	case event.IsClonedBy, "cloned by":
		return event.IsClonedBy
	case event.Causes:
		return event.Causes
	case event.IsCausedBy, "caused by":
		return event.IsCausedBy
	case event.Precedes:
		return event.Precedes
	case event.Follows:
		return event.Follows
	}
	return words
}

// outward and inward are the relations of a type.
func (l *linkType) outward() string { return relation(orDefault(l.Outward, l.Name)) }
func (l *linkType) inward() string  { return relation(orDefault(l.Inward, l.Name)) }

// link is an entry of the field as the issue that shows it has it; false for one that
// leads nowhere that the account sees.
func (l *issueLink) link() (event.Link, bool) {
	switch {
	case l.Outward != nil:
		return event.Link{Type: l.Type.outward(), ID: l.Outward.ID, Key: l.Outward.Key}, true
	case l.Inward != nil:
		return event.Link{Type: l.Type.inward(), ID: l.Inward.ID, Key: l.Inward.Key}, true
	}
	return event.Link{}, false
}

// links are those of an issue, and Jira's own, in the same order.
func (i *issue) links() ([]event.Link, []issueLink, error) {
	var raw []issueLink
	if err := i.field(linksField, &raw); err != nil {
		return nil, nil, err
	}
	var out []event.Link
	var own []issueLink
	for n := range raw {
		l, ok := raw[n].link()
		if !ok {
			continue
		}
		if !isID(l.ID) || !isID(raw[n].ID) || l.Type == "" {
			return nil, nil, errIncomplete
		}
		out, own = append(out, l), append(own, raw[n])
	}
	return out, own, nil
}

func linksValue(i *issue) (any, error) {
	links, _, err := i.links()
	return event.LinksValue(links), err
}

// linkTypes are the relations of the site, the oldest first; none where links are switched
// off.
func (t *Tracker) linkTypes(ctx context.Context) ([]linkType, error) {
	return recall.Of(&t.dir.memory, "link types", func() ([]linkType, error) {
		const op = "list link types"
		var out struct {
			Types *[]linkType `json:"issueLinkTypes"`
		}
		err := t.api.get(ctx, op, "issueLinkType", nil, &out)
		switch {
		case errors.Is(err, adapters.ErrGone):
			_, err := t.check(ctx)
			return nil, err
		case err != nil:
			return nil, err
		case out.Types == nil:
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		for _, l := range *out.Types {
			if !isID(l.ID) || l.Name == "" {
				return nil, incomplete(op, adapters.ErrConfiguration)
			}
		}
		slices.SortFunc(*out.Types, func(a, b linkType) int { return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID)) })
		return *out.Types, nil
	})
}

func relations(types []linkType) []string {
	var out []string
	for n := range types {
		out = append(out, types[n].outward(), types[n].inward())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// way is the type that a relation is written with, and whether the issue begins the link.
// Of several that read alike it is the one whose other end reads as the relation's other
// end, else the oldest.
func way(types []linkType, relation string) (l linkType, begins, ok bool) {
	best := 0
	for n := range types {
		c := &types[n]
		for _, out := range []bool{true, false} {
			here, there := c.outward(), c.inward()
			if !out {
				here, there = there, here
			}
			score := 1
			if other := inverse(relation); other == "" || other == there {
				score = 2
			}
			if here == relation && score > best {
				l, begins, best = *c, out, score
			}
		}
	}
	return l, begins, best > 0
}

// inverse is how the other issue has a relation of a common name; "" for others.
func inverse(relation string) string {
	for _, pair := range [][2]string{
		{event.RelatesTo, event.RelatesTo},
		{event.Blocks, event.IsBlockedBy},
		{event.Duplicates, event.IsDuplicatedBy},
		{event.Clones, event.IsClonedBy},
		{event.Causes, event.IsCausedBy},
		{event.Precedes, event.Follows},
	} {
		switch relation {
		case pair[0]:
			return pair[1]
		case pair[1]:
			return pair[0]
		}
	}
	return ""
}

// linking is what a step changes about links.
type linking struct {
	add    []map[string]any // requests, without the issue's own end
	remove []string         // ids of links
}

// linking decides what a step changes, and refuses what cannot be before anything is
// written. i is nil for an issue that is to be made.
func (e *encoder) linking(ctx context.Context, i *issue, step event.Step) (linking, error) {
	value, ok := step.Fields[event.FieldLinks]
	if !ok {
		return linking{}, nil
	}
	if list, _ := value.([]any); value != nil && len(event.LinksOf(value)) != len(list) {
		return linking{}, e.reject("links are not a list of type and id")
	}
	var have []event.Link
	var own []issueLink
	self := ""
	if i != nil {
		var err error
		if have, own, err = i.links(); err != nil {
			return linking{}, incomplete(e.op, adapters.ErrConfiguration)
		}
		self = i.ID
	}
	add, remove := step.LinkChanges(have)
	var out linking
	for _, l := range add {
		request, err := e.linkTo(ctx, l, self)
		if err != nil {
			return linking{}, err
		}
		out.add = append(out.add, request)
	}
	for n, l := range have {
		// Several of Jira's may read as one relation.
		if slices.ContainsFunc(remove, l.Same) {
			out.remove = append(out.remove, own[n].ID)
		}
	}
	return out, nil
}

// The ends of a link in a request: what is called inward there is where it begins, in both
// products (mozilla/jira-bugzilla-integration pull 1285, b1ff/atlassian-dc-mcp pull 74).
const (
	beginning = "inwardIssue"
	ending    = "outwardIssue"
)

// linkTo is the request that makes a link, without the issue's own end.
func (e *encoder) linkTo(ctx context.Context, l event.Link, self string) (map[string]any, error) {
	types, err := e.t.linkTypes(ctx)
	if err != nil {
		return nil, err
	}
	kind, begins, ok := way(types, l.Type)
	switch {
	case !ok:
		return nil, &adapters.Error{
			Class: adapters.ErrRejected, Op: e.op, Err: fmt.Errorf("issues are not linked by %q; the relations are %q", l.Type, relations(types)),
			Hint: "map the relation in the filter, or let an administrator add a link type",
		}
	case !isID(l.ID):
		return nil, e.reject("the other end of a link is no issue of this Jira")
	case l.ID == self:
		return nil, e.reject("an issue has no link to itself")
	}
	if _, err := e.t.api.issue(ctx, e.op, l.ID, only("created", "updated")); errors.Is(err, adapters.ErrGone) {
		return nil, e.reject("the other end of a link is not there, or the account does not see it")
	} else if err != nil {
		return nil, err
	}
	end := ending
	if !begins {
		end = beginning
	}
	return map[string]any{"type": map[string]any{"id": kind.ID}, end: map[string]any{"id": l.ID}}, nil
}

// apply changes the links of an issue, each by itself. What is gone is no error, and Jira
// makes no link twice.
func (l linking) apply(ctx context.Context, t *Tracker, op, id string) error {
	for _, link := range l.remove {
		if err := t.linkError(ctx, op, t.api.unlink(ctx, link)); err != nil && !errors.Is(err, adapters.ErrGone) {
			return err
		}
	}
	for _, request := range l.add {
		self := beginning
		if request[beginning] != nil {
			self = ending
		}
		request[self] = map[string]any{"id": id}
		err := t.linkError(ctx, op, t.api.link(ctx, id, request))
		if errors.Is(err, adapters.ErrGone) {
			// Of either issue, the type or the permission: the issue itself is there as far as known.
			err = &adapters.Error{
				Class: adapters.ErrRejected, Op: op, Err: errors.New("these issues are not linked by Jira"),
				Hint: "the account needs the permission LINK_ISSUES, and to see both issues",
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// linkError: a 401 may be about the link alone.
func (t *Tracker) linkError(ctx context.Context, op string, err error) error {
	if !errors.Is(err, adapters.ErrDenied) {
		return err
	}
	if _, checked := t.check(ctx); checked != nil {
		return checked
	}
	return &adapters.Error{
		Class: adapters.ErrRejected, Op: op, Err: errors.New("the account may not link these issues"),
		Hint: "give it the permission LINK_ISSUES in the project's permission scheme",
	}
}

// link makes a link. Its answer says nothing.
func (c client) link(ctx context.Context, id string, request map[string]any) error {
	return c.write(ctx, "link issue "+id, http.MethodPost, "issueLink", request, nil, http.StatusCreated)
}

func (c client) unlink(ctx context.Context, link string) error {
	return c.write(ctx, "take a link away", http.MethodDelete, "issueLink/{id}", nil, nil, http.StatusNoContent, link)
}
