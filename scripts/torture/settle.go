//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// still is how long nothing may happen for the end to be the end.
const still = 3 * time.Second

// settle waits until nothing waits at either node and nothing changes at either
// desk, and checks what stands there. wrong is what is not as promised.
func (w *world) settle(ctx context.Context, s *summary) (wrong, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.options.quiet)
	defer cancel()
	var since time.Time // of quiet
	last, why := "", fmt.Errorf("nothing was looked at")
	for {
		at, waits, err := w.state(ctx, s)
		if failed := w.failure(); failed != nil {
			return failed, nil
		}
		switch {
		case err != nil:
			why, since = err, time.Time{}
		case waits != "":
			why, since = fmt.Errorf("%s", waits), time.Time{}
		case at != last || since.IsZero():
			why, since = fmt.Errorf("the desks still change"), time.Now()
		case time.Since(since) > still:
			f, err := w.check(ctx, s)
			if err != nil {
				return nil, err
			}
			return f.err(), nil
		}
		last = at
		if pause(ctx, 100*time.Millisecond) {
			continue
		}
		f, errCheck := w.check(context.WithoutCancel(ctx), s)
		if errCheck != nil {
			return nil, errCheck
		}
		return fmt.Errorf("not quiet within %s: %w\n%w", w.options.quiet, why, orNothing(f.err())), nil
	}
}

func orNothing(err error) error {
	if err == nil {
		return fmt.Errorf("(both desks agree)")
	}
	return err
}

// state is where both desks are, and what waits at the nodes in words.
func (w *world) state(ctx context.Context, s *summary) (at, waits string, err error) {
	s.Parked = 0
	for _, x := range w.sites {
		con, err := x.connection(ctx)
		if err != nil {
			return "", "", err
		}
		s.Parked += con.Parked
		if con.State != "working" || con.Waiting+con.Sending+con.Applying+con.Files+con.Parked > 0 {
			waits += fmt.Sprintf("%s's node (%s): %d tickets to be looked at, %d events without an outcome, %d to be applied, %d files; %d parked%s\n",
				x.name, con.State, con.Waiting, con.Sending, con.Applying, con.Files, con.Parked, x.queue(ctx))
		}
		_, cursor, err := x.people[0].Changes(ctx, "", 1)
		if err != nil {
			return "", "", err
		}
		at += string(cursor) + " "
	}
	return at, waits, nil
}

// queue is what waits at a node, entry by entry.
func (s *site) queue(ctx context.Context) string {
	entries, err := s.admin.Queue(ctx, s.peer)
	if err != nil {
		return ""
	}
	var out strings.Builder
	for _, e := range entries[:min(len(entries), 10)] {
		fmt.Fprintf(&out, "\n  %s %s %s %s attempt %d next %s: %s %s", e.Kind, e.Key, e.State, e.ID, e.Attempt, e.Next.Format(time.TimeOnly), e.Code, e.Reason)
	}
	return out.String()
}
