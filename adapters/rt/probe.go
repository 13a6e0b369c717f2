package rt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/adapters"
)

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	const op = "probe"
	if err := t.signedIn(ctx, op); err != nil {
		return []adapters.Finding{wrong("RT does not take us in", err)}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "RT answers and knows the token"}}
	known, err := t.queueInfo(ctx, op, true)
	if err != nil {
		return append(out, wrong("the queues cannot be read", err))
	}
	var names, unknown []string
	for _, q := range known {
		names = append(names, q.name)
		out = append(out, t.probeQueue(q)...)
		for name, def := range q.fields {
			if !def.known && name != t.set.markerField && !slices.Contains(unknown, name) {
				unknown = append(unknown, name)
			}
		}
	}
	slices.Sort(names)
	out = append(out, adapters.Finding{Level: adapters.LevelOK, What: "queues: " + strings.Join(names, ", ")})
	if len(unknown) > 0 {
		slices.Sort(unknown)
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning,
			What:  "custom fields taken for one text each, since the account may not read their definitions: " + strings.Join(unknown, ", "),
			Hint:  "say what they are in the setting field_types (\"" + unknown[0] + "=option\")",
		})
	}
	if err := t.checkZone(ctx, op); err != nil {
		out = append(out, wrong("the account's time zone", err))
	} else {
		out = append(out, adapters.Finding{Level: adapters.LevelOK, What: "RT reads the account's times as UTC"})
	}
	return append(out, adapters.Finding{
		Level: adapters.LevelWarning,
		What:  "a public comment written here is a reply: RT's scrips mail it to the ticket's requestors",
		Hint:  "if they must not get mail from it, switch the scrips off for the queue, or write comments as internal in the filter",
	})
}

// probeQueue checks the fields that the settings name.
func (t *Tracker) probeQueue(q queueFields) []adapters.Finding {
	var out []adapters.Finding
	for setting, name := range map[string]string{"marker_field": t.set.markerField, "labels_field": t.set.labelsField} {
		if name == "" {
			continue
		}
		if _, ok := q.fields[name]; !ok {
			out = append(out, adapters.Finding{
				Level: adapters.LevelError,
				What:  fmt.Sprintf("queue %s has no custom field %q (setting %s)", q.name, name, setting),
				Hint:  "apply the custom field to the queue and grant the account SeeCustomField, ModifyCustomField and SetInitialCustomField",
			})
		}
	}
	return out
}

func wrong(what string, err error) adapters.Finding {
	f := adapters.Finding{Level: adapters.LevelError, What: what + ": " + err.Error()}
	var e *adapters.Error
	if errors.As(err, &e) {
		f.Hint = e.Hint
	}
	return f
}
