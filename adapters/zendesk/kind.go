package zendesk

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// Kind describes Zendesk to the rest of the node.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "zendesk",
		Title: "Zendesk Support",
		Settings: []adapters.Setting{
			{Name: "client_id", Help: "unique identifier of the OAuth client to sign in with"},
			{Name: "client_secret", Help: "secret of the OAuth client", Secret: true},
			{Name: adapters.SettingRefreshToken, Help: "refresh token of the authorization code flow, which `parley adapter login` goes through; empty signs in with the client's own credentials", Secret: true},
			{Name: adapters.SettingRedirect, Help: "redirect URL of the OAuth client for that flow; empty is one on this machine"},
			{Name: "scope", Help: "what the access tokens of the OAuth client are for", Default: defaultScope},
			{Name: "token", Help: "in place of an OAuth client: an access token as it is, or with email an API token (legacy: all of them end on 2027-04-30)", Secret: true},
			{Name: "email", Help: "e-mail address of the account that the API token belongs to"},
			{Name: adapters.SettingHookSecret, Help: "signing secret of the webhook, as Zendesk shows it; empty takes none", Secret: true},
			{Name: "export_every", Help: "how often the export of changed tickets is asked, which Zendesk allows ten times a minute to all of an account's programs", Default: "10s"},
			{Name: "settle_time", Help: "how long a request that timed out may still be at work at Zendesk", Default: "10s"},
			{Name: "page_size", Help: "tickets to ask the export for at once, 1 to 1000", Default: "200"},
		},
		Open:  open,
		Login: login,
	}
}

const (
	maxWait     = time.Hour
	maxPage     = 1000
	defaultPage = 200
	maxBody     = 32 << 20
)

type settings struct {
	every  time.Duration
	settle time.Duration
	page   int
	// hookSecret signs webhooks.
	hookSecret string
}

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	if opt.URL == nil {
		return nil, errors.New("setting url is missing")
	}
	o := rest.Options{Base: opt.URL, UserAgent: opt.UserAgent, Timeout: opt.Timeout, MaxBody: maxBody}
	how, err := signIn(&o, opt)
	if err != nil {
		return nil, err
	}
	c, err := rest.New(o)
	if err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	return newTracker(client{rest: c}, opt.URL, set, how), nil
}

func readSettings(in map[string]string) (settings, error) {
	s := settings{every: 10 * time.Second, settle: 10 * time.Second, page: defaultPage, hookSecret: strings.TrimSpace(in[adapters.SettingHookSecret])}
	for name, to := range map[string]*time.Duration{"export_every": &s.every, "settle_time": &s.settle} {
		if text := in[name]; text != "" {
			d, err := time.ParseDuration(text)
			if err != nil || d < 0 || d > maxWait {
				return s, fmt.Errorf("setting %s: %q is not a time from 0s to %v", name, text, maxWait)
			}
			*to = d
		}
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
