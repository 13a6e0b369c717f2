package azuredevops

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// Kind describes Azure DevOps to the rest of the node.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "azuredevops",
		Title: "Azure DevOps work items",
		Settings: []adapters.Setting{
			{Name: "tenant", Help: "id of the Microsoft Entra tenant of the service principal"},
			{Name: "client_id", Help: "application (client) id of the service principal, in place of a token"},
			{Name: "client_secret", Help: "client secret of the service principal", Secret: true},
			{Name: "token", Help: "personal access token of the account to use (Azure DevOps Server, or Services without Entra); empty signs in with client_id", Secret: true},
			{Name: "token_url", Help: "where access tokens come from; empty is Microsoft Entra, for tenant"},
			{Name: "projects", Help: "names of the projects to work with, separated by commas", Required: true},
			{Name: "work_item_type", Help: "type of the work items to create where the filter names none", Default: "Task"},
			{Name: "marker_field", Help: "reference name of a text field (Custom.ParleyMarker) that marks what Parley created; empty marks by a tag"},
			{Name: "identity_url", Help: "address of the identity service; empty is https://vssps.dev.azure.com/ORGANISATION, or url for a server of your own"},
			{Name: "settle_time", Help: "how long a request that timed out may still be at work there", Default: "10s"},
			{Name: adapters.SettingHookSecret, Help: "password of the service hooks' basic sign-in, or USER:PASSWORD, or the value of their header X-Parley-Secret", Secret: true},
			{Name: "page_size", Help: "work items to ask for at once, 1 to 200", Default: "200"},
		},
		Open: open,
	}
}

const (
	maxPage    = 200
	servicesAt = "dev.azure.com"
	identities = "https://vssps.dev.azure.com"
	// scope is Azure DevOps itself, as Entra knows it.
	scope = "499b84ac-1321-427f-aa17-267ca6975798/.default"
)

type settings struct {
	projects   []string
	kind       string
	marker     string // reference name of a field; "" is a tag
	settle     time.Duration
	page       int
	hookSecret string
	// entered is set for a personal access token, services for Microsoft's own site.
	entered, services bool
}

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	if opt.URL == nil {
		return nil, errors.New("setting url is missing")
	}
	set.services = strings.EqualFold(opt.URL.Hostname(), servicesAt) || strings.HasSuffix(strings.ToLower(opt.URL.Hostname()), ".visualstudio.com")
	main, err := newClient(opt, opt.URL)
	if err != nil {
		return nil, err
	}
	people := main
	at, err := identityURL(opt)
	if err != nil {
		return nil, err
	}
	if at != nil {
		if people, err = newClient(opt, at); err != nil {
			return nil, fmt.Errorf("setting identity_url: %w", err)
		}
	}
	return newTracker(client{rest: main, people: people, pause: &pause{}}, opt.URL, set), nil
}

// newClient is the HTTP client for one origin, with a sign-in of its own.
func newClient(opt adapters.Options, at *url.URL) (*rest.Client, error) {
	r := rest.Options{Base: at, UserAgent: opt.UserAgent, Timeout: opt.Timeout, Refused: signInPage}
	if err := signIn(&r, opt); err != nil {
		return nil, err
	}
	c, err := rest.New(r)
	if err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	return c, nil
}

// signInPage tells what Azure DevOps answers to a credential that it does not take: a
// page for people, with a status of success or a redirect.
func signInPage(res *http.Response) bool {
	return res.StatusCode == http.StatusNonAuthoritativeInfo ||
		res.StatusCode == http.StatusFound && strings.Contains(res.Header.Get("Location"), "/_signin")
}

func signIn(to *rest.Options, opt adapters.Options) error {
	get := func(name string) string { return strings.TrimSpace(opt.Settings[name]) }
	token, id, secret := get("token"), get("client_id"), get("client_secret")
	switch {
	case token == "" && id == "" && secret == "":
		return errors.New("setting client_secret is missing: enter it with tenant and client_id, or a token")
	case token != "" && (id != "" || secret != ""):
		return errors.New("setting token stands beside client_id or client_secret: keep one way to sign in")
	case token != "":
		to.Sign = func(r *http.Request) error {
			r.SetBasicAuth("", token) // the user must be empty
			return nil
		}
		return nil
	case id == "" || secret == "":
		return errors.New("settings client_id and client_secret go together")
	case !tenantID.MatchString(get("tenant")) && get("token_url") == "":
		return errors.New("setting tenant is missing or not an id")
	}
	at, err := url.Parse(orDefault(get("token_url"), "https://login.microsoftonline.com/"+get("tenant")+"/oauth2/v2.0/token"))
	if err != nil {
		return errors.New("setting token_url: it is not an address")
	}
	to.Token, err = rest.OAuth{URL: at, Client: id, Secret: secret, Scope: scope, UserAgent: opt.UserAgent}.Source()
	if err != nil {
		return fmt.Errorf("setting token_url: %w", err)
	}
	return nil
}

var tenantID = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}$`)

// identityURL is where people are looked up; nil if that is the tracker's own address.
// Microsoft keeps them on another host, which takes the same credential.
func identityURL(opt adapters.Options) (*url.URL, error) {
	text := strings.TrimSpace(opt.Settings["identity_url"])
	if text == "" {
		if !strings.EqualFold(opt.URL.Hostname(), servicesAt) || opt.URL.Scheme != "https" {
			return nil, nil
		}
		text = identities + opt.URL.Path
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("setting identity_url: %q is not an address", text)
	}
	return u, nil
}

var (
	projectName   = regexp.MustCompile(`^[^\\/:*?"<>|;#$*{},+=\[\]\x00-\x1f]{1,64}$`)
	referenceName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)+$`)
)

func readSettings(in map[string]string) (settings, error) {
	s := settings{
		kind: orDefault(strings.TrimSpace(in["work_item_type"]), "Task"), marker: strings.TrimSpace(in["marker_field"]),
		settle: 10 * time.Second, page: maxPage, hookSecret: in[adapters.SettingHookSecret], entered: in["token"] != "",
	}
	for part := range strings.SplitSeq(in["projects"], ",") {
		name := strings.TrimSpace(part)
		switch {
		case name == "":
		case !projectName.MatchString(name) || strings.HasPrefix(name, "."):
			return s, fmt.Errorf("setting projects: %q is not a project's name", name)
		default:
			s.projects = append(s.projects, name)
		}
	}
	switch {
	case len(s.projects) == 0:
		return s, errors.New("setting projects: name at least one project")
	case s.marker != "" && !referenceName.MatchString(s.marker):
		return s, fmt.Errorf("setting marker_field: %q is not the reference name of a field", s.marker)
	}
	if text := in["settle_time"]; text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > time.Hour {
			return s, fmt.Errorf("setting settle_time: %q is not a time from 0s to 1h", text)
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
