package admin

import (
	"context"
	"net/http"
)

// MaxSetup bounds a request with a whole setup, in bytes.
const MaxSetup = 16 << 20

// Setup is what defines how a node's connections behave: texts by their place, with
// slashes, and what they are a state of. It holds no secrets, and the same node gives
// the same bytes.
type Setup struct {
	Files map[string]string `json:"files"`
	// Versions name the content of each connection's filters, tables, scope and gates.
	Versions map[string]string `json:"versions"`
}

// ApplyRequest makes the node do what a setup says.
type ApplyRequest struct {
	Setup Setup `json:"setup"`
	// DryRun shows the difference, and changes nothing.
	DryRun bool `json:"dryRun,omitempty"`
	// Expect is the digest that a dry run named: another one is refused.
	Expect string `json:"expect,omitempty"`
	// Prune ends the connections that the setup lacks.
	Prune bool `json:"prune,omitempty"`
	// Wider allows that more leaves or enters than before.
	Wider  bool   `json:"wider,omitempty"`
	Author string `json:"author,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Most bounds how many tickets in step are looked at; 0 is 200.
	Most int `json:"most,omitempty" minimum:"0" maximum:"100000"`
}

// ApplyResult is how a setup differs from the node, and what was done about it.
type ApplyResult struct {
	// Digest names the difference, for Expect.
	Digest string `json:"digest"`
	// Same tells that there is nothing to do.
	Same bool `json:"same"`
	// Problems are what is wrong in the setup, all of it; nothing is done then.
	Problems    []string          `json:"problems,omitempty"`
	Connections []ApplyConnection `json:"connections"`
	// Missing are connections that the node has and the setup lacks.
	Missing []string `json:"missing,omitempty"`
	// Files are drafts, tables, tests and templates that are written or removed.
	Files []string `json:"files,omitempty"`
	// Applied tells that it is in force.
	Applied bool `json:"applied"`
}

// ApplyConnection is how one connection differs.
type ApplyConnection struct {
	Name string `json:"name"`
	// New tells that the node's configuration lacks it, Joined that it has a peer.
	New    bool `json:"new,omitempty"`
	Joined bool `json:"joined"`
	// Settings are the keys of parley.yaml that differ.
	Settings []SettingDiff `json:"settings,omitempty"`
	// Parts are the filters and tables that differ from what is in force.
	Parts []PartDiff `json:"parts,omitempty"`
	// Publish is what the version changes that would come into force; nil if none does.
	Publish *PublishResult `json:"publish,omitempty"`
	// InForce is what the node runs by, if it is another version and was published.
	InForce *FilterVersion `json:"inForce,omitempty"`
	// Moved tells that it came into force after the setup was exported.
	Moved bool `json:"moved,omitempty"`
	// Drafts tells that the node's own files say something else than what is in force.
	Drafts bool `json:"drafts,omitempty"`
}

// SettingDiff is one key: its value at the node and in the setup, as JSON; "" if there is none.
type SettingDiff struct {
	Key  string `json:"key"`
	From string `json:"from"`
	To   string `json:"to"`
}

func routeSetup(api routes, s Service) {
	route(api, http.MethodGet, "/v1/setup", "export", "What defines how the connections behave",
		func(ctx context.Context, _ *none) (Setup, error) { return s.Export(ctx) })
	routeUpTo(api, MaxSetup, http.MethodPost, "/v1/setup", "apply", "Make the node do what a setup says",
		func(ctx context.Context, in *body[ApplyRequest]) (ApplyResult, error) { return s.Apply(ctx, in.Body) })
}
