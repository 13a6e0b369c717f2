package adaptertest

import (
	"sync"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/sync/event"
)

// tryMaker makes what tickets can name: by two at once and once more it is made once,
// a ticket can hold it at once, and the schema tells of it.
func (e *env) tryMaker(p adapters.Maker) {
	e.Helper()
	project, _ := e.subject.Create[event.FieldProject].(string)
	kinds := e.schema().Makes
	if len(kinds) == 0 {
		e.Error("the adapter makes things, and its schema names none")
	}
	for _, kind := range kinds {
		field := map[string]string{event.MakeVersions: event.FieldFixVersions, event.MakeComponents: event.FieldComponents}[kind]
		what := event.Making{Kind: kind, Name: unique("made"), Project: project}
		var both sync.WaitGroup
		errs := make([]error, 2)
		for n := range errs {
			both.Go(func() { errs[n] = p.Make(e.Context(), what) })
		}
		both.Wait()
		for _, err := range append(errs, p.Make(e.Context(), what)) {
			e.must(err)
		}
		ref := e.create(unique("names it"))
		e.write(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{field: []any{what.Name}}})
		if d := cmp.Diff([]any{what.Name}, e.read(ref).Fields[field]); d != "" {
			e.Errorf("%s of a ticket that is to hold what was made (-want +got):\n%s", field, d)
		}
		count := 0
		for _, option := range e.schema().Fields[field].Options {
			if option == what.Name {
				count++
			}
		}
		if count != 1 {
			e.Errorf("the schema has it %d times among the options of %s, want once", count, field)
		}
		what.Project = "NOSUCHPROJECT"
		wantClass(e.T, "making it in a project that is not there", p.Make(e.Context(), what), adapters.ErrRejected, adapters.ErrDenied, adapters.ErrConfiguration)
	}
}
