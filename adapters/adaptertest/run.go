package adaptertest

import (
	"sync"
	"testing"
)

// promise is one obligation and the test that holds the adapter to it.
type promise struct {
	name string
	test func(*testing.T, *Subject)
}

// atOnce is how many promises are tried at a time, whatever -parallel says:
// most of their time is waiting, and trackers are used by many at once too.
const atOnce = 4

// Run holds the adapter to every promise.
func Run(t *testing.T, subject Subject) {
	t.Helper()
	subject.prepare(t)
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	defer all.Wait()
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
		{"WriteFaults", writeFaultPromises()},
		{"Kills", killPromises()},
		{"ReadFaults", readFaultPromises()},
		{"Behaviour", behaviourPromises()},
	} {
		for _, p := range group.promises {
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				t.Run(group.name+"/"+p.name, func(t *testing.T) { p.test(t, &subject) })
			})
		}
	}
}
