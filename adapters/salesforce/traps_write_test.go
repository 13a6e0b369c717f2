package salesforce_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/salesforce"
	"parley/adapters/salesforce/salesforcedouble"
	"parley/sync/event"
)

func openWith(s *site, change map[string]string) (adapters.Tracker, error) {
	u, err := url.Parse(s.url)
	if err != nil {
		return nil, err
	}
	return salesforce.Kind().Open(adapters.Options{URL: u, Settings: settings(change)})
}

func update(t testing.TB, tracker adapters.Tracker, ref event.Ref, fields event.Fields) error {
	t.Helper()
	_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref, Fields: fields}, nil)
	return err
}

func TestTrap_ACommentIsCountedInBytes(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	say := func(body string) error {
		_, err := tracker.Write(t.Context(), event.Step{Kind: event.StepComment, Ref: w.Ref, Marker: someMarker, Comment: &event.CommentWrite{Body: body}}, nil)
		return err
	}
	wantError(t, "a comment of 4200 bytes", say(strings.Repeat("é", 2100)), adapters.ErrRejected, "4000")
	if n := s.Served("POST", "CaseComment"); n != 0 {
		t.Errorf("it was sent %d times", n)
	}
	const withMarker = len("\n\n[parley:abcdefghijklmnop]")
	if err := say(strings.Repeat("a", 4000-withMarker)); err != nil {
		t.Errorf("a comment of 4000 bytes with its marker: %v", err)
	}
}

func TestTrap_ACommentSaysWhetherItIsPublished(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	for _, internal := range []bool{true, false} {
		done, err := tracker.Write(t.Context(), event.Step{
			Kind: event.StepComment, Ref: w.Ref, Marker: someMarker, Comment: &event.CommentWrite{Body: "said", Internal: internal},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Field("CaseComment", done.Item, "IsPublished"); got != !internal {
			t.Errorf("internal %v is published %v", internal, got)
		}
	}
	s.Hide("CaseComment.IsPublished")
	_, err := s.open(t, nil).Write(t.Context(), event.Step{
		Kind: event.StepComment, Ref: w.Ref, Marker: someMarker, Comment: &event.CommentWrite{Body: "for everybody"},
	}, nil)
	wantError(t, "a public comment where none can be published", err, adapters.ErrRejected, "IsPublished")
}

func TestTrap_AFileIsLinkedWithItsVisibility(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	data := []byte("bytes")
	for want, internal := range map[string]bool{"AllUsers": false, "InternalUsers": true} {
		_, err := tracker.Write(t.Context(), event.Step{
			Kind: event.StepAttach, Ref: w.Ref, Marker: someMarker,
			Attachment: &event.AttachmentWrite{Name: want + ".txt", Size: int64(len(data)), MIME: "text/plain", Internal: internal},
		}, bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(s.Links(w.Ref.ID, want)); n != 1 {
			t.Errorf("%d links have the visibility %s, want 1", n, want)
		}
	}
	// What is shown by other people's rights is not certainly public.
	s.Reshare(w.Ref.ID, "SharedUsers")
	ticket, err := tracker.Read(t.Context(), w.Ref)
	if err != nil || len(ticket.Attachments) != 2 || !ticket.Attachments[0].Internal || !ticket.Attachments[1].Internal {
		t.Errorf("got %+v, %v; want two internal files", ticket.Attachments, err)
	}
	for _, q := range s.Queries() {
		if strings.Contains(q, "FROM ContentDocumentLink") && !strings.Contains(q, "LinkedEntityId IN") && !strings.Contains(q, "LinkedEntityId =") {
			t.Errorf("links are asked for without what they link: %s", q)
		}
	}
}

func TestTrap_AValidationRuleIsToldByItsCodeAndFields(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{KeyField: true, Refuse: func(row map[string]any) (string, []string) {
		if row["Status"] == "Closed" && row["Severity__c"] == nil {
			return "Say how severe it was", []string{"Severity__c"}
		}
		return "", nil
	}})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	const code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
	closed := event.Fields{event.FieldStatus: "Closed"}
	wantError(t, "an update", update(t, tracker, w.Ref, closed), adapters.ErrRejected, code, "Say how severe it was", "Severity__c")
	_, err := tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: w.Ref, Fields: closed, Marker: someMarker, Comment: &event.CommentWrite{Body: "closed"},
	}, nil)
	wantError(t, "an update with a comment", err, adapters.ErrRejected, code, "Severity__c")
	ticket, err := tracker.Read(t.Context(), w.Ref)
	if err != nil || len(ticket.Comments) != 0 || ticket.Fields[event.FieldStatus] != "New" {
		t.Errorf("a refused update left %v and %+v, %v", ticket.Fields[event.FieldStatus], ticket.Comments, err)
	}
	_, err = tracker.Write(t.Context(), event.Step{Kind: event.StepCreate, Marker: "bbbbbbbbbbbbbbbb", Fields: event.Fields{
		event.FieldSummary: "x", event.FieldStatus: "Closed",
	}}, nil)
	wantError(t, "a create", err, adapters.ErrRejected, code, "Severity__c")
}

func TestTrap_TheLockSeesWhatTheSecondHides(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := startSite(t, salesforcedouble.Options{Now: now.now})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	before, err := tracker.Read(t.Context(), w.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := (hand{s}).Edit(t.Context(), w.Ref.ID, event.Fields{event.FieldSummary: "within the second"}); err != nil {
		t.Fatal(err)
	}
	_, err = tracker.Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: w.Ref, Lock: before.Lock, Fields: event.Fields{event.FieldSummary: "late"}}, nil)
	wantError(t, "a write after an edit within the second", err, adapters.ErrChanged)
}

func TestTrap_ACaseThatChangesBeforeTheWriteIsAnswered412(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := startSite(t, salesforcedouble.Options{Now: now.now})
	var edit atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Between the adapter's read and its write, somebody edits.
		if id, _ := edit.Load().(string); id != "" && r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/token") {
			now.move(2 * time.Second)
			s.Set(id, "Subject", "a person was faster")
		}
		s.check.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	tracker := open(t, u, nil)
	t.Cleanup(func() { _ = tracker.Close() })
	w := makeCase(t, tracker, nil)
	for name, comment := range map[string]*event.CommentWrite{"fields": nil, "fields and a comment": {Body: "too late"}} {
		edit.Store("")
		ticket, err := tracker.Read(t.Context(), w.Ref)
		if err != nil {
			t.Fatal(err)
		}
		edit.Store(w.Ref.ID)
		_, err = tracker.Write(t.Context(), event.Step{
			Kind: event.StepUpdate, Ref: w.Ref, Lock: ticket.Lock, Marker: someMarker, Fields: event.Fields{event.FieldSummary: "too late"}, Comment: comment,
		}, nil)
		wantError(t, name, err, adapters.ErrChanged)
		if got := s.Value(w.Ref.ID, "Subject"); got != "a person was faster" {
			t.Errorf("%s: the summary is %v", name, got)
		}
	}
}

func TestTrap_ALockedRowIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{KeyField: true})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	locked := salesforcedouble.Problem("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 500", "ParentId")
	s.FailNext(matches(http.MethodPatch, "/sobjects/Case/"), http.StatusBadRequest, locked)
	wantError(t, "an update of a locked row", update(t, tracker, w.Ref, event.Fields{event.FieldSummary: "x"}), adapters.ErrTransient, "UNABLE_TO_LOCK_ROW")
	if err := update(t, tracker, w.Ref, event.Fields{event.FieldSummary: "x"}); err != nil {
		t.Errorf("after that: %v", err)
	}
	s.FailNext(matches(http.MethodPost, "/composite/"), http.StatusOK, map[string]any{"compositeResponse": []any{
		map[string]any{"httpStatusCode": 400, "referenceId": "step0", "httpHeaders": map[string]any{}, "body": salesforcedouble.Problem("PROCESSING_HALTED", "rolled back")},
		map[string]any{"httpStatusCode": 400, "referenceId": "step1", "httpHeaders": map[string]any{}, "body": locked},
	}})
	_, err := tracker.Write(t.Context(), event.Step{
		Kind: event.StepUpdate, Ref: w.Ref, Marker: someMarker, Fields: event.Fields{event.FieldSummary: "y"}, Comment: &event.CommentWrite{Body: "z"},
	}, nil)
	wantError(t, "a locked row in a part", err, adapters.ErrTransient, "UNABLE_TO_LOCK_ROW")
}

func TestTrap_AssignmentRulesAreKeptOff(t *testing.T) {
	t.Parallel()
	for _, keyed := range []bool{true, false} {
		s := startSite(t, salesforcedouble.Options{KeyField: keyed, AssignTo: queue().ID})
		w := makeCase(t, s.open(t, nil), event.Fields{event.FieldAssignee: map[string]any{"email": alice().Email}})
		if got := s.Value(w.Ref.ID, "OwnerId"); got != alice().ID {
			t.Errorf("with the key field %v: a rule gave the case to %v", keyed, got)
		}
		if ref := byHand(t, s, "by a person"); s.Value(ref.ID, "OwnerId") != queue().ID {
			t.Error("the rule does not work for people")
		}
	}
}

func TestTrap_AnOwnerIsAUserOrAQueue(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	for want, who := range map[string]map[string]any{
		alice().ID: {"email": alice().Email}, queue().ID: {"name": queue().Name}, bot().ID: {"id": bot().ID},
	} {
		if err := update(t, tracker, w.Ref, event.Fields{event.FieldAssignee: who}); err != nil {
			t.Fatal(err)
		}
		if got := s.Value(w.Ref.ID, "OwnerId"); got != want {
			t.Errorf("%v is %v, want %s", who, got, want)
		}
		ticket, err := tracker.Read(t.Context(), w.Ref)
		owner, _ := ticket.Fields[event.FieldAssignee].(map[string]any)
		if err != nil || owner["id"] != want || owner["name"] == want {
			t.Errorf("the owner reads as %v, %v", owner, err)
		}
	}
	wantError(t, "a contact as owner", update(t, tracker, w.Ref, event.Fields{event.FieldAssignee: value(carol())}), adapters.ErrRejected)
	wantError(t, "nobody as owner", update(t, tracker, w.Ref, event.Fields{event.FieldAssignee: nil}), adapters.ErrRejected, "queue")
}

func TestTrap_AnUnrestrictedListTakesNoUnknownValue(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	for _, label := range []string{"Carrier pigeon", "Fax"} { // Fax is switched off
		wantError(t, label, update(t, tracker, w.Ref, event.Fields{"fields.Case Origin": label}), adapters.ErrRejected, label)
	}
}

func pemKey(t testing.TB) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func TestTrap_TokensAreAskedForAtMyDomain(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"https://login.salesforce.com", "https://test.salesforce.com", "https://acme.lightning.force.com"} {
		u, err := url.Parse(host)
		if err != nil {
			t.Fatal(err)
		}
		_, err = salesforce.Kind().Open(adapters.Options{URL: u, Settings: settings(nil)})
		if err == nil || !strings.Contains(err.Error(), "My Domain") {
			t.Errorf("%s: got %v, want it refused", host, err)
		}
	}
	key, text := pemKey(t)
	s := startSite(t, salesforcedouble.Options{Apps: map[string]salesforcedouble.App{consumerKey: {Key: &key.PublicKey}}})
	jwt := func(change map[string]string) map[string]string {
		out := map[string]string{"client_secret": "", "private_key": text, "username": bot().Login}
		for k, v := range change {
			out[k] = v
		}
		return out
	}
	makeCase(t, s.open(t, jwt(nil)), nil)
	if s.Served("POST", "/services/oauth2/token") != 1 {
		t.Error("the token was not asked for at the org's own address")
	}
	_, stranger := pemKey(t)
	for name, change := range map[string]map[string]string{
		"another key": {"private_key": stranger}, "another user": {"username": "else@acme.example"}, "another audience": {"audience": "https://example.org"},
	} {
		_, _, err := s.open(t, jwt(change)).Changes(t.Context(), "", 1)
		wantError(t, name, err, adapters.ErrDenied)
	}
	for name, change := range map[string]map[string]string{
		"no secret": {"client_secret": ""}, "both": {"private_key": text}, "no user": {"client_secret": "", "private_key": text}, "no key": {"client_secret": "", "private_key": "x", "username": "y"},
	} {
		if _, err := openWith(s, change); err == nil || strings.Contains(err.Error(), text) {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}

func TestTrap_ATokenThatHasEndedIsNoRefusalOfTheUser(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{KeyField: true})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	s.RevokeTokens()
	// Who is signed in is asked first here, and answered 403.
	found, err := tracker.Find(t.Context(), event.Step{Kind: event.StepCreate, Marker: someMarker})
	if err != nil || found.Written.Ref != w.Ref {
		t.Errorf("after the token ended Find says %+v, %v; want the case", found, err)
	}
}

func TestTrap_TheVersionIsTheAdministrators(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	makeCase(t, s.open(t, map[string]string{"api_version": "61.0"}), nil)
	if s.Served("GET", "/services/data/v61.0/") == 0 || s.Served("GET", "/services/data/v66.0/") != 0 {
		t.Error("the version of the setting is not the one that is asked for")
	}
	for _, version := range []string{"59.0", "v61.0", "61", "61.0/../x", "latest"} {
		if _, err := openWith(s, map[string]string{"api_version": version}); err == nil {
			t.Errorf("the version %q is taken", version)
		}
	}
	_, _, err := s.open(t, map[string]string{"api_version": "99.0"}).Changes(t.Context(), "", 1)
	wantError(t, "a version that is not there yet", err, adapters.ErrConfiguration, "version")
}

const outbound = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D000000000062EAA</OrganizationId><ActionId>04k000000000001AAA</ActionId>
<Notification><Id>04l000000000001AAA</Id><sObject xsi:type="sf:Case" xmlns:sf="urn:sobject.enterprise.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><sf:Id>%s</sf:Id></sObject></Notification>
</notifications></soapenv:Body></soapenv:Envelope>`

func TestTrap_AnOutboundMessageIsAHintByItsSecretPath(t *testing.T) {
	t.Parallel()
	s := startSite(t, salesforcedouble.Options{})
	tracker := s.open(t, nil)
	w := makeCase(t, tracker, nil)
	hook := tracker.(adapters.Hooked)
	body := strings.Replace(outbound, "%s", w.Ref.ID, 1)
	hint, err := hook.Hook(delivery("/"+hookSecret, body))
	if err != nil || len(hint.Tickets) != 1 || hint.Tickets[0].Key != w.Ref.ID {
		t.Fatalf("got %+v, %v; want the case", hint, err)
	}
	found, err := tracker.Locate(t.Context(), hint.Tickets[0].Key)
	if err != nil || found.Ref != w.Ref || found.Key != w.Key {
		t.Errorf("it leads to %+v, %v", found, err)
	}
	for _, path := range []string{"/", "", "/" + hookSecret + "x", "/" + hookSecret + "/x", "/x"} {
		if hint, err := hook.Hook(delivery(path, body)); !errors.Is(err, adapters.ErrDenied) {
			t.Errorf("%q: got %+v, %v; want it refused", path, hint, err)
		}
	}
	if hint, err := hook.Hook(delivery("/"+hookSecret, `<a>500</a> 5000 x500000000000001AAA`)); err != nil || len(hint.Tickets) != 0 {
		t.Errorf("a body that names no case gives %+v, %v", hint, err)
	}
}

// TestTrap_AnOutboundMessageIsAcknowledged: without its receipt Salesforce sends it again
// for a day. A flow takes the status alone.
func TestTrap_AnOutboundMessageIsAcknowledged(t *testing.T) {
	t.Parallel()
	hook := startSite(t, salesforcedouble.Options{}).open(t, nil).(adapters.Hooked)
	hint, err := hook.Hook(delivery("/"+hookSecret, strings.Replace(outbound, "%s", "500000000000001AAA", 1)))
	if err != nil || !strings.HasPrefix(hint.Type, "text/xml") {
		t.Fatalf("got %+v, %v", hint, err)
	}
	var envelope struct {
		XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
		Body    struct {
			Response struct {
				Ack string `xml:"http://soap.sforce.com/2005/09/outbound Ack"`
			} `xml:"http://soap.sforce.com/2005/09/outbound notificationsResponse"`
		} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
	}
	if err := xml.Unmarshal([]byte(hint.Answer), &envelope); err != nil || envelope.Body.Response.Ack != "true" {
		t.Errorf("got %s, %v", hint.Answer, err)
	}
	for path, body := range map[string]string{"/" + hookSecret: `{"id": "500000000000001AAA"}`, "/wrong": outbound} {
		if hint, _ := hook.Hook(delivery(path, body)); hint.Answer != "" {
			t.Errorf("%s gets %s", path, hint.Answer)
		}
	}
}
