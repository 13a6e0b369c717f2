package all_test

import (
	"net/url"
	"regexp"
	"slices"
	"testing"

	"parley/adapters"
	"parley/adapters/all"
)

func TestKinds_AreWholeAndToldApart(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z][a-z0-9]*$`)
	seen := map[string]bool{}
	for _, k := range all.Kinds() {
		if !name.MatchString(k.Name) || seen[k.Name] || k.Title == "" || k.Open == nil || len(k.Capabilities.Abilities) == 0 || len(k.Capabilities.Fields) == 0 {
			t.Errorf("kind %+v lacks something, or its name is taken", k)
		}
		seen[k.Name] = true
		if want := slices.Contains(k.Capabilities.Abilities, "webhooks"); k.Hooked() != want {
			t.Errorf("%s declares %s: %v, the suite proved webhooks: %v", k.Name, adapters.SettingHookSecret, k.Hooked(), want)
		}
		secret := false
		for _, s := range k.Settings {
			if s.Name == "" || s.Help == "" {
				t.Errorf("%s: setting %+v lacks name or help", k.Name, s)
			}
			secret = secret || s.Secret && s.Name != adapters.SettingHookSecret
		}
		if !secret {
			t.Errorf("%s needs no secret to sign in", k.Name)
		}
	}
}

func TestKinds_OpenRefusesAMissingCredentialWithoutARequest(t *testing.T) {
	t.Parallel()
	for _, k := range all.Kinds() {
		o := adapters.Options{URL: &url.URL{Scheme: "http", Host: "tracker.invalid"}, Settings: map[string]string{}}
		if tracker, err := k.Open(o); err == nil {
			_ = tracker.Close()
			t.Errorf("%s opened without a credential", k.Name)
		}
	}
}
