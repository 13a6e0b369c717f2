package jira_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"parley/adapters"
	"parley/adapters/jira"
	"parley/adapters/jira/jiradouble"
	"parley/sync/event"
)

func TestOpen_TellsWhichSettingIsWrong(t *testing.T) {
	t.Parallel()
	good := map[string]string{"token": "t", "projects": "SUP, OPS"}
	for _, c := range []struct{ name, key, value, want string }{
		{"good", "", "", ""},
		{"no token", "token", " ", "token"},
		{"no project", "projects", "", "projects"},
		{"a project's name", "projects", "Support Desk", "projects"},
		{"another deployment", "deployment", "server", "deployment"},
		{"an audience of no kind", "internal_comments", "Developers", "internal_comments"},
		{"an audience without a name", "internal_comments", "role: ", "internal_comments"},
		{"a lag without a unit", "index_lag", "120", "index_lag"},
		{"a lag of a day", "index_lag", "24h", "index_lag"},
		{"a page of none", "page_size", "0", "page_size"},
		{"a site without a host", "site", "acme", "site"},
		{"two ways to sign in", "client_id", "c", "token"},
		{"two ways to sign in, one by half", "client_secret", "c", "token"},
	} {
		set := maps.Clone(good)
		if c.key != "" {
			set[c.key] = c.value
		}
		tracker, err := jira.Kind().Open(adapters.Options{URL: &url.URL{Scheme: "https", Host: "jira.invalid"}, Settings: set})
		if err == nil {
			_ = tracker.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "setting "+c.want) {
			t.Errorf("%s: got %v, want the setting %q to be named", c.name, err, c.want)
		}
	}
}

// TestSignIn_IsAsTheTokenWantsIt: with an address it is the password, alone it bears.
func TestSignIn_IsAsTheTokenWantsIt(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{"": "Bearer ", "bot@example.org": "Basic "} {
		var got string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("Authorization")
			w.WriteHeader(http.StatusUnauthorized)
		}))
		u, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		tracker, err := jira.Kind().Open(adapters.Options{URL: u, Settings: map[string]string{"token": "t", "projects": "SUP", "email": email}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = tracker.Read(t.Context(), event.Ref{ID: "1"}); !errors.Is(err, adapters.ErrDenied) {
			t.Errorf("a 401 is %v", err)
		}
		server.Close()
		if !strings.HasPrefix(got, want) {
			t.Errorf("with the address %q the sign-in is %q, want %q", email, got, want)
		}
	}
}

func TestOpen_TellsWhichSettingOfAServiceAccountIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  map[string]string
		want string
	}{
		{"good", map[string]string{"client_id": "c", "client_secret": "s"}, ""},
		{"of a Data Center", map[string]string{"client_id": "c", "client_secret": "s", "deployment": "datacenter"}, ""},
		{"no secret", map[string]string{"client_id": "c"}, "client_secret"},
		{"no id", map[string]string{"client_secret": "s"}, "client_id"},
		{"no https", map[string]string{"client_id": "c", "client_secret": "s", "token_url": "http://tokens.example"}, "token_url"},
		{"nothing", nil, "token"},
	} {
		set := map[string]string{"projects": "SUP"}
		maps.Copy(set, c.set)
		tracker, err := jira.Kind().Open(adapters.Options{URL: &url.URL{Scheme: "https", Host: "jira.invalid"}, Settings: set})
		if err == nil {
			_ = tracker.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "setting "+c.want) {
			t.Errorf("%s: got %v, want the setting %q to be named", c.name, err, c.want)
		}
	}
}

// TestSignIn_OfAServiceAccountInADataCenter: its tokens come from the site itself, and
// it demands a scope.
func TestSignIn_OfAServiceAccountInADataCenter(t *testing.T) {
	t.Parallel()
	b := newBench(t, jiradouble.Options{TokenUses: 3}, map[string]string{"token": "", "client_id": bot().ID, "client_secret": jiradouble.ClientSecret})
	_, key := b.made("by a person")
	for range 4 {
		if _, err := b.tracker.Read(t.Context(), b.ref(key)); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.site.Issued(); n < 2 {
		t.Errorf("%d access tokens were used, want several", n)
	}
}

// TestTrap_ARepeatedPageTokenEndsThePoll: Jira has been seen to give one for ever.
func TestTrap_ARepeatedPageTokenEndsThePoll(t *testing.T) {
	t.Parallel()
	s := startSite(t, jiradouble.Options{Cloud: true, KeysDown: true})
	b := &bench{TB: t, site: s, hand: hand{s}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		s.check.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if strings.HasSuffix(r.URL.Path, "/search/jql") {
			var page map[string]any
			_ = json.Unmarshal(body, &page)
			page["nextPageToken"], page["issues"] = "MSAx", []any{}
			body, _ = json.Marshal(page)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	b.must(err)
	tracker := s.open(t, u, nil)
	t.Cleanup(func() { _ = tracker.Close() })
	_, cursor, err := tracker.Changes(t.Context(), "", 10)
	b.must(err)
	if _, _, err = tracker.Changes(t.Context(), cursor, 10); !errors.Is(err, adapters.ErrTransient) {
		t.Errorf("a page token that comes again is %v", err)
	}
}

// TestTrap_ANameThatLooksMarkedIsNotTakenForOurs: a file's name comes from the peer.
func TestTrap_ANameThatLooksMarkedIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, jiradouble.Options{Cloud: true}, nil)
	_, key := b.made("files")
	ref := b.ref(key)
	const name = "report.parley-aaaaaaaaaaaaaaaa.pdf"
	data := []byte("data")
	step := event.Step{Kind: event.StepAttach, Ref: ref, Marker: mark, Attachment: &event.AttachmentWrite{Name: name, Size: 4, MIME: "application/pdf"}}
	_, err := b.tracker.Write(t.Context(), step, bytes.NewReader(data))
	b.must(err)
	// A person's file is named as it is, whatever it looks like.
	b.must(b.hand.Attach(t.Context(), ref.ID, "report.parley-"+string(mark)+".pdf", data))
	ticket, err := b.tracker.Read(t.Context(), ref)
	b.must(err)
	if len(ticket.Attachments) != 2 || ticket.Attachments[0].Name != name || ticket.Attachments[0].Marker != mark {
		t.Fatalf("got %+v", ticket.Attachments)
	}
	if theirs := ticket.Attachments[1]; theirs.Marker != "" || theirs.Name != "report.parley-"+string(mark)+".pdf" {
		t.Errorf("a person's file was taken for ours: %+v", theirs)
	}
	found, err := b.tracker.Find(t.Context(), step)
	if err != nil || found.Presence != event.FoundOne {
		t.Errorf("Find says %+v, %v; want one", found, err)
	}
}
