// Package all lists the kinds of tracker that Parley speaks, explicitly: what
// is not named here is not there. It does nothing else.
package all

import (
	"parley/adapters"
	"parley/adapters/desk"
	"parley/adapters/github"
	"parley/adapters/jira"
	"parley/adapters/redmine"
	"parley/adapters/rt"
	"parley/adapters/zendesk"
)

// Kinds are all kinds of tracker, in the order to show them.
func Kinds() []adapters.Kind {
	return []adapters.Kind{
		desk.Kind(),
		github.Kind(),
		jira.Kind(),
		redmine.Kind(),
		rt.Kind(),
		zendesk.Kind(),
	}
}
