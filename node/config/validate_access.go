package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"parley/node/access"
	"parley/node/audit"
)

// accountPattern is an account's name, or its number.
var accountPattern = regexp.MustCompile(`^(uid:[0-9]{1,10}|[A-Za-z_][A-Za-z0-9_.@-]{0,63})$`)

// access looks at who else may come in, and who is told of it.
func (v *validator) access() {
	a := v.config.Access
	if (a.Socket == "") != (a.Group == "") {
		v.add("access", "socket and group belong together", "name both: where people connect, and who may")
	}
	if len(a.People) > 0 && a.Socket == "" {
		v.add("access.people", "they have no way in", "add socket and group")
	}
	if to := v.config.Audit.Syslog; to != "" {
		if _, _, err := audit.ParseSyslog(to); err != nil {
			v.add("audit.syslog", err.Error(), "")
		}
	}
	var roles []string
	for _, one := range access.Roles() {
		roles = append(roles, string(one))
	}
	for _, name := range slices.Sorted(maps.Keys(a.People)) {
		key, p := "access.people."+name, a.People[name]
		if !accountPattern.MatchString(name) {
			v.add(key, "is no account of a machine", "write its name, or uid: and its number")
		}
		if len(p.Roles) == 0 {
			v.add(key+".roles", "are missing", "there are "+strings.Join(roles, ", "))
		}
		for _, one := range p.Roles {
			v.choice(key+".roles", string(one), roles, nil)
		}
		for _, connection := range p.Connections {
			if _, ok := v.config.Connections[connection]; !ok {
				v.add(key+".connections", "there is no connection "+connection, "")
			}
		}
	}
}
