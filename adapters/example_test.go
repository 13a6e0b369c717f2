package adapters_test

import (
	"errors"
	"fmt"

	"parley/adapters"
)

// An adapter's error has a class, for the node to decide on, and says what a
// person needs to act on it.
func ExampleError() {
	cause := errors.New("status 403")
	err := fmt.Errorf("look at the ticket: %w", &adapters.Error{
		Class: adapters.ErrDenied, Op: "read issue 7", Err: cause,
		Hint: "give the account's role the permission view_issues",
	})
	fmt.Println(err)
	fmt.Println("denied:", errors.Is(err, adapters.ErrDenied), "gone:", errors.Is(err, adapters.ErrGone))
	var detail *adapters.Error
	if errors.As(err, &detail) {
		fmt.Println(detail.Hint)
	}
	// Output:
	// look at the ticket: read issue 7: tracker denied access: status 403
	// denied: true gone: false
	// give the account's role the permission view_issues
}
