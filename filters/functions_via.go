package filters

import (
	"errors"
	"fmt"
	"slices"

	"parley/sync/event"
)

// maxVia is how many statuses a way may go through.
const maxVia = 8

// viaValue is a status and what is gone through to it.
type viaValue struct {
	status string
	steps  []string
}

func viaFunctions() []*function {
	return []*function{{
		name: "via", only: onlyIn(incoming), types: []any{func(any, ...any) any { return nil }}, call: via,
	}}
}

// via names the way to a status: of one that is not there, or that stays, there is none.
func via(_ *run, a []any) (any, error) {
	var status string
	switch v := a[0].(type) {
	case nil, keepValue, pendingValue:
		return a[0], nil
	case string:
		status = v
	default:
		return nil, wrongArgument("via", a[0], "a status")
	}
	if len(a) < 2 {
		return nil, errors.New("via wants the statuses to go through, behind the one to reach")
	}
	if len(a)-1 > maxVia {
		return nil, fmt.Errorf("via goes through %d statuses at most", maxVia)
	}
	steps := make([]string, 0, len(a)-1)
	for _, one := range a[1:] {
		step, ok := one.(string)
		switch {
		case !ok:
			return nil, wrongArgument("via", one, "a status")
		case step == status || slices.Contains(steps, step):
			return nil, fmt.Errorf("via goes through %q twice", step)
		}
		steps = append(steps, step)
	}
	return viaValue{status, steps}, nil
}

// by takes the way out of a value, for the status alone.
func (o *InResult) by(copied *outward, t *target, v any) (any, error) {
	if t.key == event.FieldStatus {
		o.Via = nil
	}
	way, ok := v.(viaValue)
	if !ok {
		return v, nil
	}
	if t.key != event.FieldStatus {
		return nil, errors.New("via is for issue.status")
	}
	for _, step := range way.steps {
		if err := copied.spend(len(step)); err != nil {
			return nil, err
		}
	}
	o.Via = way.steps
	return way.status, nil
}
