package node

import (
	"fmt"

	"parley/node/config"
	"parley/sync/event"
	"parley/sync/twin"
)

// owners are the fields of ours that one side owns, by the names that filters use.
// A custom field may be written by the name that people see.
func owners(c config.Connection, schema event.Schema) (map[string]twin.Owner, error) {
	out := map[string]twin.Owner{}
	for name, owner := range c.Fields {
		if _, ok := schema.Fields[name]; !ok {
			custom := "fields." + name
			if _, ok := schema.Fields[custom]; !ok {
				return nil, fmt.Errorf("the tracker has no field %.60q", name)
			}
			name = custom
		}
		switch owner {
		case config.OwnerOurs:
			out[name] = twin.Ours
		case config.OwnerTheirs:
			out[name] = twin.Theirs
		}
	}
	return out, nil
}
