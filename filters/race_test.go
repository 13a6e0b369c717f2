//go:build race

package filters_test

// What the race detector costs: slower is how much longer a step takes, roomier
// how much more is allocated, since pools forget on purpose.
const (
	slower  = 20
	roomier = 8
)
