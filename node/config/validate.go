package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/adapters"
	"parley/node/secret"
)

// Bounds of values.
const (
	maxConnections = 1000
	maxText        = 8 << 10 // bytes of a scope or a query
	maxLanes       = 4096
	minMemory      = 192 << 20
)

var (
	namePattern   = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	prefixPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}(\.[A-Za-z0-9_-]{1,32}){0,4}$`)
)

const nameAdvice = "use 1 to 40 lower-case letters, digits and -"

// validator looks at values; the decoder has made sure of their types.
type validator struct {
	*decoder
	config *Config
	kinds  []adapters.Kind
}

// add reports a problem with a key, unless there is one with it already.
func (v *validator) add(key, what, advice string) {
	if slices.ContainsFunc(v.problems, func(p Problem) bool { return p.Key == key }) {
		return
	}
	pos, ok := v.at[key]
	for parent := key; !ok && parent != ""; {
		// A key that is not there: its parent is, and shows where it belongs.
		parent = parent[:max(strings.LastIndexAny(parent, ".["), 0)]
		pos, ok = v.at[parent]
	}
	v.report(pos, key, what, advice, false)
}

// all looks at everything.
func (v *validator) all() {
	c := v.config
	v.name("node.name", c.Node.Name)
	v.required("node.dir", c.Node.Dir)
	v.reach()
	v.tracker()
	if len(c.Connections) > maxConnections {
		v.add("connections", fmt.Sprintf("more than %d", maxConnections), "")
	}
	v.gates()
	for name, con := range c.Connections {
		v.connection(name, con)
	}
	v.notify()
	v.metrics()
	v.choice("log.level", c.Log.Level, []string{"debug", "info", "warn", "error"}, nil)
	v.choice("log.format", c.Log.Format, []string{FormatJSON, FormatText}, nil)
	if c.Keep.Events != Off {
		v.atLeast("keep.events", Duration(c.Keep.Events), leastKept)
	}
	v.access()
	v.between("limits.lanes", c.Limits.Lanes, 1, maxLanes)
	if c.Limits.Memory < minMemory {
		v.add("limits.memory", "too small", "the store needs 192MiB at least, 384MiB to be quick")
	}
}

// leastKept is how old a backup may be from which a restored peer can still be followed up,
// at the least.
const leastKept = 7 * 24 * time.Hour

// required wants a text.
func (v *validator) required(key, text string) bool {
	if strings.TrimSpace(text) == "" {
		v.add(key, "is missing", "")
		return false
	}
	return true
}

// name wants a name that may stand in keys, files and metrics.
func (v *validator) name(key, text string) {
	if v.required(key, text) && !namePattern.MatchString(text) {
		v.add(key, fmt.Sprintf("%.60q is no name", text), nameAdvice)
	}
}

// choice wants one of some words; later ones are known and not there yet.
func (v *validator) choice(key, text string, words, later []string) {
	switch {
	case slices.Contains(words, text):
	case slices.Contains(later, text):
		v.add(key, fmt.Sprintf("%s is not available in this version", text), "write "+strings.Join(words, ", "))
	default:
		advice := "write " + strings.Join(words, ", ")
		if near := nearest(text, words); near != "" {
			advice = "did you mean " + near + "?"
		}
		v.add(key, fmt.Sprintf("%.60q is not known", text), advice)
	}
}

func (v *validator) between(key string, n, low, high int) {
	if n < low || n > high {
		v.add(key, fmt.Sprintf("%d is out of bounds", n), fmt.Sprintf("write %d to %d", low, high))
	}
}

// atLeast bounds a duration from below.
func (v *validator) atLeast(key string, d Duration, low time.Duration) {
	if time.Duration(d) < low {
		v.add(key, fmt.Sprintf("%s is too short", time.Duration(d)), fmt.Sprintf("write %s or more", low))
	}
}

// text bounds a text.
func (v *validator) text(key, text string) {
	if len(text) > maxText || !utf8.ValidString(text) {
		v.add(key, fmt.Sprintf("is longer than %d bytes, or not UTF-8", maxText), "")
	}
}

// words wants a list of different texts.
func (v *validator) words(key string, list []string) {
	for i, word := range list {
		at := fmt.Sprintf("%s[%d]", key, i)
		if v.required(at, word) && slices.Index(list, word) < i {
			v.add(at, fmt.Sprintf("%.60q stands here twice", word), "")
		}
	}
}

// address wants host:port; a port 0 lets the system choose.
func (v *validator) address(key, text string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		v.add(key, fmt.Sprintf("%.80q is no address", text), "write host:port, as in 0.0.0.0:4222")
	}
	return host, err == nil
}

// loopback tells whether an address can be reached from this machine only.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// web wants a URL without a sign-in in it.
func (v *validator) web(key, text string, schemes ...string) (*url.URL, bool) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		v.add(key, "is no address", "write "+strings.Join(schemes, ":// or ")+"://HOST…")
	case u.User != nil:
		v.add(key, "a sign-in must not stand in an address", "take it out; it has a key of its own")
	default:
		return u, true
	}
	return nil, false
}

// file wants a file or folder that is there.
func (v *validator) file(key, name string, folder bool) {
	info, err := os.Stat(v.config.Path(name))
	switch {
	case err != nil:
		v.add(key, fmt.Sprintf("%s cannot be read: %v", name, cause(err)), "")
	case info.IsDir() != folder:
		v.add(key, fmt.Sprintf("%s is no %s", name, map[bool]string{true: "folder", false: "file"}[folder]), "")
	}
}

// cause takes the path off a file error: the message has it already.
func cause(err error) error {
	if pathErr, ok := err.(*os.PathError); ok { //nolint:errorlint // os.Stat returns it as it is
		return pathErr.Err
	}
	return err
}

// mail wants an e-mail address without a name.
func (v *validator) mail(key, text string) {
	if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
		v.add(key, fmt.Sprintf("%.80q is no e-mail address", text), "")
	}
}

// reach looks at how the node and its peers find each other.
func (v *validator) reach() {
	l, n := v.config.Listen, v.config.NATS
	if l != (Listen{}) && n != (NATS{}) {
		v.add("nats", "stands beside listen", "keep listen for a server of the node's own, or nats for an existing one")
	}
	if l != (Listen{}) && v.required("listen.nats", l.NATS) {
		v.address("listen.nats", l.NATS)
	}
	if l.Advertise != "" {
		if host, ok := v.address("listen.advertise", l.Advertise); ok && unspecified(host) {
			v.add("listen.advertise", "names no host", "write the address that peers reach this node by")
		}
	} else if host, _, err := net.SplitHostPort(l.NATS); err == nil && unspecified(host) {
		v.add("listen.advertise", "is missing", "listen.nats is every address of this machine; write the one that peers reach")
	}
	if l.WebSocket != "" {
		v.address("listen.websocket", l.WebSocket)
	}
	if n != (NATS{}) {
		if v.required("nats.url", n.URL) {
			if u, ok := v.web("nats.url", n.URL, "tls", "wss", "nats", "ws"); ok && (u.Scheme == "nats" || u.Scheme == "ws") && !loopback(u.Hostname()) {
				v.add("nats.url", "is not encrypted", "write tls:// or wss://")
			}
		}
		if !prefixPattern.MatchString(n.Prefix) {
			v.add("nats.prefix", fmt.Sprintf("%.60q is no subject prefix", n.Prefix), "use letters, digits, - and _, parted by dots")
		}
	}
}

// unspecified tells whether a host means every address of the machine.
func unspecified(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// tracker looks at the tracker and at what its adapter declares.
func (v *validator) tracker() {
	t := v.config.Tracker
	v.atLeast("tracker.poll", t.Poll, time.Second)
	v.atLeast("tracker.timeout", t.Timeout, time.Second)
	if !v.required("tracker.kind", t.Kind) {
		return
	}
	i := slices.IndexFunc(v.kinds, func(k adapters.Kind) bool { return k.Name == t.Kind })
	if i < 0 {
		var names []string
		for _, k := range v.kinds {
			names = append(names, k.Name)
		}
		v.choice("tracker.kind", t.Kind, names, nil)
		return
	}
	if t.URL != "" {
		v.web("tracker.url", t.URL, "https", "http")
	}
	v.settings(v.kinds[i], t.Settings)
	v.webhook(v.kinds[i], t)
}

// webhook looks at the listener for the tracker's webhooks.
func (v *validator) webhook(kind adapters.Kind, t Tracker) {
	if t.Webhook.Listen == "" {
		return
	}
	host, ok := v.address("tracker.webhook.listen", t.Webhook.Listen)
	if ok && !loopback(host) && !t.Webhook.AllowRemote {
		v.add("tracker.webhook.listen", "can be reached from other machines",
			"write 127.0.0.1 and let a proxy with TLS stand before it, or allow_remote: true if that is meant")
	}
	switch {
	case !kind.Hooked():
		v.add("tracker.webhook", kind.Title+" sends no webhooks that this version knows", "take the key out: polling finds all changes")
	case t.Settings[adapters.SettingHookSecret] == "":
		v.add("tracker.settings."+adapters.SettingHookSecret, "is missing", "tracker.webhook lets in only what is signed with it")
	}
}

// settings checks values against the adapter's declaration. Nothing of a value
// is repeated: in a wrong place it may be a secret.
func (v *validator) settings(kind adapters.Kind, values map[string]string) {
	var names []string
	for _, s := range kind.Settings {
		names = append(names, s.Name)
		key, value := "tracker.settings."+s.Name, values[s.Name]
		switch {
		case value == "" && s.Required && s.Default == "":
			v.add(key, "is missing", s.Help)
		case value == "":
		case s.Secret:
			if _, err := secret.ParseRef(value); err != nil {
				v.add(key, err.Error(), secretAdvice(key))
			}
		case len(s.Choices) > 0 && !slices.Contains(s.Choices, value):
			v.add(key, "is not known", "write "+strings.Join(s.Choices, ", "))
		default:
			v.text(key, value)
		}
	}
	for name := range values {
		if slices.Contains(names, name) {
			continue
		}
		advice := kind.Title + " has " + strings.Join(names, ", ")
		if near := nearest(name, names); near != "" {
			advice = "did you mean " + near + "?"
		}
		v.add("tracker.settings."+name, "unknown key", advice)
	}
}
