package jira_test

import (
	"errors"
	"slices"
	"testing"

	"parley/adapters"
	"parley/adapters/jira/jiradouble"
	"parley/sync/event"
)

// TestMake_NeedsAProjectThatTheAccountAdministers: it is not promised to filters
// otherwise, and what Jira then says of the project is not said of the ticket.
func TestMake_NeedsAProjectThatTheAccountAdministers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud, Denied: []string{"ADMINISTER_PROJECTS"}}, nil)
		schema, err := b.tracker.Schema(t.Context())
		b.must(err)
		if len(schema.Makes) != 0 {
			t.Errorf("the schema says that %v are made", schema.Makes)
		}
		for _, kind := range []string{event.MakeVersions, event.MakeComponents} {
			err := b.tracker.(adapters.Maker).Make(t.Context(), event.Making{Kind: kind, Name: "3.0"})
			if !errors.Is(err, adapters.ErrDenied) || errors.Is(err, adapters.ErrGone) {
				t.Errorf("%s: %v", kind, err)
			}
		}
	})
}

// TestMake_WhatIsThereInOtherLettersIsRefused: Jira takes no second of them, and the
// ticket is not given another name than was meant.
func TestMake_WhatIsThereInOtherLettersIsRefused(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, cloud bool) {
		b := newBench(t, jiradouble.Options{Cloud: cloud}, nil)
		maker := b.tracker.(adapters.Maker)
		if err := maker.Make(t.Context(), event.Making{Kind: event.MakeComponents, Name: "backend"}); !errors.Is(err, adapters.ErrRejected) {
			t.Errorf("a component in other letters: %v", err)
		}
		b.must(maker.Make(t.Context(), event.Making{Kind: event.MakeComponents, Name: "Backend"}))
		schema, err := b.tracker.Schema(t.Context())
		b.must(err)
		if all := schema.Fields[event.FieldComponents].Options; slices.Contains(all, "backend") || len(all) != 2 {
			t.Errorf("there are %q", all)
		}
	})
}
