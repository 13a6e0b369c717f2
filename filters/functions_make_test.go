package filters_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

// makingEnv is a tracker with a few versions and components, and a gate that lets more be
// made.
func makingEnv() filters.Env {
	env := sampleEnv()
	env.Schema.Fields["components"] = event.Field{Type: event.TypeSet, Options: []string{"Web", "API", "api"}, Writable: true}
	env.Schema.Fields["fixVersions"] = event.Field{Type: event.TypeSet, Writable: true}
	env.Schema.Makes = []string{event.MakeVersions, event.MakeComponents}
	env.Create = env.Schema.Makes
	return env
}

func TestMake_WhatIsMissingIsNamedAndNothingElse(t *testing.T) {
	t.Parallel()
	f := incoming(t, `
issue.components = replica.components | map(component(#, true))
issue.fixVersions = [version(replica.key, true), version("1.0", false), version("1.0")]`, makingEnv())
	in := filters.InInput{Context: sampleContext(), Replica: filters.Replica{Fields: event.Fields{
		"components": []any{"web", "Api", "Phone", " Phone ", " ", "Out\tside"}, "key": "2.0",
	}}}
	got, err := f.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	// Of two that differ in their letters none is meant, and no third is made.
	want := event.Fields{"components": []any{"Out side", "Phone", "Web"}, "fixVersions": []any{"1.0", "2.0"}}
	if diff := cmp.Diff(want, got.Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	made := []event.Making{
		{Kind: event.MakeComponents, Name: "Phone"}, {Kind: event.MakeComponents, Name: "Out side"}, {Kind: event.MakeVersions, Name: "2.0"},
	}
	if diff := cmp.Diff(made, got.Make); diff != "" {
		t.Errorf("to be made (-want +got):\n%s", diff)
	}
	again, err := f.Run(t.Context(), in)
	if diff := cmp.Diff(got, again); err != nil || diff != "" {
		t.Errorf("once more: %v, %s", err, diff)
	}
}

func TestMake_IsForThoseWhomTheGateAndTheTrackerLet(t *testing.T) {
	t.Parallel()
	closed, versions, unable := makingEnv(), makingEnv(), makingEnv()
	closed.Create, versions.Create = nil, []string{event.MakeVersions}
	unable.Schema.Makes = nil
	const makes, finds = `issue.components = [component("Phone", true)]`, `issue.components = [component("Phone", false)]`
	for name, env := range map[string]filters.Env{"accept": closed, "accept of versions": versions, "tracker": unable} {
		if _, err := filters.CompileIncoming(makes, env); err == nil || problems(t, err)[0].Code != filters.CodeNotAvailable {
			t.Errorf("%s: %v", name, err)
		}
		out, err := incoming(t, finds, env).Run(t.Context(), filters.InInput{Context: sampleContext()})
		if err != nil || len(out.Make) != 0 || !cmp.Equal(out.Fields["components"], []any{}) {
			t.Errorf("%s: a call that makes nothing gave %v, %v", name, out, err)
		}
	}
	gate := filters.Accept{Create: []string{event.MakeVersions}}
	result := filters.InResult{Make: []event.Making{{Kind: event.MakeVersions, Name: "2.0"}, {Kind: event.MakeComponents, Name: "Phone"}}}
	if found := gate.Check(result, false); len(found) != 1 || found[0].Field != event.MakeComponents {
		t.Errorf("the gate finds %+v", found)
	}
}

// TestMake_APeerCannotNameThousands: what is made counts as look-ups do.
func TestMake_APeerCannotNameThousands(t *testing.T) {
	t.Parallel()
	var names []any
	for n := range 1000 {
		names = append(names, fmt.Sprint("c", n))
	}
	f := incoming(t, `issue.components = map(replica.components, component(#, true))`, makingEnv())
	out, err := f.Run(t.Context(), filters.InInput{Replica: filters.Replica{Fields: event.Fields{"components": names}}})
	if !errors.Is(err, filters.ErrLimit) {
		t.Errorf("%d are to be made, %v", len(out.Make), err)
	}
}
