package filtertest

import (
	"context"

	"parley/filters"
	"parley/sync/event"
)

// Fill returns the case with what comes out at present as what it expects, so that
// it passes until a filter does something else.
func (s Scripts) Fill(ctx context.Context, c Case) (Case, error) {
	filled := c
	pair, err := s.compile(map[string]Pair{}, &c)
	if err != nil {
		return filled, err
	}
	if c.Filter == "outgoing" {
		filled.Expect = pair.expectOutgoing(ctx, c)
	} else {
		filled.Expect = pair.expectIncoming(ctx, c)
	}
	return filled, nil
}

func (p Pair) expectOutgoing(ctx context.Context, c Case) Expect {
	issue := c.Issue.ours()
	out, err := p.Outgoing.Run(ctx, filters.OutInput{Context: c.context(), Issue: issue, Previous: c.Previous.replica()})
	if e, done := ended(err, out.Stop); done {
		return e
	}
	passed, findings := filters.Egress{}.Check(out.Replica, filters.MetaOf(issue, false))
	e := Expect{Fields: starred(passed.Fields), Comments: entries(plain(passed.Comments), "id", "body", "internal"), Attachments: entries(plain(passed.Attachments), "id", "name")}
	for _, f := range findings {
		e.Held = append(e.Held, f.Code)
	}
	return e
}

func (p Pair) expectIncoming(ctx context.Context, c Case) Expect {
	out, err := p.Incoming.Run(ctx, c.incoming())
	if e, done := ended(err, out.Stop); done {
		return e
	}
	e := Expect{Fields: starred(out.Fields), Comments: entries(plain(out.Comments), "id", "body", "internal"), Attachments: entries(plain(out.Attachments), "id", "name")}
	e.Add, e.Remove = setChanges(out)
	if out.Connect != nil {
		e.Connect = out.Connect.ID
	}
	return e
}

func ended(err error, stop *filters.Stop) (Expect, bool) {
	switch {
	case err != nil:
		return Expect{Error: err.Error()}, true
	case stop != nil:
		return Expect{Stop: stop.Kind}, true
	}
	return Expect{}, false
}

// starred lets the ids of people be any: they differ per connection.
func starred(fields event.Fields) event.Fields {
	out := event.Fields{}
	for name, value := range fields {
		if person, ok := value.(map[string]any); ok && person["id"] != nil && person["name"] != nil {
			value = anyID(person, map[string]any{"id": "*"})
		}
		out[name] = value
	}
	return out
}

// entries keeps the members that a case is about.
func entries(list []map[string]any, members ...string) []map[string]any {
	var out []map[string]any
	for _, entry := range list {
		kept := map[string]any{}
		for _, name := range members {
			if value, ok := entry[name]; ok {
				kept[name] = value
			}
		}
		out = append(out, kept)
	}
	return out
}
