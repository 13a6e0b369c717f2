package trackers_test

import (
	"strings"
	"testing"

	"parley/scripts/trackers"
)

func TestNew_AKindWithoutAScriptIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := trackers.New("nosuch", "x", t.TempDir()); err == nil || !strings.Contains(err.Error(), `"nosuch"`) {
		t.Errorf("got %v, want an error that names the kind", err)
	}
	for _, kind := range []string{"redmine", "rt"} {
		if _, err := trackers.New(kind, "x", t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

// A process id that was never told must not become 0, which is our own group.
func TestKill_OfAnInstanceThatWasNotStartedEndsNobody(t *testing.T) {
	t.Parallel()
	in, err := trackers.New("redmine", "x", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range []string{"", "0", "1", "-5", "x"} {
		in.Env = map[string]string{"PID": pid}
		if err := in.Kill(); err == nil {
			t.Errorf("process %q was taken for the server's", pid)
		}
	}
}
