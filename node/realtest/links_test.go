//go:build real

package realtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// kin is what a tracker says of a ticket's relatives, by the tags of their summaries.
type kin struct {
	Parent string
	Links  []string // "blocks T2"
}

// TestTwoOrganisations_ParentsAndLinksAreKeptInStep: people at Acme on Redmine and at
// Globex on Request Tracker put tickets below others and link them, with the
// ready-made filters; also before the ticket that is named is at the other side.
func TestTwoOrganisations_ParentsAndLinksAreKeptInStep(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	binary := build(t, dir)
	first, second := newServer(t, "redmine", acme, dir), newServer(t, "rt", globex, dir)
	// Only what concerns the API's systems is in Acme's scope.
	left := &site{name: acme, server: first, port: freePort(t), desk: newRedmine(first), links: map[string]link{globex: fromAcme("api")}}
	right := &site{name: globex, server: second, desk: newRT(second), links: map[string]link{acme: fromGlobex()}}
	for _, s := range []*site{left, right} {
		must(t, s.open(t, dir, binary))
	}
	must(t, connect(t, left, right))
	f := &family{t: t, acme: left, globex: right, redmine: newRedmine(first), rt: newRT(second)}

	// Made at Acme: the child names a parent and a sister that do not leave yet.
	f.atAcme("R1", "db")
	f.atAcme("R2", "db")
	f.atAcme("R3", "api")
	f.below("R3", "R1")
	f.related("R3", "R2", "blocks")
	f.touch("R3")
	f.same(map[string]kin{"R3": {}}, f.atRT)
	f.concerns("R1", "api")
	f.concerns("R2", "api")
	f.same(map[string]kin{"R3": {Parent: "R1", Links: []string{"blocks R2"}}, "R2": {Links: []string{"is blocked by R3"}}, "R1": {}}, f.atRT)

	// Made at Globex: a parent and two links in one go, and what refers to a ticket of theirs.
	f.atGlobex("G1", nil)
	f.atGlobex("G2", map[string]any{"MemberOf": f.ids(f.rt, "G1"), "RefersTo": f.ids(f.rt, "R1"), "DependsOn": f.ids(f.rt, "R2")})
	want := map[string]kin{
		"G2": {Parent: "G1", Links: []string{"is blocked by R2", "relates to R1"}},
		"R1": {Links: []string{"relates to G2"}}, "R2": {Links: []string{"blocks G2", "is blocked by R3"}}, "R3": {Parent: "R1", Links: []string{"blocks R2"}},
	}
	f.same(want, f.atRedmine)
	// Redmine's related issue comes back as what it was, and not as a second link.
	f.touch("R1")
	f.same(map[string]kin{
		"G2": {Parent: "G1", Links: []string{"is blocked by R2", "refers to R1"}}, "R1": {Links: []string{"is referred to by G2"}},
	}, f.atRT)

	// Taken away on one side each, beside a relation that RT has no word for.
	f.related("G1", "R1", "precedes")
	f.touch("G1")
	f.rtSet("G2", map[string]any{"DeleteDependsOn": f.ids(f.rt, "R2"), "MemberOf": []string{}})
	f.unrelated("R3", "R2")
	f.below("R3", "")
	f.same(map[string]kin{
		"G1": {Links: []string{"precedes R1"}}, "G2": {Links: []string{"relates to R1"}},
		"R1": {Links: []string{"follows G1", "relates to G2"}}, "R2": {}, "R3": {},
	}, f.atRedmine)
	f.same(map[string]kin{"G1": {}, "G2": {Links: []string{"refers to R1"}}, "R1": {Links: []string{"is referred to by G2"}}, "R2": {}, "R3": {}}, f.atRT)
	waits, err := parked(t.Context(), []*site{left, right})
	must(t, err)
	if len(waits) > 0 {
		t.Errorf("%q", waits)
	}
}

// family is people at both desks and what they look at.
type family struct {
	t            *testing.T
	acme, globex *site
	redmine      redmineDesk
	rt           rtDesk
}

func (f *family) values(tag string) values {
	return values{summary: tag + " Printer on fire", description: "It burns.", priority: "Normal"}
}

func (f *family) atAcme(tag, system string) {
	f.t.Helper()
	v := f.values(tag)
	v.systems = []string{system}
	_, err := f.redmine.create(f.t.Context(), v)
	must(f.t, err)
}

func (f *family) concerns(tag, system string) {
	f.t.Helper()
	must(f.t, f.redmine.edit(f.t.Context(), f.id(f.redmine, tag), values{systems: []string{system}}))
}

func (f *family) atGlobex(tag string, more map[string]any) {
	f.t.Helper()
	body := ticketRecord(f.values(tag))
	body["Queue"], body["Content"], body["ContentType"] = "Sync", "It burns.", "text/plain"
	for name, v := range more {
		body[name] = v
	}
	must(f.t, f.rt.alice.send(f.t.Context(), http.MethodPost, "/ticket", body, nil))
}

func (f *family) rtSet(tag string, record map[string]any) {
	f.t.Helper()
	must(f.t, f.rt.alice.send(f.t.Context(), http.MethodPut, "/ticket/"+f.id(f.rt, tag), record, nil))
}

// below sets an issue's parent at Redmine; "" takes it away.
func (f *family) below(tag, parent string) {
	f.t.Helper()
	id := ""
	if parent != "" {
		id = f.id(f.redmine, parent)
	}
	must(f.t, f.redmine.admin.send(f.t.Context(), http.MethodPut, "/issues/"+f.id(f.redmine, tag)+".json", map[string]any{"issue": map[string]any{"parent_issue_id": id}}, nil))
}

func (f *family) related(tag, to, relation string) {
	f.t.Helper()
	body := map[string]any{"relation": map[string]any{"issue_to_id": f.id(f.redmine, to), "relation_type": relation}}
	must(f.t, f.redmine.admin.send(f.t.Context(), http.MethodPost, "/issues/"+f.id(f.redmine, tag)+"/relations.json", body, nil))
}

func (f *family) unrelated(tag, to string) {
	f.t.Helper()
	other, _ := strconv.Atoi(f.id(f.redmine, to))
	for _, r := range f.issue(f.id(f.redmine, tag)).Relations {
		if r.Issue == other || r.To == other {
			_, err := f.redmine.admin.call(f.t.Context(), http.MethodDelete, fmt.Sprintf("/relations/%d.json", r.ID), "", nil, nil)
			must(f.t, err)
		}
	}
}

// touch is a note: a relation does not move an issue's change time.
func (f *family) touch(tag string) {
	f.t.Helper()
	must(f.t, f.redmine.comment(f.t.Context(), f.id(f.redmine, tag), "I looked at "+tag, false))
}

// id waits for a ticket at a desk.
func (f *family) id(d desk, tag string) string {
	f.t.Helper()
	var id string
	must(f.t, poll(f.t.Context(), time.Minute, func() error {
		all, err := d.list(f.t.Context())
		if err == nil && len(all[tag]) != 1 {
			err = fmt.Errorf("%s is there as %q", tag, all[tag])
		}
		if err == nil {
			id = all[tag][0]
		}
		return err
	}))
	return id
}

func (f *family) ids(d desk, tag string) []string { return []string{f.id(d, tag)} }

// same waits until a tracker says this of its tickets and nothing is under way.
func (f *family) same(want map[string]kin, read func() (map[string]kin, error)) {
	f.t.Helper()
	must(f.t, poll(f.t.Context(), 2*time.Minute, func() error {
		got, err := read()
		if err != nil {
			return err
		}
		for tag := range got {
			if _, asked := want[tag]; !asked {
				delete(got, tag)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			return fmt.Errorf("(-want +got):\n%s", d)
		}
		return settled(f.t.Context(), []*site{f.acme, f.globex})
	}))
}

// relatives are what Redmine says of an issue's relatives.
type relatives struct {
	Parent    struct{ ID int }
	Relations []struct {
		ID    int
		Issue int    `json:"issue_id"`
		To    int    `json:"issue_to_id"`
		Type  string `json:"relation_type"`
	}
}

func (f *family) issue(id string) relatives {
	f.t.Helper()
	var out struct{ Issue relatives }
	_, err := f.redmine.admin.get(f.t.Context(), "/issues/"+id+".json?include=relations", &out)
	must(f.t, err)
	return out.Issue
}

func (f *family) atRedmine() (map[string]kin, error) {
	words := map[string][2]string{
		"relates": {"relates to", "relates to"}, "blocks": {"blocks", "is blocked by"}, "precedes": {"precedes", "follows"},
	}
	return look(f.t.Context(), f.redmine, func(id string, tag func(string) string) (kin, error) {
		i, k := f.issue(id), kin{}
		if i.Parent.ID != 0 {
			k.Parent = tag(strconv.Itoa(i.Parent.ID))
		}
		for _, r := range i.Relations {
			word, other := words[r.Type][0], r.To
			if strconv.Itoa(r.To) == id {
				word, other = words[r.Type][1], r.Issue
			}
			k.Links = append(k.Links, word+" "+tag(strconv.Itoa(other)))
		}
		return k, nil
	})
}

func (f *family) atRT() (map[string]kin, error) {
	words := map[string]string{
		"refers-to": "refers to", "referred-to-by": "is referred to by", "depends-on": "is blocked by", "depended-on-by": "blocks",
	}
	return look(f.t.Context(), f.rt, func(id string, tag func(string) string) (kin, error) {
		var out struct {
			Links []struct {
				Ref string
				ID  json.RawMessage
			} `json:"_hyperlinks"`
		}
		k := kin{}
		if _, err := f.rt.root.get(f.t.Context(), "/ticket/"+id, &out); err != nil {
			return k, err
		}
		for _, l := range out.Links {
			other := tag(string(slices.DeleteFunc(slices.Clone(l.ID), func(b byte) bool { return b == '"' })))
			switch {
			case l.Ref == "parent":
				k.Parent = other
			case words[l.Ref] != "":
				k.Links = append(k.Links, words[l.Ref]+" "+other)
			}
		}
		return k, nil
	})
}

// look asks a desk for the relatives of all its tickets.
func look(ctx context.Context, d desk, one func(id string, tag func(string) string) (kin, error)) (map[string]kin, error) {
	all, err := d.list(ctx)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for tag, ids := range all {
		for _, id := range ids {
			tags[id] = tag
		}
	}
	out := map[string]kin{}
	for id, tag := range tags {
		k, err := one(id, func(id string) string { return tags[id] })
		if err != nil {
			return nil, err
		}
		slices.Sort(k.Links)
		out[tag] = k
	}
	return out, nil
}
