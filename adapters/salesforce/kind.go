package salesforce

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

// Kind describes Salesforce to the rest of the node.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "salesforce",
		Title: "Salesforce cases",
		Settings: []adapters.Setting{
			{Name: "client_id", Help: "consumer key of the External Client App to sign in with", Required: true},
			{Name: "client_secret", Help: "consumer secret of the app, for the client credentials flow", Secret: true},
			{Name: "private_key", Help: "in place of the secret: private key (PEM) of the certificate that the app knows, for the JWT bearer flow", Secret: true},
			{Name: "username", Help: "with private_key: user name of the account to act as"},
			{Name: "audience", Help: "with private_key: whom the JWT is for; https://test.salesforce.com for a sandbox", Default: defaultAudience},
			{Name: "api_version", Help: "version of the REST API, 60.0 or later", Default: defaultVersion},
			{Name: "sync_key_field", Help: "API name of the field of cases that holds Parley's marker: text of 32, external id, unique", Default: defaultKeyField},
			{Name: adapters.SettingHookSecret, Help: "last part of the address that Salesforce calls; empty takes no calls", Secret: true},
			{Name: "overlap", Help: "how long after its change time a row may still not show, 10s or more", Default: "30s"},
			{Name: "settle_time", Help: "how long a request that timed out may still be at work at Salesforce", Default: "10s"},
		},
		Open: open,
	}
}

const (
	defaultAudience = "https://login.salesforce.com"
	defaultVersion  = "66.0"
	defaultKeyField = "Sync_Key__c"
	leastVersion    = 60
	leastOverlap    = 10 * time.Second
	maxWait         = time.Hour
	maxBody         = 32 << 20
	// maxFile is what a multipart insert of a file takes.
	maxFile = 2 << 30
)

type settings struct {
	version  string
	keyField string
	overlap  time.Duration
	settle   time.Duration
	// hookSecret is the last part of the address that is called.
	hookSecret string
}

func open(opt adapters.Options) (adapters.Tracker, error) {
	set, err := readSettings(opt.Settings)
	if err != nil {
		return nil, err
	}
	if err := checkHost(opt.URL); err != nil {
		return nil, err
	}
	o := rest.Options{Base: opt.URL, UserAgent: opt.UserAgent, Timeout: opt.Timeout, MaxBody: maxBody, MaxFile: maxFile}
	how, err := signIn(&o, opt)
	if err != nil {
		return nil, err
	}
	c, err := rest.New(o)
	if err != nil {
		return nil, fmt.Errorf("setting url: %w", err)
	}
	return newTracker(client{rest: c, version: set.version, usage: &usage{}}, opt.URL, set, how), nil
}

// checkHost refuses addresses at which there is a sign-in page but no org's data.
func checkHost(u *url.URL) error {
	if u == nil {
		return errors.New("setting url is missing")
	}
	host := strings.ToLower(u.Hostname())
	if host == "login.salesforce.com" || host == "test.salesforce.com" || strings.HasSuffix(host, ".lightning.force.com") {
		return errors.New("setting url: enter the org's My Domain (https://acme.my.salesforce.com): tokens are given and taken there only")
	}
	return nil
}

var (
	versionText = regexp.MustCompile(`^[0-9]{2,3}\.0$`)
	fieldText   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)
)

func readSettings(in map[string]string) (settings, error) {
	s := settings{
		version: orDefault(in["api_version"], defaultVersion), keyField: orDefault(in["sync_key_field"], defaultKeyField),
		overlap: 30 * time.Second, settle: 10 * time.Second, hookSecret: in[adapters.SettingHookSecret],
	}
	major, _, _ := strings.Cut(s.version, ".")
	if n, err := strconv.Atoi(major); err != nil || !versionText.MatchString(s.version) || n < leastVersion {
		return s, fmt.Errorf("setting api_version: %q is not a version from %d.0 on", s.version, leastVersion)
	}
	if !fieldText.MatchString(s.keyField) {
		return s, fmt.Errorf("setting sync_key_field: %q is not the API name of a field", s.keyField)
	}
	for name, to := range map[string]*time.Duration{"overlap": &s.overlap, "settle_time": &s.settle} {
		text := in[name]
		if text == "" {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > maxWait {
			return s, fmt.Errorf("setting %s: %q is not a duration from 0 to %v", name, text, maxWait)
		}
		*to = d
	}
	if s.overlap < leastOverlap {
		return s, fmt.Errorf("setting overlap: %v is less than %v, after which changes may still show up", s.overlap, leastOverlap)
	}
	return s, nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
