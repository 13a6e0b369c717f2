package zendesk

// Recorded bodies are decoded by what is internal: the types of the wire.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"parley/adapters/internal/contract"
	"parley/adapters/internal/rest"
	"parley/sync/event"
)

func recordedTicket(t *ticket) error {
	if t == nil || !t.whole() || t.ref().Created == 0 || t.version() == "" || t.lock() == "" {
		return errIncomplete
	}
	cat := newCatalog([]fieldDef{{ID: 1, Type: "status"}})
	if s := cat.status(t); s.name == "" || s.category != t.Status {
		return fmt.Errorf("status %q reads as %+v", t.Status, s)
	}
	for _, f := range t.Custom {
		for _, kind := range []event.Type{event.TypeText, event.TypeBool, event.TypeNumber, event.TypeOptions, event.TypeDate, event.TypeOption} {
			def := definition{id: f.ID, kind: kind}
			def.read(t.custom(f.ID))
		}
	}
	return nil
}

func recordedSaved(raw []byte) error {
	var out saved
	if err := rest.Decode(raw, &out); err != nil {
		return err
	}
	if out.Audit != nil {
		if err := recordedAudit(out.Audit); err != nil {
			return err
		}
	}
	return recordedTicket(out.Ticket)
}

func recordedAudit(a *audit) error {
	if a.ID <= 0 || a.Created.IsZero() || a.comment() == nil || a.comment().ID <= 0 || a.mark().Marker != "" {
		return errIncomplete
	}
	teller := teller{cat: newCatalog(nil)}
	for _, e := range a.Events {
		if _, read := teller.field(e.name()); read != nil {
			read(e.Value)
		}
	}
	return nil
}

func recordedUser(u *user) error {
	if u == nil || u.ID <= 0 || u.event().Name == "" || u.Role == "" {
		return errIncomplete
	}
	return nil
}

func recordedComment(c *comment) error {
	if c.ID <= 0 || c.Created.IsZero() || c.toMarkdown() == "" || c.Public == nil {
		return errIncomplete
	}
	return nil
}

// one checks the thing under a key, list those in a list that is not empty.
func one[T any](key string, check func(*T) error) func([]byte) error {
	return func(raw []byte) error {
		out := map[string]*T{}
		var all map[string]json.RawMessage
		if err := rest.Decode(raw, &all); err != nil {
			return err
		}
		if err := rest.Decode(fmt.Appendf(nil, `{%q:%s}`, key, all[key]), &out); err != nil {
			return err
		}
		return check(out[key])
	}
}

func list[T any](key string, check func(*T) error) func([]byte) error {
	return one(key, func(all *[]T) error {
		if all == nil || len(*all) == 0 {
			return errors.New("the list is empty")
		}
		for i := range *all {
			if err := check(&(*all)[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func recordedFields(all *[]fieldDef) error {
	c := newCatalog(*all)
	if len(c.statuses) == 0 || len(c.kinds.options) == 0 || len(c.priority.options) == 0 {
		return fmt.Errorf("%d statuses, %d types and %d priorities were read", len(c.statuses), len(c.kinds.options), len(c.priority.options))
	}
	return nil
}

func recordedFile(f *file) error {
	if _, ok := f.attachment(&comment{Created: time.Unix(1, 0)}, user{ID: 1}); !ok || f.URL == "" {
		return errIncomplete
	}
	return nil
}

func recordedUpload(u *struct {
	Token string `json:"token"`
	File  file   `json:"attachment"`
},
) error {
	if u.Token == "" {
		return errIncomplete
	}
	return recordedFile(&u.File)
}

// recordedBy says how a recording is read.
func recordedBy(name string) func([]byte) error {
	switch name {
	case "GET/attachment.json":
		return one("attachment", recordedFile)
	case "GET/search_user.json":
		return list("results", recordedUser)
	case "GET/search_ticket.json":
		return list("results", recordedTicket)
	case "GET/tickets.json", "GET/ticket_show_many.json":
		return list("tickets", recordedTicket)
	case "GET/ticket.json", "GET/ticket_custom_field.json", "POST/ticket.json", "PUT/ticket.json":
		return recordedSaved
	case "GET/users.json":
		return list("users", recordedUser)
	case "POST/users.json", "PUT/user.json":
		return one("user", recordedUser)
	case "GET/ticket_audit.json":
		return one("audit", recordedAudit)
	case "GET/ticket_comments.json":
		return list("comments", recordedComment)
	case "GET/ticket_fields.json":
		return one("ticket_fields", recordedFields)
	case "POST/upload.json":
		return one("upload", recordedUpload)
	case "PUT/redact_ticket_comment_attachment.json":
		return one("attachment", recordedFile)
	case "GET/user_fields.json", "GET/webhook.json", "POST/webhooks.json":
		// Answers to requests that the adapter does not make: JSON is all that can be
		// said of them.
		return func(raw []byte) error {
			var v any
			return json.Unmarshal(raw, &v)
		}
	}
	return nil
}

func specs(t *testing.T) string {
	t.Helper()
	dir, err := contract.Dir()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Logf("no recorded bodies are read: %v", err)
		return ""
	}
	return filepath.Join(dir, "zendesk")
}

func TestRecorded_EveryBodyIsRead(t *testing.T) {
	t.Parallel()
	dir := specs(t)
	if dir == "" {
		return
	}
	read := 0
	root := filepath.Join(dir, "responses")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		check := recordedBy(name)
		if check == nil {
			t.Errorf("%s: nobody knows how to read it", name)
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := check(raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		read++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read != 20 {
		t.Errorf("%d recorded bodies were read, want all 20", read)
	}
}

// TestRecorded_TheDocumentsOwnExamplesAreRead: of every answer that the adapter reads.
func TestRecorded_TheDocumentsOwnExamplesAreRead(t *testing.T) {
	t.Parallel()
	dir := specs(t)
	if dir == "" {
		return
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, "support-oas.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	short := func(t *ticket) error {
		if t == nil || t.ID <= 0 || t.Status == "" {
			return errIncomplete
		}
		return nil
	}
	for name, check := range map[string]func([]byte) error{
		"TicketResponseExample":                              recordedSaved,
		"TicketsResponseExample":                             list("tickets", recordedTicket),
		"TicketUpdateResponseExample":                        one("ticket", short),
		"CursorBasedExportIncrementalTicketsResponseExample": list("tickets", recordedTicket),
		"TicketCommentsResponseExample":                      list("comments", recordedComment),
		"TicketAuditsForTicketResponseExample":               list("audits", recordedAudit),
		"AttachmentResponseExample":                          one("attachment", recordedFile),
		"AttachmentUploadResponseExample":                    one("upload", recordedUpload),
		"CurrentUserResponseExample":                         one("user", recordedUser),
		"SearchUsersResponseExample":                         list("users", func(u *user) error { return whole(u.ID, u.Name) }),
		"ShowManyUsersResponseExample":                       list("users", func(u *user) error { return whole(u.ID, u.Name) }),
		"BrandsResponseExample":                              list("brands", func(n *named) error { return whole(n.ID, n.Name) }),
		"GroupsResponseExample":                              list("groups", func(n *named) error { return whole(n.ID, n.Name) }),
		"TicketFieldsResponseExample": one("ticket_fields", func(all *[]fieldDef) error {
			if len(*all) != 1 || (*all)[0].Type != "subject" || (*all)[0].Title == "" {
				return errIncomplete
			}
			return nil
		}),
		"AccountSettingsResponseExample": one("settings", func(s *accountSettings) error {
			if s.Limits.Attachment != 52428800 || s.Tickets.Tagging == nil {
				return errIncomplete
			}
			return nil
		}),
	} {
		example := doc.Components.Examples[name]
		if example == nil {
			t.Errorf("%s: the document has no such example", name)
			continue
		}
		raw, err := json.Marshal(example.Value.Value)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(raw); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func whole(id int64, name string) error {
	if id <= 0 || name == "" {
		return errIncomplete
	}
	return nil
}
