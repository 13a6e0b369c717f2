package node_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"parley/adapters/all"
	"parley/filters/template"
	"parley/node/config"
	"parley/node/roster"
	"parley/node/wave"
)

const templateHead = `version: %d
description: what a customer sees of an incident
vars:
  label: {required: true, pattern: "c-[0-9]{3}"}
  project: {default: CUSTOMER}
`

const templateOut = `
replica.key = issue.key
replica.summary = issue.summary
replica.status = issue.status
replica.labels = issue.labels
`

const templateIn = `
if firstSync {
  issue.project = vars.project
  issue.type = "Request"
}
issue.summary = replica.summary
issue.status = replica.status
`

const templateTests = `- {name: the summary leaves, filter: outgoing, vars: {label: c-001, project: P}, issue: {fields: {summary: a}}, expect: {fields: {summary: a, key: null, status: null, labels: null}}}
`

// template writes a version of the provider's template.
func (s *site) template(version int, out string) {
	s.t.Helper()
	s.script("templates/customer/template.yaml", fmt.Sprintf(templateHead, version))
	s.script("templates/customer/outgoing.parley", out)
	s.script("templates/customer/incoming.parley", templateIn)
	s.script("templates/customer/scope.parley", `vars.label in issue.labels`)
	s.script("templates/customer/tests/a.yaml", strings.Replace(templateTests, "summary: a, key", "summary: a, key", 1))
}

func (s *site) options() config.Options { return config.Options{Kinds: all.Kinds()} }

func (s *site) load() *config.Config {
	s.t.Helper()
	cfg, err := config.Load(s.file(), s.options())
	must(s.t, err)
	return cfg
}

// roster reads a file of customers against the template as it is.
func (s *site) roster(text string) (*roster.Roster, []template.Mistake) {
	s.t.Helper()
	schema, err := s.node.Schema(s.t.Context())
	must(s.t, err)
	t, err := template.Find(os.DirFS(s.dir), template.Ref{Name: "customer"})
	must(s.t, err)
	r := &roster.Roster{Template: t, Config: s.load(), Schema: schema}
	return r, r.Check(strings.NewReader(text))
}

// wave upgrades, as the command does.
func (s *site) wave(version int) wave.Wave {
	return wave.Wave{
		Node: s.node, To: template.Ref{Name: "customer", Version: version}, Most: 20, Reason: "a test", Settle: 30 * time.Second,
		Set: func(refs map[string]string) error {
			return config.Edit(s.file(), s.options(), func(text []byte) ([]byte, error) { return config.WithTemplates(text, refs) }, nil)
		},
	}
}

// runBy counts the connections by the version in force; parley.yaml must say the same.
func (s *site) runBy() map[string]int {
	s.t.Helper()
	uses, err := s.node.Templates(s.t.Context())
	must(s.t, err)
	found := map[string]int{}
	for _, u := range uses {
		found[u.Configured]++
		if u.Joined && u.Template != u.Configured {
			s.t.Errorf("%s runs by %s, and parley.yaml says %s", u.Connection, u.Template, u.Configured)
		}
	}
	return found
}
