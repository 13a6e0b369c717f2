package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"parley/adapters"
	"parley/node/secret"
)

// Options are what Load needs besides the file.
type Options struct {
	// Kinds are the adapters there are.
	Kinds []adapters.Kind
	// Getenv reads the environment; nil reads none.
	Getenv func(string) string
	// Flags are values from the command line, by key ("log.level"); only keys of
	// Variables can be set.
	Flags map[string]string
}

// Variables returns the variables that Load reads, by the key that each sets.
func Variables() map[string]string {
	variables := map[string]string{}
	for _, key := range []string{"node.dir", "listen.nats", "metrics.listen", "log.level", "log.format"} {
		variables[key] = "PARLEY_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
	}
	return variables
}

// Load reads and checks the file. An error that is about what the file says is
// a *Problems with everything that is wrong.
func Load(name string, o Options) (*Config, error) {
	text, err := read(name)
	if err != nil {
		return nil, err
	}
	c := Default()
	c.folder, c.file = filepath.Dir(name), name
	d := &decoder{at: map[string]position{}}
	d.file(text, c)
	if len(d.problems) == 1 && d.problems[0].Key == "" && len(d.at) == 0 {
		return nil, asError(name, d.problems) // not YAML at all: nothing to check
	}
	d.overlay(c, o)
	c.fillConnections()
	v := &validator{decoder: d, config: c, kinds: o.Kinds}
	v.templates(slices.Sorted(maps.Keys(c.Connections)))
	v.all()
	if err := asError(name, d.problems); err != nil {
		return nil, err
	}
	return c, nil
}

// read returns the file's text.
func read(name string) (text []byte, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("read configuration: %s is larger than %d bytes", name, maxFile)
	}
	return text, nil
}

// overlay puts the environment and the flags over the file.
func (d *decoder) overlay(c *Config, o Options) {
	variables := Variables()
	for _, key := range slices.Sorted(maps.Keys(variables)) {
		if o.Getenv != nil {
			if text := o.Getenv(variables[key]); text != "" {
				d.override(c, key, text, "environment "+variables[key])
			}
		}
		if text, ok := o.Flags[key]; ok {
			d.override(c, key, text, "flag for "+key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.Flags)) {
		if variables[key] == "" {
			d.problems = append(d.problems, Problem{From: "flag for " + key, What: "this key cannot be set by a flag"})
		}
	}
}

// override sets one text by its key.
func (d *decoder) override(c *Config, key, text, from string) {
	v := reflect.ValueOf(c).Elem()
	for part := range strings.SplitSeq(key, ".") {
		fields, _ := keysOf(v.Type())
		v = v.Field(fields[part])
	}
	v.SetString(text)
	d.at[key] = position{from: from}
}

// Resolve returns the adapter's settings with defaults and secrets filled in,
// and the secrets by themselves, for the log's mask.
func (t Tracker) Resolve(kind adapters.Kind, r secret.Resolver) (map[string]string, []secret.Value, error) {
	settings := map[string]string{}
	var secrets []secret.Value
	for _, s := range kind.Settings {
		text := t.Settings[s.Name]
		if text == "" {
			text = s.Default
		}
		if s.Secret && text != "" {
			ref, err := secret.ParseRef(text)
			if err != nil {
				return nil, nil, fmt.Errorf("tracker setting %s: %w", s.Name, err)
			}
			value, err := r.Resolve(ref)
			if err != nil {
				return nil, nil, fmt.Errorf("tracker setting %s: %w", s.Name, err)
			}
			secrets = append(secrets, value)
			text = value.Reveal()
		}
		if text != "" {
			settings[s.Name] = text
		}
	}
	return settings, secrets, nil
}

// Resolve returns the webhook's address and signing key. Both may be secret.
func (w Webhook) Resolve(r secret.Resolver) (address, key secret.Value, err error) {
	address = secret.NewValue(w.URL)
	if ref, err := secret.ParseRef(w.URL); err == nil {
		if address, err = r.Resolve(ref); err != nil {
			return secret.Value{}, secret.Value{}, fmt.Errorf("webhook address: %w", err)
		}
	}
	if u, err := url.Parse(address.Reveal()); err != nil || u.Host == "" || plain(u) || u.Scheme != "https" && u.Scheme != "http" {
		return secret.Value{}, secret.Value{}, errors.New("webhook address: want https://HOST…")
	}
	if key, err = r.Resolve(w.Secret); err != nil {
		return secret.Value{}, secret.Value{}, fmt.Errorf("webhook secret: %w", err)
	}
	return address, key, nil
}

// Plain is what Show writes as maps, lists and values, for programs.
func (c *Config) Plain() (map[string]any, error) {
	text, err := c.text()
	if err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	var plain map[string]any
	if err := yaml.Unmarshal(text, &plain); err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	return plain, nil
}

// Show writes the configuration in force: file, environment, flags and
// defaults together. Secrets are shown by where they are.
func (c *Config) Show(out io.Writer) error {
	text, err := c.text()
	if err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	if _, err := out.Write(text); err != nil {
		return fmt.Errorf("show configuration: %w", err)
	}
	return nil
}

// text is the configuration as YAML: as people write it, unless that reads back as something else. Of a bare text
// with a tab at its end, for one, the encoder makes YAML that means it without the tab; then every text is quoted.
func (c *Config) text() ([]byte, error) { return encode(c.unfilled()) }

func encode(c any) ([]byte, error) {
	layout := []yaml.EncodeOption{yaml.Indent(2), yaml.IndentSequence(true)}
	handsome, err := yaml.MarshalWithOptions(c, layout...)
	if err != nil {
		return nil, err
	}
	quoted, err := yaml.MarshalWithOptions(c, append(layout, yaml.CustomMarshaler(func(text string) ([]byte, error) {
		out, err := quote(text)
		return []byte(out), err
	}))...)
	if err != nil {
		return nil, err
	}
	var one, other any
	if yaml.Unmarshal(handsome, &one) == nil && yaml.Unmarshal(quoted, &other) == nil && reflect.DeepEqual(one, other) {
		return handsome, nil
	}
	return quoted, nil
}
