package flow_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

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
		"quoted-printable": func(s string) string {
			return each(strings.Join(mapped(s, func(r rune) string { return fmt.Sprintf("=%02X", r) }), ""), 75, func(int) string { return "=\r\n" })
		},
		"digits of another script": func(s string) string { return strings.Join(mapped(s, arabic), "") },
		"soft hyphens":             func(s string) string { return each(s, 2, func(int) string { return "\u00ad" }) },
		"in two lines":             inTwoLines,
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

func arabic(r rune) string {
	if r >= '0' && r <= '9' {
		r += '\u0660' - '0'
	}
	return string(r)
}

// inTwoLines breaks what holds no name of a machine: nobody reads one over two lines.
func inTwoLines(s string) string {
	if strings.Contains(s, "://") {
		return s
	}
	return strings.Replace(s, " 1111 ", " 1111\n", 1)
}

func wide(r rune) string {
	if r > 0x20 && r < 0x7F {
		r += 0xFF01 - 0x21
	}
	return string(r)
}

// office is an office document whose one part with text is called so, its text cut into
// runs by a word processor, a spreadsheet or a presentation: each has elements of its own.
func office(t *testing.T, part, open, cut, end, text string) string {
	t.Helper()
	body := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return packed(t, map[string]string{
		"[Content_Types].xml": `<?xml version="1.0"?><Types/>`,
		part:                  open + telltale + " " + strings.ReplaceAll(body, " ", cut) + end,
	})
}

func docx(t *testing.T, text string) string {
	return office(t, "word/document.xml", `<w:document><w:body><w:p><w:r><w:t>`, ` </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>`, `</w:t></w:r></w:p></w:body></w:document>`, text)
}

func xlsx(t *testing.T, text string) string {
	return office(t, "xl/sharedStrings.xml", `<sst count="1"><si><r><t>`, ` </t></r><r><rPr><b/></rPr><t xml:space="preserve">`, `</t></r></si></sst>`, text)
}

func pptx(t *testing.T, text string) string {
	return office(t, "ppt/slides/slide1.xml", `<p:sld><a:p><a:r><a:t>`, ` </a:t></a:r><a:r><a:rPr lang="en"/><a:t>`, `</a:t></a:r></a:p></p:sld>`, text)
}

func inUTF16(text string) string {
	out := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(telltale + " " + text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(text))
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// taken is a photograph with a text in what a camera and a program wrote into it.
func taken(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	out := []byte(b.String()[:2])
	for _, segment := range []string{"\xE1Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00" + text, "\xFE" + text, "\xEDPhotoshop 3.0\x00" + text} {
		out = append(out, 0xFF, segment[0])
		out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+1))
		out = append(out, segment[1:]...)
	}
	return string(out) + b.String()[2:]
}

// packed is an archive.
func packed(t *testing.T, members map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range members {
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

// attached puts a file to a ticket that says what it is as browsers do, by its name.
func attached(d *desk, ref event.Ref, name, content string) {
	d.attach(ref, name, content)
	d.mu.Lock()
	defer d.mu.Unlock()
	file := &d.find(ref).Attachments[0]
	file.MIME = map[string]string{".txt": "text/plain", ".png": "image/png"}[path.Ext(name)]
	if file.MIME == "" {
		file.MIME = "application/octet-stream"
	}
}

// plainly are the disguises that are tried within files of formats that are opened first.
var plainly = []string{"plain", "zero width", "base64", "percent", "wide"}

// file is a place: a file of that name, whose content is made of the text.
func file(name string, content func(text string) string) func(*desk, event.Ref, string) {
	return func(d *desk, ref event.Ref, s string) { attached(d, ref, name, content(s)) }
}

// packages are places in files that must be opened to be read. A photograph leaves
// without what stands in it, the others wait.
func packages(t *testing.T) map[string]func(d *desk, ref event.Ref, text string) {
	t.Helper()
	return map[string]func(*desk, event.Ref, string){
		"xlsx":   file("report.xlsx", func(s string) string { return xlsx(t, s) }),
		"pptx":   file("report.pptx", func(s string) string { return pptx(t, s) }),
		"UTF-16": file("notes.txt", inUTF16),
		"gzip":   file("notes.gz", func(s string) string { return gzipped(t, telltale+"\n"+s) }),
		"zip in zip": file("all.zip", func(s string) string {
			return packed(t, map[string]string{"in.zip": packed(t, map[string]string{"a/notes.txt": telltale + "\n" + s})})
		}),
		"PDF":      file("report.pdf", func(s string) string { return "%PDF-1.4\n\x00\x01stream (" + telltale + " " + s + ") Tj endstream" }),
		photograph: file("photo.jpg", func(s string) string { return taken(t, telltale+" "+s) }),
	}
}

const photograph = "EXIF"

// places are where a person may put it.
func places(t *testing.T) map[string]func(d *desk, ref event.Ref, text string) {
	t.Helper()
	return map[string]func(*desk, event.Ref, string){
		"summary": func(d *desk, ref event.Ref, s string) { d.set(ref, "summary", telltale+" "+s) },
		"description": func(d *desk, ref event.Ref, s string) {
			d.set(ref, "description", telltale+"\n\n"+s+"\n\nRegards")
			d.set(ref, "fields.Instructions", telltale+" "+s) // what a pair sends in its place
		},
		"comment":         func(d *desk, ref event.Ref, s string) { d.comment(ref, "[share] "+telltale+" "+s, false) },
		"file name":       func(d *desk, ref event.Ref, s string) { attached(d, ref, telltale+" "+s+" .txt", "nothing") },
		"text attachment": func(d *desk, ref event.Ref, s string) { attached(d, ref, "notes.txt", telltale+"\n"+s+"\n") },
		"docx":            func(d *desk, ref event.Ref, s string) { attached(d, ref, "report.docx", docx(t, s)) },
		"misnamed":        func(d *desk, ref event.Ref, s string) { attached(d, ref, "screen.png", telltale+"\n"+s+"\n") },
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

// known are the fields of a ticket that the example lets leave: of a side of a pair
// its own, else such whose values the example's tables have.
func known(e examples.Example) event.Fields {
	fields := event.Fields{"summary": "a report", "project": "x"}
	for name, value := range e.Ticket {
		fields[name] = value
	}
	if e.Pair != "" {
		if fields["project"] == "x" {
			fields["project"] = append(slices.Clone(e.Projects), "x")[0]
		}
		return fields
	}
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

// reached is all that is at the peer, or on the way there.
func reached(w *world, b *node) string {
	var all strings.Builder
	for _, m := range w.sent {
		all.Write(m)
	}
	fmt.Fprintf(&all, "%+v", b.desk.all())
	for _, content := range b.blobs.files {
		unpack(&all, content)
	}
	return all.String()
}

// unpack writes a file, and what is in it.
func unpack(all *strings.Builder, content []byte) {
	all.Write(content)
	if z, err := zip.NewReader(bytes.NewReader(content), int64(len(content))); err == nil {
		for _, f := range z.File {
			if r, err := f.Open(); err == nil {
				raw, _ := io.ReadAll(r)
				unpack(all, raw)
			}
		}
	}
	if z, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
		raw, _ := io.ReadAll(z)
		unpack(all, raw)
	}
}

// core is what is left of a text without signs: what JSON, markup and lines do to it
// does not matter.
func core(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}

// traces are texts of which each alone would be too much at the peer: those that a
// secret has without signs, and the disguise that was typed.
func traces(secret, typed string) []string {
	whole := core(strings.NewReplacer("-----BEGIN PRIVATE KEY-----", "", "-----END PRIVATE KEY-----", "", "https://", "", "/export", "").Replace(secret))
	all := []string{whole[:min(len(whole), 24)]}
	if t := core(typed); len(t) >= 24 {
		all = append(all, t[len(t)/2-12:len(t)/2+12])
	}
	return all
}

// leaving is what the filter alone lets leave of a ticket; files count by their being
// there.
func leaving(t *testing.T, a *node, ref event.Ref) (text string, files int) {
	t.Helper()
	ticket, err := a.desk.Read(t.Context(), ref)
	a.must(err)
	issue := filters.Ours{Key: ticket.Key, Fields: ticket.Fields}
	for _, c := range ticket.Comments {
		issue.Comments = append(issue.Comments, filters.Comment{Comment: c})
	}
	for _, f := range ticket.Attachments {
		issue.Attachments = append(issue.Attachments, filters.Attachment{Attachment: f})
	}
	out, err := a.con().Rules().Outgoing.Run(t.Context(), filters.OutInput{
		Context: filters.Context{Vars: a.con().Rules().Vars, FirstSync: true}, Issue: issue,
	})
	a.must(err)
	if out.Stop != nil {
		t.Fatalf("the ticket stays at home: %+v", out.Stop)
	}
	return fmt.Sprintf("%+v", out.Replica), len(out.Replica.Attachments)
}

// typed is one secret in one ticket.
type typed struct {
	what   string
	secret string
	text   string // as it was typed
	must   bool   // be held: the filter lets it leave
}

// in tells whether a text has something of it.
func (d typed) in(text string) bool {
	if strings.Contains(text, d.text) {
		return true
	}
	bare := core(text)
	return slices.ContainsFunc(traces(d.secret, d.text), func(trace string) bool { return strings.Contains(bare, trace) })
}

// TestEgress_AReportWithSecretsDoesNotReachThePeer: a private key, a card and an
// internal host name, wherever and however they are written, under each of the
// ready-made filters and with the gate as it is by default. What a filter lets leave of
// it the gate holds, and nothing of it is at the peer or was on the way there. With the
// gate's detectors off it reaches the peer where the filter lets it, so that this shows
// what the gate holds.
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
		for place, put := range places(t) {
			t.Run(e.Name+"/"+place, func(t *testing.T) {
				t.Parallel()
				w, a, b := leakWorld(t, e, filters.Egress{})
				tickets := reports(t, a, e, put, slices.Collect(maps.Keys(disguises())))
				w.settle()
				heldOrHarmless(t, w, a, b, tickets, false)
			})
			t.Run(e.Name+"/"+place+"/without the gate", func(t *testing.T) {
				t.Parallel()
				w, a, b := leakWorld(t, e, off)
				ref := a.desk.create(known(e), "").Ref
				put(a.desk, ref, secrets(t)["card"])
				text, files := leaving(t, a, ref)
				w.settle()
				if got, want := strings.Contains(reached(w, b), telltale), strings.Contains(text, telltale); place != "docx" && files == 0 && got != want {
					t.Errorf("reached the peer: %v; the filter lets it leave: %v", got, want)
				}
				if files > 0 && len(b.blobs.files) == 0 {
					t.Error("the filter lets the file leave, and it did not arrive")
				}
			})
		}
		for place, put := range packages(t) {
			t.Run(e.Name+"/"+place, func(t *testing.T) {
				t.Parallel()
				w, a, b := leakWorld(t, e, filters.Egress{})
				tickets := reports(t, a, e, put, plainly)
				w.settle()
				heldOrHarmless(t, w, a, b, tickets, place == photograph)
			})
			t.Run(e.Name+"/"+place+"/without the gate", func(t *testing.T) {
				t.Parallel()
				w, a, b := leakWorld(t, e, off)
				ref := a.desk.create(known(e), "").Ref
				put(a.desk, ref, secrets(t)["card"])
				_, files := leaving(t, a, ref)
				w.settle()
				there := strings.ReplaceAll(reached(w, b), "\x00", "")
				if files > 0 && place != photograph && !strings.Contains(there, telltale) {
					t.Error("the filter lets the file leave, and it did not arrive")
				}
			})
		}
	}
}

// reports makes a ticket for each secret in each of these disguises.
func reports(t *testing.T, a *node, e examples.Example, put func(*desk, event.Ref, string), how []string) map[event.Ref]typed {
	t.Helper()
	tickets := map[event.Ref]typed{}
	for what, secret := range secrets(t) {
		for _, how := range how {
			disguise := disguises()[how]
			ref := a.desk.create(known(e), "").Ref
			d := typed{what: what + ", " + how, secret: secret, text: disguise(secret)}
			put(a.desk, ref, d.text)
			text, files := leaving(t, a, ref)
			d.must = d.in(text) || files > 0
			tickets[ref] = d
		}
	}
	return tickets
}

// heldOrHarmless holds what became of the reports to the promise: they are held, or
// what is stripped has left without what stood in it.
func heldOrHarmless(t *testing.T, w *world, a, b *node, tickets map[event.Ref]typed, stripped bool) {
	t.Helper()
	there := reached(w, b)
	for _, d := range tickets {
		if d.in(there) {
			t.Errorf("%s reached the peer", d.what)
		}
	}
	if stripped {
		if strings.Contains(there, telltale) {
			t.Error("what stood in a picture reached the peer")
		}
		return
	}
	if len(b.blobs.files) > 0 {
		t.Errorf("%d files reached the peer", len(b.blobs.files))
	}
	a.must(a.path.Works(a.con(), func(ref event.Ref, row work.Row) bool {
		if row.Code == event.CodeByGate && row.State == work.Held {
			delete(tickets, ref)
		}
		return true
	}))
	for _, d := range tickets {
		if d.must {
			t.Errorf("%s is not held by the gate", d.what)
		}
	}
}
