package admin

import (
	"context"
	"net/http"
	"time"
)

// TemplateUse is a connection that has a template, or ran by one.
type TemplateUse struct {
	Connection string   `json:"connection"`
	Tags       []string `json:"tags,omitempty"`
	// Configured is what parley.yaml says, as NAME@VERSION; Template what is in force.
	Configured string `json:"configured,omitempty"`
	Template   string `json:"template,omitempty"`
	// Digest is that of the template's content, Version the connection's.
	Digest  string    `json:"digest,omitempty"`
	Version string    `json:"version,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	// Joined tells that the other side has joined; until then nothing is in force.
	Joined bool   `json:"joined"`
	State  string `json:"state,omitempty"`
	// Twins are in step, Parked wait for a person, Under have something under way.
	Twins  int `json:"twins"`
	Parked int `json:"parked"`
	Under  int `json:"under"`
	// ParkedBefore is how many waited for a person when the version came into force.
	ParkedBefore int `json:"parkedBefore,omitempty"`
	// Before are the template's versions that were in force before, the newest first.
	Before []TemplateVersion `json:"before,omitempty"`
}

// TemplateVersion is a version of a connection that a template made.
type TemplateVersion struct {
	Template string `json:"template"`
	Version  string `json:"version"`
}

// TemplateDiff is how two versions of a template differ.
type TemplateDiff struct {
	From  string     `json:"from"`
	To    string     `json:"to"`
	Parts []PartDiff `json:"parts"`
	// Connections are those that have the template, each with what it would change.
	Connections []TemplateChange `json:"connections"`
}

// TemplateChange is what a version of a template would change for a connection.
type TemplateChange struct {
	Connection string `json:"connection"`
	// Wider is what would leave or enter that does not under From.
	Wider []string `json:"wider,omitempty"`
	// Error is why it could not be in force there.
	Error string `json:"error,omitempty"`
}

type templateDiffOf struct {
	From string `query:"from" required:"true" maxLength:"60" doc:"A version, as NAME@VERSION"`
	To   string `query:"to" required:"true" maxLength:"60" doc:"The version to compare with it"`
}

func routeTemplates(api routes, s Service) {
	route(api, http.MethodGet, "/v1/templates", "templates", "Which connection runs by which template",
		func(ctx context.Context, _ *none) ([]TemplateUse, error) { return s.Templates(ctx) })
	route(api, http.MethodGet, "/v1/templates/diff", "template-diff", "How two versions of a template differ, and what would leave more",
		func(ctx context.Context, in *templateDiffOf) (TemplateDiff, error) {
			return s.TemplateDiff(ctx, in.From, in.To)
		})
}
