package simtest

// onceFailed are worlds that have found a fault in the path or its machines,
// with what it was. A change of the simulation gives a seed another world, so
// each fault has a test of its own beside the code too.
var onceFailed = []struct {
	shape shape
	seed  uint64
	found string
}{
	{three, 152, "comments of two connections left in the order of the script, not in the order they were made"},
	{three, 244, "a file whose write was in doubt was never forwarded"},
	{three, 26, "a file that could not be read back was never forwarded"},
	{three, 301, "comments of a first event that was parked, and replaced by a newer one, were lost"},
	{restored, 2, "two heals that crossed ended with each other's value of a field"},
	{restored, 220, "two heals that crossed ended with each other's value of a field"},
}
