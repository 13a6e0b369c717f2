package examples

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Pair is both sides of a connection, made for each other.
type Pair struct {
	// Name is its folder's; About is one line for a list.
	Name, About string
	// Text is what its README.md says to an admin.
	Text string
	// Sides are the two, by name.
	Sides []Example
	// Files is the pair's folder.
	Files fs.FS
}

// Side returns one side by its name.
func (p Pair) Side(name string) (Example, bool) {
	i := slices.IndexFunc(p.Sides, func(e Example) bool { return e.Side == name })
	if i < 0 {
		return Example{}, false
	}
	return p.Sides[i], true
}

// description is pair.yaml.
type description struct {
	About string                     `yaml:"about"`
	Sides map[string]sideDescription `yaml:"sides"`
}

type sideDescription struct {
	About string `yaml:"about"`
	// Tracker is the kind that its tables, options and names of fields are of.
	Tracker string                    `yaml:"tracker"`
	Vars    map[string]varDescription `yaml:"vars"`
	// Projects, Types and Fields are what the tracker must have: projects that are no variable, types of tickets, custom fields
	// by their name, each with its type or its options.
	Projects []string       `yaml:"projects"`
	Types    []string       `yaml:"types"`
	Fields   map[string]any `yaml:"fields"`
	// Ticket is one that belongs on the connection and leaves.
	Ticket map[string]any `yaml:"ticket"`
}

type varDescription struct {
	About   string `yaml:"about"`
	Default any    `yaml:"default"`
	Sample  any    `yaml:"sample"`
}

// Pairs returns the pairs of folder pairs, by name.
func Pairs() ([]Pair, error) {
	folders, err := fs.ReadDir(files, "pairs")
	if err != nil {
		return nil, fmt.Errorf("read the pairs: %w", err)
	}
	var pairs []Pair
	for _, folder := range folders {
		pair, err := readPair(folder.Name())
		if err != nil {
			return nil, fmt.Errorf("read pair %s: %w", folder.Name(), err)
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

func readPair(name string) (Pair, error) {
	p := Pair{Name: name}
	var err error
	if p.Files, err = fs.Sub(files, path.Join("pairs", name)); err != nil {
		return p, err
	}
	text, err := fs.ReadFile(p.Files, "README.md")
	if err != nil {
		return p, err
	}
	p.Text = string(text)
	raw, err := fs.ReadFile(p.Files, "pair.yaml")
	if err != nil {
		return p, err
	}
	var d description
	if err := yaml.UnmarshalWithOptions(raw, &d, yaml.Strict()); err != nil {
		return p, fmt.Errorf("pair.yaml: %w", err)
	}
	p.About = d.About
	for side, s := range d.Sides {
		e := Example{Name: name + "/" + side, Pair: name, Side: side, Tracker: s.Tracker, About: s.About, Vars: variables(s.Vars), Projects: s.Projects, Types: s.Types, Needs: s.Fields, Ticket: s.Ticket}
		if err := e.read(path.Join("pairs", e.Name)); err != nil {
			return p, err
		}
		p.Sides = append(p.Sides, e)
	}
	slices.SortFunc(p.Sides, func(a, b Example) int { return strings.Compare(a.Side, b.Side) })
	return p, nil
}

// variables are a side's, those that must be asked for first.
func variables(described map[string]varDescription) []Var {
	var list []Var
	for name, v := range described {
		sample := v.Sample
		if sample == nil {
			sample = v.Default
		}
		list = append(list, Var{Name: name, About: v.About, Default: number(v.Default), Sample: number(sample)})
	}
	slices.SortFunc(list, func(a, b Var) int {
		if (a.Default == nil) != (b.Default == nil) {
			if a.Default == nil {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return list
}

// number makes the whole numbers of YAML those of Go.
func number(v any) any {
	if n, ok := v.(uint64); ok {
		return int(n) // a size or a count, written by us
	}
	return v
}

// GetPair returns one pair.
func GetPair(name string) (Pair, error) {
	pairs, err := Pairs()
	if err != nil {
		return Pair{}, err
	}
	var names []string
	for _, p := range pairs {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Pair{}, fmt.Errorf("there is no pair %.40q; there are %s", name, strings.Join(names, ", "))
}
