package filters_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"parley/filters"
	"parley/sync/event"
)

const aCard = "4111 1111 1111 1111"

// scanned is what the gate says of a file, a line each.
func scanned(t *testing.T, gate filters.Egress, name, content string) []string {
	t.Helper()
	found, err := gate.ScanFile(event.Item{ID: "7", Name: name, SHA256: "digest"}, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range found {
		if strings.Contains(f.String(), "4111") {
			t.Errorf("a finding shows the content: %s", f)
		}
		out = append(out, f.String())
	}
	return out
}

func zipped(t *testing.T, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		w, err := z.Create(members[i])
		if err == nil {
			_, err = io.WriteString(w, members[i+1])
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

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, content)
	if err := firstOf(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func tarred(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600, Format: tar.FormatUSTAR})
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err := firstOf(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	pngHead  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01"
	pdfBytes = "%PDF-1.7\n\x00\x01\x02\xff\xfe stream"
)

func TestScanFile_ReadsWhatCanBeRead(t *testing.T) {
	t.Parallel()
	utf16 := "\xff\xfe"
	for _, c := range "card " + aCard {
		utf16 += string([]byte{byte(c), 0})
	}
	nested := zipped(t, "inner.zip", zipped(t, "a/notes.txt", "it is "+aCard))
	encrypted := []byte(zipped(t, "x.txt", "hidden"))
	central := bytes.Index(encrypted, []byte("PK\x01\x02"))
	encrypted[central+8] |= 1
	for _, tt := range []struct{ name, content, want string }{
		{"text", "card " + aCard, "card in attachments, file text: •••11"},
		{"clean", "nothing to see", ""},
		{"empty", "", ""},
		{"latin", "f\xfcr die Karte " + aCard, "card in attachments, file latin: •••11"},
		{"utf16", utf16, "card in attachments, file utf16: •••11"},
		{"zip", zipped(t, "a/notes.txt", "it is "+aCard), "card in attachments, file zip, a/notes.txt: •••11"},
		{"zip in zip", nested, "card in attachments, file zip in zip, inner.zip / a/notes.txt: •••11"},
		{"member's name", zipped(t, aCard+".txt", "nothing"), "card in attachments, file member's name, •••.txt: •••11"},
		{"gzip", gzipped(t, "card "+aCard), "card in attachments, file gzip,  : •••11"},
		{"tar", tarred(t, "n.txt", "card "+aCard), "card in attachments, file tar, n.txt : •••11"},
		{"tgz", gzipped(t, tarred(t, "n.txt", "card "+aCard)), "card in attachments, file tgz,   / n.txt : •••11"},
		{"picture", pngHead + "\x00\x01\x02\xff", ""},
		{"text in a picture", pngHead + "\x00\x01tEXtComment\x00card " + aCard + "\x00", "card in attachments, file text in a picture: •••11"},
		{"pdf", pdfBytes, "unscanned in attachments, file pdf (pdf that cannot be searched)"},
		{"text in a pdf", pdfBytes + "(" + aCard + ")", "unscanned in attachments, file text in a pdf (pdf that cannot be searched)|card in attachments, file text in a pdf: •••11"},
		{"other", "\x00\x01\x02\x03\x04\x05\x06", "unscanned in attachments, file other (other that cannot be searched)"},
		{"video", "\x00\x00\x00\x18ftypmp42\x00", "unscanned in attachments, file video (media that cannot be searched)"},
		{"7z", "7z\xbc\xaf\x27\x1c\x00\x04", "unscanned in attachments, file 7z (archive that cannot be searched)"},
		{"with a password", string(encrypted), "unscanned in attachments, file with a password (archive with a password)"},
		{"damaged", "PK\x03\x04 and no more", "unscanned in attachments, file damaged (archive that is damaged)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(scanned(t, filters.Egress{}, tt.name, tt.content), "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestScanFile_WhatCannotBeReadNeedsAPermit(t *testing.T) {
	t.Parallel()
	if got := scanned(t, filters.Egress{Unscanned: []string{"pdf"}}, "x", pdfBytes); len(got) > 0 {
		t.Errorf("a permit for PDF is not heeded: %v", got)
	}
	if got := scanned(t, filters.Egress{Unscanned: []string{"pdf"}}, "x", pngHead); len(got) != 1 {
		t.Errorf("pictures leave although they are not among the permits: %v", got)
	}
	if got := scanned(t, filters.Egress{Unscanned: filters.UnscannedKinds()}, "x", pdfBytes+" ("+aCard+")\n"); len(got) != 1 {
		t.Errorf("what can be seen of a file that may leave is not looked at: %v", got)
	}
}

// TestScanFile_ASmallFileDoesNotBecomeALargeOne: neither in time nor in memory.
func TestScanFile_ASmallFileDoesNotBecomeALargeOne(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("\x00", 40<<20)
	deep := "card " + aCard
	for range 8 {
		deep = zipped(t, "x.zip", deep)
	}
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprint(i), "x")
	}
	for name, content := range map[string]string{
		"zip": zipped(t, "zeros", zeros), "gzip": gzipped(t, zeros), "deep": deep, "many": zipped(t, many...),
		"large": strings.Repeat("nothing ", filters.MaxScanFile/8+1),
	} {
		start := time.Now()
		got := scanned(t, filters.Egress{}, name, content)
		if len(got) == 0 || !strings.Contains(strings.Join(got, "|"), "unscanned") {
			t.Errorf("%s: %v, want that it cannot be read whole", name, got)
		}
		t.Logf("%s took %s", name, time.Since(start))
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %s", name, took)
		}
	}
}

func TestScanFile_AFileThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := (filters.Egress{}).ScanFile(event.Item{}, iotest.ErrReader(io.ErrUnexpectedEOF)); err == nil {
		t.Error("it passes")
	}
}

func TestScan_ADigestIsOfTheContent(t *testing.T) {
	t.Parallel()
	digest := func(fields event.Fields) string {
		found := filters.Egress{}.Scan(&event.ChangeBody{Fields: fields})
		if !filters.Approvable(found) {
			t.Fatalf("%v cannot be approved", found)
		}
		return filters.ApprovalDigest(found)
	}
	one := digest(event.Fields{"summary": "card " + aCard, "status": "Open"})
	if one != digest(event.Fields{"summary": "card " + aCard, "status": "Done"}) {
		t.Error("another field changes the digest")
	}
	for name, fields := range map[string]event.Fields{
		"another text": {"summary": "card " + aCard + "!"}, "another field": {"description": "card " + aCard},
		"one more": {"summary": "card " + aCard, "description": "card " + aCard},
	} {
		if one == digest(fields) {
			t.Errorf("%s has the same digest", name)
		}
	}
}

func TestScan_LooksAtAllThatAChangeSays(t *testing.T) {
	t.Parallel()
	change := event.ChangeBody{
		Fields: event.Fields{"labels": []any{"a", aCard}, "fields.Region": map[string]any{"value": "EU", "child": aCard}, "assignee": map[string]any{aCard: "x"}},
		Items: []event.Item{
			{ID: "1", Kind: event.ItemComment, Body: aCard},
			{ID: "2", Kind: event.ItemComment, Author: event.User{Name: "Ann " + aCard}},
			{ID: "3", Kind: event.ItemAttachment, Name: aCard + ".txt"},
			{ID: "4", Kind: event.ItemAttachment, Name: "x", MIME: "text/plain; name=" + aCard},
		},
	}
	if got := (filters.Egress{}).Scan(&change); len(got) != 7 {
		t.Errorf("%d findings, want one for each place: %v", len(got), got)
	}
}

func TestScan_ActionsDecide(t *testing.T) {
	t.Parallel()
	change := event.ChangeBody{Fields: event.Fields{"summary": "ann@example.org " + aCard}}
	gate := func(name string, a filters.Action) filters.Egress {
		return filters.Egress{Detect: map[string]filters.Action{name: a}}
	}
	if got := gate("card", filters.ActionPass).Scan(&change); len(got) != 0 {
		t.Errorf("what passes is found: %v", got)
	}
	if got := gate("email", filters.ActionAsk).Scan(&change); len(got) != 2 {
		t.Errorf("what is asked is not found: %v", got)
	}
	if got := gate("card", filters.ActionBlock).Scan(&change); len(got) != 1 || filters.Approvable(got) {
		t.Errorf("what is blocked can be approved: %v", got)
	}
	replica := filters.Replica{
		Fields: event.Fields{"summary": "card " + aCard, "labels": []any{aCard}, "n": 1.0}, CommentsSent: true, AttachmentsSent: true,
		Comments: []filters.Comment{comment("1", "it is "+aCard, "", false)}, Attachments: sampleIssue().Attachments[:1],
	}
	replica.Attachments[0].Name = aCard + ".txt"
	meta := filters.MetaOf(filters.Ours{Comments: replica.Comments, Attachments: replica.Attachments}, false)
	got, findings := gate("card", filters.ActionMask).Check(replica, meta)
	shown := fmt.Sprint(got.Fields["summary"], got.Fields["labels"], got.Comments[0].Body, got.Attachments[0].Name)
	if shown != "card [card][[card]]it is [card][card].txt" || len(findings) > 0 {
		t.Errorf("masked: %s, %v", shown, findings)
	}
	if replica.Comments[0].Body != "it is "+aCard || replica.Fields["summary"] != "card "+aCard {
		t.Error("the gate changed what it was given")
	}
	hidden := event.ChangeBody{Fields: event.Fields{"summary": "4111 **1111** 1111 1111"}}
	if got := gate("card", filters.ActionMask).Scan(&hidden); len(got) != 1 {
		t.Errorf("what cannot be masked is not asked: %v", got)
	}
}

// TestScan_IsBounded: texts made to be costly end soon, and what was not read to
// the end does not pass.
func TestScan_IsBounded(t *testing.T) {
	t.Parallel()
	nest := "x" + aCard
	for range 12 {
		nest = strings.ReplaceAll(fmt.Sprintf("%x", nest), " ", "")
	}
	for name, text := range map[string]string{
		"digits": strings.Repeat("4111 ", 40_000), "at": strings.Repeat("a@", 100_000), "tags": strings.Repeat("<", 200_000),
		"percent": strings.Repeat("%25", 60_000), "entities": strings.Repeat("&amp;", 40_000), "colons": strings.Repeat("::", 100_000),
		"keys": strings.Repeat("key=", 50_000), "quoted": strings.Repeat("=3D", 60_000), "broken": strings.Repeat("=\n", 80_000), "links": strings.Repeat("](", 100_000), "iban": strings.Repeat("DE12 ", 40_000),
		"opened": strings.Repeat("<a", 100_000), "local": strings.Repeat(".local", 40_000), "mails": strings.Repeat("a@b.example ", 20_000),
		"commented": strings.Repeat("<!--", 60_000), "dots": strings.Repeat("a.", 100_000) + ".local", "begin": strings.Repeat("-----BEGIN PRIVATE KEY-----", 5000),
	} {
		start := time.Now()
		(filters.Egress{}).Scan(&event.ChangeBody{Fields: event.Fields{"summary": text}})
		t.Logf("%s took %s", name, time.Since(start))
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s took %s", name, took)
		}
	}
	if got := (filters.Egress{}).Scan(&event.ChangeBody{Fields: event.Fields{"summary": nest}}); len(got) == 0 {
		t.Error("what is encoded more often than is read passes")
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{aCard, "<b>4111</b>", "%34%31", "QUJDREVGR0hJSktMTU5PUA==", `A`, "&#52;", "\xff\xfe", "ann@x.example", "DE12 ", "::", "](("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 4096 {
			return
		}
		gate := filters.Egress{Hosts: []string{"acme.example"}}
		gate.Scan(&event.ChangeBody{Fields: event.Fields{"summary": s}})
		// What stands in a text plainly is found, whatever stands around it.
		if got := gate.Scan(&event.ChangeBody{Fields: event.Fields{"summary": s + "\n(" + aCard + ")\n"}}); len(got) == 0 {
			t.Errorf("a card behind %q is not found", s)
		}
		if _, err := gate.ScanFile(event.Item{}, strings.NewReader(s)); err != nil {
			t.Error(err)
		}
	})
}
