package node_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/node/admin"
	"parley/node/metrics"
	"parley/node/secret"
	"parley/sync/event"
)

// written is a log that a test reads while it is written.
type written struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
}

// Write implements io.Writer.
func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.text.Bytes())
}

// spellings are the forms in which a text may turn up: as it is, escaped, in base64 at
// each of its three places, in hex.
func spellings(text string) map[string]string {
	quoted, _ := json.Marshal(text)
	out := map[string]string{
		"as it is": text, "in JSON": strings.Trim(string(quoted), `"`), "in a path": url.PathEscape(text), "in a query": url.QueryEscape(text),
		"in hex": hex.EncodeToString([]byte(text)), "in capital hex": strings.ToUpper(hex.EncodeToString([]byte(text))), "quoted": strings.Trim(fmt.Sprintf("%q", text), `"`),
	}
	for shift := range 3 {
		for name, coding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64 for addresses": base64.URLEncoding} {
			// What stands before and behind decides of the first and last digits.
			digits := coding.EncodeToString(append(make([]byte, shift), text+"\x00\x00"...))
			out[fmt.Sprintf("in %s at %d", name, shift)] = digits[4*((shift+2)/3) : 4*((shift+len(text))/3)]
		}
	}
	return out
}

// planted looks for texts in what a node lets be seen.
type planted struct {
	t     *testing.T
	texts []string
}

func (p planted) notIn(place string, seen []byte) {
	p.t.Helper()
	for _, text := range p.texts {
		for form, digits := range spellings(text) {
			if at := bytes.Index(seen, []byte(digits)); at >= 0 {
				p.t.Errorf("%q stands %s in %s: …%q…", text, form, place, seen[max(at-80, 0):min(at+len(digits)+20, len(seen))])
			}
		}
	}
}

// files looks into all files of a folder but those that hold keys in clear.
func (p planted) files(dir string, without ...string) (looked int) {
	p.t.Helper()
	must(p.t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		for _, one := range without {
			if filepath.Base(name) == one {
				return nil
			}
		}
		raw, err := os.ReadFile(name)
		looked++
		p.notIn(name, raw)
		return err
	}))
	return looked
}

// answers are what a node tells to whoever may ask it, with what is read of tickets left out.
func answers(t *testing.T, s *site, key string) map[string][]byte {
	t.Helper()
	handler := admin.NewHandler(s.node, "test", s.node)
	out := map[string][]byte{}
	ask := func(method, target, body string) []byte {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(w, r)
		raw := append([]byte(fmt.Sprintln(w.Code, w.Header())), w.Body.Bytes()...)
		out[method+" "+target] = raw
		return raw
	}
	q := url.QueryEscape(key)
	for _, target := range []string{
		"/v1/status", "/v1/key", "/v1/tracker/probe", "/v1/tracker/schema", "/v1/connections", "/v1/connections/peer/scope", "/v1/connections/peer/load",
		"/v1/connections/peer/scope/explain?key=" + q, "/v1/tickets", "/v1/tickets/explain?key=" + q, "/v1/tickets/history?key=" + q, "/v1/queue", "/v1/queue?connection=peer",
		"/v1/conflicts", "/v1/setup", "/v1/templates", "/v1/filters/history?connection=peer", "/v1/filters/diff?connection=peer", "/v1/audit", "/v1/audit/head",
		"/v1/backup", "/openapi.json", "/v1/nothing", "/v1/queue/entry?id=nothing",
	} {
		ask(http.MethodGet, target, "")
	}
	for target, body := range map[string]string{
		"/v1/filters/try": `{"connection":"peer","key":` + fmt.Sprintf("%q", key) + `}`, "/v1/connections/peer/preview": `{"keys":[` + fmt.Sprintf("%q", key) + `]}`,
		"/v1/reload": "", "/v1/connections/accept": `{"code":"nonsense","name":"x"}`, "/v1/connections/peer/verify": `{"deep":true}`,
	} {
		ask(http.MethodPost, target, body)
	}
	registry, err := metrics.NewRegistry()
	must(t, err)
	monitor, err := metrics.Handler(registry, s.node, false)
	must(t, err)
	for _, target := range []string{"/metrics", "/healthz"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+target, nil)
		r.Host = "127.0.0.1"
		monitor.ServeHTTP(w, r)
		out["monitor "+target] = w.Body.Bytes()
	}
	return out
}

// secretsOf plants secrets in a node's vault and configuration, and names all that it has.
func secretsOf(t *testing.T, s *site) []string {
	t.Helper()
	data := filepath.Join(s.dir, "data")
	key, err := secret.FindKey(data, func(string) string { return "" })
	must(t, err)
	vault, err := secret.Open(data, key)
	must(t, err)
	must(t, vault.Set("smtp", secret.NewValue("smtp/P4ss+word=äöü&more")))
	must(t, vault.Set("hook", secret.NewValue("hook-secret-0123456789")))
	names, err := vault.Names()
	must(t, err)
	all := []string{key.Export().Reveal()}
	for _, name := range names {
		value, err := vault.Get(name)
		must(t, err)
		all = append(all, value.Reveal())
	}
	file, err := os.OpenFile(s.file(), os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	_, err = file.WriteString("\nlog: {level: debug}\nnotify:\n  to: [ops@example.com]\n  smtp: {host: \"127.0.0.1:1\", from: p@example.com, tls: none, user: parley, password: \"${secret:smtp}\"}\n" +
		"  webhooks: {ops: {url: \"http://127.0.0.1:1/x\", secret: \"${secret:hook}\"}}\n")
	must(t, errors.Join(err, file.Close()))
	return all
}

// invited joins two nodes and returns the code that it took.
func invited(t *testing.T, a, b *site) string {
	t.Helper()
	code, err := a.node.Invite(t.Context(), admin.InviteRequest{Name: "peer"})
	must(t, err)
	_, err = b.node.Accept(t.Context(), admin.AcceptRequest{Code: code.Code, Name: "peer"})
	must(t, err)
	must(t, admin.Introduce(t.Context(), a.node, "peer", b.node, "peer"))
	for _, s := range []*site{a, b} {
		_, err := s.node.Resume(t.Context(), "peer")
		must(t, err)
	}
	return code.Code
}

// TestSecrets_StandNowhereThatAnybodyCanLook is promise 9: what was entered once is not
// readable again, and neither the log nor a file holds what tickets say.
func TestSecrets_StandNowhereThatAnybodyCanLook(t *testing.T) {
	t.Parallel()
	a, b := newSite(t, "acme", "127.0.0.1:0"), newSite(t, "globex", "")
	var logs [2]written
	secrets := planted{t: t}
	for i, s := range []*site{a, b} {
		s.log = &logs[i]
		secrets.texts = append(secrets.texts, secretsOf(t, s)...)
	}
	must(t, os.WriteFile(filepath.Join(b.dir, "in.parley"), []byte(fmt.Sprintf(incoming, "GLOBEX")+"if replica.summary contains \"Quixotic\" {\n  park \"look at it\"\n}\n"), 0o600))
	a.run()
	b.run()
	secrets.texts = append(secrets.texts, invited(t, a, b))

	said := planted{t: t, texts: []string{
		"Velvet turbines hum at noon", "Quixotic lanterns drift", "Marmalade orbits the pylon", "Only for our people: gazebo", "Umbrella manifest.txt", "Forty silent typewriters",
	}}
	made := a.create(said.texts[0])
	parks := a.create(said.texts[1])
	for body, internal := range map[string]bool{said.texts[2]: false, said.texts[3]: true} {
		_, err := a.people.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: made.Ref, Comment: &event.CommentWrite{Body: body, Internal: internal}}, nil)
		must(t, err)
	}
	content := strings.Repeat(said.texts[5]+"\n", 100)
	_, err := a.people.Write(t.Context(), event.Step{Kind: event.StepAttach, Ref: made.Ref, Attachment: &event.AttachmentWrite{
		Name: said.texts[4], Size: int64(len(content)), MIME: "text/plain",
	}}, strings.NewReader(content))
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s\n%s", logs[0].bytes(), logs[1].bytes())
		}
	})
	eventually(t, "the file crosses and a ticket is parked", func() error {
		twin, err := b.find(said.texts[0])
		if err != nil {
			return err
		}
		queue, err := b.node.Queue(t.Context(), "peer")
		if len(twin.Attachments) != 1 || len(twin.Comments) != 1 || len(queue) == 0 || !queue[0].Parked {
			return fmt.Errorf("%d files, %d comments, queue %+v, %w", len(twin.Attachments), len(twin.Comments), queue, err)
		}
		return nil
	})
	for i, s := range []*site{a, b} {
		key := parks.Key
		if s == b {
			twin, err := b.find(said.texts[0])
			must(t, err)
			key = twin.Key
		}
		got := answers(t, s, key)
		for place, seen := range got {
			secrets.notIn(place, seen)
		}
		for _, place := range []string{"monitor /metrics", "monitor /healthz", "GET /v1/status", "GET /v1/connections", "GET /v1/audit", "GET /v1/backup", "GET /v1/tickets", "GET /v1/setup"} {
			if len(got[place]) == 0 {
				t.Errorf("%s is empty", place)
			}
			said.notIn(place, got[place])
		}
		s.stop()
		secrets.notIn("the log", logs[i].bytes())
		said.notIn("the log", logs[i].bytes())
		if len(logs[i].bytes()) < 1000 {
			t.Errorf("the log has %d bytes", len(logs[i].bytes()))
		}
		data := filepath.Join(s.dir, "data")
		if n := secrets.files(data, "master.key"); n < 4 {
			t.Errorf("%d files", n)
		}
		said.files(data)
	}
}

func TestSpellings_FindATextInEachForm(t *testing.T) {
	t.Parallel()
	const text = "smtp/P4ss+word=äöü&more"
	for before := range 4 {
		whole := strings.Repeat("x", before) + text + "and so on"
		for place, seen := range map[string]string{
			"as it is": whole, "base64": base64.StdEncoding.EncodeToString([]byte(whole)), "raw base64": base64.RawURLEncoding.EncodeToString([]byte(whole)),
			"hex": hex.EncodeToString([]byte(whole)), "query": url.QueryEscape(whole), "path": url.PathEscape(whole),
		} {
			found := false
			for _, form := range spellings(text) {
				found = found || strings.Contains(seen, form)
			}
			if !found {
				t.Errorf("%d before it, %s: not found in %s", before, place, seen)
			}
		}
	}
}
