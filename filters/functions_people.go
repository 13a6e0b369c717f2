package filters

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"parley/sync/event"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func peopleFunctions() []*function {
	return []*function{
		{name: "user", types: []any{func(any, ...any) map[string]any { return nil }}, call: user},
		{name: "assignable", only: onlyIn(incoming), unfit: unfitToAssign, types: []any{func(any) bool { return false }}, call: assignable},
		{name: "withEmail", only: onlyIn(outgoing), types: []any{func(any) map[string]any { return nil }}, call: withEmail},
		{name: "byline", types: []any{func(any) string { return "" }, func(any, string) string { return "" }}, call: byline},
		{name: "asUser", only: onlyIn(incoming), unfit: unfitToWriteAs, types: []any{func(any, any) any { return nil }}, call: asUser},
		{
			name: "ticketBy", only: onlyIn(incoming), types: []any{func(string, any) map[string]any { return nil }},
			literals: map[int]literalCheck{0: ownFieldLiteral}, call: ticketBy,
		},
		{name: "twinOf", only: onlyIn(incoming), types: []any{func(any) any { return nil }}, call: twinOf},
	}
}

// user finds a person of ours by e-mail, login or id; each further argument is
// tried if the one before found nobody.
func user(r *run, a []any) (any, error) {
	for _, one := range a {
		query := ""
		switch v := one.(type) {
		case nil:
		case string:
			query = strings.TrimSpace(v)
		case person:
			query = v.email // ids of the other side mean nothing here
		default:
			return nil, wrongArgument("user", one, "an e-mail address, a login or an id")
		}
		found, err := r.user(query)
		if err != nil {
			return nil, err
		}
		if found != nil {
			return personOf(*found), nil
		}
	}
	return nil, nil
}

// unfitToAssign tells why assignable cannot be used: a tracker that does not tell is
// not guessed about.
func unfitToAssign(r *resolver, _ []ast.Node) string {
	if len(r.env.Schema.Fields) > 0 && !r.env.Schema.Assignable {
		return "your tracker does not tell who a ticket can be assigned to before it is"
	}
	return ""
}

// assignable tells whether our ticket, in the project that it has or that a line above
// gave it, can be assigned to a person of ours.
func assignable(r *run, a []any) (any, error) {
	if a[0] == nil {
		return false, nil
	}
	p, ok := a[0].(person)
	switch {
	case !ok:
		return nil, wrongArgument("assignable", a[0], "a person, as user(x) gives one")
	case p.theirs:
		return nil, errors.New("this is a person of the other side; write assignable(user(replica.assignee.email))")
	case p.id == "":
		return false, nil
	}
	return r.assignable(r.targetProject(), p.id)
}

// targetProject is where our ticket is or will be.
func (r *run) targetProject() string {
	if in, ok := r.sink.(*InResult); ok {
		if project, ok := in.Fields[event.FieldProject].(string); ok {
			return project
		}
	}
	if r.issue == nil {
		return ""
	}
	project, _ := r.issue.Fields[event.FieldProject].(string)
	return project
}

// assignable asks once a run, as user does.
func (r *run) assignable(project, id string) (bool, error) {
	key := [2]string{project, id}
	if yes, ok := r.fit[key]; ok {
		return yes, nil
	}
	ok, err := r.ask()
	if err != nil || !ok {
		return false, err
	}
	before := time.Now()
	yes, err := r.info.Lookups.Assignable(r.ctx, project, id)
	r.started = r.started.Add(time.Since(before))
	if err != nil {
		return false, fmt.Errorf("ask who a ticket can be assigned to: %w", err)
	}
	if r.fit == nil {
		r.fit = map[[2]string]bool{}
	}
	r.fit[key] = yes
	return yes, nil
}

func withEmail(_ *run, a []any) (any, error) {
	switch v := a[0].(type) {
	case nil:
		return nil, nil
	case person:
		v.withEmail = true
		return v, nil
	}
	return nil, wrongArgument("withEmail", a[0], "a person")
}

const defaultByline = "**{name}** · {created}"

// byline is a line that says who wrote a comment and when, with an empty line
// after it.
func byline(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	it, ok := a[0].(*item)
	if !ok || it.comment == nil {
		return nil, wrongArgument("byline", a[0], "a comment")
	}
	template, err := textAt("byline", a, 1)
	if err != nil {
		return nil, err
	}
	if len(a) < 2 {
		template = defaultByline
	}
	name := it.comment.Author.Name
	if name == "" {
		name = "unknown"
	}
	line := strings.NewReplacer(
		"{name}", escapeMarkdown(name),
		"{created}", shortTime(it.comment.Created), "{edited}", shortTime(it.comment.Edited),
	).Replace(template)
	return line + "\n\n", r.text(2 * len(line))
}

// unfitToWriteAs tells why asUser cannot be used.
func unfitToWriteAs(r *resolver, _ []ast.Node) string {
	switch {
	case r.env.OwnName:
		return "the accept gate lets comments be written in our own name only; write accept: {impersonate: true}, or byline(comment) in front of the text"
	case len(r.env.Schema.Fields) > 0 && !r.env.Schema.Impersonate:
		return "your tracker does not let our account write in the name of others; write byline(comment) in front of the text"
	}
	return ""
}

// asUser is the comment to be written in the name of a person of ours. For nobody it is
// written in ours, with the line that says whose it is.
func asUser(r *run, a []any) (any, error) {
	if a[0] == nil {
		return nil, nil
	}
	it, ok := a[0].(*item)
	if !ok || it.comment == nil {
		return nil, wrongArgument("asUser", a[0], "a comment")
	}
	p, ok := a[1].(person)
	switch {
	case !ok && a[1] != nil:
		return nil, wrongArgument("asUser", a[1], "a person, as user(x) gives one")
	case p.theirs:
		return nil, errors.New("this is a person of the other side; write asUser(#, user(#.author))")
	}
	line, err := byline(r, a[:1])
	if err != nil {
		return nil, err
	}
	if err := r.use(256); err != nil {
		return nil, err
	}
	c := *it.comment
	c.Line, _ = line.(string)
	c.As = event.User{ID: p.id, Name: p.name, Email: p.email}
	out := *it
	out.comment = &c
	return &out, nil
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// ownFieldLiteral takes the name of one of our fields, standard or custom.
func ownFieldLiteral(r *resolver, name string) (any, *Problem) {
	if _, ok := r.issue.typeOf(name, false); ok {
		return name, nil
	}
	custom, _ := cutCustom(name)
	if _, ok := r.issue.typeOf(custom, true); ok {
		return event.CustomPrefix + custom, nil
	}
	return nil, &Problem{
		Code: CodeUnknownField, Message: "your tracker has no field " + quoteName(name),
		Nearest: nearest(name, slices.Concat(r.issue.customNames(), r.issue.standardNames())),
	}
}

func ticketBy(r *run, a []any) (any, error) {
	if blank(a[1]) {
		return nil, nil
	}
	value, err := show(r, a[1])
	if err != nil {
		return nil, err
	}
	ok, err := r.ask()
	if err != nil || !ok {
		return nil, err
	}
	before := time.Now()
	found, err := r.info.Lookups.TicketsBy(r.ctx, a[0].(string), value)
	r.started = r.started.Add(time.Since(before))
	switch {
	case err != nil:
		return nil, fmt.Errorf("look up a ticket by %s: %w", a[0], err)
	case len(found) > 1:
		return nil, fmt.Errorf("%w by %s", ErrSeveral, a[0])
	case len(found) == 0:
		return nil, nil
	}
	return ticketRef{ref: found[0]}, nil
}

// ErrSeveral is what a run wraps that found several tickets where one is meant.
var ErrSeveral = errors.New("several tickets were found")

// twinOf is our ticket for one of theirs. While it is not here the field stays
// as it is. Of a list of links it is those whose ticket is here.
func twinOf(r *run, a []any) (any, error) {
	var id string
	switch v := a[0].(type) {
	case nil:
		return nil, nil
	case []any:
		return twinsOf(r, v)
	case link:
		id = v.ID
	case string:
		id = v
	case map[string]any:
		id, _ = v["id"].(string)
	default:
		return nil, wrongArgument("twinOf", a[0], "a ticket of the other side")
	}
	if id == "" {
		return nil, nil
	}
	ok, err := r.ask()
	if err != nil || !ok {
		return pendingValue{}, err
	}
	found, err := r.twinOf(id)
	if err != nil || found == nil {
		return pendingValue{}, err
	}
	return ticketRef{ref: *found}, nil
}

func twinsOf(r *run, list []any) (any, error) {
	out := make([]any, 0, min(len(list), r.limits.Lookups))
	for _, one := range list {
		l, ok := one.(link)
		if !ok {
			return nil, wrongArgument("twinOf", one, "a link of the other side")
		}
		if ok, err := r.ask(); err != nil || !ok {
			return pendingValue{}, err
		}
		found, err := r.twinOf(l.ID)
		if err != nil {
			return nil, err
		}
		if found != nil {
			out = append(out, link{Link: event.Link{Type: l.Type, ID: found.ID}})
		}
	}
	return out, nil
}

// twinOf finds our ticket for one of theirs; nil if it is not here.
func (r *run) twinOf(id string) (*event.Ref, error) {
	before := time.Now()
	found, err := r.info.Lookups.TwinOf(r.ctx, id)
	r.started = r.started.Add(time.Since(before))
	if err != nil {
		return nil, fmt.Errorf("look up a twin: %w", err)
	}
	return found, nil
}
