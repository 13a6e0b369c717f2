package rt

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/sync/event"
)

// List implements adapters.Tracker. The query is TicketSQL.
func (t *Tracker) List(ctx context.Context, query string, cursor event.Cursor, limit int) ([]event.Change, event.Cursor, error) {
	const op = "list tickets"
	var from int64
	if cursor != "" {
		var err error
		if from, err = strconv.ParseInt(string(cursor), 10, 64); err != nil {
			return nil, "", failed(adapters.ErrConfiguration, op, "", "the stored place in the list is not one of this adapter")
		}
	}
	condition := both(query, fmt.Sprintf("id > %d", from))
	found, err := list[ticketBody](ctx, t, op, "tickets", nil, rows(t.inQueues(condition), limit, "id"))
	if err != nil {
		return nil, "", reclass(err, adapters.ErrRejected, adapters.ErrConfiguration, "the query is not TicketSQL that RT understands")
	}
	if from == 0 && len(found.Items) == 0 {
		if err := t.checkAccount(ctx, op, true); err != nil {
			return nil, "", err
		}
	}
	var out []event.Change
	for _, item := range found.Items {
		c, err := change(op, item)
		if err != nil {
			return nil, "", err
		}
		id := int64(number64(item.ID))
		if id <= from {
			return nil, "", outOfOrder(op)
		}
		from = id
		out = append(out, c)
	}
	if found.last() {
		return out, "", nil
	}
	return out, event.Cursor(strconv.FormatInt(from, 10)), nil
}

// Locate implements adapters.Tracker. People write 12 or #12.
func (t *Tracker) Locate(ctx context.Context, key string) (event.Change, error) {
	id := strings.TrimPrefix(strings.TrimSpace(key), "#")
	op := "look up a ticket by its number"
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 1 || len(id) > 18 {
		return event.Change{}, failed(adapters.ErrGone, op, "", "a ticket of RT is named by its number")
	}
	body, _, err := t.ticket(ctx, op, id)
	if err != nil {
		return event.Change{}, err
	}
	return change(op, body)
}

// ByField implements adapters.Searcher.
func (t *Tracker) ByField(ctx context.Context, field, value string, limit int) ([]event.Change, error) {
	const op = "search tickets by a field"
	condition, custom, err := t.fieldCondition(op, field, value)
	if err != nil {
		return nil, err
	}
	var out []event.Change
	for from := int64(0); len(out) < limit; {
		query := rows(t.inQueues(both(condition, fmt.Sprintf("id > %d", from))), pageSize, "id")
		query.Set("fields", "Created,LastUpdated,Subject,Status,CustomFields")
		found, err := list[ticketBody](ctx, t, op, "tickets", nil, query)
		if err != nil {
			return nil, reclass(err, adapters.ErrRejected, adapters.ErrConfiguration, "RT cannot search by this field")
		}
		for _, item := range found.Items {
			c, err := change(op, item)
			if err != nil {
				return nil, err
			}
			if int64(number64(item.ID)) <= from {
				return nil, outOfOrder(op)
			}
			from = int64(number64(item.ID))
			if len(out) < limit && exactly(item, field, custom, value) {
				out = append(out, c)
			}
		}
		if found.last() {
			break
		}
	}
	return out, nil
}

func (t *Tracker) fieldCondition(op, field, value string) (condition, custom string, err error) {
	columns := map[string]string{
		event.FieldSummary: "Subject", event.FieldStatus: "Status", event.FieldProject: "Queue",
		event.FieldAssignee: "Owner", event.FieldReporter: "Requestor.EmailAddress",
	}
	custom, isCustom := strings.CutPrefix(field, event.CustomPrefix)
	if field == event.FieldLabels && t.set.labelsField != "" {
		custom, isCustom = t.set.labelsField, true
	}
	if isCustom {
		if strings.ContainsAny(custom, "{}") {
			return "", "", failed(adapters.ErrConfiguration, op, "", "RT cannot search by a custom field with braces in its name")
		}
		return quote("CF.{"+custom+"}") + " = " + quote(value), custom, nil
	}
	column, ok := columns[field]
	if !ok {
		return "", "", failed(adapters.ErrConfiguration, op, "", fmt.Sprintf("RT cannot search by the field %q", field))
	}
	return column + " = " + quote(value), "", nil
}

// exactly repeats the comparison where RT's database may ignore case.
func exactly(item *ticketBody, field, custom, value string) bool {
	switch {
	case custom != "":
		for _, f := range item.CustomFields {
			if string(f.Name) != custom {
				continue
			}
			for _, v := range f.texts() {
				if v == value {
					return true
				}
			}
		}
		return false
	case field == event.FieldSummary:
		return string(item.Subject) == value
	case field == event.FieldStatus:
		return string(item.Status) == value
	}
	return true
}

// ticket reads one ticket's fields and its lock, and tells whether it is still
// what its number says. ErrGone is for a good sign-in only.
func (t *Tracker) ticket(ctx context.Context, op, id string) (*ticketBody, string, error) {
	var body ticketBody
	if !isNumber(id) {
		return nil, "", failed(adapters.ErrConfiguration, op, "", "a ticket of RT is named by its number")
	}
	query := map[string][]string{"fields": {"Queue,Owner,Creator"}}
	for _, name := range []string{"Owner", "Creator"} {
		query["fields["+name+"]"] = []string{"Name,RealName,EmailAddress"}
	}
	query["fields[Queue]"] = []string{"Name"}
	res, err := t.get(ctx, op, "ticket/{id}", []string{id}, query, &body)
	if errors.Is(err, adapters.ErrGone) {
		if known := t.signedIn(ctx, op); known != nil {
			return nil, "", known
		}
		return nil, "", err
	}
	if err != nil {
		return nil, "", err
	}
	if _, err := change(op, &body); err != nil {
		return nil, "", err
	}
	// RT answers for a merged ticket with the one that it was merged into.
	if into := body.EffectiveID.ID; string(body.ID) != id || (into != "" && string(into) != id) {
		return nil, "", failed(adapters.ErrMerged, op, fmt.Sprintf("merged into ticket %s", firstOf(string(into), string(body.ID))), "")
	}
	if body.Status == "deleted" {
		return nil, "", failed(adapters.ErrGone, op, "the ticket's status is deleted", "")
	}
	return &body, strings.Trim(strings.TrimPrefix(res.Header.Get("ETag"), "W/"), `"`), nil
}

// same is ticket for a ref: RT may be another one than it was.
func (t *Tracker) same(ctx context.Context, op string, ref event.Ref) (*ticketBody, string, error) {
	body, lock, err := t.ticket(ctx, op, ref.ID)
	if err != nil {
		return nil, "", err
	}
	if ref.Created != 0 && readTime(body.Created).Unix() != ref.Created {
		return nil, "", failed(adapters.ErrGone, op, "another ticket has this number", "")
	}
	return body, lock, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// signedIn tells whether RT knows us and is RT.
func (t *Tracker) signedIn(ctx context.Context, op string) error {
	var about struct{ Version text }
	_, err := t.get(ctx, op, "rt", nil, nil, &about)
	if err == nil && about.Version == "" {
		return failed(adapters.ErrConfiguration, op, "", "the address is not that of Request Tracker 5 with REST 2")
	}
	return reclass(err, adapters.ErrGone, adapters.ErrConfiguration, "the address is not that of Request Tracker 5 with REST 2")
}
