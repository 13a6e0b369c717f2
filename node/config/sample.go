package config

import (
	"fmt"
	"strings"
	"text/template"

	"github.com/goccy/go-yaml"

	"parley/adapters"
)

// Answers are what `parley init` asks.
type Answers struct {
	// Name of the node.
	Name string
	// Dir is the node's folder; "" is the default.
	Dir string
	// Kind of the tracker and its address.
	Kind adapters.Kind
	URL  string
	// Settings of the adapter; secret ones as "${secret:NAME}".
	Settings map[string]string
	// Listen is host:port if others can reach the node, Advertise the address
	// that they reach it by.
	Listen, Advertise string
	// Connection is the first connection's name; "" leaves it a comment.
	Connection string
	// Scope of the first connection.
	Scope string
	// Vars of the first connection's filters, Tables the folder of their tables,
	// Projects those that the peer's tickets may be created in; empty ones stay
	// comments.
	Vars     map[string]any
	Tables   string
	Projects []string
	// Rules are further keys of the first connection, gates among them, as YAML; they
	// stand in place of those that follow from Projects.
	Rules string
}

// Sample writes a commented parley.yaml from answers.
func Sample(a Answers) (string, error) {
	if a.Dir == "" {
		a.Dir = Default().Node.Dir
	}
	t, err := template.New("parley.yaml").Funcs(template.FuncMap{"quote": quote, "comment": oneLine, "flow": flow, "indent": indent}).Parse(sample)
	if err != nil {
		return "", fmt.Errorf("write sample: %w", err)
	}
	var out strings.Builder
	if err := t.Execute(&out, a); err != nil {
		return "", fmt.Errorf("write sample: %w", err)
	}
	return out.String(), nil
}

// quote writes a value so that YAML reads the same text back.
func quote(text string) (string, error) {
	out, err := yaml.MarshalWithOptions(text, yaml.JSON())
	return strings.TrimSuffix(string(out), "\n"), err
}

// flow writes a list or a map in one line.
func flow(v any) (string, error) {
	out, err := yaml.MarshalWithOptions(v, yaml.JSON())
	return strings.TrimSuffix(string(out), "\n"), err
}

// indent puts lines below a connection's name.
func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}

// oneLine keeps an adapter's help inside its comment.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

const sample = `# Parley: what this node is, its tracker, and its connections to other nodes.
# Check this file with: parley config check
# Paths start at this file's folder. Secrets never stand here:
#   ${secret:NAME} is in the node's vault (parley secret set NAME),
#   ${file:PATH} in a file, ${env:NAME} in the environment.

node:
  name: {{quote .Name}}
  dir: {{quote .Dir}}              # keys, store and socket; keep it private and back it up

{{if .Listen -}}
# Other nodes reach this one here. It runs a NATS server of its own.
listen:
  nats: {{quote .Listen}}
{{- if .Advertise}}
  advertise: {{quote .Advertise}}   # the address that invitations name
{{- else}}
  # advertise: sync.example.com:4222   # the address that invitations name, if it is another
{{- end}}
  # websocket: 0.0.0.0:443       # for peers whose way out has 443 only
{{- else -}}
# Nobody reaches this node from outside: it dials its peers. To be reached, add:
# listen:
#   nats: 0.0.0.0:4222
#   advertise: sync.example.com:4222
#   websocket: 0.0.0.0:443
{{- end}}

# An existing NATS instead of a server of the node's own:
# nats:
#   url: tls://nats.example.com:4222
#   credentials: ${file:nats.creds}
#   prefix: parley
#   ca: nats-ca.pem              # the authority of its certificate, if your system does not know it

tracker:
  kind: {{quote .Kind.Name}}
{{- if .URL}}
  url: {{quote .URL}}
{{- end}}
  poll: 10s                      # how often to ask for changes
  timeout: 30s                   # how long an answer may take
{{- if .Kind.Hooked}}
  # webhook:                     # lets the tracker say at once that something changed;
  #   listen: 127.0.0.1:9480     # put a proxy with TLS before it; needs webhook_secret
{{- end}}
{{- if .Kind.Settings}}
  settings:
{{- range .Kind.Settings}}
    {{- $value := index $.Settings .Name}}
    {{- if $value}}
    {{.Name}}: {{quote $value}}   # {{comment .Help}}
    {{- else}}
    # {{.Name}}: {{if .Secret}}${secret:tracker-{{.Name}}}{{else}}{{quote .Default}}{{end}}   # {{comment .Help}}
    {{- end}}
{{- end}}
{{- end}}

# One entry for each organisation that tickets are kept in step with. The name is
# this side's own; the other side does not see it.
{{if .Connection -}}
connections:
  {{.Connection}}:
    scope: {{quote .Scope}}
    out: filters/{{.Connection}}.out.parley
    in: filters/{{.Connection}}.in.parley
{{- if .Vars}}
    vars: {{flow .Vars}}
{{- end}}
{{- if .Tables}}
    tables: {{quote .Tables}}            # folder of the filters' tables
{{- end}}
{{- if .Rules}}
{{indent .Rules}}
{{- else if .Projects}}
    accept:                      # what may enter, whatever the filter says
      projects: {{flow .Projects}}
{{- end}}
{{- else -}}
# connections:
#   globex:
#     scope: '"globex" in issue.labels'          # which tickets belong here
#     out: filters/globex.out.parley             # what may leave
#     in: filters/globex.in.parley               # what may enter
{{- end}}
#     query: 'project = SUP AND labels = globex' # the tracker's own language; narrows the listing
#     since: approval            # or a date: tickets changed since then move by themselves
#     start: auto                # auto | manual | label:NAME
#     leave: stop                # a ticket that leaves the scope: keep | stop | note | close
#     ended: note                # ours, when the pair ends there: keep | note | close | delete
#     closed: [Closed]           # statuses that count as closed; closing sets the first
#     conflict: newest           # newest | ours | theirs | ask | ask-theirs; what an invitation for it proposes
{{- if not .Vars}}
#     vars: {project: SUP, desk: triage@example.com}
{{- end}}
{{- if not .Tables}}
#     tables: tables/globex      # folder of the filters' tables
{{- end}}
#     tests: tests/globex        # folder of the filters' tests
#                                # template: NAME@VERSION stands in place of out, in, tables and tests
#     tags: [gold]
#     fields: {priority: theirs} # whose a field of yours is: ours | theirs | both
#     on_local_edit: restore     # an edit of yours of one that is theirs: restore | warn | allow
{{- if not .Projects}}
#     accept:                    # what may enter, whatever the filter says
#       projects: [SUP]
{{- else}}
#       further keys of accept:
{{- end}}
#       types: [Incident]
#       fields: [summary, description, status]
#       creates_per_hour: 200
#       connect: never           # may the peer, or the filter, pair with a ticket of ours: never | ask | auto
#       remove: never            # may ended: delete delete: never | ask | allow
#       comments: all            # which are written here: all | internal | never
#       attachments: [text, office, picture, pdf] # kinds of files, by how they begin; also archive, media, other;
#                                # left out, any; [] is none
#       max_attachment: 20MB
#       impersonate: true        # asUser may write comments in the name of your people; left out, it may not
#       impersonated: [ann@acme.example] # of these only
#       create: [versions, components] # what version(name, true) and component(name, true) may have made; left out, nothing
#     fuse:                      # tickets a minute; beyond, creates slow down and the rest waits for you
#       {creates: 120, closes: 60, deletes: 10, ends: 60}
#     gate:                      # what may leave, whatever the filter says; or the name of one under gates
#       fields: [summary, description, status, comments, attachments]
#       internal_comments: false
#       url: false
#       restricted: false        # tickets that your tracker keeps from most people
#       detect: {email: mask, host: block} # what is found in texts and files: pass | mask | ask | block;
#                                # by default secret, card, iban and host ask, email, phone and ip pass
#       hosts: [acme.example]    # our own host names and domains
#       unscanned: [picture]     # files that nothing can read and may leave: picture, pdf, archive, media, other
#       budget: 64KiB            # the most of a ticket that leaves, its files apart; 512KiB without it
#       hold: 60s                # comments and files leave when they have stood so long; at most 24h
#     forward: []                # connections whose tickets may leave here too
#     verify: 24h                # how often both sides' records are compared, or off
#     sweep: 24h                 # how often every ticket in step is read, or off
#     owner: sync-team@example.com
#     notify:
#       parked: [owner, webhook:ops]
#       stopped: [owner]
#       fuse: [owner]
#       differs: [owner]         # a comparison found something
#       peer_away: {after: 1h, to: [owner]}

# Gates that several connections name, as gate: standard
# gates:
#   standard: {fields: [summary, description, status, comments], detect: {email: mask}, hold: 60s}

# Other people of this machine that may do something; docs/access.md.
# access:
#   socket: /run/parley/acme.sock  # where they come in: parley --socket FILE …
#   group: parley                  # whose members may connect
#   people:
#     alice: {roles: [operator, approver]}
#     bob: {roles: [author], connections: [globex]}

# Where else the heads of the audit log are told, so that a change of it is found out.
# audit: {syslog: "tls://log.example.com:6514"}   # or tcp://, udp://, unix:///dev/log

# How people are told.
# notify:
#   to: [ops@example.com]        # where a connection names nobody
#   smtp:
#     host: mail.example.com:587
#     from: parley@example.com
#     tls: starttls              # starttls | tls | none (this machine only)
#     user: parley
#     password: ${secret:smtp}
#   webhooks:
#     ops:
#       url: https://hooks.example.com/parley
#       secret: ${secret:webhook-ops}

metrics:
  listen: 127.0.0.1:9470         # /metrics and /healthz; off for none
  allow_remote: false            # true lets it listen on other addresses than loopback

log:
  level: info                    # debug | info | warn | error
  format: json                   # json | text

limits:
  lanes: 64                      # tickets worked on at a time
  memory: 384MiB                 # for the node's own data; the store needs 192MiB at least

keep:
  events: 8760h                  # settled events, with their signatures; off keeps them for good
`
