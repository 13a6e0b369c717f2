//go:build real

package realtest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// rtDesk is alice at a Request Tracker; root reads.
type rtDesk struct{ alice, root web }

var _ desk = rtDesk{}

func newRT(s *server) rtDesk {
	as := func(token string) web {
		return web{s.Env["URL"] + "/REST/2.0", http.Header{"Authorization": {"token " + token}}}
	}
	return rtDesk{as(s.Env["ALICE_TOKEN"]), as(s.Env["ROOT_TOKEN"])}
}

// What RT's statuses and priorities are called on the wire.
func rtStatuses() map[string]string {
	return map[string]string{"Open": "new", "In progress": "open", "Waiting": "stalled", "Resolved": "resolved"}
}

func rtPriorities() map[string]string {
	// Numbers: RT's pages turn the names Low, Medium and High into them, its API
	// stores a name as it is.
	return map[string]string{"Low": "0", "Normal": "50", "High": "100"}
}

func wireName(words map[string]string, own string) string {
	for w, o := range words {
		if o == own {
			return w
		}
	}
	return fmt.Sprintf("unknown (%s)", own)
}

func ticketRecord(v values) map[string]any {
	out := map[string]any{}
	for name, value := range map[string]string{
		"Subject": v.summary, "Status": rtStatuses()[v.status], "Priority": rtPriorities()[v.priority],
	} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

func (d rtDesk) create(ctx context.Context, v values) (string, error) {
	body := ticketRecord(v)
	body["Queue"], body["Requestor"] = "Sync", "bob@example.invalid"
	body["Content"], body["ContentType"] = v.description, "text/plain"
	var made struct{ ID json.Number }
	err := d.alice.send(ctx, http.MethodPost, "/ticket", body, &made)
	return made.ID.String(), err
}

// edit also reads what RT says of it: a part that failed is told in words only.
func (d rtDesk) edit(ctx context.Context, id string, v values) error {
	var said []string
	if err := d.alice.send(ctx, http.MethodPut, "/ticket/"+id, ticketRecord(v), &said); err != nil {
		return err
	}
	for _, s := range said {
		if !strings.Contains(s, "changed") && !strings.Contains(s, "already") {
			return fmt.Errorf("edit of ticket %s: RT says %q", id, said)
		}
	}
	return nil
}

func (d rtDesk) comment(ctx context.Context, id, text string, internal bool) error {
	verb := "correspond"
	if internal {
		verb = "comment"
	}
	return d.alice.send(ctx, http.MethodPost, "/ticket/"+id+"/"+verb,
		map[string]any{"Content": text, "ContentType": "text/plain"}, nil)
}

func (d rtDesk) attach(ctx context.Context, id, name, message string, data []byte) error {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	about, err := json.Marshal(map[string]string{"Content": message, "ContentType": "text/plain"})
	if err != nil {
		return err
	}
	if err := w.WriteField("JSON", string(about)); err != nil {
		return err
	}
	part, err := w.CreateFormFile("Attachments", name)
	if err != nil {
		return err
	}
	if _, err := part.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err = d.alice.call(ctx, http.MethodPost, "/ticket/"+id+"/correspond", w.FormDataContentType(), &form, nil)
	return err
}

func (d rtDesk) list(ctx context.Context) (map[string][]string, error) {
	out := map[string][]string{}
	for page := 1; ; page++ {
		var found struct {
			Items []struct {
				ID      json.Number
				Subject string
			}
		}
		query := url.Values{
			"query": {"id > 0"}, "fields": {"Subject"}, "orderby": {"id"}, "order": {"ASC"},
			"per_page": {"100"}, "page": {fmt.Sprint(page)},
		}
		if _, err := d.root.get(ctx, "/tickets?"+query.Encode(), &found); err != nil {
			return nil, err
		}
		for _, i := range found.Items {
			out[tagOf(i.Subject)] = append(out[tagOf(i.Subject)], i.ID.String())
		}
		if len(found.Items) < 100 {
			return out, nil
		}
	}
}

// rtPart is one part of a message.
type rtPart struct {
	ID          json.Number
	Message     string `json:"TransactionId"`
	Filename    string
	ContentType string
}

func (d rtDesk) read(ctx context.Context, id string) (*seen, error) {
	var ticket struct{ Subject, Status, Priority string }
	out := &seen{}
	if err := d.add(ctx, out, "/ticket/"+id, &ticket); err != nil {
		return nil, err
	}
	out.summary = ticket.Subject
	out.status, out.priority = wireName(rtStatuses(), ticket.Status), wireName(rtPriorities(), ticket.Priority)
	var history struct {
		Items []struct {
			ID, Type string
			// RT has both; without a field of its own "type" would be read into Type.
			Kind string `json:"type"`
		}
	}
	if err := d.add(ctx, out, "/ticket/"+id+"/history?fields=Type,Data,OldValue,NewValue,Field&per_page=100", &history); err != nil {
		return nil, err
	}
	kinds := map[string]string{}
	for _, tx := range history.Items {
		kinds[tx.ID] = tx.Type
	}
	return out, d.parts(ctx, out, id, kinds)
}

// add reads something of a ticket, and all of it into raw.
func (d rtDesk) add(ctx context.Context, s *seen, path string, out any) error {
	raw, err := d.root.get(ctx, path, out)
	s.raw.Write(raw)
	return err
}

// parts reads the messages and files of a ticket.
func (d rtDesk) parts(ctx context.Context, s *seen, id string, kinds map[string]string) error {
	var parts struct{ Items []rtPart }
	path := "/ticket/" + id + "/attachments?fields=TransactionId,Filename,ContentType&orderby=id&order=ASC&per_page=100"
	if err := d.add(ctx, s, path, &parts); err != nil {
		return err
	}
	if len(parts.Items) == 100 {
		return fmt.Errorf("ticket %s has more parts than are read", id)
	}
	for _, p := range parts.Items {
		kind := kinds[p.Message]
		if kind != "Create" && kind != "Correspond" && kind != "Comment" || strings.HasPrefix(p.ContentType, "multipart/") {
			continue
		}
		var whole struct{ Content string }
		if _, err := d.root.get(ctx, "/attachment/"+p.ID.String(), &whole); err != nil {
			return err
		}
		data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(whole.Content, "\n", ""))
		if err != nil {
			return fmt.Errorf("part %s of ticket %s: %w", p.ID, id, err)
		}
		switch {
		case p.Filename != "":
			sum := sha256.Sum256(data)
			s.files = append(s.files, file{p.Filename, hex.EncodeToString(sum[:])})
		case kind == "Create":
			s.description = flat(string(data))
		default:
			s.notes = append(s.notes, note{string(data), kind == "Comment"})
			s.raw.Write(data)
		}
	}
	return nil
}
