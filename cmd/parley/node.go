package main

import (
	"context"
	"fmt"
	"io"

	"parley/node/admin/client"
)

type nodeCommand struct {
	Claim nodeClaim `cmd:"" help:"This running node is the one, and another live copy of it is not: it works again, and the other stands back."`
}

type nodeClaim struct{}

// Run implements the command.
func (*nodeClaim) Run(ctx context.Context, a *app) error {
	count, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (int, error) { return n.Claim(ctx) })
	if err != nil {
		return err
	}
	return a.show(map[string]int{"claimed": count}, func(w io.Writer) {
		fmt.Fprintf(w, "claimed: %d connections begin anew with this node\n", count)
	})
}
