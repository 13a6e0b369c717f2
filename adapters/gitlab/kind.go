package gitlab

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// Kind describes GitLab to the rest of the node.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "gitlab",
		Title: "GitLab issues",
		Settings: []adapters.Setting{
			{Name: "project", Help: "the project whose issues to work with: GROUP/NAME, or its number", Required: true},
			{Name: "token", Help: "project, group or personal access token with the scope api", Secret: true},
			{Name: "client_id", Help: "in place of a token: the id of an OAuth application"},
			{Name: "client_secret", Help: "secret of the application, if it is a confidential one", Secret: true},
			{Name: adapters.SettingRefreshToken, Help: "refresh token that the application was granted for the scope api; `parley adapter login` gets it", Secret: true},
			{Name: adapters.SettingRedirect, Help: "address that the application was granted it with"},
			{Name: adapters.SettingHookSecret, Help: "secret token or signing token of the webhook, if GitLab shall tell of changes at once", Secret: true},
			{Name: "settle", Help: "how long a request that got no answer may still be at work", Default: "5s"},
			{Name: "page_size", Help: "rows to ask for at once, 1 to 100", Default: "100"},
		},
		Open:  open,
		Login: login,
	}
}

const (
	maxPage   = 100
	maxSettle = time.Minute
)

type settings struct {
	project    string
	settle     time.Duration
	page       int
	hookSecret string
	renews     bool
}

var projectName = regexp.MustCompile(`^(?:[1-9][0-9]{0,17}|[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+)$`)

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	if opt.URL == nil {
		return nil, errors.New("setting url is missing")
	}
	o := rest.Options{Base: opt.URL, UserAgent: opt.UserAgent, Timeout: opt.Timeout}
	if set.renews, err = signIn(&o, opt); err != nil {
		return nil, err
	}
	c, err := rest.New(o)
	if err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	api := client{rest: c, name: set.project, page: set.page}
	return &Tracker{api: api, set: set, dir: newDirectory(api)}, nil
}

func readSettings(in map[string]string) (settings, error) {
	s := settings{
		project: strings.Trim(strings.TrimSpace(in["project"]), "/"), settle: 5 * time.Second, page: maxPage,
		hookSecret: in[adapters.SettingHookSecret],
	}
	if !projectName.MatchString(s.project) {
		return s, fmt.Errorf("setting project: %q is not GROUP/NAME, nor a number", in["project"])
	}
	if text := in["settle"]; text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > maxSettle {
			return s, fmt.Errorf("setting settle: %q is not a time from 0s to %v", text, maxSettle)
		}
		s.settle = d
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
