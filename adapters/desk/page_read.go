package desk

import (
	"cmp"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"parley/sync/event"
)

const maxRows = 200

// listView is the list of tickets.
type listView struct {
	Query    string
	Status   string
	Project  string
	Projects []string
	Statuses []statusCount
	Total    int
	Rows     []rowView
	More     int
	Error    string
}

type statusCount struct {
	Name  string
	Count int
}

type rowView struct {
	Key, Summary, Status, Priority, Type, Assignee string
	Labels                                         []any
	Updated                                        time.Time
	Comments, Files                                int
}

func (p *pages) list(w http.ResponseWriter, r *http.Request, who Person) error {
	v := listView{
		Query: r.FormValue("q"), Status: r.FormValue("status"), Project: r.FormValue("project"),
		Projects: p.server.options.Projects,
	}
	q, err := parseQuery(v.Query)
	if err != nil {
		v.Error = strings.TrimPrefix(err.Error(), errInvalid.Error()+": ")
	}
	if v.Project != "" {
		q.equal[event.FieldProject] = v.Project
	}
	err = p.server.view(func(st *state) error {
		v.fill(st, q)
		return nil
	})
	if err != nil {
		return err
	}
	p.render(w, r, http.StatusOK, "list", who, "Tickets", v)
	return nil
}

// fill counts by status what the search finds, and takes the rows of one.
func (v *listView) fill(st *state, q query) {
	var found []*ticket
	counts := map[string]int{}
	for _, t := range st.byAge() {
		if v.Error != "" || !q.matches(t) {
			continue
		}
		v.Total++
		status, _ := t.fields[event.FieldStatus].(string)
		counts[status]++
		if v.Status == "" || v.Status == status {
			found = append(found, t)
		}
	}
	for _, name := range statuses() {
		v.Statuses = append(v.Statuses, statusCount{name, counts[name]})
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].version > found[j].version })
	if len(found) > maxRows {
		v.More = len(found) - maxRows
		found = found[:maxRows]
	}
	for _, t := range found {
		v.Rows = append(v.Rows, st.row(t))
	}
}

func (s *state) row(t *ticket) rowView {
	text := func(name string) string {
		return show(s.expand(s.defs[name], t.fields[name]))
	}
	labels, _ := t.fields[event.FieldLabels].([]any)
	return rowView{
		Key: t.key, Summary: text(event.FieldSummary), Status: text(event.FieldStatus), Priority: text(event.FieldPriority),
		Type: text(event.FieldType), Assignee: text(event.FieldAssignee), Labels: labels, Updated: t.updated,
		Comments: len(t.comments), Files: len(t.files),
	}
}

// ticketView is one ticket.
type ticketView struct {
	rowView
	Description string
	Reporter    string
	Created     time.Time
	Parent      string
	Moves       []string
	Facts       []factView
	Entries     []entryView
	Attachments []wireFile
	Form        []inputView
}

type factView struct{ Name, Value string }

// entryView is one entry of the conversation: a comment, or changes that
// somebody made at once.
type entryView struct {
	seq     uint64
	At      time.Time
	Author  Person
	Remote  bool // written by Parley for somebody at the other side
	Comment *wireComment
	Changes []changeView
}

type changeView struct{ Name, Old, New string }

func (p *pages) ticket(w http.ResponseWriter, r *http.Request, who Person) error {
	var v ticketView
	err := p.server.view(func(st *state) error {
		t, err := st.byKey(r.PathValue("key"))
		if err == nil {
			v = st.page(t)
		}
		return err
	})
	if err != nil {
		return err
	}
	p.render(w, r, http.StatusOK, "ticket", who, v.Key+" "+v.Summary, v)
	return nil
}

func (s *state) page(t *ticket) ticketView {
	wire := s.wire(t)
	v := ticketView{
		rowView: s.row(t), Created: t.created, Description: show(t.fields[event.FieldDescription]),
		Reporter: show(wire.Fields[event.FieldReporter]), Parent: show(wire.Fields[event.FieldParent]),
		Attachments: wire.Attachments, Entries: s.conversation(t, wire), Form: s.form(t),
	}
	v.Moves = nextStatuses(v.Status)
	for _, f := range s.options.Fields {
		name := event.CustomPrefix + f.Name
		v.Facts = append(v.Facts, factView{f.Name, show(wire.Fields[name])})
	}
	v.Facts = append(v.Facts, factView{"Links", show(wire.Fields[event.FieldLinks])}, factView{"Due", show(wire.Fields[event.FieldDue])})
	return v
}

func (s *state) conversation(t *ticket, wire wireTicket) []entryView {
	var out []entryView
	for i := range wire.Comments {
		c := &wire.Comments[i]
		seq, _ := strconv.ParseUint(c.ID, 10, 64) // a comment's id is the number of its change
		out = append(out, entryView{
			seq: seq, At: c.Created, Author: c.Author, Comment: c, Remote: c.Author.ID == s.options.Account.ID,
		})
	}
	for _, e := range t.history {
		def := s.defs[e.Field]
		change := changeView{Name: title(e.Field)}
		if e.Field != event.FieldDescription { // too long to show twice
			change.Old, change.New = show(s.expand(def, e.Old)), show(s.expand(def, e.New))
		}
		if n := len(out); n > 0 && out[n-1].Comment == nil && out[n-1].seq == e.seq {
			out[n-1].Changes = append(out[n-1].Changes, change)
			continue
		}
		out = append(out, entryView{seq: e.seq, At: e.At, Author: s.whois(e.By), Changes: []changeView{change}})
	}
	slices.SortStableFunc(out, func(a, b entryView) int { return cmp.Compare(a.seq, b.seq) })
	return out
}

// title is a field's name as the page shows it.
func title(name string) string {
	if custom, ok := strings.CutPrefix(name, event.CustomPrefix); ok {
		return custom
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func (p *pages) file(w http.ResponseWriter, r *http.Request, _ Person) error {
	id, err := p.idOf(r)
	if err != nil {
		return err
	}
	return p.server.download(w, r, id, r.PathValue("file"))
}
