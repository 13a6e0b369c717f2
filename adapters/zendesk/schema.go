package zendesk

import (
	"context"

	"parley/adapters"
	"parley/adapters/internal/recall"
	"parley/sync/event"
)

// accountSettings are those of the whole account.
type accountSettings struct {
	Limits struct {
		Attachment int64 `json:"attachment_size"`
	} `json:"limits"`
	Tickets struct {
		PrivateFiles bool  `json:"private_attachments"`
		Tagging      *bool `json:"tagging"`
	} `json:"tickets"`
}

func (t *Tracker) accountSettings(ctx context.Context) (accountSettings, error) {
	return recall.Of(&t.dir.memory, "settings", func() (accountSettings, error) {
		const op = "read the account's settings"
		var out struct {
			Settings *accountSettings `json:"settings"`
		}
		err := t.api.get(ctx, op, "account/settings", nil, &out)
		if err == nil && out.Settings == nil {
			err = incomplete(op, adapters.ErrConfiguration)
		}
		if err != nil {
			return accountSettings{}, listError(err, op)
		}
		return *out.Settings, nil
	})
}

// Schema implements adapters.Tracker.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	me, err := t.check(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	cat, err := t.dir.catalog(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	brands, err := t.dir.brands(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	groups, err := t.dir.groups(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	limits, err := t.accountSettings(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	writes := me.agent()
	out := event.Schema{
		Fields:   cat.schema(writes, limits.Tickets.Tagging == nil || *limits.Tickets.Tagging),
		Projects: namesOf(brands), Types: cat.kinds.names(),
		Comments: writes && !me.OnlyPrivate, Internal: writes, Attachments: writes, MaxAttachment: limits.Limits.Attachment,
	}
	out.Fields[event.FieldProject] = event.Field{Type: event.TypeOption, Options: out.Projects, Writable: writes}
	out.Fields[fieldGroup] = event.Field{Type: event.TypeOption, Options: namesOf(groups), Writable: writes}
	return out, nil
}

func (u *user) agent() bool { return u.Role == roleAdmin || u.Role == "agent" }

func (c *catalog) schema(writes, tags bool) map[string]event.Field {
	read := func(kind event.Type) event.Field { return event.Field{Type: kind} }
	write := func(kind event.Type, options ...string) event.Field {
		return event.Field{Type: kind, Writable: writes, Options: options}
	}
	out := map[string]event.Field{
		event.FieldKey: read(event.TypeText), event.FieldURL: read(event.TypeText),
		event.FieldCreated: read(event.TypeTime), event.FieldUpdated: read(event.TypeTime), event.FieldCreator: read(event.TypeUser), event.FieldLinks: read(event.TypeLinks),
		event.FieldSummary: write(event.TypeText), event.FieldDescription: write(event.TypeRich),
		event.FieldType: write(event.TypeOption, c.kinds.names()...), event.FieldPriority: write(event.TypeOption, c.priority.names()...),
		event.FieldAssignee: write(event.TypeUser), event.FieldReporter: write(event.TypeUser),
		event.FieldDue: write(event.TypeDate), event.FieldParent: write(event.TypeRef),
		event.FieldLabels: {Type: event.TypeSet, Writable: writes && tags},
	}
	summary := out[event.FieldSummary]
	summary.Required = true
	out[event.FieldSummary] = summary
	state := write(event.TypeOption)
	for _, s := range c.statuses {
		state.Options = append(state.Options, s.name)
		if s.category == statusSolved || s.category == statusClosed {
			state.Closed = append(state.Closed, s.name)
		}
	}
	out[event.FieldStatus] = state
	for i := range c.custom {
		def := &c.custom[i]
		f := write(def.kind, def.names()...)
		f.Writable = writes && def.system != "partialcreditcard"
		// A pattern may refuse a text; which one is not told here.
		out[def.name] = f
	}
	return out
}
