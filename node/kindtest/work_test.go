package kindtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/adapters"
	"parley/node/admin"
	"parley/sync/event"
)

const tickets = 20

// work is what people do to one ticket: it is made at home, and both sides go on with it.
type work struct {
	number   int
	home     *site
	away     *site
	summary  string // at first; the last one is in want
	made     event.Ref
	want     string // the summary in the end
	status   string // in the end, of the table's
	comments []string
	secret   string // an internal comment at home, "" for none
	file     []byte
}

// inStep is the proof: twenty tickets, made on both sides and changed on both while
// the trackers misbehave, are alike in the end, each there once, with nothing between
// that should not be.
func inStep(t *testing.T, a, b side) {
	left, right := newSite(t, "left", a, true), newSite(t, "right", b, false)
	left.run()
	right.run()
	join(t, left, right)
	works := plan(left, right)
	var people sync.WaitGroup
	for _, home := range []*site{left, right} {
		people.Go(func() {
			for _, w := range works {
				if w.home == home {
					w.make()
				}
			}
		})
	}
	people.Wait()
	// People go on as soon as the tickets are there, settled or not: what they edit was
	// written by an event that may be in doubt, or parked, and be said once more.
	there(t, left, right, works)
	for _, at := range []*site{left, right} {
		people.Go(func() {
			for _, w := range works {
				w.goOn(at)
			}
		})
	}
	people.Wait()
	for _, x := range []*site{left, right} {
		x.mend()
	}
	defer explain(t, left, right, works)
	eventually(t, "all tickets are in step", func() error { return differences(left, right, works) })
	quiet(t, left, right)
	must(t, differences(left, right, works))
}

// there waits until every ticket has its copy. What the trouble has parked is tried
// again, as admins do.
func there(t *testing.T, left, right *site, works []*work) {
	t.Helper()
	last := time.Now()
	eventually(t, "all tickets have their copies", func() error {
		var open []error
		for _, x := range []*site{left, right} {
			all, err := x.read()
			open = append(open, err)
			for _, w := range works {
				if len(all[w.number]) != 1 {
					open = append(open, fmt.Errorf("ticket %d is there %d times at %s", w.number, len(all[w.number]), x.name))
				}
			}
		}
		err := errors.Join(open...)
		if err == nil || time.Since(last) < time.Second {
			return err
		}
		last = time.Now()
		for _, x := range []*site{left, right} {
			_, stuck := x.running.Retry(t.Context(), admin.QueueSelect{Connection: "peer", All: true})
			err = errors.Join(err, stuck)
		}
		return err
	})
}

// explain says, of a test that failed, what both nodes know of the tickets that differ,
// and what is under way.
func explain(t *testing.T, left, right *site, works []*work) {
	if !t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	wrong := map[int]bool{}
	for _, x := range []*site{left, right} {
		all, err := x.read()
		t.Logf("at %s: %v", x.name, err)
		for _, w := range works {
			if len(all[w.number]) != 1 || x.compare(w, all[w.number][0]) != nil {
				wrong[w.number] = true
			}
		}
	}
	for _, x := range []*site{left, right} {
		all, err := x.read()
		t.Logf("at %s: %v", x.name, err)
		for number := range wrong {
			for _, ticket := range all[number] {
				e, err := x.running.Explain(ctx, ticket.Key)
				e.Read = nil
				text, _ := json.MarshalIndent(e, "", " ")
				t.Logf("%s at %s, changed %s: %s %v", ticket.Key, x.name, ticket.Version, text, err)
			}
		}
		queue, err := x.running.Queue(ctx, "peer")
		t.Logf("under way at %s: %+v %v", x.name, queue, err)
	}
}

func plan(left, right *site) []*work {
	status := "done"
	if left.statuses["working"] != "" && right.statuses["working"] != "" {
		status = "working"
	}
	var works []*work
	for i := range tickets {
		w := &work{number: i, home: left, away: right, summary: fmt.Sprintf("Ticket %02d burns", i), status: "open"}
		if i%2 == 1 {
			w.home, w.away = right, left
		}
		w.want = w.summary
		if i%3 == 0 {
			w.want = fmt.Sprintf("Ticket %02d burns no more", i)
		}
		if i%4 < 2 {
			w.status = status
		}
		if i%5 == 0 && !w.home.noFiles {
			// A picture, which the gate lets leave.
			w.file = append([]byte("GIF89a"), bytes.Repeat([]byte{byte(i), '\n', 0xff}, 5000+i)...)
		}
		if w.home.internal && i%4 == 0 {
			w.secret = fmt.Sprintf("SECRET %02d they never learn", i)
		}
		w.comments = []string{fmt.Sprintf("Comment %02d from home", i), fmt.Sprintf("Comment %02d from away", i)}
		if i%4 == 2 {
			w.comments[0], w.comments[1] = "-2+SUM(1) "+w.comments[0], "=1+1 "+w.comments[1]
		}
		if w.file != nil {
			// Said before the file is there; both sides refer to their own copy.
			w.comments[0] += fmt.Sprintf("\n\nsee ![the report](attachment:report%%20%02d%%20%%C3%%BC.bin)", i)
		}
		works = append(works, w)
	}
	return works
}

// rich is the text that both sides keep as it is. Some begin as a spreadsheet's formulas do.
func (w *work) rich() string {
	begins := ""
	if w.number%4 == 3 {
		begins = "=SUM(1) burns, and so does -2+MAX(3)\n\n"
	}
	for _, x := range []*site{w.home, w.away} {
		if x.side.rich != "" {
			return begins + x.side.rich
		}
	}
	return begins + richText
}

// do is a person's act; the person's own requests meet no trouble.
func (x *site) do(step event.Step, body io.Reader) event.Written {
	x.t.Helper()
	w, err := x.people.Write(x.t.Context(), step, body)
	if err != nil {
		x.t.Errorf("a person at %s: %v", x.name, err)
	}
	return w
}

func (w *work) make() {
	fields := event.Fields{event.FieldSummary: w.summary, event.FieldDescription: w.rich()}
	for name, value := range w.home.create {
		fields[name] = value
	}
	w.made = w.home.do(event.Step{Kind: event.StepCreate, Fields: fields}, nil).Ref
}

// goOn does what the people of one side do once they see the ticket.
func (w *work) goOn(at *site) {
	var ref event.Ref
	if at == w.home {
		ref = w.made
	} else {
		eventually(at.t, fmt.Sprintf("ticket %d arrives at %s", w.number, at.name), func() (err error) { ref, err = at.find(w); return err })
	}
	comment := func(body string, internal bool) {
		at.do(event.Step{Kind: event.StepComment, Ref: ref, Comment: &event.CommentWrite{Body: body, Internal: internal}}, nil)
	}
	if at == w.away {
		comment(w.comments[1], false)
		if w.want != w.summary {
			at.do(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldSummary: w.want}}, nil)
		}
		return
	}
	comment(w.comments[0], false)
	if w.secret != "" {
		comment(w.secret, true)
	}
	if w.file != nil {
		at.do(event.Step{Kind: event.StepAttach, Ref: ref, Attachment: &event.AttachmentWrite{
			Name: fmt.Sprintf("report %02d ü.bin", w.number), Size: int64(len(w.file)), MIME: "application/octet-stream",
		}}, bytes.NewReader(w.file))
	}
	if w.status != "open" {
		at.do(event.Step{Kind: event.StepUpdate, Ref: ref, Fields: event.Fields{event.FieldStatus: at.statuses[w.status]}}, nil)
	}
}

// mend ends the trouble, and does what an admin does then.
func (x *site) mend() {
	x.t.Helper()
	if x.trouble == nil {
		return
	}
	hits := x.trouble.Heal()
	x.t.Logf("%s: faults %v", x.name, hits)
	if len(hits) < 6 {
		x.t.Errorf("%s met %d kinds of faults, want most of them", x.name, len(hits))
	}
	eventually(x.t, "what was parked is driven again", func() error {
		_, err := x.running.Retry(x.t.Context(), admin.QueueSelect{Connection: "peer", All: true})
		return err
	})
}

// read reads all tickets of a side that are about the work, by its number.
func (x *site) read() (map[int][]event.Ticket, error) {
	found := map[int][]event.Ticket{}
	for cursor, first := event.Cursor(""), true; first || cursor != ""; first = false {
		changes, next, err := x.people.List(x.t.Context(), "", cursor, 100)
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			ticket, err := x.people.Read(x.t.Context(), c.Ref)
			if err != nil {
				return nil, err
			}
			var n int
			if _, err := fmt.Sscanf(fmt.Sprint(ticket.Fields[event.FieldSummary]), "Ticket %d", &n); err != nil {
				return nil, fmt.Errorf("a ticket of nobody's at %s: %v", x.name, ticket.Fields[event.FieldSummary])
			}
			found[n] = append(found[n], ticket)
		}
		cursor = next
	}
	return found, nil
}

func (x *site) find(w *work) (event.Ref, error) {
	all, err := x.read()
	if err != nil {
		return event.Ref{}, err
	}
	if len(all[w.number]) == 0 {
		return event.Ref{}, errors.New("not there")
	}
	return all[w.number][0].Ref, nil
}

// differences is all that is not as it should be on either side.
func differences(left, right *site, works []*work) error {
	var wrong []error
	for _, x := range []*site{left, right} {
		all, err := x.read()
		if err != nil {
			return err
		}
		for _, w := range works {
			if n := len(all[w.number]); n != 1 {
				wrong = append(wrong, fmt.Errorf("ticket %d is at %s %d times", w.number, x.name, n))
				continue
			}
			if err := x.compare(w, all[w.number][0]); err != nil {
				wrong = append(wrong, fmt.Errorf("ticket %d at %s: %w", w.number, x.name, err))
			}
		}
	}
	return errors.Join(wrong...)
}

// compare holds one ticket to what people did to it.
func (x *site) compare(w *work, ticket event.Ticket) error {
	type state struct {
		Summary, Status, Description string
		Comments, Secrets, Files     []string
	}
	want := state{Summary: w.want, Status: x.statuses[w.status], Description: w.rich(), Comments: slices.Sorted(slices.Values(w.comments))}
	text := func(name string) string { return plain(fmt.Sprint(ticket.Fields[name])) }
	got := state{Summary: text(event.FieldSummary), Status: text(event.FieldStatus), Description: text(event.FieldDescription)}
	if x == w.home && w.secret != "" {
		want.Secrets = []string{w.secret}
	}
	for _, c := range ticket.Comments {
		if body := plain(c.Body); c.Internal {
			got.Secrets = append(got.Secrets, body)
		} else {
			got.Comments = append(got.Comments, body)
		}
	}
	slices.Sort(got.Comments)
	if w.file != nil && !x.noFiles {
		want.Files = []string{fmt.Sprintf("report %02d ü.bin %d true", w.number, len(w.file))}
	}
	for _, f := range ticket.Attachments {
		same, err := x.sameBytes(x.t.Context(), ticket.Ref, f, w.file)
		if err != nil {
			return err
		}
		got.Files = append(got.Files, fmt.Sprintf("%s %d %v", unmarked(f.Name), f.Size, same))
	}
	if d := cmp.Diff(got, want); d != "" {
		return errors.New(d)
	}
	return nil
}

var markLine = regexp.MustCompile(`(?m)^(?:<!-- parley:[a-z2-7]{16} -->|\[parley:[a-z2-7]{16}\])$`)

// plain takes out the mark that the node's account leaves in a text; a person's
// adapter takes it for that person's words.
func plain(text string) string {
	return nameMark.ReplaceAllString(strings.TrimSpace(markLine.ReplaceAllString(text, "")), "")
}

// nameMark stands in the name of a file that the node's account attached.
var nameMark = regexp.MustCompile(`\.parley-[a-z2-7]{16}`)

// unmarked takes out the mark that the node's account leaves in a file's name where
// the tracker has no other place; a person sees it.
func unmarked(name string) string {
	before, after, found := strings.Cut(name, ".parley-")
	if _, end, ok := strings.Cut(after, "."); found && ok {
		return before + "." + end
	}
	return name
}

func (x *site) sameBytes(ctx context.Context, ref event.Ref, f event.Attachment, want []byte) (bool, error) {
	r, err := x.people.(adapters.Files).Open(ctx, ref, f.ID)
	if err != nil {
		return false, err
	}
	got, err := io.ReadAll(r)
	return bytes.Equal(got, want), errors.Join(err, r.Close())
}

// quiet waits until nothing waits or is parked on either side.
func quiet(t *testing.T, sites ...*site) {
	t.Helper()
	eventually(t, "nothing waits any more", func() error {
		for _, x := range sites {
			all, err := x.running.Connections(t.Context())
			if err != nil {
				return err
			}
			if c := all[0]; c.Waiting+c.Sending+c.Applying+c.Files+c.Parked != 0 {
				return fmt.Errorf("at %s: %+v", x.name, c)
			}
		}
		return nil
	})
}
