package desk_test

import (
	"net/url"
	"testing"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/sync/event"
)

func FuzzAnswers(f *testing.F) {
	server := openDesk(f, f.TempDir())
	at, err := url.Parse(serve(f, server))
	if err != nil {
		f.Fatal(err)
	}
	tracker := openTracker(f, at, token)
	defer func() { _ = tracker.Close() }()
	made, err := tracker.Write(f.Context(), event.Step{Kind: event.StepCreate, Fields: event.Fields{"summary": "one", "description": "two\r\nlines"}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := tracker.Write(f.Context(), event.Step{Kind: event.StepComment, Ref: made.Ref, Comment: &event.CommentWrite{Body: "a\r\nb"}}, nil); err != nil {
		f.Fatal(err)
	}
	adaptertest.FuzzAnswers(f, server, event.Change{Ref: made.Ref, Key: made.Key}, func(t testing.TB, u *url.URL) adapters.Tracker { return openTracker(t, u, token) })
}
