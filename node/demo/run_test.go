package demo_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/desk"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/demo"
	"parley/node/secret"
	"parley/sync/event"
)

// running is a demo that goes on until stop.
type running struct {
	o    demo.Options
	out  *lines
	stop func()
}

func run(t *testing.T, o demo.Options) *running {
	t.Helper()
	r := &running{o: o, out: &lines{}}
	r.o.Out = r.out
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- demo.Run(ctx, r.o) }()
	r.stop = func() {
		r.stop = func() {}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	}
	t.Cleanup(func() { r.stop() })
	wait(t, "the welcome", func() error {
		if !strings.Contains(r.out.String(), "Ctrl-C ends it") {
			return fmt.Errorf("so far %q", r.out)
		}
		return nil
	})
	return r
}

// desk signs in at a company's desk as its node does.
func (r *running) desk(t *testing.T, id string) *desk.Tracker {
	t.Helper()
	data := filepath.Join(r.o.Dir, id, "data")
	key, err := secret.FindKey(data, func(string) string { return "" })
	must(t, err)
	vault, err := secret.Open(data, key)
	must(t, err)
	token, err := vault.Get("tracker-token")
	must(t, err)
	text, err := os.ReadFile(filepath.Join(r.o.Dir, id, "parley.yaml"))
	must(t, err)
	address, err := url.Parse(string(regexp.MustCompile(`http://[0-9.:]+`).Find(text)))
	must(t, err)
	d, err := desk.New(adapters.Options{URL: address, Settings: map[string]string{"token": token.Reveal()}})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, at *desk.Tracker, summary string) {
	t.Helper()
	_, err := at.Write(t.Context(), event.Step{Kind: event.StepCreate, Fields: event.Fields{"summary": summary}}, nil)
	must(t, err)
}

func arrives(t *testing.T, at *desk.Tracker, summary string) {
	t.Helper()
	wait(t, summary+" arrives", func() error {
		found, err := at.ByField(t.Context(), "summary", summary, 10)
		if err == nil && len(found) != 1 {
			err = fmt.Errorf("it is there %d times", len(found))
		}
		return err
	})
}

func TestRun_ASecondStartGoesOnWithTheSameTickets(t *testing.T) {
	t.Parallel()
	o := options(t, nil)
	first := run(t, o)
	create(t, first.desk(t, "acme"), "From the first start")
	arrives(t, first.desk(t, "globex"), "From the first start")
	create(t, first.desk(t, "globex"), "Under way at the end")
	first.stop()
	if !strings.Contains(first.out.String(), "The data stays in "+o.Dir) {
		t.Errorf("the end does not say where the data is:\n%s", first.out)
	}

	second := run(t, o)
	arrives(t, second.desk(t, "globex"), "From the first start")
	arrives(t, second.desk(t, "acme"), "Under way at the end")
	create(t, second.desk(t, "globex"), "From the second start")
	arrives(t, second.desk(t, "acme"), "From the second start")
}

func TestRun_NoNodeIsLeftAtTheEnd(t *testing.T) {
	t.Parallel()
	r := run(t, options(t, nil))
	for _, id := range []string{"acme", "globex"} {
		_, err := client.New(filepath.Join(r.o.Dir, id, "data")).Status(t.Context())
		must(t, err)
	}
	r.stop()
	for _, id := range []string{"acme", "globex"} {
		var none *client.NoNode
		if _, err := client.New(filepath.Join(r.o.Dir, id, "data")).Status(t.Context()); !errors.As(err, &none) {
			t.Errorf("%s's node after the end: %v", id, err)
		}
		// A process that is the folder's node would hold its lock.
		socket, err := admin.Listen(filepath.Join(r.o.Dir, id, "data"))
		must(t, err)
		must(t, socket.Close())
	}
}

func TestRun_AnEditedFilterIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	r := run(t, options(t, nil))
	filter := filepath.Join(r.o.Dir, "globex", "filters", "acme.in.parley")
	text, err := os.ReadFile(filter)
	must(t, err)
	says := func(what string) {
		wait(t, what, func() error {
			if !strings.Contains(r.out.String(), what) {
				return errors.New("not said")
			}
			return nil
		})
	}
	must(t, os.WriteFile(filter, append(text, "issue.summary = nonsense(\n"...), 0o600))
	says("keeps the old one")
	must(t, os.WriteFile(filter, append(text, `issue.summary = "Acme: " + replica.summary`+"\n"...), 0o600))
	says("has taken it")
	create(t, r.desk(t, "acme"), "Printer on fire")
	arrives(t, r.desk(t, "globex"), "Acme: Printer on fire")
}

func TestRun_AFolderTooDeepForSocketsIsRefused(t *testing.T) {
	t.Parallel()
	o := options(t, &lines{})
	o.Dir = filepath.Join(o.Dir, strings.Repeat("deep/", 20))
	err := demo.Run(t.Context(), o)
	var told *admin.Error
	if !errors.As(err, &told) || !strings.Contains(told.Message, "too deep") || told.Hint == "" {
		t.Errorf("got %v, want it refused with a hint", err)
	}
	if _, err := os.Stat(o.Dir); err == nil {
		t.Error("the folder was made all the same")
	}
}

func TestRun_ANodeThatCannotRunEndsTheDemoAndSaysWhy(t *testing.T) {
	t.Parallel()
	o := options(t, &lines{})
	o.Env = append(o.Env, broken+"=1")
	err := demo.Run(t.Context(), o)
	var told *admin.Error
	if !errors.As(err, &told) || !strings.Contains(told.Message, "ends again and again") || !strings.Contains(told.Hint, "the reason") {
		t.Errorf("got %v, want the end with the log's last words", err)
	}
}
