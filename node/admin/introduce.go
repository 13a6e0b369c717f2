package admin

import (
	"context"
	"fmt"
)

// Introduce types at each of two nodes what the other's person would read, for who runs
// both: there is nobody to call. A and b are the nodes, the names what each calls the
// connection.
func Introduce(ctx context.Context, a Service, atA string, b Service, atB string) error {
	type side struct {
		node Service
		name string
	}
	for _, both := range [][2]side{{{a, atA}, {b, atB}}, {{b, atB}, {a, atA}}} {
		words, err := both[0].node.Words(ctx, both[0].name)
		if err != nil {
			return fmt.Errorf("words of %s: %w", both[0].name, err)
		}
		if _, err := both[1].node.Confirm(ctx, both[1].name, ConfirmRequest{Words: words.Read}); err != nil {
			return fmt.Errorf("type the words of %s: %w", both[1].name, err)
		}
	}
	return nil
}
