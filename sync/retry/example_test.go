package retry_test

import (
	"errors"
	"fmt"
	"time"

	"parley/adapters"
	"parley/sync/event"
	"parley/sync/retry"
)

// An adapter only says what happened. What is done about it depends on the class
// of the error, and a write that may have happened is never just tried again.
func ExampleDecide() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	settle := 3 * time.Second
	for _, err := range []error{
		adapters.ErrTransient,
		&adapters.Error{Class: adapters.ErrLimited, Op: "update issue 7", After: time.Minute},
		adapters.ErrDoubt,
		adapters.ErrRejected,
		adapters.ErrGone,
	} {
		d := retry.Decide(err, 1, true, settle, now)
		fmt.Printf("%-5s in %s\n", d.Verdict, d.At.Sub(now))
	}
	// Output:
	// wait  in 500ms
	// wait  in 1m0s
	// doubt in 3s
	// park  in 1h0m0s
	// gone  in 0s
}

// What no adapter gave a class may have happened if it was a write.
func ExampleDecide_unknown() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	err := errors.New("unexpected EOF")
	fmt.Println("read: ", retry.Decide(err, 1, false, 0, now).Verdict)
	fmt.Println("write:", retry.Decide(err, 1, true, 0, now).Verdict)
	// Output:
	// read:  wait
	// write: doubt
}

func ExampleCurve() {
	for _, attempt := range []int{1, 2, 3, 8, 20} {
		fmt.Println(attempt, retry.Curve(attempt))
	}
	// Output:
	// 1 500ms
	// 2 1s
	// 3 2s
	// 8 1m4s
	// 20 5m0s
}

// One ticket that fails for ever stops nobody else; ticket after ticket does, and
// then one is tried from time to time instead of all.
func ExampleBreaker() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var b retry.Breaker
	for range 100 {
		b.Failed("T-1", event.CodeRejected, now)
	}
	open, _, _, _ := b.Open()
	fmt.Println("one ticket, a hundred times:", open)

	for i := range 12 {
		b.Failed(fmt.Sprint("T-", i), event.CodeDenied, now)
	}
	open, code, _, probe := b.Open()
	fmt.Println("twelve tickets:", open, code, probe.Sub(now))
	fmt.Println("the first success closes it:", b.Succeeded("T-3"))
	// Output:
	// one ticket, a hundred times: false
	// twelve tickets: true denied 4s
	// the first success closes it: true
}
