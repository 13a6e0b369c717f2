package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"parley/node/admin"
)

// ran is what became of a command line.
type ran struct {
	code     int
	out, err string
}

// runCLI runs a command line in this process, with nothing on standard input and nothing in the environment.
func runCLI(t *testing.T, args ...string) ran {
	t.Helper()
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	var out, errs bytes.Buffer
	code := execute(t.Context(), args, process{in: in, out: &out, err: &errs, getenv: func(string) string { return "" }})
	return ran{code, out.String(), errs.String()}
}

// eachCommand are all commands that docs/cli.md has, as the parser knows them.
func eachCommand(t *testing.T) []*kong.Node {
	t.Helper()
	_, parser, err := newParser(&app{process: process{out: io.Discard, err: io.Discard}})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Leaves(true)
}

// words of a command, without the program's name and without arguments.
func wordsOf(command *kong.Node) []string {
	var out []string
	for n := command; n.Parent != nil; n = n.Parent {
		if n.Type == kong.CommandNode {
			out = append([]string{n.Name}, out...)
		}
	}
	return out
}

// failureOf reads the error that a command printed with --json.
func failureOf(t *testing.T, r ran) failure {
	t.Helper()
	var got struct {
		Error *failure `json:"error"`
	}
	d := json.NewDecoder(strings.NewReader(r.err))
	if err := d.Decode(&got); err != nil || got.Error == nil || d.More() {
		t.Fatalf("standard error is not one error in JSON: %v\n%s", err, r.err)
	}
	return *got.Error
}

func TestHelp_EachCommandSaysWhatItDoesAndEndsWell(t *testing.T) {
	t.Parallel()
	for _, command := range eachCommand(t) {
		words := wordsOf(command)
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, append(words, "--help")...)
			if got.code != exitOK || got.err != "" {
				t.Errorf("got exit code %d and %q on standard error", got.code, got.err)
			}
			// The printer breaks lines where it likes.
			text := strings.Join(strings.Fields(got.out), " ")
			want := []string{"Usage: parley " + strings.Join(words, " "), strings.Join(strings.Fields(command.Help), " ")}
			for _, f := range command.Flags {
				want = append(want, "--"+f.Name)
			}
			for _, said := range want {
				if !strings.Contains(text, said) {
					t.Errorf("does not say %q:\n%s", said, got.out)
				}
			}
		})
	}
}

func TestUsage_EachCommandRefusesAFlagThatItDoesNotHave(t *testing.T) {
	t.Parallel()
	for _, command := range eachCommand(t) {
		words := wordsOf(command)
		t.Run(strings.Join(words, " "), func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, append(words, "--no-such-flag", "--json")...)
			f := failureOf(t, got)
			if got.code != exitUsage || got.out != "" || f.Kind != kindUsage || !strings.Contains(f.Message, "--no-such-flag") {
				t.Errorf("got exit code %d, %+v, printed %q", got.code, f, got.out)
			}
			if !strings.HasSuffix(f.Hint, "--help") || !strings.HasPrefix(f.Hint, "parley") {
				t.Errorf("the hint is no command that helps: %q", f.Hint)
			}
		})
	}
}

// aCode is an invitation by nobody.
const aCode = "aeazdquhjxjda73grfkmsu2fw6w6o2l57tinwcs7wrexkeh5esolkveyskuihznlqlktrak5focibdidotip5biwon4w4yzomfrw2zjomv4gc3lqnrstunbsgizcixwoqe"

// withNode are the command lines that ask the running node, one at least of each command that does.
func withNode() [][]string {
	return [][]string{
		{"status"},
		{"audit", "list"},
		{"audit", "head"},
		{"audit", "verify"},
		{"audit", "export", "-"},
		{"audit", "prune", "--before", "1d", "--reason", "old"},
		{"connection", "list"},
		{"connection", "invite", "globex"},
		{"connection", "accept", aCode, "--name", "globex"},
		{"connection", "remove", "globex", "--yes"},
		{"connection", "scope", "globex"},
		{"connection", "scope", "globex", "--explain", "SUP-1"},
		{"connection", "fields", "globex"},
		{"connection", "preview", "globex"},
		{"connection", "load", "globex", "--show"},
		{"connection", "load", "globex", "--pause"},
		{"connection", "load", "globex", "--resume"},
		{"connection", "load", "globex", "--abort"},
		{"connection", "resync", "globex", "--dry-run"},
		{"connection", "verify", "globex"},
		{"connection", "pause", "globex"},
		{"connection", "resume", "globex"},
		{"ticket", "list"},
		{"ticket", "explain", "SUP-1"},
		{"ticket", "history", "SUP-1"},
		{"ticket", "sync", "SUP-1", "-c", "globex"},
		{"ticket", "unsync", "SUP-1", "-c", "globex"},
		{"ticket", "connect", "SUP-1", "INC-7", "-c", "globex", "--dry-run"},
		{"ticket", "match", "--by", "summary", "-c", "globex"},
		{"conflict", "list"},
		{"conflict", "show", "SUP-1"},
		{"conflict", "resolve", "SUP-1", "summary", "--ours"},
		{"queue", "list"},
		{"queue", "show", "i/1"},
		{"queue", "retry", "i/1"},
		{"queue", "approve", "i/1"},
		{"queue", "skip", "i/1"},
		{"undo", "globex/in/1.12"},
		{"filter", "record", "SUP-1"},
		{"filter", "publish", "--reason", "why"},
		{"filter", "history"},
		{"filter", "diff"},
		{"filter", "rollback", "f5e4d3c2b1a0", "--reason", "why"},
		{"filter", "try", "SUP-1"},
		{"export", "testdata/none"},
		{"apply", "-f", "testdata/setup", "--yes", "--reason", "why"},
		{"connection", "add", "--template", "customer", "--vars-file", "testdata/customers.csv", "--dry-run"},
		{"template", "diff", "customer@1", "customer@2"},
		{"template", "upgrade", "customer@1", "--all", "--reason", "why"},
		{"template", "rollback", "customer@1", "--reason", "why"},
		{"config", "reload"},
		{"key", "show"},
		{"audit", "kept", "globex"},
		{"connection", "words", "globex"},
		{"connection", "confirm", "globex", "acorn", "album", "alpine", "amber"},
		{"node", "claim"},
	}
}

// withoutNode are the commands that work when no node runs.
func withoutNode() []string {
	return []string{
		"demo", "init", "run", "filter check", "filter test", "config check", "config show", "adapter list", "adapter show", "adapter login", "adapter probe",
		"secret set", "secret list", "secret delete", "secret rekey", "backup create", "backup verify", "restore", "version",
		"template list", "template check", "template test",
	}
}

// aFolder holds a node that was made and never run; it returns its configuration.
func aFolder(t *testing.T) string {
	t.Helper()
	// A socket's address is short, and the name of this test may not be.
	dir, err := os.MkdirTemp("", "parley")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	token, file := filepath.Join(dir, "token"), filepath.Join(dir, "parley.yaml")
	if err := os.WriteFile(token, []byte(deskToken), 0o600); err != nil {
		t.Fatal(err)
	}
	made := runCLI(t, "--config", file, "init", "--name", "acme", "--tracker", "desk", "--url", "http://127.0.0.1:9", "--secret-file", "token="+token,
		"--connection", "globex", "--var", "project=DESK", "--offline")
	if made.code != exitOK {
		t.Fatalf("init: %+v", made)
	}
	for name, text := range map[string]string{"template.yaml": "version: 1\n", "outgoing.parley": "", "incoming.parley": "", "scope.parley": "true"} {
		at := filepath.Join(dir, "templates", "customer", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestNoNode_EachCommandThatNeedsOneSaysSo(t *testing.T) {
	t.Parallel()
	file := aFolder(t)
	seen := map[string]bool{}
	for _, args := range withNode() {
		for _, command := range eachCommand(t) {
			if words := wordsOf(command); len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
				seen[strings.Join(words, " ")] = true
			}
		}
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, append([]string{"--config", file, "--json"}, args...)...)
			f := failureOf(t, got)
			if got.code != exitNoNode || got.out != "" || f.Kind != kindNoNode || !strings.Contains(f.Hint, "parley run") {
				t.Errorf("got exit code %d, %+v, printed %q", got.code, f, got.out)
			}
		})
	}
	for _, command := range eachCommand(t) {
		name := strings.Join(wordsOf(command), " ")
		if seen[name] == slices.Contains(withoutNode(), name) {
			t.Errorf("%q must be among the commands that need a node or among those that do not", name)
		}
	}
}

func TestNoConfiguration_EachCommandThatNeedsOneSaysHowToMakeIt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "parley.yaml")
	lines := append(withNode(), []string{"run"}, []string{"filter", "check"}, []string{"config", "check"}, []string{"config", "show"}, []string{"adapter", "probe"}, []string{"adapter", "login"},
		[]string{"secret", "list"}, []string{"secret", "delete", "x"}, []string{"backup", "create", "b"})
	for _, args := range lines {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, append([]string{"--config", file, "--json"}, args...)...)
			f := failureOf(t, got)
			if got.code != exitInvalid || got.out != "" || f.Kind != admin.KindInvalid || !strings.Contains(f.Message, file) || !strings.Contains(f.Hint, "parley init") {
				t.Errorf("got exit code %d, %+v, printed %q", got.code, f, got.out)
			}
		})
	}
}

// serve runs a node's answers in a folder until the test ends.
func serve(t *testing.T, file string, handler http.Handler) {
	t.Helper()
	socket, err := admin.Listen(filepath.Join(filepath.Dir(file), "data"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- admin.Serve(ctx, socket, handler, zerolog.Nop()) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, socket.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestNode_ARefusalKeepsKindHintAndExitCodeInEachCommand(t *testing.T) {
	t.Parallel()
	file := aFolder(t)
	serve(t, file, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p := admin.Problem{Status: http.StatusBadGateway, Kind: admin.KindPeer, Message: "it says no" + hostile, Hint: "do something" + hostile}
		w.Header().Set("Content-Type", p.ContentType(""))
		w.WriteHeader(p.Status)
		if err := json.NewEncoder(w).Encode(p); err != nil {
			t.Error(err)
		}
	}))
	for _, args := range withNode() {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, append([]string{"--config", file, "--json"}, args...)...)
			f := failureOf(t, got)
			if got.code != exitPeer || f.Kind != admin.KindPeer || !strings.HasPrefix(f.Message, "it says no") || !strings.HasPrefix(f.Hint, "do something") {
				t.Errorf("got exit code %d, %+v, printed %q", got.code, f, got.out)
			}
			got = runCLI(t, append([]string{"--config", file}, args...)...)
			if got.code != exitPeer || !strings.Contains(got.err, "error: it says no") || !strings.Contains(got.err, "\nhint: do something") {
				t.Errorf("got exit code %d, %q", got.code, got.err)
			}
			if at := strings.IndexFunc(got.out+got.err, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || steers(r) }); at >= 0 {
				t.Errorf("something that steers a terminal got through: %q", (got.out + got.err)[at:])
			}
		})
	}
}

// sayNothing answers each question with the emptiest answer of its shape.
func sayNothing(t *testing.T) http.Handler {
	t.Helper()
	w := httptest.NewRecorder()
	admin.NewHandler(&fakeService{}, "fake", unguarded{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct{ Type any }
				}
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, methods := range doc.Paths {
		for method, op := range methods {
			answer := "{}"
			if content, ok := op.Responses["200"].Content["application/json"]; ok && strings.Contains(fmt.Sprint(content.Schema.Type), "array") {
				answer = "null"
			}
			mux.HandleFunc(strings.ToUpper(method)+" "+path, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if _, err := io.WriteString(w, answer); err != nil {
					t.Error(err)
				}
			})
		}
	}
	return mux
}

func TestJSON_EachCommandPrintsOneValueAndNothingElse(t *testing.T) {
	t.Parallel()
	file := aFolder(t)
	serve(t, file, sayNothing(t))
	lines := append(withNode(), []string{"filter", "check"}, []string{"config", "check"}, []string{"config", "show"}, []string{"adapter", "list"},
		[]string{"adapter", "show", "desk"}, []string{"adapter", "probe"}, []string{"secret", "list"}, []string{"version"})
	for _, args := range lines {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			got := runCLI(t, append([]string{"--config", file, "--json"}, args...)...)
			if got.code != exitOK {
				t.Errorf("got exit code %d: %s", got.code, got.err)
			}
			var value any
			d := json.NewDecoder(strings.NewReader(got.out))
			if err := d.Decode(&value); err != nil || d.More() {
				t.Errorf("standard output is not one value in JSON: %v\n%s", err, got.out)
			}
			if value == nil {
				t.Error("printed null, want an empty list")
			}
		})
	}
}
