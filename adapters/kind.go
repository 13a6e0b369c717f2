package adapters

import (
	"net/url"
	"slices"
	"time"
)

// Kind is one kind of tracker: what it needs to be set up, and how to open it.
type Kind struct {
	// Name is what parley.yaml says ("redmine").
	Name string
	// Title is what people call it ("Redmine").
	Title string
	// Settings are the kind's own keys in parley.yaml, in the order asked.
	Settings []Setting
	// Capabilities are what the suite proved of the kind; adapters/all fills them in.
	Capabilities Capabilities
	// Abilities are further words for `adapter show`, of what no suite tells.
	Abilities []string
	// Open checks the settings and returns a tracker. It makes no request: a
	// tracker that is down must not keep the node from starting.
	Open func(Options) (Tracker, error)
	// Login begins a sign-in whose refresh token is the setting SettingRefreshToken; nil
	// for kinds that need none. It makes no request, and ignores that setting.
	Login func(Options) (Login, error)
}

// Capabilities are what adaptertest holds a kind to, beside what it holds all to.
type Capabilities struct {
	// Abilities, in a few words each.
	Abilities []string `json:"abilities"`
	// Fields are the types of fields that are written and read back.
	Fields []string `json:"fields"`
}

// Hooked tells whether the kind's trackers can tell of changes by themselves; see the
// interface of that name.
func (k Kind) Hooked() bool {
	return slices.ContainsFunc(k.Settings, func(s Setting) bool { return s.Name == SettingHookSecret })
}

// Setting declares one key of an adapter's configuration.
type Setting struct {
	Name     string
	Help     string
	Required bool
	Secret   bool
	Default  string
	// Choices are the values allowed; empty allows any.
	Choices []string
}

// Options is what Open gets.
type Options struct {
	// URL is the tracker's base address.
	URL *url.URL
	// Settings by name, secrets included; only declared names.
	Settings map[string]string
	// UserAgent names Parley and its version.
	UserAgent string
	// Timeout is how long one request may take, beside the time that its bytes need;
	// 0 is 30 seconds.
	Timeout time.Duration
	// Keeper keeps the secrets that the tracker replaces; nil keeps none.
	Keeper Keeper
}

// Keeper keeps what a tracker gave in place of a secret setting (a refresh token that
// is good for one use), sealed, so that a restart does not need a person to sign in.
type Keeper interface {
	// Kept returns what was kept last under a name; "" if nothing was.
	Kept(name string) (string, error)
	// Keep is done when value is on disk.
	Keep(name, value string) error
}
