package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/filters/examples"
)

var nameForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

func checkName(text string) error {
	if !nameForm.MatchString(text) {
		return errors.New("want 1 to 40 lower-case letters, digits and -")
	}
	return nil
}

// gatherer collects answers from flags and from the person, and everything that
// is wrong with them.
type gatherer struct {
	*asker
	interactive bool
	wrong       []string
	err         error // asking ended
}

// done is the error of it all.
func (g *gatherer) done() error {
	switch {
	case g.err != nil:
		return g.err
	case len(g.wrong) > 0:
		return usageError("parley init --help", "%s", strings.Join(g.wrong, "; "))
	}
	return nil
}

func (g *gatherer) add(format string, args ...any) {
	g.wrong = append(g.wrong, fmt.Sprintf(format, args...))
}

// text takes a flag's value, or asks for it.
func (g *gatherer) text(flag, given, label, fallback string, check func(string) error) string {
	switch {
	case given != "":
		if err := check(given); err != nil {
			g.add("%s %.60q: %v", flag, given, err)
		}
	case g.interactive && g.err == nil:
		given, g.err = g.valid(label, fallback, check)
	case fallback != "":
		return fallback
	default:
		g.add("%s is missing", flag)
	}
	return given
}

// optional takes a flag's value, or asks for it where a person sits.
func (g *gatherer) optional(given, label, fallback string) string {
	if given == "" && g.interactive && g.err == nil {
		given, g.err = g.line(label, fallback)
	}
	return cmp.Or(given, fallback)
}

func (g *gatherer) kind(given string) adapters.Kind {
	check := func(text string) error {
		if _, ok := kindOf(text); !ok {
			return errors.New("want one of " + kindNames())
		}
		return nil
	}
	kind, _ := kindOf(g.text("--tracker", given, "Kind of your tracker ("+kindNames()+")", "", check))
	return kind
}

// settings are the adapter's: those given, those required, secrets as references.
func (g *gatherer) settings(c *initCommand, p *plan) map[string]string {
	settings := map[string]string{}
	known := map[string]bool{}
	for _, s := range p.Kind.Settings {
		known[s.Name] = true
		if s.Secret {
			g.secret(c, p, s, settings)
			continue
		}
		value := c.Set[s.Name]
		if value == "" && s.Required {
			value = g.text("--set "+s.Name+"=…", "", s.Help, s.Default, func(text string) error {
				if text == "" {
					return errors.New("it is needed")
				}
				return nil
			})
		}
		if value != "" && len(s.Choices) > 0 && !slices.Contains(s.Choices, value) {
			g.add("--set %s=%.40s: want one of %s", s.Name, value, strings.Join(s.Choices, ", "))
		}
		if value != "" {
			settings[s.Name] = value
		}
	}
	for _, given := range []map[string]string{c.Set, c.SecretFile} {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if !known[name] && p.Kind.Name != "" {
				g.add("%s has no setting %.40q", p.Kind.Title, name)
			}
		}
	}
	return settings
}

// secret takes a secret setting into the vault and refers to it.
func (g *gatherer) secret(c *initCommand, p *plan, s adapters.Setting, settings map[string]string) {
	file := c.SecretFile[s.Name]
	switch {
	case c.Set[s.Name] != "":
		g.add("%s is a secret: it is asked for, or read with --secret-file %s=FILE, and never a flag's value", s.Name, s.Name)
		return
	case file == "" && !g.interactive && s.Required:
		g.add("--secret-file %s=FILE is missing", s.Name)
		return
	case file == "" && !s.Required, g.err != nil:
		return
	}
	value, err := g.a.secret(g.ctx, s.Help, file)
	if err != nil {
		g.err = err
		return
	}
	name := "tracker-" + strings.ReplaceAll(s.Name, "_", "-")
	p.secrets[name] = value
	settings[s.Name] = "${secret:" + name + "}"
}

// vars are the variables of the example's filters.
func (g *gatherer) vars(given map[string]string, e examples.Example, settings map[string]string) map[string]any {
	vars := map[string]any{}
	known := map[string]bool{}
	for _, v := range e.Vars {
		known[v.Name] = true
		text := given[v.Name]
		if text == "" && v.Default != nil {
			vars[v.Name] = v.Default
			continue
		}
		fallback := firstOf(settings[v.Name], settings[v.Name+"s"])
		text = g.text("--var "+v.Name+"=…", text, "For the filters: "+v.About, fallback, func(text string) error {
			if text == "" {
				return errors.New("it is needed")
			}
			return nil
		})
		if _, number := v.Sample.(int); !number {
			vars[v.Name] = text
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			g.add("--var %s=%.40s: want a number", v.Name, text)
		}
		vars[v.Name] = n
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !known[name] && e.Name != "" {
			g.add("the filters have no variable %.40q", name)
		}
	}
	return vars
}

// firstOf returns the first entry of the first list that has one.
func firstOf(lists ...string) string {
	for _, list := range lists {
		if first, _, _ := strings.Cut(list, ","); strings.TrimSpace(first) != "" {
			return strings.TrimSpace(first)
		}
	}
	return ""
}

// exampleFor is the ready-made pair of filters for a kind of tracker.
func exampleFor(kind string) examples.Example {
	list, err := examples.Plain()
	if err != nil {
		return examples.Example{}
	}
	for _, e := range list {
		if e.Tracker == kind {
			return e
		}
	}
	return examples.Example{}
}
