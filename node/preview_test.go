package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/admin"
	"parley/sync/envelope"
	"parley/sync/event"
)

// photo is a JPEG that says where it was taken.
func photo(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil))
	comment := "taken in Berlin"
	return b.String()[:2] + "\xFF\xFE\x00" + string(rune(len(comment)+2)) + comment + b.String()[2:]
}

// old makes tickets from before the connection, with comments and files of all sorts.
func (s *site) old(n int) []string {
	s.t.Helper()
	files := []string{"", "plain text", strings.Repeat("long ", 50_000), photo(s.t), "\xff\xfeU\x00T\x00F\x00"}
	var keys []string
	for i := range n {
		w := s.create(fmt.Sprintf("Ticket %d: \u201e\u00dcberwachung\u201c <b>& \"co\"</b>", i))
		keys = append(keys, w.Key)
		for k := range i % 4 {
			_, err := s.people.Write(s.t.Context(), event.Step{Kind: event.StepComment, Ref: w.Ref, Comment: &event.CommentWrite{
				Body: fmt.Sprintf("comment %d\n\n**bold** %s", k, strings.Repeat("x", 100*k)), Internal: k == 2,
			}}, nil)
			must(s.t, err)
		}
		content := files[i%len(files)]
		_, err := s.people.Write(s.t.Context(), event.Step{Kind: event.StepAttach, Ref: w.Ref, Attachment: &event.AttachmentWrite{
			Name: fmt.Sprintf("file %d.bin", i), Size: int64(len(content)), MIME: "application/octet-stream",
		}}, strings.NewReader(content))
		must(s.t, err)
	}
	return keys
}

// TestPreview_SaysWhatThenIsOnTheWire: byte for byte, of twenty tickets with files, over
// two whole nodes: fields, comments, files, and how many bytes each message has.
func TestPreview_SaysWhatThenIsOnTheWire(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	keys := a.old(20)
	secondPasses(t)
	a.run()
	b.run()
	join(t, a, b)
	said, err := a.node.Preview(t.Context(), "peer", admin.PreviewRequest{Keys: keys})
	must(t, err)
	if said.Leaving != 20 || said.Held+said.Staying > 0 {
		t.Fatalf("%d would leave, %d be held, %d stay", said.Leaving, said.Held, said.Staying)
	}
	if arrived, err := b.node.Arrived(); err != nil || len(arrived) > 0 {
		t.Fatalf("a preview sent %d events, %v", len(arrived), err)
	}
	_, err = a.node.Sync(t.Context(), admin.SyncRequest{Keys: keys, Connection: "peer"})
	must(t, err)
	var wire [][]byte
	eventually(t, "all have arrived, with their files", func() error {
		if wire, err = b.node.Arrived(); err != nil || len(wire) != 20 {
			return fmt.Errorf("%d events, %w", len(wire), err)
		}
		for i := range keys {
			if k, err := b.find(fmt.Sprintf("Ticket %d: \u201e\u00dcberwachung\u201c <b>& \"co\"</b>", i)); err != nil || len(k.Attachments) != 1 {
				return fmt.Errorf("ticket %d has %d files, %w", i, len(k.Attachments), err)
			}
		}
		return nil
	})
	changes := map[string][]byte{}
	for _, raw := range wire {
		m, err := envelope.Decode(raw)
		must(t, err)
		changes[fmt.Sprint(m.Change.Fields["key"])] = raw
	}
	for i := range said.Tickets {
		sameOnWire(t, b, said.Tickets[i], changes[said.Tickets[i].Key])
	}
}

// sameOnWire holds what was said of a ticket to the message that left.
func sameOnWire(t *testing.T, b *site, said admin.PreviewTicket, raw []byte) {
	t.Helper()
	if said.Bytes != len(raw) {
		t.Errorf("%s: %d bytes were said, %d left", said.Key, said.Bytes, len(raw))
	}
	m, err := envelope.Decode(raw)
	must(t, err)
	var got admin.PreviewTicket
	for _, f := range said.Fields {
		got.Fields = append(got.Fields, text(t, f.Name, m.Change.Fields[f.Name]))
	}
	if len(said.Fields) != len(m.Change.Fields) {
		t.Errorf("%s: %d fields were said, %d left", said.Key, len(said.Fields), len(m.Change.Fields))
	}
	for _, item := range m.Change.Items {
		if item.Kind == event.ItemComment {
			c := text(t, item.Author.Name, item.Body)
			c.Internal = item.Internal
			got.Comments = append(got.Comments, c)
			continue
		}
		got.Files = append(got.Files, admin.TryFile{Name: item.Name, Size: item.Size, MIME: item.MIME})
		got.FileBytes += item.Size
		theirs, err := b.find(fmt.Sprint(m.Change.Fields["summary"]))
		must(t, err)
		at := slices.IndexFunc(theirs.Attachments, func(f event.Attachment) bool { return f.Name == item.Name })
		body, err := b.people.Open(t.Context(), theirs.Ref, theirs.Attachments[at].ID)
		must(t, err)
		content, err := io.ReadAll(body)
		must(t, err)
		must(t, body.Close())
		if int64(len(content)) != item.Size {
			t.Errorf("%s: %d bytes of %s were said, %d are there", said.Key, item.Size, item.Name, len(content))
		}
	}
	want := admin.PreviewTicket{Fields: said.Fields, Comments: said.Comments, Files: said.Files, FileBytes: said.FileBytes}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-said +left):\n%s", said.Key, diff)
	}
}

func text(t *testing.T, name string, value any) admin.PreviewText {
	t.Helper()
	raw, err := json.Marshal(value)
	must(t, err)
	return admin.PreviewText{Name: name, Value: value, Bytes: len(raw)}
}
