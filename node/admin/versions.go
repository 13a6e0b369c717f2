package admin

import (
	"context"
	"net/http"
	"time"
)

// PublishRequest puts the files of a connection, or a version that was in force
// before, in force.
type PublishRequest struct {
	Connection string `json:"connection"`
	// Version is one to go back to; "" takes the files.
	Version string `json:"version,omitempty"`
	// Template is another version of the connection's template, as NAME@VERSION.
	Template string `json:"template,omitempty" maxLength:"60"`
	Author   string `json:"author,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// DryRun does all but put it in force.
	DryRun bool `json:"dryRun,omitempty"`
	// Expect is the version that a dry run named: another one is refused.
	Expect string `json:"expect,omitempty"`
	// Wider allows that more leaves or enters than before.
	Wider bool `json:"wider,omitempty"`
	// Force goes back to a version although its tests fail.
	Force bool `json:"force,omitempty"`
	// Apply looks at the tickets that change at once, behind everything else.
	Apply bool `json:"apply,omitempty"`
	// MostHeld refuses a version under which more tickets of those looked at would be
	// stopped by filter or gate; left out, any number may.
	MostHeld *int `json:"mostHeld,omitempty" minimum:"0"`
	// Most bounds how many tickets in step are looked at; 0 is 200.
	Most int `json:"most,omitempty" minimum:"0" maximum:"100000"`
}

// PublishResult is what a version changes.
type PublishResult struct {
	Version string `json:"version"`
	// Before is the version in force until then; "" if the files were.
	Before string `json:"before,omitempty"`
	// Same tells that it is in force already.
	Same bool `json:"same,omitempty"`
	// Tests is how many passed, Failures what failed, a line each: of the files, or
	// of those that the version to go back to was published with.
	Tests    int      `json:"tests"`
	Failures []string `json:"failures,omitempty"`
	// Wider is what leaves or enters that did not before.
	Wider []string `json:"wider,omitempty"`
	// Twins are in step, Looked of them were looked at; Changed would be sent
	// something that the filters before would not send.
	Twins   int            `json:"twins"`
	Looked  int            `json:"looked"`
	Changed int            `json:"changed"`
	Fields  map[string]int `json:"fields,omitempty"`
	// Leave would leave the connection, Held be stopped by filter or gate; Busy have
	// something under way.
	Leave int      `json:"leave,omitempty"`
	Held  int      `json:"held,omitempty"`
	Busy  int      `json:"busy,omitempty"`
	Keys  []string `json:"keys,omitempty"`
	// Unread is what the incoming filter reads and the peer does not send.
	Unread []Unread `json:"unread,omitempty"`
	// Published tells that it is in force, Applied how many tickets are looked at.
	Published bool `json:"published"`
	Applied   int  `json:"applied,omitempty"`
}

// FilterVersion is a version that was put in force.
type FilterVersion struct {
	Version  string    `json:"version"`
	Author   string    `json:"author,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
	Rollback bool      `json:"rollback,omitempty"`
	InForce  bool      `json:"inForce,omitempty"`
}

// FilterHistory is the versions of a connection, the newest first.
type FilterHistory struct {
	Connection string          `json:"connection"`
	Versions   []FilterVersion `json:"versions"`
	// Drift tells that the files say something else than what is in force.
	Drift bool `json:"drift"`
	// Problem is why the files cannot be read.
	Problem string `json:"problem,omitempty"`
}

// FilterDiff is how two versions differ.
type FilterDiff struct {
	From  string     `json:"from"`
	To    string     `json:"to"`
	Parts []PartDiff `json:"parts"`
}

// PartDiff is how one part differs: its lines, "-" before those of From, "+" before
// those of To, a space before what both have.
type PartDiff struct {
	Part  string   `json:"part"`
	Lines []string `json:"lines"`
}

type diffOf struct {
	Connection string `query:"connection" maxLength:"40" doc:"The connection"`
	From       string `query:"from" maxLength:"40" doc:"A version, or files; what is in force if left out"`
	To         string `query:"to" maxLength:"40" doc:"A version, or files; the files if left out"`
}

func routeVersions(api routes, s Service) {
	route(api, http.MethodPost, "/v1/filters/publish", "publish", "Put filters in force as a version",
		func(ctx context.Context, in *body[PublishRequest]) (PublishResult, error) {
			return s.Publish(ctx, in.Body)
		})
	route(api, http.MethodGet, "/v1/filters/history", "filter-history", "Which filters were in force",
		func(ctx context.Context, in *ofConnection) (FilterHistory, error) {
			return s.FilterHistory(ctx, in.Connection)
		})
	route(api, http.MethodGet, "/v1/filters/diff", "filter-diff", "How two versions of filters differ",
		func(ctx context.Context, in *diffOf) (FilterDiff, error) {
			return s.FilterDiff(ctx, in.Connection, in.From, in.To)
		})
}
