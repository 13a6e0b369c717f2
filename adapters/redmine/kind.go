package redmine

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

// Kind describes Redmine to the rest of the node.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "redmine",
		Title: "Redmine",
		Settings: []adapters.Setting{
			{Name: "api_key", Help: "API access key of the account to use (My account, right column)", Required: true, Secret: true},
			{Name: "projects", Help: "identifiers of the projects to work with, separated by commas; empty is all that the account sees"},
			{Name: "tracker", Help: "tracker of the issues to create where the filter names none; empty is the project's first"},
			{
				Name: "text_formatting", Help: "text formatting as in Administration, Settings, General", Default: formatTextile,
				Choices: []string{formatTextile, "markdown", "common_mark", formatPlain},
			},
			{Name: "marker_field", Help: "text custom field, used as a filter, that takes the marker of created issues; empty puts a line that is not shown into the description"},
			{Name: "field_types", Help: "types of custom fields that are not text, as NAME=TYPE, separated by commas (text, rich, option, options, number, bool, date, user, users); only an administrator's key can read them"},
			{Name: "page_size", Help: "issues to ask for at once, 1 to 100", Default: "100"},
		},
		Open: open,
	}
}

const (
	formatTextile = "textile"
	formatPlain   = "plain"
	maxPage       = 100
)

type settings struct {
	projects    []string
	tracker     string
	format      string
	markerField string
	types       map[string]event.Type
	page        int
}

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	key := strings.TrimSpace(opt.Settings["api_key"])
	if key == "" {
		return nil, errors.New("setting api_key is missing")
	}
	if opt.URL == nil {
		return nil, errors.New("setting url is missing")
	}
	client, err := rest.New(rest.Options{
		Base:      opt.URL,
		Sign:      func(r *http.Request) error { r.Header.Set("X-Redmine-API-Key", key); return nil },
		UserAgent: opt.UserAgent,
		Timeout:   opt.Timeout,
	})
	if err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	web := *opt.URL
	return newTracker(client, &web, set), nil
}

var identifierPattern = regexp.MustCompile(`^[a-z0-9_-]{1,100}$`)

func readSettings(in map[string]string) (settings, error) {
	s := settings{
		projects:    splitList(in["projects"]),
		tracker:     strings.TrimSpace(in["tracker"]),
		format:      in["text_formatting"],
		markerField: strings.TrimSpace(in["marker_field"]),
		types:       map[string]event.Type{},
		page:        maxPage,
	}
	for _, p := range s.projects {
		if !identifierPattern.MatchString(p) {
			return s, fmt.Errorf("setting projects: %q is not a project's identifier (the last part of its address)", p)
		}
	}
	if s.format == "" {
		s.format = formatTextile
	}
	if !slices.Contains([]string{formatTextile, "markdown", "common_mark", formatPlain}, s.format) {
		return s, fmt.Errorf("setting text_formatting: %q is not known", s.format)
	}
	for _, pair := range splitList(in["field_types"]) {
		name, kind, _ := strings.Cut(pair, "=")
		name, kind = strings.TrimSpace(name), strings.TrimSpace(kind)
		if name == "" || !slices.Contains(fieldTypes(), event.Type(kind)) {
			return s, fmt.Errorf("setting field_types: %q is not NAME=TYPE with one of the types %v", pair, fieldTypes())
		}
		s.types[name] = event.Type(kind)
	}
	if text := in["page_size"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return s, fmt.Errorf("setting page_size: %q is not a number from 1 to 100", text)
		}
		s.page = n
	}
	return s, nil
}

func fieldTypes() []event.Type {
	return []event.Type{
		event.TypeText, event.TypeRich, event.TypeOption, event.TypeOptions, event.TypeNumber,
		event.TypeBool, event.TypeDate, event.TypeUser, event.TypeUsers,
	}
}

func splitList(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// webURL is the page of an issue for people.
func webURL(base *url.URL, id int64) string {
	return base.JoinPath("issues", strconv.FormatInt(id, 10)).String()
}
