package desk_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/desk"
	"parley/sync/event"
)

const childDir = "DESK_TEST_CHILD_DIR"

// TestMain lets the test binary be a desk of its own, so that it can be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Println(runChild(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func runChild(dir string) error {
	s, err := desk.Open(dir, desk.Options{Token: token})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, s)
}

func startChild(t *testing.T, dir string) (*exec.Cmd, *url.URL) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(strings.TrimSpace(line))
	if err != nil || u.Host == "" {
		t.Fatalf("the desk said %q: %v", line, err)
	}
	return child, u
}

func TestServer_KillLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	answered := map[event.Marker]event.Ref{}
	for round := range 3 {
		child, address := startChild(t, dir)
		tracker := openTracker(t, address, token)
		var mu sync.Mutex
		enough := make(chan struct{}, 1)
		var writers sync.WaitGroup
		var number atomic.Int64
		for range 4 {
			writers.Go(func() {
				for {
					step := event.Step{
						Kind: event.StepCreate, Marker: event.Marker(fmt.Sprintf("marker-%d-%d", round, number.Add(1))),
						Fields: event.Fields{event.FieldSummary: strings.Repeat("long ", 50)},
					}
					w, err := tracker.Write(context.Background(), step, nil)
					if err != nil {
						return // killed
					}
					mu.Lock()
					answered[step.Marker] = w.Ref
					if len(answered)%20 == 0 {
						select {
						case enough <- struct{}{}:
						default:
						}
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		writers.Wait()
		_ = tracker.Close()
	}
	tracker := openTracker(t, mustURL(t, serve(t, openDesk(t, dir))), token)
	t.Cleanup(func() { _ = tracker.Close() })
	for marker, ref := range answered {
		found, err := tracker.Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: marker})
		if err != nil || found.Presence != event.FoundOne || found.Written.Ref != ref {
			t.Fatalf("of %d answered tickets %v is not there: %+v, %v", len(answered), ref, found, err)
		}
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// What a person does is heard of at once, not at the next poll.
func TestTracker_WatchHearsOfAChangeAtOnce(t *testing.T) {
	t.Parallel()
	address := serve(t, openDesk(t, t.TempDir()))
	tracker := openTracker(t, mustURL(t, address), token)
	t.Cleanup(func() { _ = tracker.Close() })
	watcher, ok := tracker.(adapters.Watcher)
	if !ok {
		t.Fatal("the tracker does not implement Watcher")
	}
	hints := watcher.Watch()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	<-hints // the beginning
	person := hand{address, aliceToken}
	const rounds = 20
	var total time.Duration
	for range rounds {
		if _, _, err := person.Create(t.Context(), event.Fields{event.FieldSummary: "heard"}); err != nil {
			t.Fatal(err)
		}
		done := time.Now()
		select {
		case <-hints:
			total += time.Since(done)
		case <-ctx.Done():
			t.Fatal("no hint")
		}
	}
	if mean := total / rounds; mean > 500*time.Millisecond {
		t.Errorf("a hint takes %v on average", mean)
	}
}
