package rt

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

const apiPath = "/REST/2.0"

// Kind describes Request Tracker to the rest of the node.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "rt",
		Title: "Request Tracker",
		Settings: []adapters.Setting{
			{Name: "token", Help: "authentication token of the account to use; its time zone must be UTC", Required: true, Secret: true},
			{Name: "queues", Help: "queues to work with, separated by commas; empty is all that the account sees"},
			{Name: "marker_field", Help: "ticket custom field that takes the marker of created tickets; empty puts a short line into the first message"},
			{Name: "labels_field", Help: "custom field (enter multiple values) that the labels of a ticket stand in"},
			{Name: "field_types", Help: "types of custom fields whose definition the account may not read, as NAME=TYPE, separated by commas (text, rich, option, options, set, number, date, time)"},
			{Name: "priorities", Help: "names of priorities as in RT's PriorityAsString; \"number\" keeps numbers", Default: defaultPriorities},
			{Name: "create_requestors", Help: "whether a reporter whom RT does not know may be made a user there by mail address", Default: "no", Choices: []string{"no", "yes"}},
		},
		Open: open,
	}
}

const defaultPriorities = "Low=0, Medium=50, High=100"

type settings struct {
	queues           []string
	markerField      string
	labelsField      string
	types            map[string]event.Type
	priorities       []priority
	createRequestors bool
}

// priority is a name and the number that it starts at.
type priority struct {
	name string
	from int
}

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	token := opt.Settings["token"]
	if token == "" {
		return nil, errors.New("setting token is missing")
	}
	if opt.URL == nil {
		return nil, errors.New("setting url is missing")
	}
	web := *opt.URL
	web.Path = strings.TrimSuffix(strings.TrimSuffix(web.Path, "/"), apiPath)
	web.RawPath = ""
	client, err := rest.New(rest.Options{
		Base:      web.JoinPath(apiPath),
		Sign:      func(r *http.Request) error { r.Header.Set("Authorization", "token "+token); return nil },
		UserAgent: opt.UserAgent,
		Timeout:   opt.Timeout,
	})
	if err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	return newTracker(client, &web, set), nil
}

func readSettings(in map[string]string) (settings, error) {
	s := settings{
		queues:           splitList(in["queues"]),
		markerField:      strings.TrimSpace(in["marker_field"]),
		labelsField:      strings.TrimSpace(in["labels_field"]),
		types:            map[string]event.Type{},
		createRequestors: in["create_requestors"] == "yes",
	}
	for _, pair := range splitList(in["field_types"]) {
		name, kind, _ := strings.Cut(pair, "=")
		name, kind = strings.TrimSpace(name), strings.TrimSpace(kind)
		if !slices.Contains(fieldTypes(), event.Type(kind)) {
			return s, fmt.Errorf("setting field_types: %q is not NAME=TYPE with one of the types %v", pair, fieldTypes())
		}
		s.types[name] = event.Type(kind)
	}
	text := in["priorities"]
	if strings.TrimSpace(text) == "" {
		text = defaultPriorities
	}
	if text == "number" {
		return s, nil
	}
	for _, pair := range splitList(text) {
		name, number, _ := strings.Cut(pair, "=")
		from, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || strings.TrimSpace(name) == "" {
			return s, fmt.Errorf("setting priorities: %q is not NAME=NUMBER", pair)
		}
		s.priorities = append(s.priorities, priority{strings.TrimSpace(name), from})
	}
	slices.SortFunc(s.priorities, func(a, b priority) int { return a.from - b.from })
	return s, nil
}

func fieldTypes() []event.Type {
	return []event.Type{
		event.TypeText, event.TypeRich, event.TypeOption, event.TypeOptions,
		event.TypeSet, event.TypeNumber, event.TypeDate, event.TypeTime,
	}
}

func splitList(s string) []string {
	var out []string
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// webURL is the page of a ticket for people.
func webURL(web *url.URL, id string) string {
	u := web.JoinPath("Ticket", "Display.html")
	u.RawQuery = url.Values{"id": {id}}.Encode()
	return u.String()
}
