package config_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/config"
)

func TestLoad_ReportsEverythingAtOnceWithLineAndNearestKey(t *testing.T) {
	t.Parallel()
	_, err := load(t, `node: {name: Acme Corp}
trakcer: {kind: redmine}
tracker:
  kind: redmin
  poll: soon
  impersonate: true
connections:
  globex:
    scop: issue.project == "SUP"
    quota: 3
    leave: close
    conflict: newst
    tags: gold
    gate: {internal_comments: maybe}
    accept:
      creates_per_hour: many
    out: missing.out
limits: {lanes: 0, memory: 1KiB}
`)
	want := []string{
		`1:8: node.name: "Acme Corp" is no name; use 1 to 40 lower-case letters, digits and -`,
		`    1 | node: {name: Acme Corp}`, `      |        ^`,
		`2:1: trakcer: unknown key; did you mean tracker?`, `    2 | trakcer: …`, `      | ^`,
		`4:3: tracker.kind: "redmin" is not known; did you mean redmine?`, `    4 |   kind: redmin`, `      |   ^`,
		`5:9: tracker.poll: "soon" is no duration, write it like 90s, 10m or 1h30m`, `    5 |   poll: soon`, `      |         ^`,
		`6:3: tracker.impersonate: not available in this version; take the key out`, `    6 |   impersonate: …`, `      |   ^`,
		`8:3: connections.globex.scope: is missing`, `    8 |   globex:`, `      |   ^`,
		`8:3: connections.globex.closed: closing needs a status; write closed: [STATUS], as your tracker calls it`, `    8 |   globex:`, `      |   ^`,
		`8:3: connections.globex.in: is missing`, `    8 |   globex:`, `      |   ^`,
		`9:5: connections.globex.scop: unknown key; did you mean scope?`, `    9 |     scop: …`, `      |     ^`,
		`10:5: connections.globex.quota: not available in this version; take the key out`, `   10 |     quota: …`, `      |     ^`,
		`12:5: connections.globex.conflict: "newst" is not known; did you mean newest?`, `   12 |     conflict: newst`, `      |     ^`,
		`13:11: connections.globex.tags: want a list; write it like [a, b]`, `   13 |     tags: gold`, `      |           ^`,
		`14:31: connections.globex.gate.internal_comments: want true or false`, `   14 |     gate: {internal_comments: maybe}`, `      |                               ^`,
		`16:25: connections.globex.accept.creates_per_hour: want a whole number`, `   16 |       creates_per_hour: many`, `      |                         ^`,
		`17:5: connections.globex.out: missing.out cannot be read: no such file or directory`, `   17 |     out: missing.out`, `      |     ^`,
		`18:10: limits.lanes: 0 is out of bounds; write 1 to 4096`, `   18 | limits: {lanes: 0, memory: 1KiB}`, `      |          ^`,
		`18:20: limits.memory: too small; the store needs 192MiB at least, 384MiB to be quick`, `   18 | limits: {lanes: 0, memory: 1KiB}`, `      |                    ^`,
	}
	if diff := cmp.Diff(lines(err), want); diff != "" {
		t.Error(diff)
	}
	var problems *config.Problems
	if !errors.As(err, &problems) || len(problems.List) != len(want)/3 {
		t.Fatalf("got %T", err)
	}
	data, err := json.Marshal(problems)
	if err != nil || !strings.Contains(string(data), `{"line":2,"column":1,"key":"trakcer","what":"unknown key"`) {
		t.Errorf("as JSON: %s, %v", data, err)
	}
}

func TestLoad_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	con := minimal + "connections: {a: {scope: x, out: f, in: f, %}}\n"
	for _, tt := range []struct{ name, text, want string }{
		{"not YAML", "node: [", "this is not YAML"},
		{"too deep", minimal + strings.Repeat("[", 201), "nested too deeply"},
		{"no map", "hello", "want keys with values"},
		{"empty", "", "node.name: is missing"},
		{"two documents", minimal + "---\n" + minimal, "second document"},
		{"key twice", minimal + "log: {level: info}\nlog: {level: warn}\n", "3:1"},
		{"key twice in braces", minimal + "log: {level: info, level: warn}\n", "already defined"},
		{"key twice in a variable", minimal + "connections: {a: {vars: {a: {b: 1, b: 2}}}}\n", "already defined"},
		{"anchor", "node: &n {name: acme}\ntracker: {kind: desk}\n", "anchors"},
		{"tag", "node: {name: !!str acme}\ntracker: {kind: desk}\n", "anchors"},
		{"merge", "node: {name: acme}\ntracker: {<<: {kind: desk}}\n", "anchors"},
		{"no value", "node: {name: }\ntracker: {kind: desk}\n", "there is no value"},
		{"list for a map", minimal + "log: [a]\n", "want keys with values"},
		{"map for a text", "node: {name: {a: b}}\ntracker: {kind: desk}\n", "want a single value"},
		{"later part", minimal + "templates: {}\n", "not available in this version"},
		{"both ways to be reached", minimal + "listen: {nats: 'a:1'}\nnats: {url: 'tls://h'}\n", "stands beside listen"},
		{"listen without address", minimal + "listen: {websocket: ':443'}\n", "listen.nats: is missing"},
		{"no port", minimal + "listen: {nats: somewhere}\n", "is no address"},
		{"port too high", minimal + "listen: {nats: 'h:65536'}\n", "is no address"},
		{"nothing to advertise", minimal + "listen: {nats: ':4222'}\n", "listen.advertise: is missing"},
		{"advertise everything", minimal + "listen: {nats: ':4222', advertise: '0.0.0.0:4222'}\n", "names no host"},
		{"plain NATS", minimal + "nats: {url: 'nats://h:4222'}\n", "is not encrypted"},
		{"bad prefix", minimal + "nats: {url: 'tls://h', prefix: 'a.>'}\n", "no subject prefix"},
		{"web for NATS", minimal + "nats: {url: 'https://h'}\n", "write tls:// or wss://"},
		{"poll too often", "node: {name: a}\ntracker: {kind: desk, poll: 1ms}\n", "too short"},
		{"unknown setting", "node: {name: a}\ntracker: {kind: redmine, settings: {api_kye: x}}\n", "did you mean api_key?"},
		{"setting missing", "node: {name: a}\ntracker: {kind: redmine}\n", "tracker.settings.api_key: is missing"},
		{"setting's choice", "node: {name: a}\ntracker: {kind: redmine, settings: {api_key: '${env:A}', format: html}}\n", "write textile, markdown"},
		{"webhook of a tracker without", "node: {name: a}\ntracker: {kind: desk, webhook: {listen: '127.0.0.1:1'}}\n", "sends no webhooks"},
		{"webhook for everybody", "node: {name: a}\ntracker: {kind: hooked, webhook: {listen: ':9480'}, settings: {webhook_secret: '${env:A}'}}\n", "can be reached from other machines"},
		{"webhook without secret", "node: {name: a}\ntracker: {kind: hooked, webhook: {listen: '127.0.0.1:9480'}}\n", "tracker.settings.webhook_secret: is missing"},
		{"webhook nowhere", "node: {name: a}\ntracker: {kind: hooked, webhook: {listen: here}, settings: {webhook_secret: '${env:A}'}}\n", "is no address"},
		{"name of a connection", minimal + "connections: {Globex: {scope: x, out: f, in: f}}\n", "no name of a connection"},
		{"since", strings.ReplaceAll(con, "%", "since: yesterday"), "neither approval nor a date"},
		{"start", strings.ReplaceAll(con, "%", "start: later"), "is not auto, manual"},
		{"start by no label", strings.ReplaceAll(con, "%", "start: 'label:'"), "names no label"},
		{"leave", strings.ReplaceAll(con, "%", "leave: delete"), "write keep, stop, note, close"},
		{"ended", strings.ReplaceAll(con, "%", "ended: stop"), "write keep, note, close, delete"},
		{"ended without a status", strings.ReplaceAll(con, "%", "ended: close"), "closing needs a status"},
		{"ended without leave", strings.ReplaceAll(con, "%", "ended: delete"), "nothing may be deleted here"},
		{"remove", strings.ReplaceAll(con, "%", "accept: {remove: auto}"), "write never, ask, allow"},
		{"detector", strings.ReplaceAll(con, "%", "gate: {detect: {cards: ask}}"), "there is no detector"},
		{"action", strings.ReplaceAll(con, "%", "gate: {detect: {card: hide}}"), "gate.detect.card"},
		{"files that cannot be read", strings.ReplaceAll(con, "%", "gate: {unscanned: [video]}"), "gate.unscanned[0]"},
		{"a hold of more than a day", strings.ReplaceAll(con, "%", "gate: {hold: 25h}"), "gate.hold: 25h0m0s is out of bounds"},
		{"a hold that was over before", strings.ReplaceAll(con, "%", "gate: {hold: -1s}"), "write 0s to 24h"},
		{"fuse", strings.ReplaceAll(con, "%", "fuse: {deletes: -1}"), "out of bounds"},
		{"connect", strings.ReplaceAll(con, "%", "accept: {connect: allow}"), "write never, ask, auto"},
		{"forward to itself", strings.ReplaceAll(con, "%", "forward: [a]"), "names this connection"},
		{"forward to nobody", strings.ReplaceAll(con, "%", "forward: [b]"), `there is no connection "b"`},
		{"twice in a list", strings.ReplaceAll(con, "%", "tags: [x, x]"), "stands here twice"},
		{"owner", strings.ReplaceAll(con, "%", "owner: 'A <a@b.example>'"), "is no e-mail address"},
		{"no owner", strings.ReplaceAll(con, "%", "notify: {parked: [owner]}"), "there is no owner"},
		{"no webhook", strings.ReplaceAll(con, "%", "notify: {parked: [webhook:x]}"), `there is no webhook "x"`},
		{"no mail server", strings.ReplaceAll(con, "%", "notify: {parked: [a@b.example]}"), "mail cannot be sent"},
		{"away at once", strings.ReplaceAll(con, "%", "notify: {peer_away: {after: 1s}}"), "too short"},
		{"folder for a filter", strings.ReplaceAll(con, "out: f", "out: ."), ". is no file"},
		{"file for a folder", strings.ReplaceAll(con, "%", "tables: f"), "f is no folder"},
		{"scope too long", strings.ReplaceAll(con, "scope: x", "scope: "+strings.Repeat("x", 9000)), "longer than"},
		{"variable too deep", strings.ReplaceAll(con, "%", "vars: {a: "+strings.Repeat("[", 20)+strings.Repeat("]", 20)+"}"), "nested too deeply"},
		{"mail in the clear", minimal + "notify: {smtp: {host: 'h:25', from: a@b.example, tls: none}}\n", "for this machine only"},
		{"user without password", minimal + "notify: {smtp: {host: 'h:25', from: a@b.example, user: u}}\n", "belong together"},
		{"events kept for too short", minimal + "keep: {events: 24h}\n", "too short"},
		{"plain webhook", minimal + "notify: {webhooks: {a: {url: 'http://h/'}}}\n", "is not encrypted"},
		{"metrics for all", minimal + "metrics: {listen: ':9470'}\n", "can be reached from other machines"},
		{"metrics on a name", minimal + "metrics: {listen: 'host:9470'}\n", "can be reached from other machines"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, strings.ReplaceAll(tt.text, ", %", ""), "f")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %q", err, tt.want)
			}
		})
	}
}

func TestLoad_ALiteralSecretIsRefusedAndNowhereRepeated(t *testing.T) {
	t.Parallel()
	const s = "hunter2"
	smtp := minimal + "notify: {smtp: {host: 'h:25', from: a@b.example, user: u, password: " + s + "}}\n"
	for name, text := range map[string]string{
		"setting":                        "node: {name: a}\ntracker:\n  kind: redmine\n  settings:\n    api_key: " + s + "\n",
		"setting in braces":              "node: {name: a}\ntracker: {kind: redmine, settings: {api_key: " + s + "}}\n",
		"setting as a list":              "node: {name: a}\ntracker:\n  kind: redmine\n  settings:\n    api_key: [" + s + "]\n",
		"setting without a telling name": "node: {name: a}\ntracker:\n  kind: redmine\n  settings:\n    proxy: " + s + "\n",
		"mistyped one without":           "node: {name: a}\ntracker:\n  kind: redmine\n  settings:\n    prxy: " + s + "\n",
		"mistyped setting":               "node: {name: a}\ntracker:\n  kind: redmine\n  settings:\n    apikey: " + s + "\n",
		"mistyped key":                   minimal + "pasword: " + s + "\n",
		"password":                       smtp,
		"password in lines":              minimal + "notify:\n  smtp:\n    host: h:25\n    from: a@b.example\n    user: u\n    password: " + s + "\n",
		"block text":                     "node: {name: a}\ntracker:\n  kind: redmine\n  settings:\n    api_key: |\n      " + s + "\n",
		"in an address":                  "node: {name: a}\ntracker: {kind: desk, url: 'https://u:" + s + "@h/'}\n",
		"in a NATS address":              minimal + "nats:\n  url: tls://u:" + s + "@h\n",
		"not YAML":                       "node: {name: a}\npassword: '" + s + "\n",
		"not YAML, too":                  "node: {name: a}\ntoken: \"" + s + " \\q\"\n",
		"unknown reference":              strings.ReplaceAll(smtp, s, "'${"+s+":x}'"),
		"braces without end":             strings.ReplaceAll(smtp, s, "'${"+s+"'"),
	} {
		_, err := load(t, text)
		if err == nil || strings.Contains(err.Error(), s) || !strings.Contains(err.Error(), "parley.yaml:") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err := load(t, smtp)
	want := "put it into the vault with `parley secret set smtp-password` and write ${secret:smtp-password}"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want advice %q", err, want)
	}
}

func TestProblems_AreBounded(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(minimal)
	for i := range 80 {
		text.WriteString("x" + strings.Repeat("y", i) + ": 1\n")
	}
	_, err := load(t, text.String())
	var problems *config.Problems
	if !errors.As(err, &problems) || len(problems.List) != 50 || problems.More != 30 || !strings.HasSuffix(err.Error(), "... and 30 more") {
		t.Errorf("got %v", err)
	}
}
