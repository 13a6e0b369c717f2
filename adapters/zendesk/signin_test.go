package zendesk_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/zendesk"
	"parley/adapters/zendesk/zendeskdouble"
	"parley/sync/event"
)

// TestTrap_NobodyGetsAUserWithoutAnID: users/me answers 200 to everybody.
func TestTrap_NobodyGetsAUserWithoutAnID(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, map[string]string{"token": "revoked"})
	if _, err := b.tracker.Schema(t.Context()); !errors.Is(err, adapters.ErrDenied) {
		t.Errorf("Schema: %v, want denied", err)
	}
	all, err := zendeskProbe(b)
	b.must(err)
	if len(all) != 1 || all[0].Level != adapters.LevelError {
		t.Errorf("Probe: %+v", all)
	}
}

func TestSignIn_AnAPITokenWorksAndSaysWhenItEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, map[string]string{"email": bot().Email})
	b.read(b.made("legacy"))
	all, err := zendeskProbe(b)
	b.must(err)
	if !slices.ContainsFunc(all, func(f adapters.Finding) bool {
		return f.Level == adapters.LevelWarning && strings.Contains(f.What, "2026-10-27") && strings.Contains(f.What, "2027-04-30") && f.Hint != ""
	}) {
		t.Errorf("Probe does not say when API tokens end: %+v", all)
	}
}

func TestSignIn_ATokenThatEndsIsRenewedInTheMidst(t *testing.T) {
	t.Parallel()
	b := newBench(t, zendeskdouble.Options{}, map[string]string{"token": "", "client_id": "parley", "client_secret": clientSecret})
	ref := b.made("renewed")
	b.read(ref)
	b.site.RevokeTokens()
	b.must(b.update(ref, event.Fields{event.FieldSummary: "renewed once"}))
	if n := b.site.Served("POST oauth/tokens"); n != 2 {
		t.Errorf("%d tokens were asked for, want one more after the first was refused", n)
	}
	if got := b.read(ref).Fields[event.FieldSummary]; got != "renewed once" {
		t.Errorf("the summary is %v", got)
	}
}

// vault keeps what a tracker gave in place of a secret.
type vault struct{ kept map[string]string }

func (v vault) Kept(name string) (string, error) { return v.kept[name], nil }

func (v vault) Keep(name, value string) error {
	v.kept[name] = value
	return nil
}

func TestSignIn_ARefreshTokenIsReplacedAndKept(t *testing.T) {
	t.Parallel()
	s := startSite(t, zendeskdouble.Options{})
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	kept := vault{map[string]string{}}
	for range 3 { // each start finds the token that the one before was given
		opened, err := zendesk.Kind().Open(adapters.Options{
			URL: u, UserAgent: "Parley test", Keeper: kept,
			Settings: settings(map[string]string{"token": "", "client_id": "parley", "client_secret": clientSecret, "refresh_token": zendeskdouble.FirstRefresh}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened.Schema(t.Context()); err != nil {
			t.Error(err)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(kept.kept) != 1 {
		t.Errorf("kept is %v, want the newest refresh token", kept.kept)
	}
}

func TestSettings_AreCheckedWithoutARequest(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "https", Host: "acme.zendesk.invalid"}
	for name, c := range map[string]struct {
		set  map[string]string
		good bool
	}{
		"client":        {map[string]string{"client_id": "a", "client_secret": "b"}, true},
		"access token":  {map[string]string{"token": "b"}, true},
		"API token":     {map[string]string{"token": "b", "email": "a@b.example"}, true},
		"nothing":       {map[string]string{}, false},
		"no secret":     {map[string]string{"client_id": "a"}, false},
		"no client":     {map[string]string{"client_secret": "b"}, false},
		"two ways":      {map[string]string{"client_id": "a", "client_secret": "b", "token": "c"}, false},
		"address alone": {map[string]string{"client_id": "a", "client_secret": "b", "email": "a@b.example"}, false},
		"nobody keeps":  {map[string]string{"client_id": "a", "client_secret": "b", "refresh_token": "c"}, false},
		"odd wait":      {map[string]string{"token": "b", "export_every": "soon"}, false},
		"odd page":      {map[string]string{"token": "b", "page_size": "1001"}, false},
	} {
		tracker, err := zendesk.Kind().Open(adapters.Options{URL: u, Settings: c.set})
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if tracker != nil {
			_ = tracker.Close()
		}
	}
}
