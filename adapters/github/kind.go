package github

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/marker"
	"parley/adapters/internal/rest"
)

// Kind describes GitHub to the rest of the node.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "github",
		Title: "GitHub issues",
		Settings: []adapters.Setting{
			{Name: "repository", Help: "the repository whose issues to work with: OWNER/NAME", Required: true},
			{Name: "token", Help: "fine-grained personal access token of the account to use; with app_id, the private key of the app (PEM)", Required: true, Secret: true},
			{Name: "app_id", Help: "client id or id of the GitHub App to sign in as"},
			{Name: "installation_id", Help: "number of the app's installation (the end of its settings page's address)"},
			{Name: adapters.SettingHookSecret, Help: "secret of the webhook, if GitHub shall tell of changes at once", Secret: true},
			{Name: "marker", Help: "how the mark that Parley leaves in what it writes is hidden: as an HTML comment, or as a link definition where something on the way strips comments", Default: markerComment, Choices: []string{markerComment, markerDefinition}},
			{Name: "write_interval", Help: "least time from one write to the next", Default: "1s"},
			{Name: "settle", Help: "how long a request that got no answer may still be at work", Default: "5s"},
			{Name: "page_size", Help: "rows to ask for at once, 1 to 100", Default: "100"},
		},
		Open: open,
	}
}

const (
	markerComment    = "comment"
	markerDefinition = "definition"
	maxPage          = 100
	maxInterval      = time.Minute
)

type settings struct {
	owner, repo string
	form        marker.Form
	interval    time.Duration
	settle      time.Duration
	page        int
	// installation of the app, "" for a token.
	installation string
	hookSecret   string
}

var repositoryName = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))/([A-Za-z0-9._-]{1,100})$`)

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(opt.Settings["token"])
	if token == "" {
		return nil, errors.New("setting token is missing")
	}
	if opt.URL == nil {
		return nil, errors.New("setting url is missing")
	}
	if h := strings.ToLower(opt.URL.Hostname()); h == "github.com" || h == "www.github.com" {
		return nil, errors.New("setting url: the API of github.com is at https://api.github.com")
	}
	api := client{owner: set.owner, repo: set.repo, page: set.page, pace: newPace(set.interval)}
	o := rest.Options{Base: opt.URL, UserAgent: opt.UserAgent, Timeout: opt.Timeout}
	if set.installation == "" {
		o.Sign = func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+token)
			return nil
		}
	} else {
		key, err := rest.ParseKey(token)
		if err != nil {
			return nil, fmt.Errorf("setting token: with app_id it is the app's private key: %w", err)
		}
		if api.app, err = newApp(opt, strings.TrimSpace(opt.Settings["app_id"]), key, &set); err != nil {
			return nil, fmt.Errorf("setting url: %w", err)
		}
		o.Token = api.app.token
	}
	if api.rest, err = rest.New(o); err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	return &Tracker{api: api, set: set, dir: newDirectory(api)}, nil
}

func readSettings(in map[string]string) (settings, error) {
	s := settings{interval: time.Second, settle: 5 * time.Second, page: maxPage}
	m := repositoryName.FindStringSubmatch(strings.TrimSpace(in["repository"]))
	if m == nil || m[2] == "." || m[2] == ".." {
		return s, fmt.Errorf("setting repository: %q is not OWNER/NAME", in["repository"])
	}
	s.owner, s.repo = m[1], m[2]
	s.installation, s.hookSecret = strings.TrimSpace(in["installation_id"]), in[adapters.SettingHookSecret]
	switch app := strings.TrimSpace(in["app_id"]); {
	case (app == "") != (s.installation == ""):
		return s, errors.New("settings app_id and installation_id: an app needs both")
	case s.installation != "" && !isID(s.installation):
		return s, fmt.Errorf("setting installation_id: %q is not a number", s.installation)
	}
	switch in["marker"] {
	case "", markerComment:
	case markerDefinition:
		s.form = marker.Definition
	default:
		return s, fmt.Errorf("setting marker: %q is not known", in["marker"])
	}
	for name, into := range map[string]*time.Duration{"write_interval": &s.interval, "settle": &s.settle} {
		if in[name] == "" {
			continue
		}
		d, err := time.ParseDuration(in[name])
		if err != nil || d < 0 || d > maxInterval {
			return s, fmt.Errorf("setting %s: %q is not a time from 0s to %v", name, in[name], maxInterval)
		}
		*into = d
	}
	if text := in["page_size"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return s, fmt.Errorf("setting page_size: %q is not a number from 1 to %d", text, maxPage)
		}
		s.page = n
	}
	return s, nil
}
