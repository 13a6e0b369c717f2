package demo

import (
	"context"
	"fmt"
	"time"

	"parley/node/admin"
)

// readyTime is how long a node may take to answer after its start.
const readyTime = 60 * time.Second

// join brings the two nodes together, as their admins would: one invites, the
// other accepts, both let it work. Nodes that are joined stay so.
func (d *demo) join(ctx context.Context) error {
	for _, c := range d.companies {
		if err := c.ready(ctx); err != nil {
			return err
		}
	}
	inviter, acceptor := d.companies[0], d.companies[1]
	ours, err := inviter.connection(ctx)
	if err != nil {
		return err
	}
	theirs, err := acceptor.connection(ctx)
	if err != nil {
		return err
	}
	if ours == nil || theirs == nil {
		if err := pair(ctx, inviter, acceptor, ours != nil, theirs != nil); err != nil {
			return err
		}
	}
	for _, c := range d.companies {
		if err := c.approve(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ready waits until the node answers.
func (c *company) ready(ctx context.Context) error {
	deadline := time.Now().Add(readyTime)
	for {
		_, err := c.admin.Status(ctx)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return &admin.Error{Kind: admin.KindInternal, Message: c.name + "'s node does not answer", Err: err, Hint: c.node.advice()}
		}
		if !pause(ctx, 50*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}

// connection is the company's connection to its peer, nil if there is none.
func (c *company) connection(ctx context.Context) (*admin.Connection, error) {
	all, err := c.admin.Connections(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask %s's node for its connections: %w", c.name, err)
	}
	for _, con := range all {
		if con.Name == c.peer {
			return &con, nil
		}
	}
	return nil, nil
}

// pair makes the connection. Half of one, left by a start that was cut off, is
// taken away first: its code is used up.
func pair(ctx context.Context, inviter, acceptor *company, ours, theirs bool) error {
	for c, has := range map[*company]bool{inviter: ours, acceptor: theirs} {
		if !has {
			continue
		}
		if err := c.admin.RemoveConnection(ctx, c.peer); err != nil {
			return fmt.Errorf("remove half a connection from %s's node: %w", c.name, err)
		}
	}
	code, err := inviter.admin.Invite(ctx, admin.InviteRequest{Name: inviter.peer, Valid: (10 * time.Minute).Seconds()})
	if err != nil {
		return fmt.Errorf("let %s invite %s: %w", inviter.name, acceptor.name, err)
	}
	if _, err := acceptor.admin.Accept(ctx, admin.AcceptRequest{Code: code.Code, Name: acceptor.peer}); err != nil {
		return fmt.Errorf("let %s accept %s's invitation: %w", acceptor.name, inviter.name, err)
	}
	return admin.Introduce(ctx, inviter.admin, inviter.peer, acceptor.admin, acceptor.peer)
}

// approve lets the connection work for the first time; one that a person
// paused later stays paused.
func (c *company) approve(ctx context.Context) error {
	con, err := c.connection(ctx)
	if err != nil {
		return err
	}
	if con == nil {
		return fmt.Errorf("%s's node has no connection to its peer", c.name)
	}
	if con.Since.IsZero() {
		if _, err := c.admin.Resume(ctx, c.peer); err != nil {
			return fmt.Errorf("let %s's connection work: %w", c.name, err)
		}
	}
	return nil
}
