package redmine

import "testing"

// The rule that decides what need not be looked at again has no public face
// but missing a change, which takes a crash at the right moment to see.
func TestPosition_LooksBackUntilTheOverlapHasPassed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		p    position
		now  int64
		want int64
	}{
		{"newest just seen", position{Second: 1000, Newest: 1100, Since: 5000}, 5001, 1100 - overlap},
		{"newest seen long ago", position{Second: 1000, Newest: 1100, Since: 5000}, 5001 + overlap, 1101},
		{"nothing before the round's start", position{Second: 1099, Newest: 1100, Since: 5000}, 5001, 1099},
		{"our clock was set back", position{Second: 1000, Newest: 1100, Since: 5000}, 10, 1100 - overlap},
		{"a round goes on", position{Second: 1000, Newest: 1100, Since: 5000, Next: 77}, 9000, 77},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := c.p
			p.begin(c.now)
			if p.Next != c.want {
				t.Errorf("the next round begins at %d, want %d", p.Next, c.want)
			}
		})
	}
}
