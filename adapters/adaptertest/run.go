package adaptertest

import "testing"

// promise is one obligation and the test that holds the adapter to it.
type promise struct {
	name string
	test func(*testing.T, *Subject)
}

// Run holds the adapter to every promise. Tests run in parallel with each
// other: trackers are used by many at once too.
func Run(t *testing.T, subject Subject) {
	t.Helper()
	subject.prepare(t)
	for _, group := range []struct {
		name     string
		promises []promise
	}{
		{"Changes", changesPromises()},
		{"Read", readPromises()},
		{"Write", writePromises()},
		{"Text", textPromises()},
		{"Marker", markerPromises()},
		{"Gone", gonePromises()},
		{"List", listPromises()},
		{"Schema", schemaPromises()},
		{"SignIn", signInPromises()},
		{"ReadFaults", readFaultPromises()},
		{"WriteFaults", writeFaultPromises()},
		{"Behaviour", behaviourPromises()},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range group.promises {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.test(t, &subject)
				})
			}
		})
	}
}
