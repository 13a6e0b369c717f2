package github

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// may tells whether the account may set labels, assignees, milestone, type and
// fields.
func may(r *repository) bool {
	p := r.Permissions
	return p["push"] || p["triage"] || p["maintain"] || p["admin"]
}

// markerRoom is what a marker takes of a text.
const markerRoom = 64

// Schema implements adapters.Tracker.
func (t *Tracker) Schema(ctx context.Context) (event.Schema, error) {
	r, err := t.check(ctx)
	if err != nil {
		return event.Schema{}, err
	}
	writes := !r.Archived
	sets := writes && may(&r)
	out := event.Schema{
		Fields: map[string]event.Field{
			event.FieldKey: {Type: event.TypeText}, event.FieldURL: {Type: event.TypeText},
			event.FieldCreated: {Type: event.TypeTime}, event.FieldUpdated: {Type: event.TypeTime},
			event.FieldReporter:    {Type: event.TypeUser},
			event.FieldProject:     {Type: event.TypeOption, Options: []string{t.api.owner + "/" + t.api.repo}},
			event.FieldSummary:     {Type: event.TypeText, Writable: writes, Required: true, MaxLength: maxTitle},
			event.FieldDescription: {Type: event.TypeRich, Writable: writes, MaxLength: maxBody - markerRoom},
			event.FieldStatus: {
				Type: event.TypeOption, Writable: sets, Options: []string{stateOpen, stateClosed}, Closed: []string{stateClosed},
			},
			event.FieldResolution: {Type: event.TypeOption, Writable: sets, Options: reasons()},
			event.FieldLabels:     {Type: event.TypeSet, Writable: sets},
			event.FieldAssignee:   {Type: event.TypeUser, Writable: sets},
			event.FieldParent:     {Type: event.TypeRef, Writable: sets},
			event.FieldLinks:      {Type: event.TypeLinks, Writable: sets, Options: relationNames()},
			fieldAssignees:        {Type: event.TypeUsers, Writable: sets},
		},
		Projects: []string{t.api.owner + "/" + t.api.repo},
		Comments: writes, EditComments: writes,
	}
	err = t.addNamed(ctx, &out, sets)
	return out, err
}

// addNamed adds what the repository and its organisation gave names to.
func (t *Tracker) addNamed(ctx context.Context, out *event.Schema, sets bool) error {
	milestones, err := t.dir.milestones(ctx)
	if err != nil {
		return err
	}
	f := event.Field{Type: event.TypeOption, Writable: sets && len(milestones) > 0}
	for _, m := range milestones {
		f.Options = append(f.Options, m.Title)
	}
	out.Fields[fieldMilestone] = f
	types, err := t.dir.types(ctx)
	if err != nil {
		return err
	}
	for _, k := range types {
		if k.Enabled == nil || *k.Enabled {
			out.Types = append(out.Types, k.Name)
		}
	}
	out.Fields[event.FieldType] = event.Field{Type: event.TypeOption, Writable: sets && len(out.Types) > 0, Options: out.Types}
	defs, err := t.dir.fields(ctx)
	if err != nil {
		return err
	}
	for n := range defs {
		name := event.CustomPrefix + defs[n].Name
		if kind := defs[n].kindOf(); kind != "" && !isOurs(name) {
			out.Fields[name] = event.Field{Type: kind, Writable: sets, Options: defs[n].options()}
		}
	}
	return nil
}

// expiryHeader is when a fine-grained token ends, on every answer to it.
const expiryHeader = "GitHub-Authentication-Token-Expiration"

const (
	// soon is how long before its end a token is spoken of.
	soon = 30 * 24 * time.Hour
	// enough is an hour of polling for a tracker in use.
	enough = 1000
)

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	me, err := t.account(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "signed in as " + me.Login}}
	r, err := t.check(ctx)
	if err != nil {
		return append(out, problem(err))
	}
	warn := func(what, hint string) {
		out = append(out, adapters.Finding{Level: adapters.LevelWarning, What: what, Hint: hint})
	}
	if r.Archived {
		warn("the repository is archived: nothing can be written", "take it out of the archive in its settings")
	}
	if !may(&r) {
		warn("the account may not set labels, assignees, milestones, types and fields, nor close what others opened",
			"give it the role Write in the repository: GitHub drops such changes silently")
	}
	if r.Permissions["admin"] {
		warn("the account is an administrator of the repository", "use an account of its own with the role Write: more is not needed")
	}
	if !r.Private {
		warn("the repository is public: everything that is written there is for everybody", "check what the filters let through")
	}
	out = append(out, t.probeToken(ctx)...)
	return append(out, adapters.Finding{
		Level: adapters.LevelOK, What: "GitHub has no internal comments and takes no files: neither is kept in step",
	})
}

// probeToken tells when the token ends, and what the account may still ask for.
func (t *Tracker) probeToken(ctx context.Context) []adapters.Finding {
	var limits struct {
		Resources struct {
			Core struct {
				Limit     int `json:"limit"`
				Remaining int `json:"remaining"`
			} `json:"core"`
		} `json:"resources"`
	}
	res, err := t.api.do(ctx, rest.Request{Op: "read the limits", Path: "rate_limit", Out: &limits, Expect: []int{http.StatusOK}})
	if errors.Is(err, adapters.ErrGone) {
		return nil // a server without limits
	}
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	var out []adapters.Finding
	if core := limits.Resources.Core; core.Limit > 0 && core.Limit < enough {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "GitHub lets this account ask only " + strconv.Itoa(core.Limit) + " times an hour",
			Hint: "use a token of an account, or an app",
		})
	}
	end, err := parseExpiry(res.Header.Get(expiryHeader))
	switch {
	case err != nil:
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "GitHub does not tell when the token ends", Hint: "use a fine-grained token, and note its end",
		})
	case end.Before(t.api.rest.Now().Add(soon)):
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "the token ends at " + end.Format(time.RFC3339), Hint: "make a new one before",
		})
	default:
		out = append(out, adapters.Finding{Level: adapters.LevelOK, What: "the token ends at " + end.Format(time.RFC3339)})
	}
	return out
}

// parseExpiry reads the end of a token, which comes in two spellings.
func parseExpiry(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if at, err := time.Parse("2006-01-02 15:04:05 MST", s); err == nil {
		return at.UTC(), nil
	}
	at, err := time.Parse("2006-01-02 15:04:05 -0700", s)
	return at.UTC(), err
}

func problem(err error) adapters.Finding {
	f := adapters.Finding{Level: adapters.LevelError, What: err.Error()}
	var known *adapters.Error
	if errors.As(err, &known) {
		f.Hint = known.Hint
	}
	return f
}
