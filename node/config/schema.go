package config

import (
	"path/filepath"
	"time"

	"parley/node/access"
	"parley/node/secret"
)

// Config is the whole of parley.yaml.
type Config struct {
	Node        Node                  `yaml:"node"`
	Listen      Listen                `yaml:"listen,omitempty"`
	NATS        NATS                  `yaml:"nats,omitempty"`
	Tracker     Tracker               `yaml:"tracker"`
	Connections map[string]Connection `yaml:"connections,omitempty"`
	Notify      Notify                `yaml:"notify,omitempty"`
	Metrics     Metrics               `yaml:"metrics"`
	Log         Log                   `yaml:"log"`
	Limits      Limits                `yaml:"limits"`
	Keep        Keep                  `yaml:"keep"`
	Access      Access                `yaml:"access,omitempty"`
	Audit       Audit                 `yaml:"audit,omitempty"`

	// Gates have names, by which connections name them.
	Gates map[string]Gate `yaml:"gates,omitempty"`

	_ struct{} `later:"templates"`

	folder string
	file   string
}

// Audit says where else the heads of the audit log are told.
type Audit struct {
	// Syslog is udp://HOST:PORT, tcp://, tls:// or unix:///PATH.
	Syslog string `yaml:"syslog,omitempty"`
}

// Access lets other people of this machine in.
type Access struct {
	// Socket is where they come in; Group is who may connect to it.
	Socket string `yaml:"socket,omitempty"`
	Group  string `yaml:"group,omitempty"`
	// People are what accounts may do, by name, or as uid:NUMBER.
	People map[string]access.Person `yaml:"people,omitempty"`
}

// Node names the node and its folder.
type Node struct {
	// Name is what the node's own people call it; peers do not see it.
	Name string `yaml:"name"`
	// Dir holds keys, store and socket; relative to the file's folder.
	Dir string `yaml:"dir"`
}

// Listen is for a node that others can reach: it runs a NATS server of its own.
type Listen struct {
	// NATS is the address to listen on, host:port.
	NATS string `yaml:"nats,omitempty"`
	// Advertise is the address that invitations name, if it is another one.
	Advertise string `yaml:"advertise,omitempty"`
	// WebSocket is one more address to listen on, for peers whose way out has 443 only.
	WebSocket string `yaml:"websocket,omitempty"`
}

// NATS is an existing NATS to use instead of an own server.
type NATS struct {
	URL         string     `yaml:"url,omitempty"`
	Credentials secret.Ref `yaml:"credentials,omitempty"`
	Prefix      string     `yaml:"prefix,omitempty"`
	// CA is a file with the authorities that the server's certificate may be of; "" is
	// the system's.
	CA string `yaml:"ca,omitempty"`
}

// Tracker is the organisation's tracker, by its adapter.
type Tracker struct {
	Kind string   `yaml:"kind"`
	URL  string   `yaml:"url,omitempty"`
	Poll Duration `yaml:"poll"`
	// Timeout is how long the tracker may take to answer one request.
	Timeout Duration `yaml:"timeout"`
	// Settings are the adapter's own; those it declares secret hold a secret.Ref.
	Settings map[string]string `yaml:"settings,omitempty"`
	// Webhook is the listener for what the tracker tells by itself.
	Webhook Hook `yaml:"webhook,omitempty"`

	_ struct{} `later:"impersonate"`
}

// Hook is the listener for the tracker's webhooks, which bring the next look forward.
type Hook struct {
	// Listen is host:port; "" is off.
	Listen string `yaml:"listen,omitempty"`
	// AllowRemote permits another address than loopback.
	AllowRemote bool `yaml:"allow_remote,omitempty"`
}

// Connection is this side's part of one connection.
type Connection struct {
	// Scope is an expr boolean on our ticket: which tickets belong here.
	Scope string `yaml:"scope"`
	// Query narrows the tracker's listing, in its own language; it decides nothing.
	Query string `yaml:"query,omitempty"`
	// Since says from when on tickets move by themselves.
	Since Since `yaml:"since,omitempty"`
	// Leave is what becomes of a ticket that leaves the scope.
	Leave string `yaml:"leave,omitempty"`
	// Ended is what becomes of our ticket when the peer's half of the pair ends.
	Ended string `yaml:"ended,omitempty"`
	// Closed are statuses that count as closed, beside those that the tracker names;
	// the first is the one that closing sets.
	Closed []string `yaml:"closed,omitempty"`
	// Start says what makes a ticket in scope move for the first time.
	Start Start `yaml:"start,omitempty"`
	// Conflict says whose value stays when both sides changed a field: what an
	// invitation by us proposes. What was agreed on stays.
	Conflict string `yaml:"conflict,omitempty"`
	// Template names a version of a template, in place of Out, In, Tables and Tests;
	// Load fills these in, and Scope and Vars where they are left out.
	Template string `yaml:"template,omitempty"`
	// Out and In are the files of the filters.
	Out string `yaml:"out,omitempty"`
	In  string `yaml:"in,omitempty"`
	// Vars are the filters' variables.
	Vars map[string]any `yaml:"vars,omitempty"`
	// Tables is the folder of the filters' tables.
	Tables string `yaml:"tables,omitempty"`
	// Tests is the folder of the filters' tests; TestsOf has what holds if it is left out.
	Tests string   `yaml:"tests,omitempty"`
	Tags  []string `yaml:"tags,omitempty"`
	// Fields says whose a field of ours is: ours, theirs or both sides', as those not named.
	Fields map[string]string `yaml:"fields,omitempty"`
	// OnLocalEdit is what becomes of an edit of ours of a field that is theirs.
	OnLocalEdit string `yaml:"on_local_edit,omitempty"`
	Accept      Accept `yaml:"accept,omitzero"`
	Gate        Gate   `yaml:"gate,omitzero"`
	// Fuse bounds mass changes.
	Fuse Fuse `yaml:"fuse,omitempty"`
	// Forward names connections whose tickets, comments and files may leave here too.
	Forward []string `yaml:"forward,omitempty"`
	// Verify is how often what both sides hold is compared, Sweep how often every
	// ticket in step is read whatever its change time says.
	Verify Interval `yaml:"verify,omitempty"`
	Sweep  Interval `yaml:"sweep,omitempty"`
	// Owner is the e-mail address of who answers for the connection.
	Owner  string  `yaml:"owner,omitempty"`
	Notify Telling `yaml:"notify,omitempty"`

	_ struct{} `later:"quota rate"`

	filled *filled
}

// Accept is the gate for what comes in.
type Accept struct {
	// Projects and Types that tickets may be created in; empty allows any that the
	// incoming filter names.
	Projects []string `yaml:"projects,omitempty" empty:"anything"`
	Types    []string `yaml:"types,omitempty" empty:"anything"`
	// Fields that may be written; empty allows what the filter sets.
	Fields         []string `yaml:"fields,omitempty" empty:"anything"`
	CreatesPerHour int      `yaml:"creates_per_hour,omitempty"`
	// Connect says whether the peer, or the incoming filter, may pair a ticket with
	// one that is here: PermitNever, PermitAsk or PermitAuto.
	Connect string `yaml:"connect,omitempty"`
	// Remove permits Ended to be EndedDelete: PermitNever, PermitAsk or PermitAllow.
	Remove string `yaml:"remove,omitempty"`

	// Comments says which comments are written here: CommentsAll, CommentsInternal or
	// PermitNever.
	Comments string `yaml:"comments,omitempty"`
	// Attachments are kinds of files, of filters.FileKinds, that are written here; left
	// out, any.
	Attachments []string `yaml:"attachments,omitzero"`
	// MaxAttachment is the largest file that is fetched; 0 is what was agreed.
	MaxAttachment Size `yaml:"max_attachment,omitempty"`

	// Impersonate lets asUser write comments in the name of people here; with
	// Impersonated, of those only, by e-mail address or id.
	Impersonate  bool     `yaml:"impersonate,omitempty"`
	Impersonated []string `yaml:"impersonated,omitempty" empty:"anything"`

	// Create is what the filter may have made for tickets to name: CreateVersions,
	// CreateComponents; empty is nothing.
	Create []string `yaml:"create,omitempty"`
}

// Fuse is how many tickets a minute may be changed for the peer's sake. Creates
// beyond are slowed; the others wait until a person resumes the connection.
type Fuse struct {
	Creates int `yaml:"creates,omitempty"`
	Closes  int `yaml:"closes,omitempty"`
	Deletes int `yaml:"deletes,omitempty"`
	// Ends are pairs that end, here or by the peer, without a person here.
	Ends int `yaml:"ends,omitempty"`
}

// MaxBudget is the most of a ticket that may leave, its files apart.
const MaxBudget = 512 << 10

// MaxHold is the longest time that a gate may keep a comment or file back.
const MaxHold = 24 * time.Hour

// Gate is for what goes out.
type Gate struct {
	// Name is that of one of Config.Gates, which this one is then.
	Name string `yaml:"-" json:"-"`
	// Fields that may leave; empty allows what the filter names.
	Fields []string `yaml:"fields,omitempty" empty:"anything"`
	// InternalComments lets internal entries leave if the filter names them.
	InternalComments bool `yaml:"internal_comments,omitempty"`
	// URL lets the address of our ticket leave if the filter names it.
	URL bool `yaml:"url,omitempty"`
	// Detect says what is done with content that looks like one of Detectors: an
	// action of Actions.
	Detect map[string]string `yaml:"detect,omitempty"`
	// Hosts are our own host names and domains, which do not leave.
	Hosts []string `yaml:"hosts,omitempty"`
	// Unscanned are kinds of files, of UnscannedKinds, that may leave although
	// nothing can read what is in them; left out, it is pictures only.
	Unscanned []string `yaml:"unscanned,omitzero"`
	// Hold is how long a comment or file has to have stood in our tracker before it
	// leaves, at most MaxHold; 0 is not at all.
	Hold Duration `yaml:"hold,omitempty" json:",omitzero"`

	// Budget is how much of a ticket may leave, its files apart; 0 is MaxBudget.
	Budget Size `yaml:"budget,omitempty"`
	// Restricted lets tickets leave that the tracker keeps from most people.
	Restricted bool `yaml:"restricted,omitempty"`
}

// MarshalYAML implements yaml.InterfaceMarshaler: a gate that has a name is that name.
func (g Gate) MarshalYAML() (any, error) {
	if g.Name != "" {
		return g.Name, nil
	}
	type plain Gate
	return plain(g), nil
}

// Telling is who is told what of a connection: "owner", "webhook:NAME" or an
// e-mail address.
type Telling struct {
	Parked   []string `yaml:"parked,omitempty"`
	Stopped  []string `yaml:"stopped,omitempty"`
	Differs  []string `yaml:"differs,omitempty"`
	Fuse     []string `yaml:"fuse,omitempty"`
	PeerAway Away     `yaml:"peer_away,omitempty"`

	_ struct{} `later:"oldest expiry digest"`
}

// Away is who is told that a peer is away, and after how long.
type Away struct {
	After Duration `yaml:"after,omitempty"`
	To    []string `yaml:"to,omitempty"`
}

// Notify is the ways to tell people.
type Notify struct {
	// To is who is told where a connection names nobody.
	To       []string           `yaml:"to,omitempty"`
	SMTP     SMTP               `yaml:"smtp,omitempty"`
	Webhooks map[string]Webhook `yaml:"webhooks,omitempty"`
}

// SMTP is a mail server to hand mail to.
type SMTP struct {
	// Host is host:port.
	Host string `yaml:"host,omitempty"`
	From string `yaml:"from,omitempty"`
	// TLS is TLSStart, TLSAlways or TLSNone (loopback only).
	TLS      string     `yaml:"tls,omitempty"`
	User     string     `yaml:"user,omitempty"`
	Password secret.Ref `yaml:"password,omitempty"`
}

// Webhook is an address that is told by an HTTPS POST.
type Webhook struct {
	// URL is an address, or a secret.Ref where the address is as good as a password.
	URL string `yaml:"url"`
	// Secret signs the requests.
	Secret secret.Ref `yaml:"secret,omitempty"`
}

// Metrics is the listener of /metrics and /healthz.
type Metrics struct {
	// Listen is host:port, or "off".
	Listen string `yaml:"listen"`
	// AllowRemote permits another address than loopback.
	AllowRemote bool `yaml:"allow_remote,omitempty"`
}

// Log is what is logged, and how.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// Limits bound what the node takes.
type Limits struct {
	// Lanes is how many tickets are worked on at a time.
	Lanes int `yaml:"lanes"`
	// Memory is the limit that Go's runtime is given.
	Memory Size `yaml:"memory"`

	_ struct{} `later:"disk bandwidth attachments"`
}

// Keep says for how long the node keeps what it does not need to work.
type Keep struct {
	// Events is for how long events are kept that are settled and that nothing speaks of,
	// with the tokens that prove them; off keeps them for good.
	Events Interval `yaml:"events"`
}

// Words that stand in the file.
const (
	LeaveKeep = "keep"
	LeaveStop = "stop"
	LeaveNote = "note"

	LeaveClose  = "close"
	EndedKeep   = "keep"
	EndedNote   = "note"
	EndedClose  = "close"
	EndedDelete = "delete"

	ConflictOurs   = "ours"
	ConflictTheirs = "theirs"
	ConflictNewest = "newest"
	// ConflictAsk lets our people decide, ConflictAskTheirs the peer's.
	ConflictAsk       = "ask"
	ConflictAskTheirs = "ask-theirs"

	OwnerOurs   = "ours"
	OwnerTheirs = "theirs"
	OwnerBoth   = "both"

	OnEditRestore = "restore"
	OnEditWarn    = "warn"
	OnEditAllow   = "allow"

	PermitNever = "never"
	PermitAuto  = "auto"
	PermitAsk   = "ask"
	PermitAllow = "allow"

	CommentsAll      = "all"
	CommentsInternal = "internal"

	CreateVersions   = "versions"
	CreateComponents = "components"

	TLSStart  = "starttls"
	TLSAlways = "tls"
	TLSNone   = "none"

	FormatJSON = "json"
	FormatText = "text"

	MetricsOff = "off"

	TargetOwner   = "owner"
	TargetWebhook = "webhook:"
)

// Default is what holds where nothing is said. What a connection leaves out is
// filled in by Load: it has no place here.
func Default() *Config {
	return &Config{
		Node:    Node{Dir: "data"},
		Tracker: Tracker{Poll: Duration(10 * time.Second), Timeout: Duration(30 * time.Second)},
		Metrics: Metrics{Listen: "127.0.0.1:9470"},
		Log:     Log{Level: "info", Format: FormatJSON},
		Limits:  Limits{Lanes: 64, Memory: 384 << 20},
		Keep:    Keep{Events: Interval(365 * 24 * time.Hour)},
	}
}

// fillConnections puts the defaults into connections.
func (c *Config) fillConnections() {
	for name, con := range c.Connections {
		if named, ok := c.Gates[con.Gate.Name]; ok {
			named.Name = con.Gate.Name
			con.Gate = named
		}
		fill(&con.Leave, LeaveStop)
		fill(&con.Ended, EndedNote)
		fill(&con.Fuse.Creates, 120)
		fill(&con.Fuse.Closes, 60)
		fill(&con.Fuse.Deletes, 10)
		fill(&con.Fuse.Ends, 60)
		fill(&con.Conflict, ConflictNewest)
		fill(&con.OnLocalEdit, OnEditRestore)
		fill(&con.Accept.Connect, PermitNever)
		fill(&con.Accept.Remove, PermitNever)
		fill(&con.Accept.Comments, CommentsAll)
		fill(&con.Accept.CreatesPerHour, 200)
		fill(&con.Verify, Interval(24*time.Hour))
		fill(&con.Sweep, Interval(24*time.Hour))
		fill(&con.Notify.PeerAway.After, Duration(time.Hour))
		c.Connections[name] = con
	}
	if c.Notify.SMTP != (SMTP{}) {
		fill(&c.Notify.SMTP.TLS, TLSStart)
	}
	if c.NATS != (NATS{}) {
		fill(&c.NATS.Prefix, "parley")
	}
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Folder is where relative paths of the file start.
func (c *Config) Folder() string { return c.folder }

// File is the file's name; "" if the configuration came from none.
func (c *Config) File() string { return c.file }

// Path makes a path of the file absolute, or relative to the working folder if
// the file was named so. The empty path stays empty.
func (c *Config) Path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.folder, name)
}

// TestsOf is the folder of a connection's filter tests, which need not be there.
func (c *Config) TestsOf(name string) string {
	if folder := c.Connections[name].Tests; folder != "" {
		return c.Path(folder)
	}
	return c.Path(filepath.Join("tests", name))
}
