// Package all lists the kinds of tracker that Parley speaks, explicitly: what
// is not named here is not there. What each can do is what adaptertest holds it to:
// capabilities has a file for each kind, written by the suite (UPDATE=1) and compared
// by it. It does nothing else.
package all

import (
	"embed"
	"encoding/json"

	"parley/adapters"
	"parley/adapters/azuredevops"
	"parley/adapters/desk"
	"parley/adapters/github"
	"parley/adapters/gitlab"
	"parley/adapters/jira"
	"parley/adapters/redmine"
	"parley/adapters/rt"
	"parley/adapters/salesforce"
	"parley/adapters/servicenow"
	"parley/adapters/zendesk"
)

//go:embed capabilities/*.json
var proven embed.FS

// Kinds are all kinds of tracker, in the order to show them.
func Kinds() []adapters.Kind {
	kinds := list()
	for i := range kinds {
		// A file that is not there or wrong is found by a test of this package.
		if raw, err := proven.ReadFile("capabilities/" + kinds[i].Name + ".json"); err == nil {
			_ = json.Unmarshal(raw, &kinds[i].Capabilities)
		}
	}
	return kinds
}

func list() []adapters.Kind {
	return []adapters.Kind{
		azuredevops.Kind(),
		desk.Kind(),
		github.Kind(),
		gitlab.Kind(),
		jira.Kind(),
		redmine.Kind(),
		rt.Kind(),
		salesforce.Kind(),
		servicenow.Kind(),
		zendesk.Kind(),
	}
}
