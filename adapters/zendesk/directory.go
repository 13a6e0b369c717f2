package zendesk

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// directory knows what stands behind Zendesk's ids. All of it can be asked for
// again: nothing is lost with it.
type directory struct {
	api    client
	memory recall.Memory
}

func newDirectory(api client) *directory {
	return &directory{api: api}
}

// status is one that people see, by its name. custom is 0 where the account has no
// statuses of its own.
type status struct {
	name     string
	category string
	custom   int64
	active   bool
}

// definition is a field: its id at Zendesk, its name here, and how its values read.
type definition struct {
	id      int64
	name    string
	kind    event.Type
	system  string // Zendesk's type of the field
	options []option
}

func (d *definition) names() []string {
	var out []string
	for _, o := range d.options {
		out = append(out, o.Name)
	}
	return out
}

// label is the name of a value.
func (d *definition) label(value string) string {
	for _, o := range d.options {
		if o.Value == value {
			return o.Name
		}
	}
	return value
}

// value is what stands for a name.
func (d *definition) value(name string) (string, bool) {
	for _, o := range d.options {
		if o.Name == name {
			return o.Value, true
		}
	}
	return "", false
}

// catalog is what an account's tickets have.
type catalog struct {
	statuses []status
	kinds    definition
	priority definition
	custom   []definition
	// owned are the tags that stand for values of fields, with the field's name.
	owned map[string]string
}

func (c *catalog) byName(name string) *definition {
	for i := range c.custom {
		if c.custom[i].name == name {
			return &c.custom[i]
		}
	}
	return nil
}

// status is the one that a ticket has.
func (c *catalog) status(t *ticket) status {
	return c.statusBy(t.CustomStatus, t.Status)
}

func (c *catalog) statusBy(custom int64, category string) status {
	for _, s := range c.statuses {
		if s.custom != 0 && s.custom == custom && category != statusClosed {
			return s
		}
	}
	for _, s := range c.statuses {
		if s.custom == 0 && s.category == category {
			return s
		}
	}
	return status{name: category, category: category}
}

func (d *directory) catalog(ctx context.Context) (*catalog, error) {
	return recall.Of(&d.memory, "fields", func() (*catalog, error) {
		const op = "list ticket fields"
		all, err := allOf[fieldDef](ctx, d.api, op, "ticket_fields", "ticket_fields", nil)
		if err != nil {
			return nil, listError(err, op)
		}
		c := newCatalog(all)
		if len(all) == 0 || len(c.statuses) == 0 {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		return c, nil
	})
}

func newCatalog(all []fieldDef) *catalog {
	c := &catalog{owned: map[string]string{}}
	slices.SortFunc(all, func(a, b fieldDef) int { return cmp.Compare(a.ID, b.ID) })
	var plain []status
	for _, f := range all {
		switch f.Type {
		case "status":
			plain = plainStatuses(f.System)
		case "custom_status":
			c.statuses = customStatuses(f)
		case "tickettype":
			c.kinds = definition{id: f.ID, name: event.FieldType, kind: event.TypeOption, options: f.System}
		case "priority":
			c.priority = definition{id: f.ID, name: event.FieldPriority, kind: event.TypeOption, options: f.System}
		default:
			c.add(f)
		}
	}
	if len(c.statuses) == 0 {
		c.statuses = plain
	} else if len(plain) > 0 {
		c.statuses = append(c.statuses, plain[len(plain)-1]) // closed is nobody's own
	}
	c.uniqueNames()
	return c
}

// plainStatuses are Zendesk's own. The field leaves out those that an agent cannot
// choose, which tickets have all the same.
func plainStatuses(named []option) []status {
	var out []status
	for _, s := range []option{
		{"New", statusNew}, {"Open", "open"}, {"Pending", "pending"}, {"On-hold", "hold"}, {"Solved", statusSolved}, {"Closed", statusClosed},
	} {
		active := s.Value != "hold"
		for _, n := range named {
			if n.Value == s.Value && n.Name != "" {
				s.Name, active = n.Name, true
			}
		}
		out = append(out, status{name: s.Name, category: s.Value, active: active})
	}
	return out
}

func customStatuses(f fieldDef) []status {
	if !f.Active {
		return nil
	}
	var out []status
	for _, s := range f.Statuses {
		if s.ID > 0 && s.Label != "" && s.Category != "" {
			out = append(out, status{name: s.Label, category: s.Category, custom: s.ID, active: s.Active})
		}
	}
	order := []string{statusNew, "open", "pending", "hold", statusSolved}
	slices.SortStableFunc(out, func(a, b status) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.category), slices.Index(order, b.category)), cmp.Compare(a.custom, b.custom))
	})
	return out
}

// kindOf is the type of a custom field's values; "" where there is none for them.
func kindOf(system string) event.Type {
	switch system {
	case "text", "textarea", "regexp", "partialcreditcard":
		return event.TypeText
	case "integer", "decimal":
		return event.TypeNumber
	case "date":
		return event.TypeDate
	case "checkbox":
		return event.TypeBool
	case "tagger":
		return event.TypeOption
	case "multiselect":
		return event.TypeOptions
	}
	return ""
}

// add takes a custom field in. Tags of fields that are switched off still stand for
// their values.
func (c *catalog) add(f fieldDef) {
	kind := kindOf(f.Type)
	for _, o := range f.Options {
		c.owned[o.Value] = f.Title
	}
	if f.Tag != "" {
		c.owned[f.Tag] = f.Title
	}
	if kind == "" || !f.Active || f.Title == "" || f.ID <= 0 {
		return
	}
	c.custom = append(c.custom, definition{
		id: f.ID, name: event.CustomPrefix + f.Title, kind: kind, system: f.Type, options: uniqueOptions(f.Options),
	})
}

// uniqueOptions: two options of one name are told apart by their tags.
func uniqueOptions(all []option) []option {
	out, seen := slices.Clone(all), map[string]bool{}
	for i, o := range out {
		if seen[o.Name] {
			out[i].Name = o.Name + " (" + o.Value + ")"
		}
		seen[o.Name] = true
	}
	return out
}

// uniqueNames: names need not be unique in Zendesk, and the oldest keeps its own.
func (c *catalog) uniqueNames() {
	seen := map[string]bool{fieldGroup: true}
	for i, d := range c.custom {
		if seen[d.name] {
			c.custom[i].name += " (" + strconv.FormatInt(d.id, 10) + ")"
		}
		seen[d.name] = true
	}
	names := map[string]bool{}
	for i, s := range c.statuses {
		if names[s.name] {
			c.statuses[i].name += " (" + s.category + ")"
		}
		names[s.name] = true
	}
}

// fieldGroup is the group of agents that a ticket is assigned to.
const fieldGroup = event.CustomPrefix + "Group"

func (d *directory) brands(ctx context.Context) ([]named, error) {
	return d.things(ctx, "list brands", "brands", "brands")
}

func (d *directory) groups(ctx context.Context) ([]named, error) {
	return d.things(ctx, "list groups", "groups", "groups")
}

func (d *directory) things(ctx context.Context, op, path, key string) ([]named, error) {
	return recall.Of(&d.memory, key, func() ([]named, error) {
		all, err := allOf[named](ctx, d.api, op, path, key, nil)
		if err != nil {
			return nil, listError(err, op)
		}
		if len(all) == 0 || slices.ContainsFunc(all, func(n named) bool { return n.ID <= 0 || n.Name == "" }) {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		return all, nil
	})
}

func nameOf(all []named, id int64) any {
	for _, n := range all {
		if n.ID == id {
			return n.Name
		}
	}
	return nil
}

func idOf(all []named, name string) int64 {
	for _, n := range all {
		if n.Name == name {
			return n.ID
		}
	}
	return 0
}

func namesOf(all []named) []string {
	out := make([]string, len(all))
	for i, n := range all {
		out[i] = n.Name
	}
	return out
}

// maxIDs is how many people one request names.
const maxIDs = 100

// people are users by their ids. Those that are gone have a number for a name.
func (d *directory) people(ctx context.Context, ids ...int64) (map[int64]user, error) {
	out := map[int64]user{}
	var missing []string
	for _, id := range ids {
		if _, done := out[id]; done {
			continue
		}
		out[id] = user{ID: id}
		if v, ok := d.memory.Get("user " + strconv.FormatInt(id, 10)); ok {
			out[id] = v.(user)
		} else if id > 0 {
			missing = append(missing, strconv.FormatInt(id, 10))
		}
	}
	const op = "read people"
	for part := range slices.Chunk(missing, maxIDs) {
		var answer struct {
			Users *[]user `json:"users"`
		}
		query := url.Values{"ids": {strings.Join(part, ",")}, "include_deleted": {"true"}}
		if err := d.api.get(ctx, op, "users/show_many", query, &answer); err != nil {
			return nil, listError(err, op)
		}
		if answer.Users == nil {
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		for _, u := range *answer.Users {
			out[u.ID] = u
		}
		for _, id := range part {
			d.memory.Keep("user "+id, out[number(id)])
		}
	}
	return out, nil
}

// search are the people that Zendesk finds for a query.
func (d *directory) search(ctx context.Context, query string) ([]user, error) {
	return recall.Of(&d.memory, "search "+query, func() ([]user, error) {
		const op = "look a person up"
		var out struct {
			Users *[]user `json:"users"`
		}
		// In quotes the query is one text, and no language.
		quoted := `"` + strings.NewReplacer(`"`, " ", `\`, " ").Replace(query) + `"`
		err := d.api.get(ctx, op, "users/search", url.Values{"query": {quoted}, "per_page": {"100"}}, &out)
		switch {
		case errors.Is(err, adapters.ErrRejected):
			return nil, nil
		case err != nil:
			return nil, listError(err, op)
		case out.Users == nil:
			return nil, incomplete(op, adapters.ErrConfiguration)
		}
		return *out.Users, nil
	})
}
