package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"parley/node/admin"
)

// Scenario is what Once plays.
type Scenario struct {
	// Tickets made, half of them at either desk; default 20.
	Tickets int
	// BigFile is the size of the largest attachment; default 4 MiB.
	BigFile int
	// Kill names the company whose node is killed in the middle; "" is none.
	Kill string
	// Deadline is how long all of it may take; default 120 s.
	Deadline time.Duration
}

// Summary is what Once found. Times are from the change at one desk to the
// change at the other, as the desks tell them.
type Summary struct {
	Tickets     int     `json:"tickets"`
	Events      int     `json:"events"` // all that crossed
	Comments    int     `json:"comments"`
	Attachments int     `json:"attachments"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	Seconds     float64 `json:"seconds"`
	OK          bool    `json:"ok"`
	// Reason says why it is not.
	Reason string `json:"reason,omitempty"`
}

// Once plays a scenario until both desks agree and both nodes are quiet, and
// checks what stands at the desks then. Without Options.Dir it uses a temporary
// folder, which stays only if something was wrong. The error is the summary's
// reason.
func Once(ctx context.Context, o Options, s Scenario) (_ Summary, err error) {
	s.setDefaults()
	if s.Kill != "" && other(s.Kill).id == "" {
		return Summary{}, &admin.Error{Kind: admin.KindInvalid, Message: fmt.Sprintf("there is no company %.40q to kill the node of", s.Kill), Hint: "acme or globex"}
	}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "parley-demo-"); err != nil {
			return Summary{}, fmt.Errorf("make a folder for the demo: %w", err)
		}
		defer func() {
			if err == nil {
				err = os.RemoveAll(o.Dir)
			} else {
				err = fmt.Errorf("%w (the folder stays: %s)", err, o.Dir)
			}
		}()
	}
	d, err := start(ctx, o)
	if err != nil {
		return Summary{Reason: err.Error()}, err
	}
	summary, err := d.once(ctx, s)
	if err = errors.Join(err, d.close()); err != nil {
		summary.OK, summary.Reason = false, err.Error()
	}
	return summary, err
}

func (s *Scenario) setDefaults() {
	if s.Tickets <= 0 {
		s.Tickets = 20
	}
	if s.BigFile <= 0 {
		s.BigFile = 4 << 20
	}
	if s.Deadline <= 0 {
		s.Deadline = 120 * time.Second
	}
}

var errLate = errors.New("the desks did not come to agree in time")

func (d *demo) once(ctx context.Context, s Scenario) (Summary, error) {
	began := time.Now()
	ctx, cancel := d.within(ctx)
	defer cancel()
	ctx, stop := context.WithTimeoutCause(ctx, s.Deadline, errLate)
	defer stop()
	looking, enough := context.WithCancel(ctx)
	defer enough()
	watched := make(chan struct{})
	go func() { defer close(watched); d.watch.run(looking) }()

	p := &play{demo: d, Scenario: s}
	err := p.perform(ctx)
	if err == nil {
		err = p.converge(ctx)
	}
	enough()
	<-watched
	if err == nil {
		d.watch.look(ctx)
	}
	d.watch.match.settle(time.Now().Add(patience))
	summary := summarize(d.watch.match.crossings())
	summary.Tickets, summary.Seconds, summary.OK = len(p.made), time.Since(began).Seconds(), err == nil
	return summary, err
}

// converge waits until nothing waits at either node, everything stands at both
// desks as it should, and stays so.
func (p *play) converge(ctx context.Context) error {
	last := []string{"nothing was looked at"}
	for {
		problems, err := p.settled(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			last = []string{err.Error()} // a node that is being started again cannot be asked
		case len(problems) == 0:
			return nil
		default:
			last = problems
		}
		if !pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("%w: %s", context.Cause(ctx), some(last))
		}
	}
}

// settled says what is not as it should be, or did not stay so for a moment.
func (p *play) settled(ctx context.Context) ([]string, error) {
	before, err := p.places(ctx)
	if err != nil {
		return nil, err
	}
	for _, look := range []func(context.Context) ([]string, error){p.unsettled, p.check} {
		if problems, err := look(ctx); err != nil || len(problems) > 0 {
			return problems, err
		}
	}
	pause(ctx, stillness)
	after, err := p.places(ctx)
	if err == nil && after != before {
		return []string{"the desks still change"}, nil
	}
	if err != nil {
		return nil, err
	}
	return p.unsettled(ctx)
}

// stillness is how long nothing may happen for the end to be the end.
const stillness = 300 * time.Millisecond

func some(problems []string) string {
	const most = 5
	if n := len(problems); n > most {
		problems = append(slices.Clone(problems[:most]), fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(problems, "; ")
}

// places are where the desks' lists of changes end.
func (p *play) places(ctx context.Context) (places [2]string, err error) {
	for i, c := range p.companies {
		_, cursor, err := c.person.Changes(ctx, "", 1)
		if err != nil {
			return places, err
		}
		places[i] = string(cursor)
	}
	return places, nil
}

// unsettled says what waits at the nodes.
func (p *play) unsettled(ctx context.Context) ([]string, error) {
	var problems []string
	for _, c := range p.companies {
		con, err := c.connection(ctx)
		if err != nil {
			return nil, err
		}
		if con == nil {
			return nil, fmt.Errorf("%s's connection is gone", c.name)
		}
		if con.Waiting+con.Sending+con.Applying+con.Files+con.Parked > 0 {
			problems = append(problems, fmt.Sprintf("at %s's node wait %d tickets to be sent, %d events for their outcome, %d events to be applied, %d files; %d for a person",
				c.name, con.Waiting, con.Sending, con.Applying, con.Files, con.Parked))
		}
	}
	return problems, nil
}

func summarize(all []crossing) Summary {
	s := Summary{Events: len(all)}
	var took []float64
	for _, c := range all {
		switch c.kind {
		case madeComment:
			s.Comments++
		case addedFile:
			s.Attachments++
		}
		if c.timed {
			took = append(took, float64(c.took.Microseconds())/1000)
		}
	}
	slices.Sort(took)
	s.P50, s.P99 = percentile(took, 50), percentile(took, 99)
	return s
}

// percentile of sorted values, by the nearest rank.
func percentile(sorted []float64, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}

// Print shows a summary to people.
func (s Summary) Print(w io.Writer) {
	verdict := "Both desks agree: every ticket has one twin, every comment and file stands once, no internal note crossed."
	if !s.OK {
		verdict = "It went wrong."
	}
	fmt.Fprintf(w, "\n%s\n\n  tickets      %d\n  crossed      %d, of these %d comments and %d files\n", verdict, s.Tickets, s.Events, s.Comments, s.Attachments)
	fmt.Fprintf(w, "  from desk to desk  %.0f ms (half of them), %.0f ms (99 of 100)\n  all of it    %.1f s\n", s.P50, s.P99, s.Seconds)
}
