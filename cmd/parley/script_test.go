package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"parley/adapters/desk"
)

const (
	deskToken = "token-of-parley" // Parley's account at a desk
	aliceSign = "token-of-alice"
	patience  = time.Minute // on a machine with much else to do
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"parley":   main,
		"desk":     deskMain,
		"fakenode": fakeMain,
		"fetch":    fetchMain,
		"somebody": somebodyMain,
	})
}

// somebodyMain is `somebody UID parley ARGUMENT…`: parley, run by that user.
func somebodyMain() {
	uid, err := strconv.Atoi(os.Args[1])
	if err == nil {
		err = errors.Join(syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "somebody:", err)
		os.Exit(1)
	}
	os.Args = os.Args[2:]
	main()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	root := os.Getuid() == 0
	if !root {
		t.Log("not run as root: what other users of the machine may do is not tried")
	}
	testscript.Run(t, testscript.Params{
		Condition: func(what string) (bool, error) {
			if what != "root" {
				return false, fmt.Errorf("there is no condition %q", what)
			}
			return root, nil
		},
		Deadline: time.Now().Add(8 * patience), // a process that hangs shows its goroutines
		Dir:      "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PARLEY_METRICS_LISTEN", "off")
			secret := filepath.Join(env.WorkDir, "token")
			return os.WriteFile(secret, []byte(deskToken+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"until":  untilCommand,
			"create": createCommand,
			"edit":   editCommand,
			"save":   saveCommand,
			"exits":  exitsCommand,
			"port":   portCommand,
		},
	})
}

// untilCommand is `until PATTERN COMMAND…`: it runs the command until it
// succeeds and prints what the pattern matches.
func untilCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND [ARGUMENT…]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not within %s: %v", patience, err)
		}
	}
}

// exitsCommand is `exits CODE COMMAND…`: the command ends with this exit code.
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got := strconv.Itoa(code); got != args[0] {
		ts.Fatalf("got exit code %s, want %s", got, args[0])
	}
}

// saveCommand is `save NAME [PATTERN]`: it keeps what the last command printed,
// without its line end, or what a pattern matches of it, as a variable.
func saveCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: save NAME [PATTERN]")
	}
	text := string(bytes.TrimSpace([]byte(ts.ReadFile("stdout"))))
	if len(args) == 2 {
		pattern, err := regexp.Compile("(?m)" + args[1])
		ts.Check(err)
		text = pattern.FindString(text)
	}
	ts.Setenv(args[0], text)
}

// createCommand is `create DESK SUMMARY`: Alice makes a ticket at the desk whose
// address stands in the file DESK; its key becomes the variable KEY.
func createCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: create DESK SUMMARY")
	}
	body, err := json.Marshal(map[string]any{"fields": map[string]any{"project": "DESK", "type": "Request", "summary": args[1]}})
	ts.Check(err)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, ts.ReadFile(args[0])+"/api/v1/tickets", bytes.NewReader(body))
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+aliceSign)
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: patience}
	response, err := client.Do(request)
	ts.Check(err)
	defer func() { ts.Check(response.Body.Close()) }()
	var made struct{ Key, Message string }
	ts.Check(json.NewDecoder(response.Body).Decode(&made))
	if made.Key == "" {
		ts.Fatalf("create a ticket: %s: %s", response.Status, made.Message)
	}
	ts.Setenv("KEY", made.Key)
}

// editCommand is `edit DESK ID FIELD VALUE`: Alice changes a field of a ticket.
func editCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: edit DESK ID FIELD VALUE")
	}
	body, err := json.Marshal(map[string]any{"fields": map[string]any{args[2]: args[3]}})
	ts.Check(err)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPatch, ts.ReadFile(args[0])+"/api/v1/tickets/"+args[1], bytes.NewReader(body))
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+aliceSign)
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: patience}
	response, err := client.Do(request)
	ts.Check(err)
	defer func() { ts.Check(response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("edit a ticket: %s", response.Status)
	}
}

// portCommand is `port NAME`: the variable becomes a port that is free.
func portCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port NAME")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(errors.Join(err, listener.Close()))
	ts.Setenv(args[0], port)
}

// fetchMain is the command `fetch URL`: it prints what stands there.
func fetchMain() {
	client := http.Client{Timeout: patience}
	response, err := client.Get(os.Args[1])
	if err == nil {
		_, err = io.Copy(os.Stdout, response.Body)
		err = errors.Join(err, response.Body.Close())
	}
	if err != nil || response.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

// deskMain is the command `desk FOLDER FILE`: a ticket desk until it is told to
// end, whose address it writes into FILE.
func deskMain() {
	if err := runDesk(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "desk:", err)
		os.Exit(1)
	}
}

func runDesk(dir, file string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d, err := desk.Open(dir, desk.Options{Name: dir, Token: deskToken, Tokens: map[string]string{aliceSign: "alice"}})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, d.Close())
	}
	server := &http.Server{Handler: d, ReadHeaderTimeout: patience}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	// Whoever sees the file sees it whole.
	if err := os.WriteFile(file+".tmp", []byte("http://"+listener.Addr().String()), 0o600); err != nil {
		return errors.Join(err, server.Close(), d.Close())
	}
	if err := os.Rename(file+".tmp", file); err != nil {
		return errors.Join(err, server.Close(), d.Close())
	}
	<-ctx.Done()
	err = errors.Join(server.Close(), d.Close())
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
