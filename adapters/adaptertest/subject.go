package adaptertest

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"parley/adapters"
	"parley/sync/event"
)

// Subject is an adapter and the tracker it is tested against.
type Subject struct {
	// Kind is the adapter's name, in one run of the suite for each kind: what that run
	// holds it to is what adapters/all/capabilities says, and the documents. Other runs
	// (another version, another setting) leave it empty.
	Kind string
	// URL is the tracker's own address.
	URL string
	// Open opens the adapter for address, with a good credential of an ordinary
	// account. address stands for URL: it leads there through the proxy. The
	// suite closes what Open returns.
	Open func(t testing.TB, address *url.URL) adapters.Tracker
	// OpenWrong is Open with a credential that the tracker does not know.
	OpenWrong func(t testing.TB, address *url.URL) adapters.Tracker
	// Secrets are the texts that must reach no other origin: token, key.
	Secrets []string
	// CredentialHeaders are taken out of requests to see what the adapter makes
	// of an anonymous sign-in; empty means the usual ones.
	CredentialHeaders []string
	// Hand acts as a person, with another account than the adapter's.
	Hand Hand

	// Create holds the fields that every create needs besides summary and
	// description: project, type.
	Create event.Fields
	// Fields are writable fields with two values each to write in turn and read
	// back equal. Option, custom text, set, date, user: as many types as the
	// tracker has. Not summary, description and status, which are always tried.
	Fields map[string][2]any
	// Text names one of Fields that is a text which can be emptied.
	Text string
	// Option names one of Fields that is an option; a value that it does not
	// have is tried too.
	Option string
	// Statuses is a walk that the workflow allows, from the status after a
	// create (not among them). Empty says that there is no status to write.
	Statuses []string
	// Refused is a status that the workflow does not allow at the walk's end, or
	// one that does not exist at all.
	Refused string
	// Query narrows a listing to the tickets that the suite makes, or lists all.
	Query string
	// BadQuery is one that the tracker's language does not have; "" says that
	// the adapter has no language.
	BadQuery string

	// Lock says that the tracker has an optimistic lock.
	Lock bool
	// CreatesOnce says that the tracker takes a create with a marker that it knows
	// for the one before, and answers with its ticket.
	CreatesOnce bool
	// EditsComments says that a comment of the adapter's account can be changed.
	EditsComments bool
	// WritesAs is the id of a person in whose name the adapter's account may write comments;
	// "" says that it may write in its own only.
	WritesAs string
	// DescriptionFixed says that a description cannot be changed after create.
	DescriptionFixed bool
	// Parent are the fields of a ticket that may be another one's parent, over Create;
	// nil says that this account can give a ticket no parent. Child are those of the
	// other one. ParentFixed says that the parent is given when a ticket is made, and stays.
	Parent, Child event.Fields
	ParentFixed   bool
	// Children says that a ticket made with Parent tells those made with Child below it.
	Children bool
	// Links are relations that this account can make between two tickets of Create, by
	// their names as event.Link has them; none says that it can make no links.
	Links []string
	// PublicFiles says that there are no internal attachments.
	PublicFiles bool
	// Renews says that the adapter signs in with access tokens and gets a fresh one when
	// one is refused.
	Renews bool
	// Deliver makes the webhook that the tracker would send of a change of a ticket, as
	// it arrives; nil says that the tracker is not adapters.Hooked.
	Deliver func(t testing.TB, ref event.Ref, key string) adapters.Delivery
	// UnsignedHooks says that what proves a webhook does not cover its body (a shared
	// token, a basic sign-in, a secret path).
	UnsignedHooks bool
	// PublicComments says that there are no internal comments, and NoFiles that there
	// are no attachments at all: the adapter refuses both.
	PublicComments bool
	NoFiles        bool
	// Pictures is what a written text holds that shows a file of the ticket by the tracker's
	// own means, with the file's name as %s, or %b without its ending; "" says that it cannot, and that the reference is
	// written as words. Where comments cannot be changed, only a text that comes after the
	// file shows it.
	Pictures string
	// LongestComment is how many bytes a comment may have; 0 is as many as the suite tries.
	LongestComment int
	// Lag is how long after a change Changes may still leave it out.
	Lag time.Duration
	// Effect tells the request whose answer says that a step happened from those
	// that prepare it (an upload) or only look; nil means every request but GET
	// and HEAD.
	Effect func(*http.Request) bool
	// Patience is how long a fault that hangs lasts until the suite's deadline ends
	// it; 0 means 2s.
	Patience time.Duration

	target *target
}

// Hand does what people do in the tracker. Its methods may be called from
// several goroutines.
type Hand interface {
	// Create makes a ticket from Subject.Create and these fields (summary,
	// description, …) and returns its id and key.
	Create(ctx context.Context, fields event.Fields) (id, key string, err error)
	// Edit sets fields: summary, or those of Subject.Fields.
	Edit(ctx context.Context, id string, fields event.Fields) error
	// Comment adds a comment.
	Comment(ctx context.Context, id, body string, internal bool) error
	// Attach adds a file.
	Attach(ctx context.Context, id, name string, data []byte) error
	// Delete takes a ticket away.
	Delete(ctx context.Context, id string) error
}

const defaultPatience = 2 * time.Second

func (s *Subject) prepare(t *testing.T) {
	t.Helper()
	require := func(ok bool, what string) {
		t.Helper()
		if !ok {
			t.Fatalf("Subject.%s is missing or wrong", what)
		}
	}
	require(s.URL != "", "URL")
	require(s.Open != nil && s.OpenWrong != nil, "Open or OpenWrong")
	require(len(s.Secrets) > 0, "Secrets")
	require(s.Hand != nil, "Hand")
	require(len(s.Fields) > 0, "Fields")
	_, hasText := s.Fields[s.Text]
	require(hasText, "Text")
	_, hasOption := s.Fields[s.Option]
	require(hasOption, "Option")
	require(len(s.Statuses) == 0 || s.Refused != "", "Refused")
	if s.Effect == nil {
		s.Effect = changesSomething
	}
	if len(s.CredentialHeaders) == 0 {
		s.CredentialHeaders = []string{"Authorization", "Cookie", "X-Api-Key", "X-Redmine-Api-Key", "Private-Token"}
	}
	s.target = &target{}
	if s.Patience == 0 {
		s.Patience = defaultPatience
	}
}

func changesSomething(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead
}
