//go:build real

package realtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	defaultTickets = 200
	// stuck is how long quiet nodes may leave the same problems: longer than
	// two polls and every wait between attempts.
	stuck = 90 * time.Second
)

// scenario is three organisations and what is done there.
type scenario struct {
	t     *testing.T
	dir   string
	sites []*site // Acme first
	work  *workload
	began time.Time
}

// TestThreeOrganisations_StayInStepOverRealTrackers: Acme on Redmine with
// Globex on Request Tracker and with Initech on another Redmine; people at work
// on all three; every node and every tracker killed once.
func TestThreeOrganisations_StayInStepOverRealTrackers(t *testing.T) {
	t.Parallel()
	s := &scenario{t: t, dir: folder(t), began: time.Now(), work: plan(tickets(t))}
	s.open()
	s.say("three nodes work; %d tickets, %d deeds of people", len(s.work.tickets), s.work.total)

	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Minute)
	defer cancel()
	if err := s.live(ctx); err != nil {
		s.logs()
		t.Fatal(err)
	}
	worked := time.Now()
	s.say("people are done")
	problems := s.converge(ctx)
	s.say("quiet %s after the last deed", time.Since(worked).Round(time.Second))
	for i, p := range problems {
		if i == 100 {
			t.Errorf("and %d more", len(problems)-i)
			break
		}
		t.Error(p)
	}
	if len(problems) > 0 {
		s.logs()
	}
	s.figures()
}

// folder holds everything; its way must be short, for the nodes' sockets, and
// open, for the trackers run as another user.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "parley-real-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() {
		if os.Getenv("PARLEY_REAL_KEEP") == "" {
			_ = os.RemoveAll(dir)
		}
	})
	return dir
}

func tickets(t *testing.T) int {
	t.Helper()
	text := os.Getenv("PARLEY_REAL_TICKETS")
	if text == "" {
		return defaultTickets
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// say prints progress at once: a long run must not be silent.
func (s *scenario) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// open starts trackers and nodes and joins them.
func (s *scenario) open() {
	t := s.t
	binary := build(t, s.dir)
	trackers := map[string]*server{}
	for _, one := range [][]string{{acme, "redmine"}, {globex, "rt"}, {initech, "redmine", "REDMINE_TEXT_FORMATTING=common_mark"}} {
		trackers[one[0]] = newServer(t, one[1], one[0], s.dir, one[2:]...)
		s.say("%s of %s answers", one[1], one[0])
	}
	s.sites = []*site{
		{name: acme, port: freePort(t), desk: newRedmine(trackers[acme]), links: map[string]link{
			globex: fromAcme("api"), initech: fromAcme("web"),
		}},
		{name: globex, desk: newRT(trackers[globex]), links: map[string]link{acme: fromGlobex()}},
		{name: initech, desk: newRedmine(trackers[initech]), links: map[string]link{acme: fromInitech()}},
	}
	for _, site := range s.sites {
		site.server = trackers[site.name]
		must(t, site.open(t, s.dir, binary))
	}
	must(t, connect(t, s.sites[0], s.sites[1:]...))
}

const redmineVars = "{project: sync, tracker: Bug, max_attachment_mb: 20}"

// fromAcme keeps issues of one system in step. What comes in from a peer is in
// the scope of both connections, so that only the rule about forwarding keeps
// one peer's from the other.
func fromAcme(system string) link {
	return link{
		scope: fmt.Sprintf(`"%s" in (issue.fields["Affected systems"] ?? [])`, system),
		in:    "\nif firstSync {\n  issue.fields[\"Affected systems\"] = [\"api\", \"web\"]\n}\n",
		vars:  redmineVars, accept: "{projects: [sync], types: [Bug], creates_per_hour: 5000}",
	}
}

func fromInitech() link {
	return link{scope: "issue.project == vars.project", vars: redmineVars, accept: "{projects: [sync], types: [Bug], creates_per_hour: 5000}"}
}

// fromGlobex adds priorities to what the ready-made filters of RT exchange.
func fromGlobex() link {
	return link{
		scope:  "issue.project == vars.queue",
		out:    "\nreplica.priority = lookup(\"priority\", issue.priority)\n",
		in:     "\nissue.priority = lookup(\"priority\", replica.priority, keep)\n",
		tables: map[string]string{"priority": "policy: park\npairs:\n  - [Low, Low]\n  - [Medium, Normal]\n  - [High, High]\n  - [High, Urgent]\n"},
		vars:   "{queue: Sync, max_attachment_mb: 20}", accept: "{projects: [Sync], creates_per_hour: 5000}",
	}
}

// live lets people work at all desks at once, and kills meanwhile.
func (s *scenario) live(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	errs := make([]error, len(s.sites)+1)
	for i, site := range s.sites {
		all.Go(func() {
			if errs[i] = s.work.live(ctx, site); errs[i] != nil {
				cancel()
			}
		})
	}
	all.Go(func() {
		if errs[len(s.sites)] = s.kills(ctx); errs[len(s.sites)] != nil {
			cancel()
		}
	})
	all.Wait()
	return errors.Join(errs...)
}

// kills ends every node and every tracker once, each at its time.
func (s *scenario) kills(ctx context.Context) error {
	for i, kill := range []func(context.Context) error{
		s.killNode(1), s.killTracker(0), s.killNode(0), s.killTracker(1), s.killNode(2), s.killTracker(2),
	} {
		due := int64(s.work.total * (i + 2) / 10)
		if err := s.until(ctx, due); err != nil {
			return err
		}
		if err := kill(ctx); err != nil {
			return err
		}
	}
	return s.until(ctx, int64(s.work.total))
}

// until waits for a number of deeds, and tells from time to time.
func (s *scenario) until(ctx context.Context, deeds int64) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	said := time.Now()
	for s.work.done.Load() < deeds {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			s.say("%d of %d deeds; %v", s.work.done.Load(), s.work.total, settled(ctx, s.sites))
		}
	}
	return nil
}

func (s *scenario) killNode(i int) func(context.Context) error {
	return func(ctx context.Context) error {
		site := s.sites[i]
		if err := site.kill(); err != nil {
			return err
		}
		s.say("node of %s killed", site.name)
		if err := site.start(ctx); err != nil {
			return err
		}
		s.say("node of %s runs again", site.name)
		return nil
	}
}

func (s *scenario) killTracker(i int) func(context.Context) error {
	return func(ctx context.Context) error {
		site := s.sites[i]
		site.server.busy.Lock()
		defer site.server.busy.Unlock()
		if err := site.server.Kill(); err != nil {
			return err
		}
		s.say("tracker of %s killed", site.name)
		err := poll(ctx, time.Minute, func() error {
			status, err := site.admin.Status(ctx)
			if err == nil && status.Tracker.Error == "" {
				err = fmt.Errorf("node of %s does not notice that its tracker is away", site.name)
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := site.server.Start(ctx); err != nil {
			return err
		}
		s.say("tracker of %s answers again", site.name)
		return nil
	}
}

// converge waits until the nodes have nothing to do and all is as promised, and
// returns what is not.
func (s *scenario) converge(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	var problems []string
	said, since := time.Now(), time.Now()
	err := poll(ctx, 15*time.Minute, func() error {
		if err := settled(ctx, s.sites); err != nil {
			if time.Since(said) > 10*time.Second {
				said = time.Now()
				s.say("%v", err)
			}
			return err
		}
		before := problems
		if now, err := observe(ctx, s.work, s.sites); err != nil {
			problems = []string{err.Error()}
		} else {
			problems = s.work.problems(now, s.sites)
		}
		switch {
		case len(problems) == 0:
			return nil
		case !slices.Equal(before, problems):
			s.say("%d problems, as: %s", len(problems), problems[0])
			since = time.Now()
		case time.Since(since) > stuck:
			cancel() // nothing moves any more
		}
		return errors.New(problems[0])
	})
	if err != nil && len(problems) == 0 {
		problems = []string{err.Error()}
	}
	// A context of its own: what waits is to be told after the deadline too.
	waits, err := parked(s.t.Context(), s.sites)
	if err != nil {
		problems = append(problems, err.Error())
	}
	return append(append(problems, waits...), s.work.mailed(s.sites[1].server)...)
}

// logs prints what the nodes complained of.
func (s *scenario) logs() {
	for _, site := range s.sites {
		for _, level := range []string{`"level":"error"`, `"level":"warn"`} {
			if lines := site.tail(level, 15); lines != "" {
				s.t.Logf("log of %s:\n%s", site.name, lines)
			}
		}
	}
}

// figures prints what was kept in step.
func (s *scenario) figures() {
	comments, internal, files, twins := 0, 0, 0, 0
	for _, t := range s.work.tickets {
		twins += len(t.on) - 1
		files += len(t.files)
		for _, c := range t.texts {
			comments++
			if c.internal {
				internal++
			}
		}
	}
	s.say("%s", strings.Join([]string{
		fmt.Sprintf("%d tickets with %d twins", len(s.work.tickets), twins),
		fmt.Sprintf("%d comments, %d of them internal", comments, internal), fmt.Sprintf("%d files", files),
	}, ", "))
}
