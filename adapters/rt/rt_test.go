package rt_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/adapters/rt"
	"parley/sync/event"
)

func TestOpen_ChecksSettings(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for name, change := range map[string]map[string]string{
		"no token":      {"token": ""},
		"odd type":      {"field_types": "Severity=colour"},
		"odd priority":  {"priorities": "Low"},
		"nameless type": {"field_types": "Severity"},
	} {
		s := map[string]string{"token": "secret"}
		for k, v := range change {
			s[k] = v
		}
		if _, err := rt.Kind().Open(adapters.Options{URL: f.url, Settings: s}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	f.url.Path = "/REST/2.0/"
	if _, err := f.open(nil).Locate(t.Context(), "#12"); err != nil {
		t.Errorf("with the path of the API in the address: %v", err)
	}
	if f.count("GET rt") != 0 {
		t.Error("Open made a request")
	}
}

func TestTrap_NumbersComeAsTextsAndTextsAsNumbers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.json("GET tickets", 200, `{"total":1,"pages":1.0,"items":[{"id":7,"type":"ticket","Created":"2026-01-01T00:00:00Z","LastUpdated":"2026-01-01T00:00:00Z"}]}`)
	changes, _, err := f.open(nil).List(t.Context(), "", "", 10)
	if err != nil || len(changes) != 1 || changes[0].Key != "7" {
		t.Errorf("got %v, %v", changes, err)
	}
	f.json("GET tickets", 200, `{"total":0,"pages":0.0,"items":[]}`)
	if changes, _, err = f.open(nil).List(t.Context(), "", "", 10); err != nil || len(changes) != 0 {
		t.Errorf("pages 0.0: got %v, %v", changes, err)
	}
}

// encoding/json gives "type" to the field "Type" if it comes last.
func TestTrap_KeysComeInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, tx := range []string{
		`{"type":"transaction","Type":"Comment","id":"50","Created":"2026-01-31T12:00:00Z","Creator":{"Name":"alice","type":"user"}}`,
		`{"Type":"Comment","Creator":{"type":"user","Name":"alice"},"Created":"2026-01-31T12:00:00Z","id":"50","type":"transaction"}`,
	} {
		f := newFake(t)
		f.json("GET ticket/12/history", 200, `{"total":null,"items":[`+tx+`]}`)
		f.json("GET ticket/12/attachments", 200, `{"total":null,"items":[{"id":"1","type":"attachment","TransactionId":"50","ContentType":"text/plain","Filename":"","Content":"said"}]}`)
		ticket, err := f.open(nil).Read(t.Context(), ref12)
		if err != nil {
			t.Fatal(err)
		}
		if len(ticket.Comments) != 1 || !ticket.Comments[0].Internal || ticket.Comments[0].Body != "said" {
			t.Errorf("got %+v, want one internal comment", ticket.Comments)
		}
	}
}

func TestTrap_HiddenRowsDoNotEndAList(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	// The first page of the history is all hidden, the second is short.
	f.on("GET ticket/12/history", func(w http.ResponseWriter, r *http.Request) {
		items := map[string]string{"1": "", "2": `{"id":"40","Type":"Create","Created":"2026-01-31T12:00:00Z"}`, "3": `{"id":"50","Type":"Correspond","Created":"2026-01-31T12:00:00Z"}`}[r.FormValue("page")]
		answer(w, 200, `{"total":null,"pages":null,"items":[`+items+`]}`)
	})
	f.json("GET ticket/12/attachments", 200, `{"total":null,"items":[{"id":"1","TransactionId":"50","ContentType":"text/plain","Content":"last"}]}`)
	ticket, err := f.open(nil).Read(t.Context(), ref12)
	if err != nil || len(ticket.Comments) != 1 {
		t.Errorf("got %+v, %v, want the comment behind the hidden page", ticket.Comments, err)
	}
}

// many is a tracker with many tickets that change in the same seconds.
func many(f *fake, tickets []map[string]string, total string) {
	time1 := regexp.MustCompile(`LastUpdated >= '([^']+)'`)
	behind := regexp.MustCompile(`LastUpdated >= '([^']+)' AND id > (\d+)`)
	f.on("GET tickets", func(w http.ResponseWriter, r *http.Request) {
		query, limit := r.FormValue("query"), atoi(r.FormValue("per_page"))
		if limit > 100 {
			limit = 100 // cut silently
		}
		if strings.Contains(query, " < ") || r.FormValue("order") == "DESC" {
			answer(w, 200, rowsJSON("0")) // the check of the zone: no ticket to check with
			return
		}
		var out []map[string]string
		for _, x := range tickets {
			at := strings.NewReplacer("T", " ", "Z", "").Replace(x["LastUpdated"])
			take := at >= time1.FindStringSubmatch(query)[1]
			if b := behind.FindStringSubmatch(query); b != nil && at >= b[1] && atoi(x["id"]) > atoi(b[2]) {
				take = true
			}
			if take && len(out) < limit {
				out = append(out, x)
			}
		}
		answer(w, 200, rowsJSON(total, out...))
	})
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

func TestTrap_PagesAreCutToAHundredSilently(t *testing.T) {
	t.Parallel()
	for _, total := range []string{"null", "1000"} {
		f := newFake(t)
		var tickets []map[string]string
		for i := 1; i <= 350; i++ {
			// 150 of them in one second: more than a page.
			at := time.Date(2026, 1, 31, 12, 0, max(0, i-150), 0, time.UTC)
			tickets = append(tickets, row(fmt.Sprint(i), at.Format(time.RFC3339)))
		}
		many(f, tickets, total)
		tracker := f.open(nil)
		seen := map[string]bool{}
		cursor := event.Cursor(fmt.Sprintf("1:%d:0:0", time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC).Unix()))
		for range 10 {
			changes, next, err := tracker.Changes(t.Context(), cursor, 120)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				seen[c.Key] = true
			}
			cursor = next
			if len(changes) < 120 && total == "null" {
				break
			}
			if len(seen) == 350 {
				break
			}
		}
		if len(seen) != 350 {
			t.Errorf("total %s: got %d tickets, want 350", total, len(seen))
		}
	}
}

func TestChanges_NextRoundBeginsBehindTheNewestTicket(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	stamp := time.Now().UTC().Truncate(time.Second).Add(-30 * time.Second)
	f.json("GET tickets", 200, rowsJSON("1", row("5", stamp.Format(time.RFC3339))))
	changes, next, err := f.open(nil).Changes(t.Context(), event.Cursor(fmt.Sprintf("1:%d:0:0", stamp.Unix()-100)), 10)
	if err != nil || len(changes) != 1 {
		t.Fatalf("got %v, %v", changes, err)
	}
	if want := event.Cursor(fmt.Sprintf("2:%d:0:0:0", stamp.Unix()-60)); next != want {
		t.Errorf("got cursor %q, want %q: a minute behind", next, want)
	}
	// After a quiet while nothing can be under way: no need to repeat more.
	old := stamp.Add(-time.Hour)
	f.json("GET tickets", 200, rowsJSON("1", row("5", old.Format(time.RFC3339))))
	_, next, err = f.open(nil).Changes(t.Context(), event.Cursor(fmt.Sprintf("1:%d:0:0", old.Unix()-60)), 10)
	if want := event.Cursor(fmt.Sprintf("2:%d:0:0:0", old.Unix())); err != nil || next != want {
		t.Errorf("got cursor %q, %v, want %q", next, err, want)
	}
}

// TestChanges_AClockThatIsSetBackHidesNothing: the place of the next round goes back
// with it, also where the newest ticket bears a time that has not come again yet.
func TestChanges_AClockThatIsSetBackHidesNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	newest := time.Now().UTC().Truncate(time.Second)
	rows := []map[string]string{row("5", newest.Format(time.RFC3339))}
	f.on("GET tickets", func(w http.ResponseWriter, r *http.Request) {
		var from time.Time
		if _, rest, ok := strings.Cut(r.FormValue("query"), "LastUpdated >= '"); ok {
			from, _ = time.Parse("2006-01-02 15:04:05", rest[:19])
		}
		left := slices.DeleteFunc(slices.Clone(rows), func(k map[string]string) bool {
			at, _ := time.Parse(time.RFC3339, k["LastUpdated"])
			return at.Before(from)
		})
		answer(w, 200, rowsJSON(strconv.Itoa(len(left)), left...))
	})
	_, cursor, err := f.open(nil).Changes(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.ahead = -6 * time.Hour
	f.mu.Unlock()
	rows = []map[string]string{row("6", newest.Add(f.ahead).Format(time.RFC3339)), rows[0]}
	for range 2 {
		changes, next, err := f.open(nil).Changes(t.Context(), cursor, 10)
		if err != nil || len(changes) != 2 || changes[0].Ref.ID != "6" {
			t.Fatalf("got %v, %v; want the ticket changed since too", changes, err)
		}
		cursor = next
	}
}

func TestChanges_ListOutOfOrderIsNotWalked(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("GET tickets", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("order") == "DESC" {
			answer(w, 200, rowsJSON("0"))
			return
		}
		rows := []map[string]string{row("5", "2026-01-31T12:00:01Z"), row("4", "2026-01-31T12:00:01Z")}
		if strings.Contains(r.FormValue("query"), "12:00:05") {
			rows = []map[string]string{row("4", "2026-01-31T12:00:07Z"), row("5", "2026-01-31T12:00:06Z")}
		}
		answer(w, 200, rowsJSON("null", rows...))
	})
	_, _, err := f.open(nil).Changes(t.Context(), "1:1769860800:0:0", 10)
	wantClass(t, err, adapters.ErrConfiguration, "order")
	_, _, err = f.open(nil).Changes(t.Context(), "1:1769860805:0:0", 10)
	wantClass(t, err, adapters.ErrConfiguration, "order")
	_, _, err = f.open(nil).List(t.Context(), "", "", 10)
	wantClass(t, err, adapters.ErrConfiguration, "order")
	_, err = f.open(nil).ByField(t.Context(), event.FieldSummary, "s", 10)
	wantClass(t, err, adapters.ErrConfiguration, "order")
}

func TestTrap_RowsOlderThanAskedForMeanAnotherZone(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	many(f, nil, "0")
	f.on("GET tickets", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("order") == "DESC" {
			answer(w, 200, rowsJSON("0"))
			return
		}
		answer(w, 200, rowsJSON("1", row("5", "2026-01-31T06:30:00Z")))
	})
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Unix()
	_, _, err := f.open(nil).Changes(t.Context(), event.Cursor(fmt.Sprintf("1:%d:0:0", at)), 10)
	wantClass(t, err, adapters.ErrConfiguration, "time zone")
}

func TestChanges_NothingSeenIsCheckedBeforeItIsBelieved(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.json("GET queues/all", 200, `{"total":null,"items":[]}`)
	_, _, err := f.open(nil).Changes(t.Context(), "", 10)
	wantClass(t, err, adapters.ErrDenied, "SeeQueue")
	_, _, err = f.open(nil).List(t.Context(), "", "", 10)
	wantClass(t, err, adapters.ErrDenied, "SeeQueue")
}

func TestTrap_UnknownQueueAnswers403(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.json("POST ticket", 403, `{"message":"No permission to create tickets in the queue 'Sync'"}`)
	step := event.Step{Kind: event.StepCreate, Marker: "abcdefghijklmnop", Fields: event.Fields{event.FieldSummary: "s"}}
	_, err := f.open(nil).Write(t.Context(), step, nil)
	wantClass(t, err, adapters.ErrConfiguration, "No permission to create tickets")
	f.json("POST ticket", 401, `{"message":"Unauthorized"}`)
	_, err = f.open(nil).Write(t.Context(), step, nil)
	wantClass(t, err, adapters.ErrDenied, "")
}

func TestTrap_NewTicketsMayNotHaveEveryStatus(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.on("POST ticket", func(w http.ResponseWriter, r *http.Request) {
		var record map[string]any
		if err := json.NewDecoder(r.Body).Decode(&record); err != nil || record["Status"] != nil {
			answer(w, 400, `{"message":"New tickets can not have status 'stalled' in this queue."}`)
			return
		}
		answer(w, 201, `{"id":"12","type":"ticket"}`)
	})
	set := make(chan any, 1)
	f.on("PUT ticket/12", func(w http.ResponseWriter, r *http.Request) {
		var record map[string]any
		_ = json.NewDecoder(r.Body).Decode(&record)
		set <- record["Status"]
		answer(w, 200, `["Ticket 12: Status changed from 'new' to 'stalled'"]`)
	})
	_, err := f.open(nil).Write(t.Context(), event.Step{Kind: event.StepCreate, Fields: event.Fields{
		event.FieldSummary: "s", event.FieldStatus: "stalled",
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-set:
		if got != "stalled" {
			t.Errorf("status set to %v", got)
		}
	default:
		t.Error("the status was not set afterwards")
	}
}

func TestTrap_LockIsTheLastTransaction(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	var match string
	f.on("PUT ticket/12", func(w http.ResponseWriter, r *http.Request) {
		match = r.Header.Get("If-Match")
		answer(w, 412, `{"message":"Precondition Failed"}`)
	})
	ticket, err := f.open(nil).Read(t.Context(), ref12)
	if err != nil || ticket.Lock != "50" {
		t.Fatalf("got lock %q, %v, want 50", ticket.Lock, err)
	}
	step := event.Step{Kind: event.StepUpdate, Ref: ref12, Lock: ticket.Lock, Fields: event.Fields{event.FieldSummary: "x"}}
	_, err = f.open(nil).Write(t.Context(), step, nil)
	wantClass(t, err, adapters.ErrChanged, "")
	if match != `"50"` {
		t.Errorf("got If-Match %q, want \"50\" in quotes", match)
	}
	step.Lock = "49"
	_, err = f.open(nil).Write(t.Context(), step, nil)
	wantClass(t, err, adapters.ErrChanged, "")
	comment := event.Step{Kind: event.StepComment, Ref: ref12, Lock: "49", Comment: &event.CommentWrite{Body: "x"}}
	_, err = f.open(nil).Write(t.Context(), comment, nil)
	wantClass(t, err, adapters.ErrChanged, "")
	if n := f.count("PUT") + f.count("POST"); n != 1 {
		t.Errorf("got %d writes, want only the first", n)
	}
}

func TestTrap_LocationIsAPath(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for location, want := range map[string]string{"/REST/2.0/transaction/77": "77", "http://x/REST/2.0/transaction/78": "78", "": "", "/REST/2.0/ticket/12": ""} {
		f.on("POST ticket/12/comment", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			answer(w, 201, `["Comments added"]`)
		})
		w, err := f.open(nil).Write(t.Context(), event.Step{Kind: event.StepComment, Ref: ref12, Comment: &event.CommentWrite{Body: "x", Internal: true}}, nil)
		if err != nil || w.Item != want {
			t.Errorf("%q: got item %q, %v, want %q", location, w.Item, err, want)
		}
	}
}

func TestTrap_SentencesThatSayNo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		said string
		want error
	}{
		{`Ticket 12: Status 'bogus' isn't a valid status for this ticket.`, adapters.ErrRejected},
		{`Invalid value for custom field`, adapters.ErrRejected},
		{`Ticket 12: That user does not exist`, adapters.ErrRejected},
		{`Ticket 12: That user may not own tickets in that queue`, adapters.ErrRejected},
		{`Ticket 12: You can only reassign tickets that you own or that are unowned`, adapters.ErrRejected},
		{`Couldn't resolve '99' into a link.`, adapters.ErrRejected},
		{`Ticket 12: Permission Denied`, adapters.ErrDenied},
		{`Ticket 12: Subject changed from 'a' to 'Permission Denied'`, nil},
		{`Ticket 12: Subject changed from 'x isn't a valid status' to 'b'`, nil},
		{`Details Invalid value for custom field added`, nil},
		{`Ticket 12: Status changed from 'new' to 'open'`, nil},
	}
	for _, tt := range tests {
		f := newFake(t)
		f.json("PUT ticket/12", 200, `["Ticket 12: Priority changed",`+strconv.Quote(tt.said)+`]`)
		_, err := f.open(nil).Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref12, Fields: event.Fields{event.FieldSummary: "x"}}, nil)
		if tt.want == nil {
			if err != nil {
				t.Errorf("%s: got %v, want none", tt.said, err)
			}
			continue
		}
		wantClass(t, err, tt.want, tt.said)
	}
}

func TestWrite_UpdateInDoubtBeforeItsCommentIsNotFound(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.json("PUT ticket/12", 500, `{}`)
	step := event.Step{Kind: event.StepUpdate, Ref: ref12, Marker: "abcdefghijklmnop", Fields: event.Fields{event.FieldSummary: "x"}, Comment: &event.CommentWrite{Body: "y"}}
	_, err := f.open(nil).Write(t.Context(), step, nil)
	wantClass(t, err, adapters.ErrDoubt, "")
	if f.count("POST") != 0 {
		t.Error("the comment was written after fields in doubt")
	}
	found, err := f.open(nil).Find(t.Context(), step)
	if err != nil || found.Presence != event.FoundNone {
		t.Errorf("got %+v, %v, want none", found, err)
	}
}

func TestTrap_GoneOnlyIfRTItselfAnswers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, err := f.open(nil).Read(t.Context(), event.Ref{ID: "13"})
	wantClass(t, err, adapters.ErrGone, "")
	f.on("GET rt", http.NotFound)
	_, err = f.open(nil).Read(t.Context(), event.Ref{ID: "13"})
	wantClass(t, err, adapters.ErrConfiguration, "Request Tracker")
	f.json("GET rt", 401, `{"message":"Unauthorized"}`)
	_, err = f.open(nil).Read(t.Context(), event.Ref{ID: "13"})
	wantClass(t, err, adapters.ErrDenied, "")
}

func TestTrap_DeletedIsAStatus(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.json("GET ticket/12", 200, strings.Replace(ticketJSON, `"Status":"open"`, `"Status":"deleted"`, 1))
	_, err := f.open(nil).Read(t.Context(), ref12)
	wantClass(t, err, adapters.ErrGone, "deleted")
	_, err = f.open(nil).Write(t.Context(), event.Step{Kind: event.StepUpdate, Ref: ref12, Fields: event.Fields{event.FieldSummary: "x"}}, nil)
	wantClass(t, err, adapters.ErrGone, "deleted")
}

func TestTrap_MessageIsMIMEParts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, parts, body string
		files             []string
	}{
		{
			"plain wins over HTML",
			`{"id":"1","ContentType":"multipart/alternative","ContentLength":"0"},{"id":"2","ContentType":"text/html","Content":"<p>h</p>"},{"id":"3","ContentType":"text/plain","Content":"p"}`,
			"p", nil,
		},
		{
			"mixed with files, one without a name",
			`{"id":"1","ContentType":"multipart/mixed","ContentLength":"0"},{"id":"2","ContentType":"text/plain","Content":"see"},
			 {"id":"3","ContentType":"text/plain","Filename":"C:\\dir\\note.txt","ContentLength":"4"},{"id":"4","ContentType":"application/x-unknown-kind","ContentLength":"9"}`,
			"see",
			[]string{"note.txt 4", "part-4 9"},
		},
		{
			"text that is said to be a file",
			`{"id":"2","ContentType":"text/plain","Content":"see"},{"id":"3","ContentType":"text/plain","Headers":"Content-Disposition: attachment\nX: y","ContentLength":"4"}`,
			"see",
			[]string{"part-3.txt 4"},
		},
		{
			"mailing list's footer",
			`{"id":"2","ContentType":"text/plain","Content":"top\n"},{"id":"3","ContentType":"text/plain","Content":"footer"}`,
			"top\n\n\nfooter", nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.json("GET ticket/12/history", 200, `{"total":null,"items":[{"id":"50","Type":"Correspond","Created":"2026-01-31T12:00:00Z","Creator":{"Name":"alice"}}]}`)
			f.json("GET ticket/12/attachments", 200, `{"total":null,"items":[`+strings.ReplaceAll(tt.parts, `{"id"`, `{"TransactionId":"50","id"`)+`]}`)
			ticket, err := f.open(nil).Read(t.Context(), ref12)
			if err != nil {
				t.Fatal(err)
			}
			var files []string
			for _, a := range ticket.Attachments {
				files = append(files, fmt.Sprintf("%s %d", a.Name, a.Size))
			}
			if d := cmp.Diff(files, tt.files); d != "" {
				t.Error(d)
			}
			if len(ticket.Comments) != 1 || ticket.Comments[0].Body != tt.body {
				t.Errorf("got %+v, want %q", ticket.Comments, tt.body)
			}
		})
	}
}

func TestOpenFile_ChecksLengthAndWholeness(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("bytes of a file \x00\xff", 500)
	lines := strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(data)), "/", `\/`)
	content := lines[:76] + `\n` + lines[76:] + `\n`
	whole := `{"Headers":"a \"Content\": {[","TransactionId":{"Content":"no","id":"1"},"n":1.5,"Content":"` + content + `","id":9}`
	tests := []struct {
		name, body string
		size       int
		want       error
	}{
		{"whole", whole, len(data), nil},
		{"cut", whole[:len(whole)/2], len(data), adapters.ErrTransient},
		{"shorter than announced", whole, len(data) + 1, adapters.ErrTransient},
		{"no content", `{"id":9}`, len(data), adapters.ErrTransient},
		{"list", `[]`, len(data), adapters.ErrTransient},
		{"not base64", `{"Content":"\u0041***"}`, 3, adapters.ErrTransient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.json("GET ticket/12/attachments", 200, fmt.Sprintf(`{"items":[{"id":"9","ContentLength":"%d"}]}`, tt.size))
			f.json("GET attachment/9", 200, tt.body)
			r, err := f.open(nil).Open(t.Context(), ref12, "9")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			got, err := io.ReadAll(r)
			if tt.want != nil {
				wantClass(t, err, tt.want, "")
				return
			}
			if err != nil || string(got) != data {
				t.Errorf("got %d bytes, %v, want %d", len(got), err, len(data))
			}
		})
	}
}

func TestMarker_DroppedByRTStopsTheNextCreate(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.json("POST ticket", 201, `{"id":"12"}`)
	tracker := f.open(map[string]string{"marker_field": "Details"})
	step := event.Step{Kind: event.StepCreate, Marker: "abcdefghijklmnop", Fields: event.Fields{event.FieldSummary: "s"}}
	w, err := tracker.Write(t.Context(), step, nil)
	if err != nil || w.Ref != ref12 {
		t.Fatalf("got %+v, %v: the ticket is there", w, err)
	}
	_, err = tracker.Write(t.Context(), step, nil)
	wantClass(t, err, adapters.ErrConfiguration, "SetInitialCustomField")
	if n := f.count("POST"); n != 1 {
		t.Errorf("got %d creates, want 1", n)
	}
}

func TestPriority_IsNamedAsRTNamesIt(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{"-5": "Low", "0": "Low", "49": "Low", "50": "Medium", "99": "Medium", "100": "High", "200": "High"} {
		f := newFake(t)
		f.json("GET ticket/12", 200, strings.Replace(ticketJSON, `"Priority":"60"`, `"Priority":"`+number+`"`, 1))
		ticket, err := f.open(nil).Read(t.Context(), ref12)
		if err != nil || ticket.Fields[event.FieldPriority] != want {
			t.Errorf("%s: got %v, %v, want %s", number, ticket.Fields[event.FieldPriority], err, want)
		}
	}
	ticket, err := newFake(t).open(map[string]string{"priorities": "number"}).Read(t.Context(), ref12)
	if err != nil || ticket.Fields[event.FieldPriority] != float64(60) {
		t.Errorf("got %v, %v, want 60", ticket.Fields[event.FieldPriority], err)
	}
}

func TestTrap_UserSearchMayAnswerWithEverybody(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.json("GET users", 200, `{"total":2,"items":[{"id":"bob","Name":"bob","EmailAddress":"bob@example.invalid"},{"id":"eve","Name":"eve","EmailAddress":"eve@example.invalid"}]}`)
	found, err := f.open(nil).FindUser(t.Context(), "BOB@example.invalid")
	if d := cmp.Diff(found, []event.User{{ID: "bob", Name: "bob", Email: "bob@example.invalid"}}); d != "" || err != nil {
		t.Error(d, err)
	}
	if found, err = f.open(nil).FindUser(t.Context(), "who@example.invalid"); err != nil || len(found) != 0 {
		t.Errorf("got %v, %v, want nobody", found, err)
	}
}
