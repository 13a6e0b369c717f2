package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/all"
	"parley/node/admin"
	"parley/node/admin/client"
	"parley/node/config"
	"parley/node/secret"
)

type adapterCommand struct {
	List  adapterList  `cmd:"" help:"The kinds of tracker there are."`
	Show  adapterShow  `cmd:"" help:"Settings and abilities of one kind."`
	Probe adapterProbe `cmd:"" help:"Ask our tracker whether all is set up rightly."`
	Login adapterLogin `cmd:"" help:"Have a person sign in at our tracker, and keep the refresh token that comes of it."`
}

// kindView is a kind of tracker as it is shown.
type kindView struct {
	Name      string        `json:"name"`
	Title     string        `json:"title"`
	Abilities []string      `json:"abilities"`
	Fields    []string      `json:"fields"`
	Settings  []settingView `json:"settings"`
}

type settingView struct {
	Name     string   `json:"name"`
	Help     string   `json:"help"`
	Required bool     `json:"required"`
	Secret   bool     `json:"secret"`
	Default  string   `json:"default,omitempty"`
	Choices  []string `json:"choices,omitempty"`
}

func viewOf(k adapters.Kind) kindView {
	v := kindView{Name: k.Name, Title: k.Title, Abilities: slices.Concat(k.Capabilities.Abilities, k.Abilities), Fields: k.Capabilities.Fields, Settings: []settingView{}}
	for _, s := range k.Settings {
		v.Settings = append(v.Settings, settingView(s))
	}
	return v
}

func kindOf(name string) (adapters.Kind, bool) {
	kinds := all.Kinds()
	i := slices.IndexFunc(kinds, func(k adapters.Kind) bool { return k.Name == name })
	if i < 0 {
		return adapters.Kind{}, false
	}
	return kinds[i], true
}

func kindNames() string {
	var names []string
	for _, k := range all.Kinds() {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

type adapterList struct{}

// Run implements the command.
func (*adapterList) Run(a *app) error {
	var views []kindView
	var rows [][]string
	for _, k := range all.Kinds() {
		views = append(views, viewOf(k))
		rows = append(rows, []string{k.Name, k.Title, strings.Join(viewOf(k).Abilities, ", ")})
	}
	return a.show(views, func(w io.Writer) { table(w, "KIND|TRACKER|ABILITIES", rows) })
}

type adapterShow struct {
	Kind string `arg:"" help:"The kind, as in adapter list."`
}

// Run implements the command.
func (c *adapterShow) Run(a *app) error {
	kind, ok := kindOf(c.Kind)
	if !ok {
		return &failure{Kind: admin.KindNotFound, Message: fmt.Sprintf("there is no adapter %.40q", c.Kind), Hint: "there are " + kindNames()}
	}
	return a.show(viewOf(kind), func(w io.Writer) {
		v := viewOf(kind)
		fmt.Fprintf(w, "%s\nabilities: %s\nfields of type: %s\n\nsettings\n", v.Title, strings.Join(v.Abilities, ", "), strings.Join(v.Fields, ", "))
		for _, s := range kind.Settings {
			notes := []string{}
			if s.Required {
				notes = append(notes, "required")
			}
			if s.Secret {
				notes = append(notes, "secret")
			}
			if len(s.Choices) > 0 {
				notes = append(notes, "one of "+strings.Join(s.Choices, ", "))
			}
			if s.Default != "" {
				notes = append(notes, "default "+s.Default)
			}
			fmt.Fprintf(w, "  %s (%s)\n      %s\n", s.Name, cmp.Or(strings.Join(notes, "; "), "optional"), s.Help)
		}
	})
}

type adapterProbe struct{}

// Run implements the command.
func (*adapterProbe) Run(ctx context.Context, a *app) error {
	findings, err := ask(ctx, a, func(ctx context.Context, n *client.Client) ([]adapters.Finding, error) { return n.Probe(ctx) })
	if none := (*client.NoNode)(nil); errors.As(err, &none) {
		findings, err = a.probe(ctx)
	}
	if err != nil {
		return err
	}
	if err := a.show(findings, func(w io.Writer) { showFindings(w, findings) }); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Level == adapters.LevelError {
			return &failure{Kind: admin.KindTracker, Message: "the tracker cannot be used like this: " + clean(f.What), Hint: clean(f.Hint)}
		}
	}
	return nil
}

func showFindings(w io.Writer, findings []adapters.Finding) {
	for _, f := range findings {
		fmt.Fprintf(w, "%-8s %s\n", f.Level, clean(f.What))
		if f.Hint != "" {
			fmt.Fprintf(w, "%-8s %s\n", "", clean(f.Hint))
		}
	}
}

// probe asks the tracker without a node.
func (a *app) probe(ctx context.Context) ([]adapters.Finding, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	tracker, err := a.tracker(cfg)
	if err != nil {
		return nil, err
	}
	return adapters.Probe(ctx, tracker), tracker.Close()
}

// tracker opens the tracker that the configuration names.
func (a *app) tracker(cfg *config.Config) (adapters.Tracker, error) {
	kind, ok := kindOf(cfg.Tracker.Kind)
	if !ok {
		return nil, invalid("there are "+kindNames(), "there is no adapter %.40q", cfg.Tracker.Kind)
	}
	resolver, err := a.resolver(cfg)
	if err != nil {
		return nil, err
	}
	settings, _, err := cfg.Tracker.Resolve(kind, resolver)
	if err != nil {
		return nil, invalid("`parley secret set NAME`", "%v", err)
	}
	address, err := url.Parse(cfg.Tracker.URL)
	if err != nil {
		return nil, invalid("", "address of the tracker: %v", err)
	}
	tracker, err := kind.Open(adapters.Options{
		URL: address, Settings: settings, UserAgent: "Parley/" + readBuild().Version,
		Timeout: time.Duration(cfg.Tracker.Timeout), Keeper: secret.Keeper{Vault: resolver.Vault},
	})
	if err != nil {
		return nil, invalid("see `parley adapter show "+kind.Name+"`", "%v", err)
	}
	return tracker, nil
}

// resolver reads the secrets that the configuration refers to.
func (a *app) resolver(cfg *config.Config) (secret.Resolver, error) {
	dir := cfg.Path(cfg.Node.Dir)
	r := secret.Resolver{Getenv: a.getenv, Dir: cfg.Folder()}
	var err error
	if r.Vault, err = secret.OpenNode(dir, a.getenv); err != nil {
		return r, fmt.Errorf("open the vault: %w", err)
	}
	return r, nil
}
