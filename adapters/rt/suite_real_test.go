//go:build real

package rt_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"parley/adapters"
	"parley/adapters/adaptertest"
	"parley/sync/event"
)

func subject() adaptertest.Subject {
	return adaptertest.Subject{
		Parent:   event.Fields{},
		Children: true,
		Links:    []string{event.Blocks, event.IsBlockedBy, "is referred to by", "refers to"},
		Kind:     "rt",
		URL:      server.Env["URL"],
		Open: func(t testing.TB, address *url.URL) adapters.Tracker {
			return openReal(t, address, nil)
		},
		OpenWrong: func(t testing.TB, address *url.URL) adapters.Tracker {
			return openReal(t, address, map[string]string{"token": "1-14-00000000000000000000000000000000"})
		},
		Secrets: []string{server.Env["BOT_TOKEN"]},
		Hand:    hand{},
		Create:  event.Fields{event.FieldProject: "Sync"},
		Fields: map[string][2]any{
			event.FieldPriority:       {"High", "Medium"},
			event.FieldDue:            {"2027-03-04T05:06:07Z", "2027-04-05T16:17:18Z"},
			event.FieldEstimate:       {float64(5400), float64(600)},
			event.FieldLabels:         {[]any{"one", "two, with comma", "zwölf"}, []any{"two, with comma"}},
			"fields.Severity":         {"major", "minor"},
			"fields.Affected systems": {[]any{"api", "web"}, []any{"db", "web"}},
			"fields.Needed by":        {"2027-01-02", "2027-12-31"},
			"fields.Due time":         {"2027-01-02T03:04:05Z", "2027-02-03T14:15:16Z"},
			"fields.Details":          {"first\nsecond ü", "other text"},
			event.FieldAssignee: {
				event.User{ID: "bot", Name: "Sync Bot", Email: "bot@example.invalid"}.Value(),
				event.User{ID: "alice", Name: "Alice Agent", Email: "alice@example.invalid"}.Value(),
			},
		},
		Text:             "fields.Details",
		Option:           "fields.Severity",
		Statuses:         []string{"open", "stalled", "resolved", "open"},
		Refused:          "bogus",
		Query:            "Queue = 'Sync'",
		BadQuery:         "Queue = (",
		Lock:             true,
		DescriptionFixed: true,
		Effect:           effect,
		// A write is four requests, and RT shares two cores with everything.
		Patience: 10 * time.Second,
	}
}

// effect knows the request that a step's marker goes with. A PUT of the suite's
// update that holds a comment too only prepares it: RT takes them apart.
func effect(r *http.Request) bool {
	if r.Method != http.MethodPut {
		return r.Method == http.MethodPost
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && !bytes.Contains(body, []byte(`"Subject":"adding `))
}

func TestReal_KeepsThePromisesOfAnAdapter(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, subject())
}
