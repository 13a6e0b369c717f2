package flow_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"parley/filters"
	"parley/filters/examples"
	"parley/sync/event"
	"parley/sync/flow"
	"parley/sync/work"
)

// telltale stands in all that a report of these tests says.
const telltale = "zebrafinch"

// secrets are what a report of a weakness may hold.
func secrets(t *testing.T) map[string]string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"card": "4111 1111 1111 1111", "host": "https://payroll.prod.internal/export",
	}
}

// each puts something behind every n-th letter.
func each(s string, n int, what func(i int) string) string {
	var b strings.Builder
	for i, r := range []rune(s) {
		if i > 0 && i%n == 0 {
			b.WriteString(what(i))
		}
		b.WriteRune(r)
	}
	return b.String()
}

// disguises are ways to write a text so that it does not stand there.
func disguises() map[string]func(string) string {
	return map[string]func(string) string{
		"plain": func(s string) string { return s },
		"zero width": func(s string) string {
			return each(s, 1, func(i int) string { return string([]rune("\u200b\u200d\ufeff\u2060\u00ad")[i%5]) })
		},
		"bold":     func(s string) string { return each(s, 4, func(int) string { return "**" }) },
		"tags":     func(s string) string { return each(s, 3, func(int) string { return `<b class="x"></b>` }) },
		"comments": func(s string) string { return each(s, 5, func(int) string { return "<!-- -->" }) },
		"entities": func(s string) string {
			return strings.Join(mapped(s, func(r rune) string { return fmt.Sprintf("&#%d;", r) }), "")
		},
		"base64":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("see here: " + s)) },
		"base64url": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(telltale + " " + s)) },
		"wrapped": func(s string) string {
			return each(base64.StdEncoding.EncodeToString([]byte("all of it: "+s)), 20, func(int) string { return "\n" })
		},
		"twice": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("it is " + s))) },
		"percent": func(s string) string {
			return strings.Join(mapped(s, func(r rune) string { return fmt.Sprintf("%%%02X", r) }), "")
		},
		"hexadecimal":  func(s string) string { return hex.EncodeToString([]byte(s)) },
		"wide":         func(s string) string { return strings.Join(mapped(s, wide), "") },
		"in a comment": func(s string) string { return "<!-- " + s + " -->" },
		"alt text":     func(s string) string { return "![" + s + "](https://cdn.example.net/picture.png)" },
		"alt of HTML":  func(s string) string { return `<img alt="` + s + `" src="x.png">` },
		"link title":   func(s string) string { return `[here](https://example.net "` + s + `")` },
		"escaped": func(s string) string {
			return strings.Join(mapped(s, func(r rune) string { return fmt.Sprintf(`\u%04x`, r) }), "")
		},
	}
}

func mapped(s string, how func(rune) string) (out []string) {
	for _, r := range s {
		out = append(out, how(r))
	}
	return out
}

func wide(r rune) string {
	if r > 0x20 && r < 0x7F {
		r += 0xFF01 - 0x21
	}
	return string(r)
}

// docx is a document of a text processor, its text cut into runs.
func docx(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	body := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	for name, content := range map[string]string{
		"[Content_Types].xml": `<?xml version="1.0"?><Types/>`,
		"word/document.xml": `<w:document><w:body><w:p><w:r><w:t>` + telltale + " " +
			strings.ReplaceAll(body, " ", ` </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>`) + `</w:t></w:r></w:p></w:body></w:document>`,
	} {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// places are where a person may put it.
func places(t *testing.T) map[string]func(d *desk, ref event.Ref, text string) {
	t.Helper()
	return map[string]func(*desk, event.Ref, string){
		"summary":         func(d *desk, ref event.Ref, s string) { d.set(ref, "summary", telltale+" "+s) },
		"description":     func(d *desk, ref event.Ref, s string) { d.set(ref, "description", telltale+"\n\n"+s+"\n\nRegards") },
		"comment":         func(d *desk, ref event.Ref, s string) { d.comment(ref, telltale+" "+s, false) },
		"file name":       func(d *desk, ref event.Ref, s string) { d.attach(ref, telltale+" "+s+" .txt", "nothing") },
		"text attachment": func(d *desk, ref event.Ref, s string) { d.attach(ref, "notes.txt", telltale+"\n"+s+"\n") },
		"docx":            func(d *desk, ref event.Ref, s string) { d.attach(ref, "report.docx", docx(t, s)) },
		"misnamed":        func(d *desk, ref event.Ref, s string) { d.attach(ref, "screen.png", telltale+"\n"+s+"\n") },
	}
}

// exampleRules are the rules of a ready-made pair, with the gate as it is if
// nobody says otherwise.
func exampleRules(t *testing.T, e examples.Example, gate filters.Egress) *flow.Rules {
	t.Helper()
	environment := e.Env()
	environment.Key, environment.Limits = []byte("k"), env().Limits
	environment.Schema = event.Schema{Fields: map[string]event.Field{}, Comments: true, Internal: true, Attachments: true}
	for _, name := range []string{"project", "type", "summary", "status", "priority", "resolution"} {
		environment.Schema.Fields[name] = event.Field{Type: event.TypeText, Writable: true}
	}
	for name, kind := range map[string]event.Type{
		"description": event.TypeRich, "environment": event.TypeRich, "assignee": event.TypeUser, "reporter": event.TypeUser, "labels": event.TypeSet,
		"due": event.TypeDate, "parent": event.TypeRef, "components": event.TypeSet, "fixVersions": event.TypeSet, "estimate": event.TypeDuration,
		"created": event.TypeTime, "updated": event.TypeTime, "links": event.TypeLinks,
	} {
		environment.Schema.Fields[name] = event.Field{Type: kind, Writable: true}
	}
	for _, m := range regexp.MustCompile(`fields\["([^"]+)"\]`).FindAllStringSubmatch(e.Outgoing+e.Incoming, -1) {
		environment.Schema.Fields["fields."+m[1]] = event.Field{Type: event.TypeText, Writable: true}
	}
	out, err := filters.CompileOutgoing(e.Outgoing, environment)
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	r := rules(t)
	r.Outgoing, r.Egress, r.Vars = out, gate, environment.Vars
	return r
}

// known are the fields of a ticket whose values the example's tables have.
func known(e examples.Example) event.Fields {
	fields := event.Fields{"summary": "a report", "project": "x"}
	for name, table := range e.Tables {
		if len(table.Pairs) > 0 {
			fields[name] = table.Pairs[0].Ours
		}
	}
	return fields
}

func leakWorld(t *testing.T, e examples.Example, gate filters.Egress) (w *world, a, b *node) {
	t.Helper()
	w, a, b = pair(t)
	a.con().SetRules(exampleRules(t, e, gate))
	in, err := filters.CompileIncoming(`issue.summary = replica.summary
issue.comments = replica.comments
issue.attachments = replica.attachments`, env())
	a.must(err)
	r := *b.con().Rules()
	r.Incoming = in
	b.con().SetRules(&r)
	return w, a, b
}

// reached lists where at the peer, or on the way there, the telltale is.
func reached(w *world, b *node) (where []string) {
	for _, m := range w.sent {
		if bytes.Contains(m, []byte(telltale)) {
			where = append(where, "the wire")
			break
		}
	}
	if all := fmt.Sprintf("%+v", b.desk.all()); strings.Contains(all, telltale) {
		where = append(where, "the tracker")
	}
	for _, content := range b.blobs.files {
		if bytes.Contains(content, []byte(telltale)) || bytes.HasPrefix(content, []byte("PK")) {
			where = append(where, "a file")
		}
	}
	return where
}

// TestEgress_AReportWithSecretsDoesNotReachThePeer: a private key, a card and an
// internal host name, wherever and however they are written, under each of the
// ready-made filters and with the gate as it is by default. With the gate's
// detectors off each of them does, so that this shows what the gate holds.
func TestEgress_AReportWithSecretsDoesNotReachThePeer(t *testing.T) {
	t.Parallel()
	all, err := examples.List()
	if err != nil {
		t.Fatal(err)
	}
	off := filters.Egress{Detect: map[string]filters.Action{}, Unscanned: filters.UnscannedKinds()}
	for _, name := range filters.Detectors() {
		off.Detect[name] = filters.ActionPass
	}
	for _, e := range all {
		sends := strings.Join(exampleRules(t, e, off).Outgoing.Targets(), " ")
		for place, put := range places(t) {
			t.Run(e.Name+"/"+place, func(t *testing.T) {
				t.Parallel()
				w, a, b := leakWorld(t, e, filters.Egress{})
				tickets := map[event.Ref]string{}
				for what, secret := range secrets(t) {
					for how, disguise := range disguises() {
						ref := a.desk.create(known(e), "").Ref
						put(a.desk, ref, disguise(secret))
						tickets[ref] = what + ", " + how
					}
				}
				w.settle()
				if where := reached(w, b); len(where) > 0 || len(b.desk.all()) > 0 {
					t.Errorf("it reached %v; the peer has %d tickets", where, len(b.desk.all()))
				}
				a.must(a.path.Works(a.con(), func(ref event.Ref, row work.Row) bool {
					if row.Code == event.CodeByGate && row.State == work.Held {
						delete(tickets, ref)
					}
					return true
				}))
				for _, which := range tickets {
					t.Errorf("%s is not held by the gate", which)
				}
			})
			t.Run(e.Name+"/"+place+"/without the gate", func(t *testing.T) {
				t.Parallel()
				w, a, b := leakWorld(t, e, off)
				ref := a.desk.create(known(e), "").Ref
				put(a.desk, ref, secrets(t)["card"])
				w.settle()
				field := map[string]string{"comment": "comments", "summary": place, "description": place}[place]
				if field == "" {
					field = "attachments"
				}
				if got := len(reached(w, b)) > 0; got != strings.Contains(sends, field) {
					t.Errorf("reached the peer: %v, and the filter sends %s", got, sends)
				}
			})
		}
	}
}
