package desk

import (
	"fmt"

	"parley/adapters"
)

// Kind is the desk as parley.yaml knows it.
func Kind() adapters.Kind {
	return adapters.Kind{
		Name:  "desk",
		Title: "Built-in ticket desk",
		Settings: []adapters.Setting{
			{Name: "token", Help: "token of Parley's account at the desk", Required: true, Secret: true},
			{Name: "project", Help: "project that tickets are created in when a filter names none; listing and polling keep to it"},
		},
		Open: func(o adapters.Options) (adapters.Tracker, error) {
			t, err := New(o)
			if err != nil {
				return nil, fmt.Errorf("open the desk: %w", err)
			}
			return t, nil
		},
	}
}
