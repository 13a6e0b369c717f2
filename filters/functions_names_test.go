package filters_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/filters"
	"parley/sync/event"
)

func TestComponents_AndVersionsAreFoundByName(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Schema.Fields["components"] = event.Field{Type: event.TypeSet, Options: []string{"Web", "API", "api"}, Writable: true}
	env.Schema.Fields["fixVersions"] = event.Field{Type: event.TypeSet, Writable: true}
	f := incoming(t, `
issue.components = replica.components | map(component(#))
issue.fixVersions = [version(replica.key)]`, env)
	in := filters.InInput{Context: sampleContext(), Replica: filters.Replica{Fields: event.Fields{
		"components": []any{"web", "API", "Api", "Phone"}, "key": "1.0",
	}}}
	got, err := f.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := event.Fields{"components": []any{"API", "Web"}, "fixVersions": []any{"1.0"}}
	if diff := cmp.Diff(got.Fields, want); diff != "" {
		t.Errorf("fields (-got +want):\n%s", diff)
	}
	if _, err := filters.CompileIncoming(`issue.components = [component("Web", true)]`, env); err == nil {
		t.Error("a component is made that the gate does not let be made")
	}
}

// counting answers nothing and counts how often it is asked.
type counting struct {
	people
	asked *int
}

func (c counting) TwinOf(context.Context, string) (*event.Ref, error) {
	*c.asked++
	return nil, nil
}

func TestTwinOf_EachLinkIsALookUp(t *testing.T) {
	t.Parallel()
	var links []any
	for range 1000 {
		links = append(links, event.Link{Type: "blocks", ID: "x"}.Value())
	}
	asked := 0
	info := sampleContext()
	info.Lookups = counting{asked: &asked}
	f := incoming(t, `issue.links = twinOf(replica.links)`, filters.Env{})
	_, err := f.Run(t.Context(), filters.InInput{Context: info, Replica: filters.Replica{Fields: event.Fields{"links": links}}})
	if !errors.Is(err, filters.ErrLimit) || asked > 200 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
