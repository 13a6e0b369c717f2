package wave

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"parley/filters/template"
	"parley/node/admin"
)

// Limit is the percentage of connections or tickets that stops a wave.
const Limit = 1

// every is after how many connections a wave looks at what is parked, and writes down
// how far it is.
const every = 10

// Node is the part of a node's administration that a wave needs.
type Node interface {
	Templates(ctx context.Context) ([]admin.TemplateUse, error)
	Publish(ctx context.Context, r admin.PublishRequest) (admin.PublishResult, error)
}

// Wave is what is to be put in force, and where.
type Wave struct {
	Node Node
	To   template.Ref
	// Share of the connections in percent, or those with Tag; all if neither is set.
	Share float64
	Tag   string
	// DryRun puts nothing in force; Wider and Apply are as in admin.PublishRequest.
	DryRun, Wider, Apply bool
	// Force begins although earlier waves parked tickets, and goes back although tests fail.
	Force bool

	Most           int
	Author, Reason string
	// Settle is how long to wait for what is under way before parked tickets are counted.
	Settle time.Duration
	// Set writes versions of connections into parley.yaml.
	Set func(refs map[string]string) error
	// Tell is told of each connection, and may be nil.
	Tell func(Step)
}

// Outcomes of a step.
const (
	Upgraded   = "upgraded"
	Same       = "same"       // in force already
	Configured = "configured" // nobody has joined: only parley.yaml says it
	Would      = "would"      // in a dry run
	Failed     = "failed"
)

// Step is one connection of a wave.
type Step struct {
	Connection string `json:"connection"`
	From       string `json:"from,omitempty"`
	Outcome    string `json:"outcome"`
	Error      string `json:"error,omitempty"`
	// Changed tickets would be sent something else, Held be stopped.
	Changed int      `json:"changed,omitempty"`
	Held    int      `json:"held,omitempty"`
	Wider   []string `json:"wider,omitempty"`
	// Number of Count connections.
	Number int `json:"number"`
	Count  int `json:"count"`
}

// Report is what became of a wave.
type Report struct {
	Template string `json:"template"`
	// All connections that have the template, Share of them that this wave is about,
	// Already of these that ran by the version before.
	All     int    `json:"all"`
	Wave    int    `json:"wave"`
	Already int    `json:"already"`
	Steps   []Step `json:"steps"`
	// Tickets are in step on the connections of the wave; Parked wait for a person since.
	Tickets int `json:"tickets"`
	Held    int `json:"held"`
	Parked  int `json:"parked"`
	Failed  int `json:"failed"`
	// Stopped says why the wave ended before its end.
	Stopped string `json:"stopped,omitempty"`
	// Under is how much was still under way when parked tickets were counted.
	Under int `json:"under,omitempty"`
}

// running is a wave under way.
type running struct {
	Wave
	report Report
	todo   []admin.TemplateUse
	parked map[string]int // before, by connection
	unset  map[string]string
}

// Run upgrades. The report is whole in any case; an error is about the node or the file.
func (w Wave) Run(ctx context.Context) (Report, error) {
	r := &running{Wave: w, parked: map[string]int{}, unset: map[string]string{}, report: Report{Template: w.To.String(), Steps: []Step{}}}
	if over, err := r.choose(ctx); over || err != nil {
		return r.report, err
	}
	err := r.all(ctx)
	return r.report, errors.Join(err, r.flush())
}

// mine are the connections that have a template.
func mine(ctx context.Context, n Node, name string) ([]admin.TemplateUse, error) {
	uses, err := n.Templates(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask which connection runs by which template: %w", err)
	}
	return slices.DeleteFunc(uses, func(u admin.TemplateUse) bool {
		ref, err := template.ParseRef(u.Configured)
		return err != nil || ref.Name != name
	}), nil
}

// choose finds the connections of the wave, unless those of earlier ones say that there
// should be none.
func (r *running) choose(ctx context.Context) (over bool, err error) {
	all, err := mine(ctx, r.Node, r.To.Name)
	if err != nil {
		return false, err
	}
	r.report.All = len(all)
	if r.tooManyParked(all) {
		return true, nil
	}
	for _, u := range all {
		if r.there(u) && (r.Tag == "" || slices.Contains(u.Tags, r.Tag)) {
			r.report.Already++
			if u.Configured != r.report.Template {
				r.unset[u.Connection] = r.report.Template
			}
		}
	}
	want := len(all)
	if r.Share > 0 {
		want = int(math.Ceil(float64(len(all)) * r.Share / 100))
	}
	for _, u := range all {
		if r.there(u) || r.Tag != "" && !slices.Contains(u.Tags, r.Tag) || r.report.Already+len(r.todo) >= want {
			continue
		}
		r.todo = append(r.todo, u)
		r.report.Tickets += u.Twins
		r.parked[u.Connection] = u.Parked
	}
	r.report.Wave = r.report.Already + len(r.todo)
	return false, nil
}

// tooManyParked looks at the connections that run by the version already: tickets meet it
// with their next change, which may be after the wave.
func (r *running) tooManyParked(all []admin.TemplateUse) bool {
	tickets, parked := 0, 0
	for _, u := range all {
		if u.Joined && r.there(u) {
			tickets += u.Twins
			parked += max(u.Parked-u.ParkedBefore, 0)
		}
	}
	if r.Force || parked*100 <= Limit*tickets {
		return false
	}
	r.report.Tickets, r.report.Parked = tickets, parked
	r.report.Stopped = fmt.Sprintf("%d tickets of %d are parked since %s came into force for them", parked, tickets, r.report.Template)
	return true
}

// there tells whether the version is in force already.
func (r *running) there(u admin.TemplateUse) bool {
	if !u.Joined {
		return u.Configured == r.report.Template
	}
	return u.Template == r.report.Template
}

// all upgrades the connections one by one.
func (r *running) all(ctx context.Context) error {
	for i, u := range r.todo {
		if r.interrupted(ctx) {
			return nil
		}
		step := r.one(ctx, u)
		if r.interrupted(ctx) {
			return nil
		}
		step.Number, step.Count = i+1, len(r.todo)
		r.report.Steps = append(r.report.Steps, step)
		if r.Tell != nil {
			r.Tell(step)
		}
		if r.tooManyFailed() {
			return nil
		}
		if last := i == len(r.todo)-1; !r.DryRun && (last || i%every == every-1) {
			if err := r.flush(); err != nil {
				return err
			}
			if over, err := r.look(ctx, last); over || r.interrupted(ctx) || err != nil {
				return err
			}
		}
	}
	return nil
}

// interrupted notes that somebody ended the wave; what was done stays.
func (r *running) interrupted(ctx context.Context) bool {
	if ctx.Err() == nil {
		return false
	}
	r.report.Stopped = "interrupted; run it again to go on"
	return true
}

func (r *running) tooManyFailed() bool {
	if r.report.Failed*100 <= Limit*len(r.todo) {
		return false
	}
	r.report.Stopped = fmt.Sprintf("%d of %d connections could not be upgraded", r.report.Failed, len(r.todo))
	return true
}

// one upgrades a connection.
func (r *running) one(ctx context.Context, u admin.TemplateUse) Step {
	s := Step{Connection: u.Connection, From: u.Template}
	if !u.Joined {
		s.From, s.Outcome = u.Configured, Configured
		r.unset[u.Connection] = r.report.Template
		return s
	}
	left := max(Limit*r.report.Tickets/100-r.report.Held, 0)
	request := admin.PublishRequest{
		Connection: u.Connection, Template: r.report.Template, Author: r.Author, Reason: r.Reason,
		DryRun: r.DryRun, Wider: r.Wider, Apply: r.Apply, Most: r.Most, MostHeld: &left,
	}
	return r.publish(ctx, s, request)
}

// publish puts a version in force, and notes how it went.
func (r *running) publish(ctx context.Context, s Step, request admin.PublishRequest) Step {
	result, err := r.Node.Publish(ctx, request)
	s.Changed, s.Held, s.Wider = result.Changed, result.Held, result.Wider
	r.report.Held += result.Held
	switch {
	case err != nil:
		s.Outcome, s.Error = Failed, err.Error()
		r.report.Failed++
	case result.Same:
		s.Outcome = Same
		r.unset[s.Connection] = r.report.Template
	case request.DryRun:
		s.Outcome = Would
	default:
		s.Outcome = Upgraded
		r.unset[s.Connection] = r.report.Template
	}
	return s
}

// flush writes into parley.yaml what is in force.
func (r *running) flush() error {
	if len(r.unset) == 0 || r.DryRun {
		return nil
	}
	if err := r.Set(r.unset); err != nil {
		return fmt.Errorf("write down the versions in force (they stay; run it again): %w", err)
	}
	r.unset = map[string]string{}
	return nil
}

// look counts what the wave parked so far; at its end it waits for what is under way.
func (r *running) look(ctx context.Context, last bool) (over bool, err error) {
	deadline := time.Now().Add(r.Settle)
	for {
		uses, err := mine(ctx, r.Node, r.To.Name)
		if err != nil {
			if r.interrupted(ctx) {
				return false, nil
			}
			return false, err
		}
		r.report.Parked, r.report.Under = 0, 0
		for _, u := range uses {
			if before, ours := r.parked[u.Connection]; ours && r.there(u) {
				r.report.Parked += max(u.Parked-before, 0)
				r.report.Under += max(u.Under-u.Parked, 0)
			}
		}
		if r.report.Parked*100 > Limit*r.report.Tickets {
			r.report.Stopped = fmt.Sprintf("%d tickets of %d are parked since", r.report.Parked, r.report.Tickets)
			return true, nil
		}
		if !last || r.report.Under == 0 || time.Now().After(deadline) || !pause(ctx) {
			return false, nil
		}
	}
}

// pause waits a moment; it reports whether that was not interrupted.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(200 * time.Millisecond):
		return true
	}
}

// Back puts the version To in force again where it was before another version of the
// template, and into parley.yaml where nobody has joined. It does not stop.
func (w Wave) Back(ctx context.Context) (Report, error) {
	r := &running{Wave: w, unset: map[string]string{}, report: Report{Template: w.To.String(), Steps: []Step{}}}
	all, err := mine(ctx, w.Node, w.To.Name)
	if err != nil {
		return r.report, err
	}
	r.report.All = len(all)
	for _, u := range all {
		before := slices.IndexFunc(u.Before, func(b admin.TemplateVersion) bool { return b.Template == r.report.Template })
		switch {
		case r.there(u):
			r.report.Already++
			if u.Configured != r.report.Template {
				r.unset[u.Connection] = r.report.Template
			}
		case !u.Joined || before >= 0:
			r.todo = append(r.todo, u)
			r.report.Tickets += u.Twins
		}
	}
	r.report.Wave = len(r.todo)
	for i, u := range r.todo {
		if r.interrupted(ctx) {
			break
		}
		s := Step{Connection: u.Connection, From: u.Template, Number: i + 1, Count: len(r.todo)}
		if u.Joined {
			at := slices.IndexFunc(u.Before, func(b admin.TemplateVersion) bool { return b.Template == r.report.Template })
			s = r.publish(ctx, s, admin.PublishRequest{
				Connection: u.Connection, Version: u.Before[at].Version, Author: r.Author, Reason: r.Reason,
				DryRun: r.DryRun, Wider: r.Wider, Apply: r.Apply, Force: r.Force, Most: r.Most,
			})
		} else {
			s.From, s.Outcome = u.Configured, Configured
			r.unset[u.Connection] = r.report.Template
		}
		r.report.Steps = append(r.report.Steps, s)
		if r.Tell != nil {
			r.Tell(s)
		}
		if i%every == every-1 {
			if err := r.flush(); err != nil {
				return r.report, err
			}
		}
	}
	return r.report, r.flush()
}
