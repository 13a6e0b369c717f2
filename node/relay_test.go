package node_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/adapters/desk"
	"parley/node/admin"
	"parley/node/secret"
	"parley/sync/event"
	"parley/sync/transport/natsbus/natstest"
)

// relayed is a site that meets its peer at a NATS of somebody else's.
func relayed(t *testing.T, name, url, ca, seed string) *site {
	t.Helper()
	s := newSiteOf(t, name, "", desk.Options{
		Name: name, Token: token, Projects: []string{strings.ToUpper(name)[:9]}, Tokens: map[string]string{"alice-token": "alice"},
	})
	data := filepath.Join(s.dir, "data")
	key, err := secret.FindKey(data, func(string) string { return "" })
	must(t, err)
	vault, err := secret.Open(data, key)
	must(t, err)
	must(t, vault.Set("nats", secret.NewValue(seed)))
	text, err := os.ReadFile(s.file())
	must(t, err)
	shared := fmt.Sprintf("nats: {url: %q, credentials: \"${secret:nats}\", ca: %q, prefix: shared.bus}\n", url, ca)
	must(t, os.WriteFile(s.file(), append(text, shared...), 0o600))
	return s
}

// TestRelay_LearnsNothingButIdsCountsSizesAndTimes: two nodes meet at a NATS that belongs
// to neither, are paired there, exchange tickets, comments and files, say what fields they
// send, compare what they hold. Of all bytes that go through, both ways, with TLS taken
// off, none spell a text, a name, a key of a ticket or one of the nodes' secrets.
func TestRelay_LearnsNothingButIdsCountsSizesAndTimes(t *testing.T) {
	t.Parallel()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	relay, seeds := natstest.New(t, ca, 2)
	a, b := relayed(t, "northwind-traders", relay.URL(), ca, seeds[0]), relayed(t, "quicksilver-labs", relay.URL(), ca, seeds[1])
	hidden := planted{t: t, texts: append([]string{"northwind-traders", "quicksilver-labs"}, seeds...)}
	for _, s := range []*site{a, b} {
		hidden.texts = append(hidden.texts, secretsOf(t, s)...)
	}
	const rule = "never tell them about the turnip harvest"
	must(t, os.WriteFile(filepath.Join(a.dir, "out.parley"), []byte("// "+rule+"\n"+outgoing+"replica.labels = issue.labels\n"), 0o600))
	a.run()
	b.run()
	code := invited(t, a, b)
	hidden.texts = append(hidden.texts, rule, code)

	said := []string{"Velvet turbines hum at noon", "Marmalade orbits the pylon", "Only for our people: gazebo", "Umbrella manifest.txt", "Forty silent typewriters", "label-of-saffron"}
	hidden.texts = append(hidden.texts, said...)
	made := a.create(said[0])
	hidden.texts = append(hidden.texts, made.Key)
	a.set(made.Ref, event.Fields{"labels": []any{said[5]}})
	for i, internal := range map[int]bool{1: false, 2: true} {
		_, err := a.people.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: made.Ref, Comment: &event.CommentWrite{Body: said[i], Internal: internal}}, nil)
		must(t, err)
	}
	content := strings.Repeat(said[4]+"\n", 20_000)
	_, err := a.people.Write(t.Context(), event.Step{Kind: event.StepAttach, Ref: made.Ref, Attachment: &event.AttachmentWrite{
		Name: said[3], Size: int64(len(content)), MIME: "text/plain",
	}}, strings.NewReader(content))
	must(t, err)
	eventually(t, "all crosses", func() error {
		twin, err := b.find(said[0])
		if err == nil && (len(twin.Attachments) != 1 || len(twin.Comments) != 1) {
			err = fmt.Errorf("%d files, %d comments", len(twin.Attachments), len(twin.Comments))
		}
		if err == nil {
			hidden.texts = append(hidden.texts, twin.Key)
		}
		return err
	})
	a.verified("both agree", admin.VerifyRequest{}, func(v admin.Verification) bool { return v.Twins == 1 && len(v.Differ)+len(v.Moving) == 0 })
	fields, err := b.node.Fields(t.Context(), "peer")
	must(t, err)
	if raw, err := json.Marshal(fields); err != nil || !bytes.Contains(raw, []byte("labels")) {
		t.Errorf("the peer's shape is not known: %s, %v", raw, err)
	}
	a.stop()
	b.stop()

	var seen []byte
	eventually(t, "the relay has let go", func() error {
		if seen = relay.Seen(); len(seen) < len(content) {
			return errors.New("not all is kept yet")
		}
		return nil
	})
	for _, part := range []string{"CONNECT {", "PUB ", "shared.bus.c.", "shared.bus.p."} {
		if !bytes.Contains(seen, []byte(part)) {
			t.Errorf("what the relay saw does not have %q: nothing is proven", part)
		}
	}
	hidden.notIn("what the relay saw", seen)
	t.Logf("%d bytes, %d texts in %d spellings", len(seen), len(hidden.texts), len(spellings(said[0])))
}
