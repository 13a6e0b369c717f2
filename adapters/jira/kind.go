package jira

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// Kind describes Jira to the rest of the node.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "jira",
		Title: "Jira Cloud and Data Center",
		Settings: []adapters.Setting{
			{Name: "deployment", Help: "which Jira it is", Default: deploymentCloud, Choices: []string{deploymentCloud, deploymentDC}},
			{Name: "email", Help: "e-mail address of the account that the API token belongs to; empty sends the token alone, as personal access tokens and those of service accounts want it"},
			{Name: "token", Help: "API token (Cloud) or personal access token (Data Center) of the account to use; empty signs in with client_id", Secret: true},
			{Name: "client_id", Help: "id of a service account's OAuth 2.0 credential, in place of a token"},
			{Name: "client_secret", Help: "secret of a service account's OAuth 2.0 credential", Secret: true},
			{Name: "token_url", Help: "where access tokens come from; empty is Atlassian's (Cloud) or the site's own (Data Center)"},
			{Name: "scope", Help: "scopes to ask for, separated by spaces; empty is what the credential has (Cloud) or WRITE (Data Center)"},
			{Name: "projects", Help: "keys of the projects to work with, separated by commas", Required: true},
			{Name: "site", Help: "address of the site as people open it, where url is the gateway that scoped tokens need (https://api.atlassian.com/ex/jira/CLOUDID)"},
			{Name: "issue_type", Help: "type of the issues to create where the filter names none", Default: "Task"},
			{Name: "internal_comments", Help: "outside of Jira Service Management, who may read internal comments: role:NAME or group:NAME; empty refuses to write any"},
			{Name: "index_lag", Help: "how long the search may not show what was written", Default: "2m"},
			{Name: adapters.SettingHookSecret, Help: "secret of the webhook that an administrator of Jira made for tracker.webhook", Secret: true},
			{Name: "page_size", Help: "issues to ask for at once, 1 to 100", Default: "100"},
		},
		Open: open,
	}
}

const (
	deploymentCloud = "cloud"
	deploymentDC    = "datacenter"
	maxPage         = 100
	maxLag          = time.Hour
)

type settings struct {
	cloud    bool
	projects []string
	kind     string
	// audience restricts internal comments where the project has no such thing.
	audience *audience
	lag      time.Duration
	page     int
	// hookSecret signs webhooks.
	hookSecret string
	// entered is set for a token that a person entered.
	entered bool
}

type audience struct{ kind, name string }

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	if opt.URL == nil {
		return nil, errors.New("setting url is missing")
	}
	sign, source, err := signIn(opt, set.cloud)
	if err != nil {
		return nil, err
	}
	web := *opt.URL
	if site := strings.TrimSpace(opt.Settings["site"]); site != "" {
		u, err := url.Parse(site)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, fmt.Errorf("setting site: %q is not an address", site)
		}
		web = *u
	}
	c, err := rest.New(rest.Options{Base: opt.URL, UserAgent: opt.UserAgent, Timeout: opt.Timeout, Sign: sign, Token: source})
	if err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	return newTracker(client{rest: c, cloud: set.cloud}, &web, set), nil
}

var projectKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,254}$`)

func readSettings(in map[string]string) (settings, error) {
	s := settings{
		kind: orDefault(strings.TrimSpace(in["issue_type"]), "Task"), lag: 2 * time.Minute, page: maxPage,
		hookSecret: in[adapters.SettingHookSecret], entered: in["client_id"] == "",
	}
	switch orDefault(in["deployment"], deploymentCloud) {
	case deploymentCloud:
		s.cloud = true
	case deploymentDC:
	default:
		return s, fmt.Errorf("setting deployment: %q is not known", in["deployment"])
	}
	for part := range strings.SplitSeq(in["projects"], ",") {
		key := strings.TrimSpace(part)
		switch {
		case key == "":
		case !projectKey.MatchString(key):
			return s, fmt.Errorf("setting projects: %q is not a project's key (the letters before an issue's number)", key)
		default:
			s.projects = append(s.projects, key)
		}
	}
	if len(s.projects) == 0 {
		return s, errors.New("setting projects: name at least one project")
	}
	if text := strings.TrimSpace(in["internal_comments"]); text != "" {
		kind, name, _ := strings.Cut(text, ":")
		if kind != "role" && kind != "group" || strings.TrimSpace(name) == "" {
			return s, fmt.Errorf("setting internal_comments: %q is not role:NAME or group:NAME", text)
		}
		s.audience = &audience{kind: kind, name: strings.TrimSpace(name)}
	}
	if text := in["index_lag"]; text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > maxLag {
			return s, fmt.Errorf("setting index_lag: %q is not a time from 0s to %v", text, maxLag)
		}
		s.lag = d
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
