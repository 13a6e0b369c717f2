package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/node/secret"
)

// connection looks at one connection.
func (v *validator) connection(name string, con Connection) {
	key := "connections." + name
	if !namePattern.MatchString(name) {
		v.add(key, "is no name of a connection", nameAdvice)
	}
	broken := con.Template != "" && con.From() == nil // told, and what it would bring is not missed
	if !broken && v.required(key+".scope", con.Scope) {
		v.text(key+".scope", con.Scope)
	}
	v.text(key+".query", con.Query)
	v.choice(key+".leave", con.Leave, []string{LeaveKeep, LeaveStop, LeaveNote, LeaveClose}, nil)
	v.endings(key, con)
	v.choice(key+".conflict", con.Conflict, []string{ConflictOurs, ConflictTheirs, ConflictNewest, ConflictAsk, ConflictAskTheirs}, nil)
	v.owners(key, con)
	for _, filter := range []struct{ key, file string }{{key + ".out", con.Out}, {key + ".in", con.In}} {
		if !broken && v.required(filter.key, filter.file) {
			v.file(filter.key, filter.file, false)
		}
	}
	if con.Tables != "" {
		v.file(key+".tables", con.Tables, true)
	}
	if con.Tests != "" {
		v.file(key+".tests", con.Tests, true)
	}
	v.words(key+".tags", con.Tags)
	v.accept(key+".accept", con.Accept)
	if con.Gate.Name == "" {
		v.gate(key+".gate", con.Gate)
	} else {
		v.namedGate(key+".gate", con.Gate.Name)
	}
	v.forward(key+".forward", name, con.Forward)
	v.telling(key, con)
}

// owners looks at whose fields are.
func (v *validator) owners(key string, con Connection) {
	v.choice(key+".on_local_edit", con.OnLocalEdit, []string{OnEditRestore, OnEditWarn, OnEditAllow}, nil)
	for name, owner := range con.Fields {
		v.choice(key+".fields."+name, owner, []string{OwnerOurs, OwnerTheirs, OwnerBoth}, nil)
	}
}

// Detectors are the kinds of content that the gate knows, Actions what it may do
// about each, UnscannedKinds the kinds of files that cannot be read. They are
// those of package filters.
func Detectors() []string { return []string{"card", "email", "host", "iban", "ip", "phone", "secret"} }

// Actions are what the gate may do about what a detector finds.
func Actions() []string { return []string{"pass", "mask", "ask", "block"} }

// FileKinds are the kinds of files: those that can be read, and UnscannedKinds.
func FileKinds() []string { return append([]string{"text", "office"}, UnscannedKinds()...) }

// UnscannedKinds are the kinds of files that cannot be read.
func UnscannedKinds() []string { return []string{"picture", "pdf", "archive", "media", "other"} }

// namedGate wants one of the gates that have names.
func (v *validator) namedGate(key, name string) {
	if _, ok := v.config.Gates[name]; ok {
		return
	}
	names := slices.Sorted(maps.Keys(v.config.Gates))
	advice := "write it under gates, or its keys here"
	if near := nearest(name, names); near != "" {
		advice = fmt.Sprintf("did you mean %s?", near)
	}
	v.add(key, fmt.Sprintf("there is no gate %.60q", name), advice)
}

// gates look at the gates that have names.
func (v *validator) gates() {
	for name, g := range v.config.Gates {
		key := "gates." + name
		if g.Name != "" {
			v.add(key, "stands for another gate", "write its keys here")
			continue
		}
		v.gate(key, g)
	}
}

// gate looks at the gate for what goes out.
func (v *validator) gate(key string, g Gate) {
	v.words(key+".fields", g.Fields)
	v.words(key+".hosts", g.Hosts)
	v.words(key+".unscanned", g.Unscanned)
	for i, kind := range g.Unscanned {
		v.choice(fmt.Sprintf("%s.unscanned[%d]", key, i), kind, UnscannedKinds(), nil)
	}
	if g.Budget < 0 || g.Budget > MaxBudget {
		v.add(key+".budget", "it is out of bounds", "write up to 512KiB")
	}
	if hold := time.Duration(g.Hold); hold < 0 || hold > MaxHold {
		v.add(key+".hold", fmt.Sprintf("%s is out of bounds", hold), "write 0s to 24h")
	}
	for name, action := range g.Detect {
		if !slices.Contains(Detectors(), name) {
			v.add(key+".detect."+name, fmt.Sprintf("there is no detector %.60q", name), "the detectors are "+strings.Join(Detectors(), ", "))
			continue
		}
		v.choice(key+".detect."+name, action, Actions(), nil)
	}
}

// accept looks at the gate for what comes in.
func (v *validator) accept(key string, a Accept) {
	v.words(key+".projects", a.Projects)
	v.words(key+".types", a.Types)
	v.words(key+".fields", a.Fields)
	v.between(key+".creates_per_hour", a.CreatesPerHour, 1, 100_000)
	v.choice(key+".connect", a.Connect, []string{PermitNever, PermitAsk, PermitAuto}, nil)
	v.choice(key+".remove", a.Remove, []string{PermitNever, PermitAsk, PermitAllow}, nil)
	v.choice(key+".comments", a.Comments, []string{CommentsAll, CommentsInternal, PermitNever}, nil)
	v.words(key+".attachments", a.Attachments)
	v.words(key+".impersonated", a.Impersonated)
	if len(a.Impersonated) > 0 && !a.Impersonate {
		v.add(key+".impersonated", "nobody may be written for", "write impersonate: true, or take this out")
	}
	v.words(key+".create", a.Create)
	for i, what := range a.Create {
		v.choice(fmt.Sprintf("%s.create[%d]", key, i), what, []string{CreateVersions, CreateComponents}, nil)
	}
	for i, kind := range a.Attachments {
		v.choice(fmt.Sprintf("%s.attachments[%d]", key, i), kind, FileKinds(), nil)
	}
}

// endings looks at what becomes of tickets whose pair ends, and at the fuse.
func (v *validator) endings(key string, con Connection) {
	v.choice(key+".ended", con.Ended, []string{EndedKeep, EndedNote, EndedClose, EndedDelete}, nil)
	v.words(key+".closed", con.Closed)
	if (con.Leave == LeaveClose || con.Ended == EndedClose) && len(con.Closed) == 0 {
		v.add(key+".closed", "closing needs a status", "write closed: [STATUS], as your tracker calls it")
	}
	if con.Ended == EndedDelete && con.Accept.Remove == PermitNever {
		v.add(key+".ended", "nothing may be deleted here", "write accept: {remove: ask}, or allow; or ended: note")
	}
	for name, n := range map[string]int{"creates": con.Fuse.Creates, "closes": con.Fuse.Closes, "deletes": con.Fuse.Deletes, "ends": con.Fuse.Ends} {
		v.between(key+".fuse."+name, n, 1, 1_000_000)
	}
}

// forward wants names of other connections.
func (v *validator) forward(key, own string, list []string) {
	v.words(key, list)
	for i, name := range list {
		at := fmt.Sprintf("%s[%d]", key, i)
		if name == own {
			v.add(at, "names this connection", "")
		} else if _, ok := v.config.Connections[name]; !ok {
			v.add(at, fmt.Sprintf("there is no connection %.60q", name), "")
		}
	}
}

// telling looks at who is told of a connection.
func (v *validator) telling(key string, con Connection) {
	if con.Owner != "" {
		v.mail(key+".owner", con.Owner)
	}
	v.atLeast(key+".notify.peer_away.after", con.Notify.PeerAway.After, time.Minute)
	v.targets(key+".notify.parked", con.Notify.Parked, con.Owner)
	v.targets(key+".notify.stopped", con.Notify.Stopped, con.Owner)
	v.targets(key+".notify.differs", con.Notify.Differs, con.Owner)
	for name, i := range map[string]Interval{"verify": con.Verify, "sweep": con.Sweep} {
		if i != Off {
			v.atLeast(key+"."+name, Duration(i), 10*time.Minute)
		}
	}
	v.targets(key+".notify.fuse", con.Notify.Fuse, con.Owner)
	v.targets(key+".notify.peer_away.to", con.Notify.PeerAway.To, con.Owner)
}

// targets wants people and webhooks that can be reached.
func (v *validator) targets(key string, list []string, owner string) {
	v.words(key, list)
	for i, target := range list {
		at := fmt.Sprintf("%s[%d]", key, i)
		hook, isHook := strings.CutPrefix(target, TargetWebhook)
		switch {
		case isHook:
			if _, ok := v.config.Notify.Webhooks[hook]; !ok {
				v.add(at, fmt.Sprintf("there is no webhook %.60q", hook), "write it under notify.webhooks")
			}
			continue
		case target == TargetOwner && owner == "":
			v.add(at, "there is no owner", "write owner: with an e-mail address beside it")
		case target != TargetOwner:
			v.mail(at, target)
		}
		if v.config.Notify.SMTP.Host == "" {
			v.add(at, "mail cannot be sent", "write a mail server under notify.smtp")
		}
	}
}

// notify looks at the ways to tell people.
func (v *validator) notify() {
	n := v.config.Notify
	v.targets("notify.to", n.To, "")
	if s := n.SMTP; s != (SMTP{}) {
		var host string
		if v.required("notify.smtp.host", s.Host) {
			host, _ = v.address("notify.smtp.host", s.Host)
		}
		if v.required("notify.smtp.from", s.From) {
			v.mail("notify.smtp.from", s.From)
		}
		v.choice("notify.smtp.tls", s.TLS, []string{TLSStart, TLSAlways, TLSNone}, nil)
		if s.TLS == TLSNone && !loopback(host) {
			v.add("notify.smtp.tls", "none is for this machine only", "write starttls or tls")
		}
		if (s.User == "") != s.Password.IsZero() {
			v.add("notify.smtp.password", "user and password belong together", "write both, or none")
		}
	}
	for name, hook := range n.Webhooks {
		key := "notify.webhooks." + name
		if !namePattern.MatchString(name) {
			v.add(key, "is no name of a webhook", nameAdvice)
		}
		if !v.required(key+".url", hook.URL) {
			continue
		}
		if _, err := secret.ParseRef(hook.URL); err == nil {
			continue
		}
		if u, ok := v.web(key+".url", hook.URL, "https", "http"); ok && plain(u) {
			v.add(key+".url", "is not encrypted", "write https://")
		}
	}
}

// plain tells whether an address would be reached through a network unencrypted.
func plain(u *url.URL) bool { return u.Scheme == "http" && !loopback(u.Hostname()) }

// metrics looks at the listener of metrics and health.
func (v *validator) metrics() {
	m := v.config.Metrics
	if m.Listen == MetricsOff {
		return
	}
	host, ok := v.address("metrics.listen", m.Listen)
	if ok && !loopback(host) && !m.AllowRemote {
		v.add("metrics.listen", "can be reached from other machines",
			"write 127.0.0.1, or allow_remote: true if that is meant")
	}
}
