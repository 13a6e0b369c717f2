package salesforce

import (
	"context"
	"slices"

	"parley/sync/event"
)

// FindUser implements adapters.People: users by address, user name or id, contacts by
// address or id, queues by id.
func (t *Tracker) FindUser(ctx context.Context, query string) ([]event.User, error) {
	const users, contacts = "SELECT Id, Name, Email, Username, IsActive FROM User WHERE ", "SELECT Id, Name, Email FROM Contact WHERE "
	var queries []string
	switch q := quote(query); {
	case query == "":
	case isID(query, idUser):
		queries = []string{users + "Id = " + q}
	case isID(query, idContact):
		queries = []string{contacts + "Id = " + q}
	case isID(query, idQueue):
		queries = []string{"SELECT Id, Name FROM Group WHERE Type = 'Queue' AND Id = " + q}
	default:
		queries = []string{users + "IsActive = true AND (Email = " + q + " OR Username = " + q + ")", contacts + "Email = " + q}
	}
	var out []event.User
	for _, soql := range queries {
		found, err := t.dir.search(ctx, soql)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			if p.ID != "" && !slices.ContainsFunc(out, func(u event.User) bool { return u.ID == p.ID }) {
				out = append(out, p.event())
			}
		}
	}
	return out, nil
}
