package node_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"parley/adapters/all"
	"parley/filters/template"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/roster"
	"parley/node/wave"
	"parley/sync/event"
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

// customerFile is the provider's file: five of the customers are pilots.
func customerFile(customers int) string {
	var out strings.Builder
	out.WriteString("name,label,tags\n")
	for i := range customers {
		tags := "gold"
		if i >= 20 && i < 30 {
			tags = "pilot"
		}
		fmt.Fprintf(&out, "%s,%s,%s\n", customer(i+1), customer(i+1), tags)
	}
	return out.String()
}

// manyPeers lets one site stand for the other side of all customers.
func manyPeers(t *testing.T, s *site, customers int) {
	t.Helper()
	text, err := os.ReadFile(s.file())
	must(t, err)
	var out strings.Builder
	out.Write(text)
	for i := range customers {
		fmt.Fprintf(&out, "  %s: {scope: '\"%s\" in issue.labels', out: out.parley, in: in.parley}\n", customer(i+1), customer(i+1))
	}
	must(t, os.WriteFile(s.file(), []byte(out.String()), 0o600))
	s.script("in.parley", fmt.Sprintf(incoming, "GLOBEX")+"issue.labels = replica.labels\n")
}

// joinAll invites every customer, and lets each join and work; some at a time.
func joinAll(t *testing.T, a, b *site, customers int) {
	t.Helper()
	slots := make(chan struct{}, 16)
	must(t, sideBySide(customers, func(i int) error {
		slots <- struct{}{}
		defer func() { <-slots }()
		name := customer(i + 1)
		code, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: name})
		if err == nil {
			_, err = b.node.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: name})
		}
		if err == nil {
			err = admin.Introduce(t.Context(), a.node, name, b.node, name)
		}
		for _, s := range []*site{a, b} {
			if err == nil {
				_, err = s.node.Resume(t.Context(), name)
			}
		}
		return err
	}))
}

func labelled(t *testing.T, s *site, name string) {
	t.Helper()
	_, err := s.people.Write(t.Context(), event.Step{Kind: event.StepCreate, Fields: event.Fields{
		"summary": "incident of " + name, "type": "Request", "labels": []any{nextCustomer(name)},
	}}, nil)
	must(t, err)
}

// nextCustomer: customers count from 1.
func nextCustomer(name string) string {
	var i int
	_, _ = fmt.Sscanf(name, "c-%d", &i)
	return customer(i + 1)
}

// twins tells whether so many tickets are in step.
func (s *site) twins(want int) error {
	all, err := s.node.Connections(s.t.Context())
	got := 0
	for _, c := range all {
		got += c.Twins
	}
	if err == nil && got != want {
		err = fmt.Errorf("%d tickets in step", got)
	}
	return err
}
