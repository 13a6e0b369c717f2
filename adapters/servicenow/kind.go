package servicenow

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/adapters/internal/rest"
)

// Kind describes ServiceNow to the rest of the node.
func Kind() adapters.Kind {
	yesno := []string{"yes", "no"}
	return adapters.Kind{
		Name:  "servicenow",
		Title: "ServiceNow",
		Settings: []adapters.Setting{
			{Name: "user", Help: "login (User ID) of the account to use", Required: true},
			{Name: "password", Help: "the account's password, for Basic sign-in", Secret: true},
			{Name: "api_key", Help: "API key of the account (x-sn-apikey), in place of a password", Secret: true},
			{Name: "client_id", Help: "client id of an OAuth application with the client credentials grant, in place of a password"},
			{Name: "client_secret", Help: "client secret of that application", Secret: true},
			{Name: "table", Help: "table of the tickets; one that extends task", Default: defaultTable},
			{Name: "query", Help: "encoded query that narrows the tickets, as ServiceNow copies it from a list: assignment_group.name=Network"},
			{Name: "caller", Help: "login, e-mail address or sys_id of the caller of created tickets where the filter names none"},
			{Name: "close_code", Help: "resolution code to close with where neither filter nor ticket has one"},
			{Name: "close_notes", Help: "resolution notes to close with where neither filter nor ticket has any"},
			{Name: "hold_reason", Help: "on hold reason to use where neither filter nor ticket has one"},
			{Name: "priority", Help: "whether ServiceNow calculates the priority from impact and urgency, or takes what is written", Default: "calculated", Choices: []string{"calculated", "written"}},
			{Name: "history", Help: "read who changed what from sys_audit, which the account must be allowed to read", Default: "no", Choices: yesno},
			{Name: "poll_files", Help: "look for new files, which do not move a ticket's change time", Default: "yes", Choices: yesno},
			{Name: "language", Help: "language of the labels of choices", Default: "en"},
			{Name: adapters.SettingHookSecret, Help: "secret that the business rule signs webhooks with", Secret: true},
			{Name: "lag", Help: "how long a transaction of ServiceNow may take to become visible", Default: "1m"},
			{Name: "page_size", Help: "tickets to ask for at once, 1 to 1000", Default: "100"},
		},
		Open: open,
	}
}

const (
	defaultTable = "incident"
	maxPage      = 1000
	maxLag       = time.Hour
)

type settings struct {
	user, table, language             string
	caller                            string
	hookSecret                        string
	closeCode, closeNotes, holdReason string
	query                             query
	calculated, history, files        bool
	lag                               time.Duration
	page                              int
}

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	if opt.URL == nil {
		return nil, errors.New("setting url is missing")
	}
	to := rest.Options{Base: opt.URL, UserAgent: opt.UserAgent, Timeout: opt.Timeout}
	if err := signIn(&to, set, opt.Settings); err != nil {
		return nil, err
	}
	c, err := rest.New(to)
	if err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	t := newTracker(client{rest: c}, opt.URL, set)
	if set.history {
		return &Audited{t}, nil
	}
	return t, nil
}

// signIn sets how requests are signed: by one of the ways that ServiceNow takes.
func signIn(to *rest.Options, set settings, in map[string]string) error {
	password, key, client := in["password"], strings.TrimSpace(in["api_key"]), strings.TrimSpace(in["client_id"])
	ways := 0
	for _, given := range []string{password, key, client} {
		if given != "" {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errors.New("settings password, api_key and client_id: one of them signs in, not several")
	case password != "":
		to.Sign = func(r *http.Request) error {
			r.SetBasicAuth(set.user, password)
			return nil
		}
	case key != "":
		to.Sign = func(r *http.Request) error {
			r.Header.Set("x-sn-apikey", key)
			return nil
		}
	case client != "":
		source, err := rest.OAuth{
			URL: to.Base.JoinPath("oauth_token.do"), Client: client, Secret: in["client_secret"], UserAgent: to.UserAgent,
		}.Source()
		if err != nil {
			return fmt.Errorf("setting client_id: %w", err)
		}
		to.Token = source
	default:
		return errors.New("setting password, api_key or client_id is missing")
	}
	return nil
}

var tableName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)

func readSettings(in map[string]string) (settings, error) {
	trim := func(name, def string) string { return orDefault(strings.TrimSpace(in[name]), def) }
	s := settings{
		user: trim("user", ""), table: trim("table", defaultTable), language: trim("language", "en"), caller: trim("caller", ""),
		hookSecret: in[adapters.SettingHookSecret],
		closeCode:  trim("close_code", ""), closeNotes: trim("close_notes", ""), holdReason: trim("hold_reason", ""),
		lag: time.Minute, page: 100,
	}
	switch {
	case s.user == "":
		return s, errors.New("setting user is missing")
	case !harmless(s.user):
		return s, errors.New("setting user: that is no login")
	case !tableName.MatchString(s.table):
		return s, fmt.Errorf("setting table: %q is not the name of a table (incident, not Incident)", s.table)
	case !harmless(s.language):
		return s, fmt.Errorf("setting language: %q is no language", s.language)
	}
	var err error
	if s.query, err = parseQuery(in["query"]); err != nil {
		return s, fmt.Errorf("setting query: %w", err)
	}
	if s.calculated, err = choose(in, "priority", "calculated", "written"); err != nil {
		return s, err
	}
	if s.history, err = choose(in, "history", "no", "yes"); err != nil {
		return s, err
	}
	s.history = !s.history
	if s.files, err = choose(in, "poll_files", "yes", "no"); err != nil {
		return s, err
	}
	return s, s.numbers(in)
}

// choose tells whether a setting has its default, which the first of the two is.
func choose(in map[string]string, name, def, other string) (bool, error) {
	switch v := strings.TrimSpace(in[name]); v {
	case "", def:
		return true, nil
	case other:
		return false, nil
	default:
		return false, fmt.Errorf("setting %s: %q is neither %s nor %s", name, v, def, other)
	}
}

func (s *settings) numbers(in map[string]string) error {
	if text := in["lag"]; text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > maxLag {
			return fmt.Errorf("setting lag: %q is not a time from 0s to %v", text, maxLag)
		}
		s.lag = d
	}
	if text := in["page_size"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return fmt.Errorf("setting page_size: %q is not a number from 1 to %d", text, maxPage)
		}
		s.page = n
	}
	return nil
}
