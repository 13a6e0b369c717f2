package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"parley/filters/examples"
)

// readyMade is one line of the list of examples.
type readyMade struct {
	Name  string          `json:"name"`
	About string          `json:"about"`
	Sides []readyMadeSide `json:"sides,omitempty"`
}

type readyMadeSide struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Tracker string `json:"tracker"`
}

// listExamples shows what init can start from.
func listExamples(a *app) error {
	plain, err := examples.Plain()
	if err != nil {
		return err
	}
	pairs, err := examples.Pairs()
	if err != nil {
		return err
	}
	var list []readyMade
	for _, e := range plain {
		list = append(list, readyMade{Name: e.Name, About: e.About + "; fits any other of these three"})
	}
	for _, p := range pairs {
		one := readyMade{Name: p.Name, About: p.About}
		for _, side := range p.Sides {
			one.Sides = append(one.Sides, readyMadeSide{side.Side, side.About, side.Tracker})
		}
		list = append(list, one)
	}
	return a.show(list, func(w io.Writer) {
		for _, one := range list {
			fmt.Fprintf(w, "%-20s %s\n", one.Name, one.About)
			for _, side := range one.Sides {
				fmt.Fprintf(w, "    --side %-13s %s\n", side.Name, side.About)
			}
		}
	})
}

// example is the one that --example and --side name, or the plain one for the kind.
func (g *gatherer) example(c *initCommand, kind string) examples.Example {
	if c.Example == "" {
		if c.Side != "" {
			g.add("--side belongs to --example")
		}
		return exampleFor(kind)
	}
	if e, err := examples.Get(c.Example); err == nil && e.Pair == "" {
		return e
	}
	pair, err := examples.GetPair(c.Example)
	if err != nil {
		g.add("--example: %v; parley init --list-examples shows them", err)
		return examples.Example{}
	}
	var names []string
	for _, side := range pair.Sides {
		names = append(names, side.Side)
	}
	check := func(side string) error {
		if _, ok := pair.Side(side); !ok {
			return fmt.Errorf("want %s", strings.Join(names, " or "))
		}
		return nil
	}
	label := fmt.Sprintf("Which side of %s is yours (%s)", pair.Name, strings.Join(names, ", "))
	if c.Side == "" && !g.interactive {
		g.add("--side is missing: %s", strings.Join(names, " or "))
		return examples.Example{}
	}
	side, _ := pair.Side(g.text("--side", c.Side, label, "", check))
	return side
}

// settled puts variables into the further settings of an example's connection.
func settled(settings string, vars map[string]any) (string, error) {
	for name, value := range vars {
		raw, err := json.Marshal(value) // which YAML reads the same
		if err != nil {
			return "", fmt.Errorf("write variable %s: %w", name, err)
		}
		settings = strings.ReplaceAll(settings, `"<`+name+`>"`, string(raw))
	}
	return settings, nil
}

// notes are what a person has to know of the example that was taken.
func notes(p *plan) []string {
	e := p.example
	var notes []string
	if e.Pair != "" {
		notes = append(notes, fmt.Sprintf("%s is the side %q of %s; the other organisation takes the other side", p.Connection, e.Side, e.Pair))
	}
	if e.Tracker != p.Kind.Name {
		notes = append(notes, fmt.Sprintf("its statuses, types and fields are those of %s: fit tables and filters to yours, then parley filter check", e.Tracker))
	}
	if len(e.Needs) > 0 {
		notes = append(notes, "your tracker needs the fields "+strings.Join(slices.Sorted(maps.Keys(e.Needs)), ", "))
	}
	return notes
}
