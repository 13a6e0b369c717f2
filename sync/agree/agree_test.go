package agree_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/sync/agree"
	"parley/sync/event"
)

var update = flag.Bool("update", false, "write testdata/vectors.json again")

func voice() agree.Voice {
	return agree.Voice{Salt: agree.Salt{1, 2, 3}, Connection: event.ConnectionID{4, 5}, Sender: "node-a"}
}

var twinID = event.TwinID{7, 8, 9}

func facts() []agree.Fact {
	return []agree.Fact{
		{Kind: agree.Field, Name: "summary", Hash: 1},
		{Kind: agree.Comment, Name: "c1", Hash: 2},
		{Kind: agree.File, Name: "f1", Hash: 3},
		{Kind: agree.Field, Name: "status", Hash: 4},
	}
}

// vectors is what another implementation has to come to.
type vectors struct {
	Salt       agree.Salt         `json:"salt"`
	Connection event.ConnectionID `json:"connection"`
	Sender     string             `json:"sender"`
	Twin       event.TwinID       `json:"twin"`
	Facts      []agree.Fact       `json:"facts"`
	TwinDigest agree.Digest       `json:"twinDigest"`
	Bucket     agree.Digest       `json:"bucketDigest"`
	Sealed     []agree.Fact       `json:"sealed"`
	// Take are messages that are read, Refuse such that are not.
	Take   []json.RawMessage `json:"take"`
	Refuse []string          `json:"refuse"`
}

func messages() []any {
	salt := agree.Salt{1}
	digest := agree.Digest{0xab}
	return []any{
		agree.Ask{Salt: salt, Buckets: &agree.AskBuckets{From: 240, Count: 16}},
		agree.Ask{Salt: salt, Twins: &agree.AskTwins{Bucket: 7, After: twinID}},
		agree.Ask{Salt: salt, Twin: &agree.AskTwin{Twin: twinID, From: 3}},
		agree.Ask{Salt: salt, Heal: &agree.AskHeal{Twins: []event.TwinID{twinID}}},
		agree.Ask{Salt: salt, Witness: &agree.AskWitness{Head: head}},
		agree.Ask{Salt: salt, Witness: &agree.AskWitness{}},
		agree.Answer{Busy: true},
		agree.Answer{Buckets: []agree.Pair{{Sent: digest}}},
		agree.Answer{Twins: &agree.AnswerTwins{List: []agree.Line{{Twin: twinID, Moving: true, Pair: agree.Pair{Received: digest}}}, More: true}},
		agree.Answer{Twin: &agree.AnswerTwin{Record: agree.Record{Moving: []agree.Moving{agree.Sending}, Sent: voice().Seal(twinID, facts())}}},
		agree.Answer{Heal: &agree.AnswerHealing{Twins: 1}},
		agree.Answer{Witness: &agree.AnswerWitness{Heads: []string{head}}},
		agree.Answer{Witness: &agree.AnswerWitness{}},
	}
}

// head is one of a record of what people did.
var head = "17:" + strings.Repeat("0f", 32)

const none = "0000000000000000000000000000000" // a digit short of a digest

func refused() []string {
	return []string{
		``, `{}`, `null`, `{"salt":"` + none + `0"}`,
		`{"salt":"` + none + `","heal":{"twins":["aaaaaaaaaaaaaaaaaaaaaaaaaa"]}}`,
		`{"salt":"` + none + `0","buckets":{"from":0,"count":17}}`,
		`{"salt":"` + none + `0","buckets":{"from":250,"count":16}}`,
		`{"salt":"` + none + `0","buckets":{"from":-1,"count":1}}`,
		`{"salt":"` + none + `0","buckets":{"from":0,"count":0}}`,
		`{"salt":"` + none + `0","twins":{"bucket":256,"after":"aaaaaaaaaaaaaaaaaaaaaaaaaa"}}`,
		`{"salt":"` + none + `0","twin":{"twin":"aaaaaaaaaaaaaaaaaaaaaaaaaa","from":-1}}`,
		`{"salt":"` + none + `0","heal":{"twins":[]}}`,
		`{"salt":"` + none + `0","buckets":{"from":0,"count":1},"twin":{"twin":"aaaaaaaaaaaaaaaaaaaaaaaaaa","from":0}}`,
		`{"salt":"` + none + `0","buckets":{"from":0,"count":1}} `,
		`{"salt":"` + none + `0","buckets":{"count":1,"from":0}}`,
		`{"salt":"` + none + `0","buckets":{"from":0,"count":1},"more":1}`,
		`{"salt":"` + none + `A","buckets":{"from":0,"count":1}}`,
		`{"salt":"` + none + `0","witness":{"head":"` + strings.TrimPrefix(head, "17") + `"}}`,
		`{"salt":"` + none + `0","witness":{"head":"0` + head + `"}}`,
		`{"salt":"` + none + `0","witness":{"head":"` + strings.ToUpper(head) + `"}}`,
		`{"salt":"` + none + `0","witness":{"head":"` + head + `0"}}`,
		`{"salt":"` + none + `0","witness":{"head":"` + head + `"},"heal":{"twins":["aaaaaaaaaaaaaaaaaaaaaaaaaa"]}}`,
	}
}

// TestVectors_AreTheseAndAreTakenAndRefused: what digests and messages are does not
// change unnoticed.
func TestVectors_AreTheseAndAreTakenAndRefused(t *testing.T) {
	t.Parallel()
	v := voice()
	var bucket agree.Bucket
	bucket.Add(twinID, v.Twin(twinID, facts()))
	got := vectors{
		Salt: v.Salt, Connection: v.Connection, Sender: v.Sender, Twin: twinID, Facts: facts(),
		TwinDigest: v.Twin(twinID, facts()), Bucket: bucket.Digest(), Sealed: v.Seal(twinID, facts()), Refuse: refused(),
	}
	for _, m := range messages() {
		raw, err := agree.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		got.Take = append(got.Take, raw)
	}
	const file = "testdata/vectors.json"
	if *update {
		raw, err := json.MarshalIndent(got, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want vectors
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for i := range want.Take {
		var tight bytes.Buffer
		if err := json.Compact(&tight, want.Take[i]); err != nil {
			t.Fatal(err)
		}
		want.Take[i] = tight.Bytes()
		if _, err := read(want.Take[i]); err != nil {
			t.Errorf("not taken: %s: %v", want.Take[i], err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, text := range want.Refuse {
		if m, err := agree.DecodeAsk([]byte(text)); err == nil {
			t.Errorf("taken: %s as %+v", text, m)
		}
	}
}

// read takes any message; an answer as one to the question that it would answer.
func read(raw []byte) (any, error) {
	if ask, err := agree.DecodeAsk(raw); err == nil {
		return ask, nil
	}
	var err error
	for _, to := range []agree.Ask{
		{Buckets: &agree.AskBuckets{Count: 1}},
		{Twins: &agree.AskTwins{Bucket: 7}},
		{Twin: &agree.AskTwin{}},
		{Heal: &agree.AskHeal{Twins: make([]event.TwinID, 1)}},
		{Witness: &agree.AskWitness{}},
	} {
		var a agree.Answer
		if a, err = agree.DecodeAnswer(to, raw); err == nil {
			return a, nil
		}
	}
	return nil, err
}

// TestDecode_AnswersOutOfBoundsAreRefused: what a hostile peer may say is bounded by
// what was asked.
func TestDecode_AnswersOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	twins := func(ids ...byte) agree.Answer {
		a := &agree.AnswerTwins{}
		for _, id := range ids {
			a.List = append(a.List, agree.Line{Twin: event.TwinID{7, id}})
		}
		return agree.Answer{Twins: a}
	}
	record := func(names ...string) agree.Answer {
		a := &agree.AnswerTwin{}
		for _, name := range names {
			a.Sent = append(a.Sent, agree.Fact{Kind: agree.Field, Name: name})
		}
		return agree.Answer{Twin: a}
	}
	ofTwins := agree.Ask{Twins: &agree.AskTwins{Bucket: 7, After: event.TwinID{7, 3}}}
	ofOne := agree.Ask{Twin: &agree.AskTwin{}}
	for _, tt := range []struct {
		name   string
		to     agree.Ask
		answer agree.Answer
		ok     bool
	}{
		{"twins in order", ofTwins, twins(4, 5), true},
		{"twins out of order", ofTwins, twins(5, 4), false},
		{"a twin twice", ofTwins, twins(4, 4), false},
		{"a twin that was had", ofTwins, twins(3), false},
		{"twins of another bucket", agree.Ask{Twins: &agree.AskTwins{Bucket: 8}}, twins(4), false},
		{"no twins and more", ofTwins, agree.Answer{Twins: &agree.AnswerTwins{More: true}}, false},
		{"no facts and more", ofOne, agree.Answer{Twin: &agree.AnswerTwin{More: true}}, false},
		{"facts in order", ofOne, record("a", "b"), true},
		{"facts out of order", ofOne, record("b", "a"), false},
		{"too many facts", ofOne, record(make([]string, agree.MaxFacts+1)...), false},
		{"a long name", ofOne, record(string(make([]byte, agree.MaxName+1))), false},
		{"fewer buckets", agree.Ask{Buckets: &agree.AskBuckets{Count: 2}}, agree.Answer{Buckets: make([]agree.Pair, 1)}, false},
		{"more healed than asked", agree.Ask{Heal: &agree.AskHeal{Twins: make([]event.TwinID, 1)}}, agree.Answer{Heal: &agree.AnswerHealing{Twins: 2}}, false},
		{"heads for heads", agree.Ask{Witness: &agree.AskWitness{}}, agree.Answer{Witness: &agree.AnswerWitness{Heads: slices.Repeat([]string{head}, agree.MaxHeads)}}, true},
		{"more heads than are kept", agree.Ask{Witness: &agree.AskWitness{}}, agree.Answer{Witness: &agree.AnswerWitness{Heads: slices.Repeat([]string{head}, agree.MaxHeads+1)}}, false},
		{"what is no head", agree.Ask{Witness: &agree.AskWitness{}}, agree.Answer{Witness: &agree.AnswerWitness{Heads: []string{"17:x"}}}, false},
		{"heads for healing", agree.Ask{Heal: &agree.AskHeal{Twins: make([]event.TwinID, 1)}}, agree.Answer{Witness: &agree.AnswerWitness{}}, false},
		{"an answer to something else", ofOne, twins(4), false},
		{"busy and more", ofOne, agree.Answer{Busy: true, Twin: &agree.AnswerTwin{}}, false},
		{"busy", ofOne, agree.Answer{Busy: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			raw, err := agree.Encode(tt.answer)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := agree.DecodeAnswer(tt.to, raw); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func someFacts(t *rapid.T, label string) []agree.Fact {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) agree.Fact {
		return agree.Fact{
			Kind: rapid.SampledFrom([]agree.Kind{agree.Field, agree.Comment, agree.File}).Draw(t, "kind"),
			Name: rapid.StringMatching(`[ab]{1,2}`).Draw(t, "name"),
			Hash: agree.Hash(rapid.Uint64Range(1, 3).Draw(t, "hash")),
		}
	}), 0, 8, func(f agree.Fact) [2]string { return [2]string{string(f.Kind), f.Name} }).Draw(t, label)
}

// TestDigest_EqualRecordsAndNoOthers: two sides that hold the same facts, in whatever
// order, have one digest; any other record, connection, sender, twin or salt has
// another.
func TestDigest_EqualRecordsAndNoOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		one, other := someFacts(t, "one"), someFacts(t, "other")
		v := voice()
		same := slices.Clone(one)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(same), func(i, j int) { same[i], same[j] = same[j], same[i] })
		if v.Twin(twinID, one) != v.Twin(twinID, same) {
			t.Fatal("the order of facts changes the digest")
		}
		alike := len(agree.Compare(agree.Record{Sent: v.Seal(twinID, one)}, agree.Record{Received: v.Seal(twinID, other)})) == 0
		if equal := v.Twin(twinID, one) == v.Twin(twinID, other); equal != alike {
			t.Fatalf("digests equal: %v, comparison: %v", equal, alike)
		}
		if len(one) == 0 {
			return
		}
		salt, con, sender := v, v, v
		salt.Salt[0]++
		con.Connection[0]++
		sender.Sender += "-"
		for _, w := range []agree.Voice{salt, con, sender} {
			if w.Twin(twinID, one) == v.Twin(twinID, one) || w.Seal(twinID, one)[0].Hash == v.Seal(twinID, one)[0].Hash {
				t.Fatal("a digest is not bound to salt, connection and sender")
			}
		}
		if v.Twin(event.TwinID{}, one) == v.Twin(twinID, one) {
			t.Fatal("a digest is not bound to its twin")
		}
	})
}

// TestCompare_NamesExactlyWhatDiffers: each change of one fact is named, and nothing
// else.
func TestCompare_NamesExactlyWhatDiffers(t *testing.T) {
	t.Parallel()
	v := voice()
	sealed := func(facts []agree.Fact) []agree.Fact { return v.Seal(twinID, facts) }
	alter := func(fn func([]agree.Fact) []agree.Fact) []agree.Fact { return sealed(fn(facts())) }
	for _, tt := range []struct {
		name         string
		ours, theirs agree.Record
		want         []agree.Difference
	}{
		{"alike", agree.Record{Sent: sealed(facts())}, agree.Record{Received: sealed(facts())}, nil},
		{
			"missing",
			agree.Record{Sent: sealed(facts())},
			agree.Record{Received: alter(func(f []agree.Fact) []agree.Fact { return f[1:] })},
			[]agree.Difference{{Direction: agree.Outgoing, Kind: agree.Field, Name: "summary", What: agree.Missing}},
		},
		{
			"unsaid",
			agree.Record{Received: sealed(facts())},
			agree.Record{Sent: alter(func(f []agree.Fact) []agree.Fact { return slices.Delete(f, 1, 2) })},
			[]agree.Difference{{Direction: agree.Incoming, Kind: agree.Comment, Name: "c1", What: agree.Unsaid}},
		},
		{
			"other",
			agree.Record{Sent: sealed(facts())},
			agree.Record{Received: alter(func(f []agree.Fact) []agree.Fact { f[2].Hash++; return f })},
			[]agree.Difference{{Direction: agree.Outgoing, Kind: agree.File, Name: "f1", What: agree.Other}},
		},
		{
			"not kept by an older version",
			agree.Record{Sent: alter(func(f []agree.Fact) []agree.Fact { f[0].Hash = 0; return f })},
			agree.Record{Received: sealed(facts())},
			nil,
		},
		{"ended here", agree.Record{Ended: true}, agree.Record{Received: sealed(facts())}, nil},
		{"ended there", agree.Record{Sent: sealed(facts())}, agree.Record{Ended: true}, nil},
		{
			"unreadable on both sides",
			agree.Record{Sent: []agree.Fact{{Kind: agree.Unreadable, Name: "x"}}},
			agree.Record{Received: []agree.Fact{{Kind: agree.Unreadable, Name: "x"}}},
			[]agree.Difference{{Direction: agree.Outgoing, Kind: agree.Unreadable, Name: "x", What: agree.Broken}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, agree.Compare(tt.ours, tt.theirs)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRecord_PartsMakeTheWhole: a record of any size comes over in parts that fit.
func TestRecord_PartsMakeTheWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ name, sent, received int }{{4, 0, 0}, {4, 1, 0}, {4, 2500, 100}, {800, 300, 150}, {4, 2000, 1}, {4, 0, 2001}} {
		name := size.name
		list := func(n int) (out []agree.Fact) {
			for i := range n {
				out = append(out, agree.Fact{Kind: agree.Comment, Name: string(bytes.Repeat([]byte{1}, name)) + string(rune('a'+i/1000)) + string(rune('a'+i%1000)), Hash: 1})
			}
			return out
		}
		want := agree.Record{Ended: true, Moving: []agree.Moving{agree.Files}, Sent: list(size.sent), Received: list(size.received)}
		var got agree.Record
		for from, more := 0, true; more; from = len(got.Sent) + len(got.Received) {
			ask := agree.Ask{Twin: &agree.AskTwin{Twin: twinID, From: from}}
			part := want.Part(from)
			raw, err := agree.Encode(agree.Answer{Twin: &part})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := agree.DecodeAnswer(ask, raw)
			if err != nil {
				t.Fatal(err)
			}
			got.Ended, got.Moving, more = answer.Twin.Ended, answer.Twin.Moving, answer.Twin.More
			got.Sent, got.Received = append(got.Sent, answer.Twin.Sent...), append(got.Received, answer.Twin.Received...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

// FuzzDecode_OneSpelling: whatever is taken is spelled as it came.
func FuzzDecode_OneSpelling(f *testing.F) {
	for _, m := range messages() {
		raw, err := agree.Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, text := range refused() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := read(raw)
		if err != nil {
			return
		}
		if again, err := agree.Encode(m); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%s is read, and spelled %s, %v", raw, again, err)
		}
	})
}
