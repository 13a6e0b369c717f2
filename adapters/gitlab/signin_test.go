package gitlab_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/gitlab"
	"parley/adapters/gitlab/gitlabdouble"
	"parley/sync/event"
)

// vault keeps secrets as a node does.
type vault struct {
	mu   sync.Mutex // guards the field below
	kept map[string]string
}

func (v *vault) Kept(name string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.kept[name], nil
}

func (v *vault) Keep(name, value string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept[name] = value
	return nil
}

const applicationSecret = "gloas-secret-of-the-application"

// startGranted is a double with an application; what asks for access tokens is outside
// of the description of the API.
func startGranted(t testing.TB, lasting bool) *site {
	t.Helper()
	s := startSite(t, gitlabdouble.Options{Clients: map[string]string{"parley": applicationSecret}, LastingGrants: lasting})
	s.url = newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/oauth/") {
			s.Double.ServeHTTP(w, r)
			return
		}
		s.check.ServeHTTP(w, r)
	}))
	return s
}

func (s *site) granted(t testing.TB, u *url.URL, refresh, secret string, v *vault) adapters.Tracker {
	t.Helper()
	opened, err := gitlab.Kind().Open(adapters.Options{
		URL: u, UserAgent: "Parley test", Keeper: v,
		Settings: settings(map[string]string{"token": "", "client_id": "parley", "client_secret": secret, "refresh_token": refresh}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func TestOAuth_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	// GitLab's grants are good once: an answer to one that is lost takes a person, whatever
	// an adapter does, and the suite's faults lose some.
	s := startGranted(t, true)
	subject := s.subject()
	opens := func(secret string) func(testing.TB, *url.URL) adapters.Tracker {
		return func(t testing.TB, u *url.URL) adapters.Tracker {
			t.Helper()
			return s.granted(t, u, s.Grant(bot().Username), secret, &vault{kept: map[string]string{}})
		}
	}
	subject.Open, subject.OpenWrong = opens(applicationSecret), opens("wrong")
	subject.Renews, subject.Secrets = true, []string{applicationSecret, "access-token-", "refresh-token-"}
	effect := subject.Effect
	subject.Effect = func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/oauth/") && effect(r) }
	adaptertest.Run(t, subject)
}

func TestSignIn_ARefreshTokenIsReplacedAndKept(t *testing.T) {
	t.Parallel()
	s := startGranted(t, false)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	first, v := s.Grant(bot().Username), &vault{kept: map[string]string{}}
	for range 3 { // each start finds the token that the one before was given
		tracker := s.granted(t, u, first, applicationSecret, v)
		if _, err := tracker.Schema(t.Context()); err != nil {
			t.Error(err)
		}
		if err := tracker.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(v.kept) != 1 {
		t.Errorf("%d secrets are kept, want the newest refresh token", len(v.kept))
	}
}

func TestSignIn_AnAccessTokenThatEndsInTheMiddleIsRenewed(t *testing.T) {
	t.Parallel()
	s := startGranted(t, false)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	tracker := s.granted(t, u, s.Grant(bot().Username), applicationSecret, &vault{kept: map[string]string{}})
	defer func() { _ = tracker.Close() }()
	for _, summary := range []string{"before", "behind"} {
		if _, err := tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: mark, Fields: event.Fields{event.FieldSummary: summary}}, nil); err != nil {
			t.Errorf("%s: %v", summary, err)
		}
		s.RevokeTokens()
	}
	prober, ok := tracker.(adapters.Prober)
	if !ok {
		t.Fatal("there is no probe")
	}
	for _, f := range prober.Probe(t.Context()) {
		if strings.Contains(f.What, "token") && (f.Level != adapters.LevelOK || !strings.Contains(f.What, "refresh")) {
			t.Errorf("the probe says %+v", f)
		}
	}
}

func TestSignIn_AnAnswerToTheRefreshTokenThatIsLostTakesAPerson(t *testing.T) {
	t.Parallel()
	s := startGranted(t, false)
	cut := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/oauth/") {
			s.Double.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		s.Double.ServeHTTP(w, r)
	}))
	v, refresh := &vault{kept: map[string]string{}}, s.Grant(bot().Username)
	for _, c := range []struct {
		address string
		want    error
	}{{cut, adapters.ErrTransient}, {s.url, adapters.ErrDenied}} {
		u, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		tracker := s.granted(t, u, refresh, applicationSecret, v)
		_, err = tracker.Schema(t.Context())
		class(t, c.address, err, c.want)
		var known *adapters.Error
		if errors.As(err, &known); known != nil && errors.Is(err, adapters.ErrDenied) && known.Hint == "" {
			t.Errorf("nothing is said of what to do: %v", err)
		}
		if err := tracker.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSettings_AreCheckedWithoutARequest(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "https", Host: "gitlab.invalid"}
	for name, c := range map[string]struct {
		set  map[string]string
		good bool
	}{
		"token":               {map[string]string{"token": "a"}, true},
		"application":         {map[string]string{"client_id": "a", "client_secret": "b", "refresh_token": "c"}, true},
		"public application":  {map[string]string{"client_id": "a", "refresh_token": "c", "redirect_uri": "https://parley.example/"}, true},
		"nothing":             {map[string]string{}, false},
		"two ways":            {map[string]string{"token": "a", "client_id": "a", "refresh_token": "c"}, false},
		"no application":      {map[string]string{"refresh_token": "c"}, false},
		"no grant":            {map[string]string{"client_id": "a", "client_secret": "b"}, false},
		"a project without /": {map[string]string{"token": "a", "project": "support"}, false},
		"a project with ..":   {map[string]string{"token": "a", "project": "acme/../x?"}, false},
		"no project":          {map[string]string{"token": "a", "project": ""}, false},
		"settle too long":     {map[string]string{"token": "a", "settle": "2h"}, false},
		"page too large":      {map[string]string{"token": "a", "page_size": "101"}, false},
	} {
		set := map[string]string{"project": projectPath}
		for key, value := range c.set {
			set[key] = value
		}
		tracker, err := gitlab.Kind().Open(adapters.Options{URL: u, Settings: set, Keeper: &vault{kept: map[string]string{}}})
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if tracker != nil {
			_ = tracker.Close()
		}
	}
}
