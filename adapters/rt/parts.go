package rt

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"parley/adapters"
	"parley/adapters/internal/once"
	"parley/adapters/richtext"
)

const (
	// batch is how many ids one request asks about: they stand in its address.
	batch = 60
	// maxText is how much text one request brings.
	maxText = 4 << 20
)

// messages fills in the texts and files of messages.
func (t *Tracker) messages(ctx context.Context, op, ticket string, talk []message) ([]message, error) {
	at := map[string]int{}
	var ids []string
	for i, m := range talk {
		at[string(m.ID)] = i
		ids = append(ids, string(m.ID))
	}
	parts, err := t.parts(ctx, op, ticket, ids)
	if err != nil {
		return nil, err
	}
	grouped := make([][]part, len(talk))
	for _, p := range parts {
		if i, ok := at[string(p.TransactionID)]; ok {
			grouped[i] = append(grouped[i], p)
		}
	}
	var wanted []part
	texts := make([][]part, len(talk))
	for i, group := range grouped {
		texts[i], talk[i].files = divide(group)
		wanted = append(wanted, texts[i]...)
	}
	content, err := t.contents(ctx, op, ticket, wanted)
	if err != nil {
		return nil, err
	}
	for i := range talk {
		talk[i].body = bodyOf(texts[i], content)
	}
	return talk, nil
}

// divide tells the parts that are the message from those that are files. What
// only holds other parts is neither.
func divide(group []part) (texts, files []part) {
	slices.SortFunc(group, func(a, b part) int { return number64(a.ID) - number64(b.ID) })
	var plain, html []part
	for _, p := range group {
		kind := strings.ToLower(string(p.ContentType))
		named := p.Filename != "" || disposition(p) == "attachment"
		switch {
		case strings.HasPrefix(kind, "multipart/"):
		case strings.HasPrefix(kind, "message/") && p.Filename == "" && number64(p.ContentLength) == 0:
		case named || (kind != "text/plain" && kind != "text/html" && kind != ""):
			files = append(files, p)
		case kind == "text/html":
			html = append(html, p)
		default:
			plain = append(plain, p)
		}
	}
	// A message in both forms says the same twice: the plain one is taken.
	if len(plain) > 0 {
		return plain, files
	}
	return html, files
}

func bodyOf(texts []part, content map[string]string) string {
	var all []string
	for _, p := range texts {
		s := newlines(content[string(p.ID)])
		if p.ContentType == "text/html" {
			s = richtext.HTMLToMarkdown(s)
		}
		if strings.TrimSpace(s) != "" {
			all = append(all, s)
		}
	}
	return strings.TrimRight(strings.Join(all, "\n\n"), "\n")
}

// parts lists the MIME parts of transactions, without their content. Parent is
// not asked for: RT answers 500 for a part that has none.
func (t *Tracker) parts(ctx context.Context, op, ticket string, transactions []string) ([]part, error) {
	var out []part
	for ids := range slices.Chunk(transactions, batch) {
		found, err := t.partsWhere(ctx, op, ticket, "TransactionId", ids, "TransactionId,Filename,ContentType,ContentLength,Headers")
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// contents reads the texts of parts by id.
func (t *Tracker) contents(ctx context.Context, op, ticket string, wanted []part) (map[string]string, error) {
	out := map[string]string{}
	for len(wanted) > 0 {
		var ids []string
		for size := 0; len(wanted) > 0 && len(ids) < batch && (size == 0 || size+number64(wanted[0].ContentLength) <= maxText); wanted = wanted[1:] {
			size += number64(wanted[0].ContentLength)
			ids = append(ids, string(wanted[0].ID))
		}
		found, err := t.partsWhere(ctx, op, ticket, "id", ids, "Content")
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			out[string(p.ID)] = string(p.Content)
		}
		for _, id := range ids {
			if _, ok := out[id]; !ok {
				return nil, failed(adapters.ErrTransient, op, "a text that was listed is not there", "")
			}
		}
	}
	return out, nil
}

// partsWhere reads parts of one ticket, or of all for "".
func (t *Tracker) partsWhere(ctx context.Context, op, ticket, column string, ids []string, fields string) ([]part, error) {
	condition, err := json.Marshal([]map[string]any{{"field": column, "operator": "IN", "value": ids}})
	if err != nil {
		return nil, failed(adapters.ErrConfiguration, op, err.Error(), "")
	}
	var out []part
	for number := 1; number <= maxPages; number++ {
		query := map[string][]string{
			"query": {string(condition)}, "fields": {fields}, "orderby": {"id"}, "order": {"ASC"},
			"page": {itoa(number)}, "per_page": {itoa(pageSize)},
		}
		where, args := "ticket/{id}/attachments", []string{ticket}
		if ticket == "" {
			where, args = "attachments", nil
		}
		found, err := list[part](ctx, t, op, where, args, query)
		if err != nil {
			return nil, err
		}
		for _, p := range found.Items {
			if p != nil {
				out = append(out, *p)
			}
		}
		// Parts of transactions that we see are seen: a short page is the last.
		if len(found.Items) < pageSize {
			return once.Rows(out, func(p *part) text { return p.ID }), nil
		}
	}
	return nil, failed(adapters.ErrConfiguration, op, "the ticket holds too many files", "")
}

func header(p part, name string) string {
	for line := range strings.Lines(string(p.Headers)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func disposition(p part) string {
	kind, _, _ := strings.Cut(header(p, "Content-Disposition"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// hasContentID tells an image that a text shows from a file beside it.
func hasContentID(p part) bool {
	return header(p, "Content-ID") != "" && disposition(p) == "inline"
}

// fileName is the part's name without folders; nameless parts get one.
func fileName(p part) string {
	name := path.Base(strings.ReplaceAll(string(p.Filename), `\`, "/"))
	if p.Filename != "" && name != "." && name != "/" {
		return name
	}
	// Not the machine's table of types: the name must be alike everywhere.
	ending := map[text]string{
		"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "application/pdf": ".pdf",
		"text/plain": ".txt", "text/html": ".html", "message/rfc822": ".eml",
	}[p.ContentType]
	return "part-" + string(p.ID) + ending
}

func sizeOf(p part) int64 {
	n, err := strconv.ParseInt(string(p.ContentLength), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
