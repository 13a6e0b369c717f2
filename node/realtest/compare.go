package realtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/adapters/richtext"
	"parley/node/admin"
	"parley/sync/event"
)

// Compare holds what became of a ticket to the writes that were shown before, and
// returns what is otherwise: something shown that did not happen, and something
// that happened and was not shown. before is nil for a ticket that was to be
// created; then only fields that were shown are compared, since a tracker fills in
// others by itself.
func Compare(before *event.Ticket, after event.Ticket, shown []admin.TryWrite) []string {
	want, comments, files := event.Fields{}, []string{}, []string{}
	had := event.Ticket{}
	if before != nil {
		had = *before
		maps.Copy(want, before.Fields)
	}
	for _, w := range shown {
		for _, f := range w.Fields {
			want[f.Name] = f.To
		}
		if w.Comment != nil {
			comments = append(comments, fmt.Sprintf("internal %v: %s", w.Comment.Internal, flat(w.Comment.Body)))
		}
		if w.File != nil {
			files = append(files, fileText(w.File.Name, w.File.Size, w.File.SHA256))
		}
	}
	problems := fieldsDiffer(before != nil, want, after.Fields)
	problems = append(problems, listsDiffer("comment", comments, newComments(had, after))...)
	return append(problems, listsDiffer("file", files, newFiles(had, after))...)
}

// flat is a text by what it means: a tracker with a markup of its own gives Markdown
// back in another spelling ("_x_" for "*x*").
func flat(text string) string {
	return strings.TrimSpace(richtext.MarkdownToHTML(strings.ReplaceAll(text, "\r\n", "\n")))
}

// fieldsDiffer compares fields; with all also those that were not shown.
func fieldsDiffer(all bool, want, got event.Fields) []string {
	var problems []string
	names := maps.Clone(want)
	if all {
		maps.Copy(names, got)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if name == event.FieldUpdated {
			continue // every write moves it
		}
		w, g := spelt(want[name]), spelt(got[name])
		if w != g {
			problems = append(problems, fmt.Sprintf("field %s: shown %s, is %s", name, w, g))
		}
	}
	return problems
}

// spelt is a value as it compares: a tracker may change how it is written, and the order of
// a set; a person is who has the id.
func spelt(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return flat(v)
	case map[string]any:
		if id, ok := v["id"]; ok {
			return spelt(id)
		}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, spelt(one))
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func newComments(before, after event.Ticket) []string {
	had := map[string]string{}
	for i := range before.Comments {
		had[before.Comments[i].ID] = before.Comments[i].Body
	}
	var out []string
	for i := range after.Comments {
		c := &after.Comments[i]
		if body, known := had[c.ID]; !known || body != c.Body {
			out = append(out, fmt.Sprintf("internal %v: %s", c.Internal, flat(c.Body)))
		}
	}
	return out
}

func newFiles(before, after event.Ticket) []string {
	var out []string
	for i := range after.Attachments {
		a := &after.Attachments[i]
		known := slices.ContainsFunc(before.Attachments, func(b event.Attachment) bool { return b.ID == a.ID })
		if !known {
			out = append(out, fileText(a.Name, a.Size, a.SHA256))
		}
	}
	return out
}

func fileText(name string, size int64, sha256 string) string {
	return fmt.Sprintf("%s, %d bytes %s", name, size, sha256)
}

// listsDiffer compares texts, each as often as it is there.
func listsDiffer(what string, want, got []string) []string {
	var problems []string
	left := slices.Clone(got)
	for _, w := range want {
		if at := slices.Index(left, w); at >= 0 {
			left = slices.Delete(left, at, at+1)
			continue
		}
		problems = append(problems, fmt.Sprintf("%s was shown and is not there: %s", what, w))
	}
	for _, g := range left {
		problems = append(problems, fmt.Sprintf("%s is there and was not shown: %s", what, g))
	}
	return problems
}
