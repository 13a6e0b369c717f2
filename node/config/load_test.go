package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/node/config"
	"parley/node/secret"
)

const full = `
node: {name: acme, dir: /var/lib/parley}
listen: {nats: "0.0.0.0:4222", advertise: "sync.acme.example:4222", websocket: ":443"}
tracker:
  kind: redmine
  url: https://tracker.acme.example/redmine
  poll: 1m
  timeout: 2m
  settings: {api_key: "${secret:tracker-api_key}", format: markdown}
connections:
  globex:
    scope: |
      issue.project == vars.project
      and vars.label in issue.labels
    query: "project = SUP"
    since: 2026-01-31
    leave: keep
    ended: delete
    closed: [Done, Dropped]
    fuse: {creates: 1, closes: 2, deletes: 3, ends: 4}
    start: label:sync-globex
    conflict: theirs
    out: f/globex.out
    in: f/globex.in
    vars: {project: SUP, depth: 3, rate: 1.5, on: true, list: [a, {b: "1"}]}
    tables: f
    tests: f
    tags: [gold]
    fields: {priority: theirs, status: both, severity: ours}
    on_local_edit: warn
    accept: {projects: [SUP], types: [Incident], fields: [summary], creates_per_hour: 10, connect: never, remove: ask, comments: internal, attachments: [picture, text], max_attachment: 20MB, impersonate: true, impersonated: [ann@acme.example], create: [versions]}
    gate: {fields: [summary], internal_comments: true, url: true, detect: {email: mask}, hosts: [acme.example], unscanned: [picture, pdf], budget: 64KiB, restricted: true, hold: 60s}
    forward: [initech]
    verify: 6h
    sweep: off
    owner: sync@acme.example
    notify: {parked: [owner, webhook:ops], stopped: [a@b.example], fuse: ["webhook:ops"], differs: [a@b.example], peer_away: {after: 90m, to: [owner]}}
  initech: {scope: "true", out: f/globex.out, in: f/globex.in, start: manual, since: approval}
notify:
  to: [webhook:ops]
  smtp: {host: "mail.acme.example:465", from: parley@acme.example, tls: tls, user: u, password: "${file:pw}"}
  webhooks: {ops: {url: "https://hooks.example/x", secret: "${env:HOOK}"}}
metrics: {listen: "0.0.0.0:9470", allow_remote: true}
log: {level: debug, format: text}
limits: {lanes: 8, memory: 1GiB}
keep: {events: 720h}
`

// equal compares configurations of different folders.
var equal = cmp.Options{cmpopts.IgnoreUnexported(
	config.Config{}, config.Tracker{}, config.Connection{}, config.Accept{}, config.Gate{}, config.Telling{}, config.Limits{},
)}

func TestLoad_ReadsEveryKey(t *testing.T) {
	t.Parallel()
	c, err := load(t, full, "f/globex.out", "f/globex.in")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Connection{
		Scope: "issue.project == vars.project\nand vars.label in issue.labels\n", Query: "project = SUP",
		Since: config.Since{At: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)},
		Leave: config.LeaveKeep, Ended: config.EndedDelete, Closed: []string{"Done", "Dropped"},
		Fuse:  config.Fuse{Creates: 1, Closes: 2, Deletes: 3, Ends: 4},
		Start: config.Start{Label: "sync-globex"}, Conflict: config.ConflictTheirs,
		Out: "f/globex.out", In: "f/globex.in", Tables: "f", Tests: "f", Tags: []string{"gold"},
		Fields: map[string]string{"priority": "theirs", "status": "both", "severity": "ours"}, OnLocalEdit: config.OnEditWarn,
		Vars: map[string]any{
			"project": "SUP", "depth": 3, "rate": 1.5, "on": true, "list": []any{"a", map[string]any{"b": "1"}},
		},
		Accept: config.Accept{
			Projects: []string{"SUP"}, Types: []string{"Incident"}, Fields: []string{"summary"}, CreatesPerHour: 10,
			Connect: config.PermitNever, Remove: config.PermitAsk,
			Comments: config.CommentsInternal, Attachments: []string{"picture", "text"}, MaxAttachment: 20e6,
			Impersonate: true, Impersonated: []string{"ann@acme.example"}, Create: []string{config.CreateVersions},
		},
		Gate: config.Gate{
			Fields: []string{"summary"}, InternalComments: true, URL: true, Detect: map[string]string{"email": "mask"},
			Hosts: []string{"acme.example"}, Unscanned: []string{"picture", "pdf"}, Hold: config.Duration(time.Minute), Budget: 64 << 10, Restricted: true,
		},
		Forward: []string{"initech"}, Verify: config.Interval(6 * time.Hour), Sweep: config.Off, Owner: "sync@acme.example",
		Notify: config.Telling{
			Parked: []string{"owner", "webhook:ops"}, Stopped: []string{"a@b.example"}, Fuse: []string{"webhook:ops"}, Differs: []string{"a@b.example"},
			PeerAway: config.Away{After: config.Duration(90 * time.Minute), To: []string{"owner"}},
		},
	}
	if diff := cmp.Diff(c.Connections["globex"], want, equal); diff != "" {
		t.Error(diff)
	}
	if got := c.Connections["initech"]; got.Verify.Every() != 24*time.Hour || got.Sweep.Every() != 24*time.Hour || c.Connections["globex"].Sweep.Every() != 0 {
		t.Errorf("defaults of comparing: got %+v", got)
	}
	if got := c.Connections["initech"]; !got.Start.Manual || !got.Since.FromApproval() || got.Leave != config.LeaveStop ||
		got.Conflict != config.ConflictNewest || got.Accept.Connect != config.PermitNever || got.Accept.CreatesPerHour != 200 {
		t.Errorf("defaults of a connection: got %+v", got)
	} else if got.Ended != config.EndedNote || got.Accept.Remove != config.PermitNever || got.Fuse != (config.Fuse{Creates: 120, Closes: 60, Deletes: 10, Ends: 60}) {
		t.Errorf("what defaults let the peer's ends do: got %+v", got)
	}
	rest := *c
	rest.Connections = nil
	wantRest := config.Config{
		Node:   config.Node{Name: "acme", Dir: "/var/lib/parley"},
		Listen: config.Listen{NATS: "0.0.0.0:4222", Advertise: "sync.acme.example:4222", WebSocket: ":443"},
		Tracker: config.Tracker{
			Kind: "redmine", URL: "https://tracker.acme.example/redmine", Poll: config.Duration(time.Minute), Timeout: config.Duration(2 * time.Minute),
			Settings: map[string]string{"api_key": "${secret:tracker-api_key}", "format": "markdown"},
		},
		Notify: config.Notify{
			To: []string{"webhook:ops"},
			SMTP: config.SMTP{
				Host: "mail.acme.example:465", From: "parley@acme.example", TLS: config.TLSAlways, User: "u",
				Password: secret.Ref{Kind: secret.RefFile, Name: "pw"},
			},
			Webhooks: map[string]config.Webhook{"ops": {URL: "https://hooks.example/x", Secret: secret.Ref{Kind: secret.RefEnv, Name: "HOOK"}}},
		},
		Metrics: config.Metrics{Listen: "0.0.0.0:9470", AllowRemote: true},
		Log:     config.Log{Level: "debug", Format: config.FormatText},
		Limits:  config.Limits{Lanes: 8, Memory: 1 << 30},
		Keep:    config.Keep{Events: config.Interval(720 * time.Hour)},
	}
	if diff := cmp.Diff(rest, wantRest, equal); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_LeavesTheRestToDefaults(t *testing.T) {
	t.Parallel()
	for _, text := range []string{minimal, "---\n" + minimal, minimal + "connections:\nnotify:\n", "# comment\n" + strings.ReplaceAll(minimal, "\n", "\r\n")} {
		c, err := load(t, text)
		if err != nil {
			t.Fatal(err)
		}
		want := config.Default()
		want.Node.Name, want.Tracker.Kind = "acme", "desk"
		if diff := cmp.Diff(c, want, equal); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
		if got, want := c.Path("x/y"), filepath.Join(c.Folder(), "x/y"); got != want || c.Path("/x") != "/x" || c.Path("") != "" {
			t.Errorf("paths: got %q, want %q", got, want)
		}
	}
}

func TestLoad_LayersGoFileEnvironmentFlags(t *testing.T) {
	t.Parallel()
	name := write(t, minimal+"log: {level: warn, format: text}\n")
	environment := map[string]string{"PARLEY_LOG_LEVEL": "error", "PARLEY_NODE_DIR": "/env", "PARLEY_METRICS_LISTEN": "off"}
	c, err := config.Load(name, config.Options{
		Kinds: kinds, Getenv: func(k string) string { return environment[k] },
		Flags: map[string]string{"node.dir": "/flag", "listen.nats": "127.0.0.1:0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Log.Format, c.Log.Level, c.Metrics.Listen, c.Node.Dir, c.Listen.NATS, c.Node.Name}
	want := []string{"text", "error", "off", "/flag", "127.0.0.1:0", "acme"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
	environment["PARLEY_LOG_LEVEL"] = "loud"
	_, err = config.Load(name, config.Options{
		Kinds: kinds, Getenv: func(k string) string { return environment[k] },
		Flags: map[string]string{"tracker.kind": "redmine", "listen.nats": "here"},
	})
	want = []string{
		`environment PARLEY_LOG_LEVEL: log.level: "loud" is not known; write debug, info, warn, error`,
		`flag for listen.nats: listen.nats: "here" is no address; write host:port, as in 0.0.0.0:4222`,
		`flag for tracker.kind: this key cannot be set by a flag`,
	}
	gotLines := lines(err)
	if diff := cmp.Diff(gotLines, want, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Error(diff)
	}
}

func TestLoad_FileThatIsNotThereOrTooLarge(t *testing.T) {
	t.Parallel()
	if _, err := config.Load(filepath.Join(t.TempDir(), "x"), config.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: got %v", err)
	}
	name := write(t, minimal+"#"+strings.Repeat("x", 1<<20))
	if _, err := config.Load(name, config.Options{Kinds: kinds}); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("too large: got %v", err)
	}
	deep := write(t, minimal+"x: "+strings.Repeat("[", 200_000))
	if _, err := config.Load(deep, config.Options{Kinds: kinds}); err == nil {
		t.Error("a file of brackets was taken")
	}
}

func TestShow_LoadsBackTheSame(t *testing.T) {
	t.Parallel()
	for _, text := range []string{minimal, full} {
		name := write(t, text, "f/globex.out", "f/globex.in")
		c, err := config.Load(name, config.Options{Kinds: kinds})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := c.Show(&out); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := config.Load(name, config.Options{Kinds: kinds})
		if err != nil {
			t.Fatalf("%v\nin:\n%s", err, out.String())
		}
		if diff := cmp.Diff(again, c, equal); diff != "" {
			t.Errorf("%s\nin:\n%s", diff, out.String())
		}
	}
}

func TestTracker_ResolveFillsDefaultsAndSecretsIn(t *testing.T) {
	t.Parallel()
	c, err := load(t, minimal[:18]+"\ntracker: {kind: redmine, settings: {api_key: '${env:KEY}'}}\n")
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"KEY": "k-1234"}
	r := secret.Resolver{Getenv: func(k string) string { return environment[k] }}
	settings, secrets, err := c.Tracker.Resolve(kinds[1], r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settings, map[string]string{"api_key": "k-1234", "format": "textile"}); diff != "" {
		t.Error(diff)
	}
	if len(secrets) != 1 || secrets[0].Reveal() != "k-1234" {
		t.Errorf("got %d secrets", len(secrets))
	}
	delete(environment, "KEY")
	if _, _, err := c.Tracker.Resolve(kinds[1], r); !errors.Is(err, secret.ErrNotFound) || !strings.Contains(err.Error(), "api_key") {
		t.Errorf("missing secret: got %v", err)
	}
}

func TestWebhook_ResolveTakesAnAddressOrASecret(t *testing.T) {
	t.Parallel()
	environment := map[string]string{"HOOK": "https://hooks.example/T/B", "PLAIN": "http://hooks.example/", "KEY": "k"}
	r := secret.Resolver{Getenv: func(k string) string { return environment[k] }}
	for address, want := range map[string]string{
		"https://h/x": "https://h/x", "http://127.0.0.1:1/x": "http://127.0.0.1:1/x", "${env:HOOK}": "https://hooks.example/T/B",
		"${env:PLAIN}": "", "${env:NONE}": "", "ftp://127.0.0.1/": "",
	} {
		got, key, err := config.Webhook{URL: address, Secret: secret.Ref{Kind: secret.RefEnv, Name: "KEY"}}.Resolve(r)
		if got.Reveal() != want || (err == nil) != (want != "") || err == nil && key.Reveal() != "k" {
			t.Errorf("%s: got %q, %v", address, got.Reveal(), err)
		}
	}
	if _, err := load(t, minimal+"notify: {webhooks: {a: {url: '${env:HOOK}'}}}\n"); err != nil {
		t.Error(err)
	}
}
