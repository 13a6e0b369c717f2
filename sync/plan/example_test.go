package plan_test

import (
	"fmt"
	"time"

	"parley/sync/event"
	"parley/sync/plan"
)

// A plan is stored before its first write. After a crash another process finds a
// step that may have happened: what adds something is looked for, not before the
// tracker can tell, and only then written again.
func ExampleNext() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	settle := 3 * time.Second
	p := &plan.Plan{Ref: event.Ref{ID: "7"}, Steps: []plan.Step{{
		State: plan.Planned,
		Write: event.Step{Kind: event.StepComment, Ref: event.Ref{ID: "7"}, Comment: &event.CommentWrite{Body: "On our way.", As: "ann"}},
	}}}
	say := func(boot uint64, now time.Time) {
		a := plan.Next(p, boot, settle, now)
		if a.At.IsZero() {
			fmt.Printf("process %d: %s\n", boot, a.Do)
			return
		}
		fmt.Printf("process %d: %s for %s\n", boot, a.Do, a.At.Sub(now))
	}
	say(1, now)
	p.SetIntended(0, 1, now)
	say(1, now)
	// The process dies here.
	say(2, now)
	say(2, now.Add(plan.Ahead+settle))
	// Output:
	// process 1: intend
	// process 1: write
	// process 2: await for 8s
	// process 2: find
}

// A status that the tracker does not allow at once is walked to.
func ExampleRoute() {
	moves := map[string][]string{
		"New":         {"In progress"},
		"In progress": {"Waiting", "Resolved"},
		"Resolved":    {"Closed", "In progress"},
	}
	fmt.Printf("%q\n", plan.Route(moves, "New", "Closed", plan.MostHops))
	fmt.Printf("%q\n", plan.Route(moves, "Closed", "New", plan.MostHops))
	// Output:
	// ["In progress" "Resolved" "Closed"]
	// []
}
