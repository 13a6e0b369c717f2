package rt_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/adapters/rt"
	"parley/sync/event"
)

func FuzzAnswers(f *testing.F) {
	fake := newFake(f)
	fake.on("GET tickets", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, rowsJSON("1", row("12", time.Now().UTC().Format(time.RFC3339))))
	})
	fake.json("GET ticket/12/history", 200, `{"total":null,"items":[{"id":"51","Type":"Correspond","type":"transaction","Created":"2026-01-31T12:10:00Z","Creator":{"Name":"alice"}},
		{"id":"50","Type":"Create","type":"transaction","Created":"2026-01-31T12:00:00Z","Creator":{"Name":"bot"}}]}`)
	fake.json("GET ticket/12/attachments", 200, `{"total":null,"items":[{"id":"9","type":"attachment","TransactionId":"51","ContentType":"text/plain","Content":"a\r\nb"}]}`)
	fake.json("GET users", 200, `{"total":1,"items":[{"id":"alice","Name":"alice","EmailAddress":"alice@example.invalid"}]}`)
	fake.json("GET attachment/1", 200, `{"id":"1","ContentType":"text/plain","ContentLength":"1","Content":"YQ=="}`)
	fake.json("PUT ticket/12", 200, `["Ticket 12: Subject changed"]`)
	fake.json("POST ticket/12/correspond", 201, `["Correspondence added"]`)
	adaptertest.FuzzAnswers(f, fake, event.Change{Ref: ref12, Key: "12"}, func(t testing.TB, u *url.URL) adapters.Tracker {
		t.Helper()
		opened, err := rt.Kind().Open(adapters.Options{
			URL: u, Settings: map[string]string{"token": "secret", "queues": "Sync", "labels_field": "Tags"}, UserAgent: "parley-test",
		})
		if err != nil {
			t.Fatal(err)
		}
		return opened
	})
}
