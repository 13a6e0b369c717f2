package rt

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

// FindUser implements adapters.People.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	const op = "look up a user"
	query = strings.TrimSpace(query)
	if query == "" || query == nobody || len(query) > 250 {
		return nil, nil
	}
	if strings.Contains(query, "@") {
		found, err := t.usersByMail(ctx, op, query)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	if query == "." || query == ".." || strings.ContainsAny(query, "/") {
		return nil, nil
	}
	var body object
	_, err := t.get(ctx, op, "user/{login}", []string{query}, nil, &body)
	if errors.Is(err, adapters.ErrGone) {
		return nil, t.signedIn(ctx, op)
	}
	if err != nil {
		return nil, err
	}
	u := user(body)
	if body.ID == "" && body.Name == "" {
		return nil, failed(adapters.ErrConfiguration, op, "", "what answers is JSON and no user of Request Tracker: check the address")
	}
	if u.ID == nobody || (u.ID != query && string(body.ID) != query && !isNumber(query)) {
		return nil, nil
	}
	return []event.User{u}, nil
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func (t *Tracker) usersByMail(ctx context.Context, op, address string) ([]event.User, error) {
	condition, err := json.Marshal([]map[string]string{{"field": "EmailAddress", "value": address}})
	if err != nil {
		return nil, failed(adapters.ErrConfiguration, op, err.Error(), "")
	}
	query := map[string][]string{"query": {string(condition)}, "fields": {"Name,RealName,EmailAddress"}}
	found, err := list[object](ctx, t, op, "users", nil, query)
	if err != nil {
		return nil, err
	}
	var out []event.User
	for _, item := range found.Items {
		// RT leaves out a condition that the account may not search by, and
		// answers with everybody.
		if item != nil && strings.EqualFold(string(item.EmailAddress), address) {
			out = append(out, user(*item))
		}
	}
	return out, nil
}
