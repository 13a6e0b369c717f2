package connection_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/connection"
)

func TestDocument_ComesBackAsItWasSigned(t *testing.T) {
	t.Parallel()
	n := newNode(t, 1)
	got, err := connection.ParseDocument(n.document.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Node() != n.document.Node() || got.Hash() != n.document.Hash() || got.TLS != n.document.TLS || !got.Sign.Equal(n.document.Sign) {
		t.Errorf("got %+v, want %+v", got, n.document)
	}
	if !regexp.MustCompile(`^([a-z2-7]{4}-){7}[a-z2-7]{4}$`).MatchString(got.Fingerprint()) {
		t.Errorf("fingerprint %q", got.Fingerprint())
	}
	if !regexp.MustCompile(`^[a-z2-7]{26}$`).MatchString(string(got.Node())) {
		t.Errorf("node id %q", got.Node())
	}
	again, err := connection.Certify(n.identity, 2, n.keys)
	if err != nil {
		t.Fatal(err)
	}
	if again.Node() != got.Node() || again.Hash() == got.Hash() {
		t.Error("another document of one identity has another node or the same hash")
	}
}

func TestDocument_AnyChangeIsRefused(t *testing.T) {
	t.Parallel()
	n := newNode(t, 1)
	for i := range len(n.document.Raw) {
		bad := []byte(n.document.Raw)
		bad[i] ^= 1 << (i % 7)
		if _, err := connection.ParseDocument(string(bad)); err == nil {
			t.Errorf("byte %d changed: taken: %s", i, bad)
		}
	}
	for _, bad := range []string{"", "{}", n.document.Raw + " ", strings.Replace(n.document.Raw, `"number":1`, `"number":1,"x":2`, 1)} {
		if _, err := connection.ParseDocument(bad); err == nil {
			t.Errorf("taken: %s", bad)
		}
	}
}

func TestOperating_ComesBackAndHidesItself(t *testing.T) {
	t.Parallel()
	n := newNode(t, 1)
	raw, err := n.keys.Secret()
	if err != nil {
		t.Fatal(err)
	}
	back, err := connection.ParseOperating(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !back.Sign().Equal(n.keys.Sign()) || !back.TLS().Equal(n.keys.TLS()) {
		t.Error("the keys came back changed")
	}
	if got, want := fmt.Sprintf("%v %+v %#v %s", back, back, back, back), strings.Repeat(" operating keys", 4)[1:]; got != want {
		t.Errorf("printed: %s", got)
	}
	one, err := back.Transport("a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := back.Transport("b")
	if err != nil {
		t.Fatal(err)
	}
	if one.Equal(other) {
		t.Error("two pairings share a transport key")
	}
	if _, err := connection.ParseOperating(raw[:len(raw)-1]); err == nil {
		t.Error("cut keys were taken")
	}
}

func TestCode_ComesBack(t *testing.T) {
	t.Parallel()
	n := newNode(t, 1)
	for name, route := range map[string]connection.Route{
		"one address":   listening,
		"two addresses": {Addresses: []string{"192.0.2.1:4222", "wss://sync.acme.example:443"}},
		"existing NATS": {Addresses: []string{"tls://nats.example:4222"}, External: true, Prefix: "acme.globex"},
	} {
		want := invite(t, n, route)
		code := want.Code()
		if name == "one address" && len(code) > 140 {
			t.Errorf("%d characters are too many to copy: %s", len(code), code)
		}
		var dressed strings.Builder
		for i, r := range code {
			if i%6 == 5 {
				dressed.WriteString("-\n ")
			}
			dressed.WriteRune(r)
		}
		for _, spelling := range []string{code, strings.ToUpper(code), dressed.String()} {
			got := parse(t, spelling)
			if diff := cmp.Diff(got.Route, want.Route); diff != "" {
				t.Errorf("%s: route (-got +want):\n%s", name, diff)
			}
			if got.Code() != code || !got.Expires.Equal(want.Expires) || got.Document != n.document.Hash() {
				t.Errorf("%s: came back changed", name)
			}
		}
		if shown := fmt.Sprintf("%v %+v %#v", want, want, want); strings.Contains(shown, "secret") || len(shown) > 200 {
			t.Errorf("%s: printed as %s", name, shown)
		}
	}
}

func TestCode_MistypedIsToldApart(t *testing.T) {
	t.Parallel()
	code := invite(t, newNode(t, 1), listening).Code()
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	for i := range len(code) {
		other := alphabet[(strings.IndexByte(alphabet, code[i])+1)%len(alphabet)]
		wrong := code[:i] + string(other) + code[i+1:]
		if _, err := connection.ParseCode(wrong); !errors.Is(err, connection.ErrMistyped) {
			t.Errorf("character %d: got %v, want ErrMistyped", i, err)
		}
		if _, err := connection.ParseCode(code[:i]); !errors.Is(err, connection.ErrMistyped) {
			t.Errorf("cut at %d: got %v, want ErrMistyped", i, err)
		}
		if i > 0 && code[i] != code[i-1] {
			swapped := code[:i-1] + string(code[i]) + string(code[i-1]) + code[i+1:]
			if _, err := connection.ParseCode(swapped); !errors.Is(err, connection.ErrMistyped) {
				t.Errorf("characters %d and %d swapped: got %v, want ErrMistyped", i-1, i, err)
			}
		}
	}
	for _, wrong := range []string{"", "hello", code + "a", code + code, strings.Repeat("a", 10_000), "0" + code[1:]} {
		if _, err := connection.ParseCode(wrong); !errors.Is(err, connection.ErrMistyped) {
			t.Errorf("%.20s: got %v, want ErrMistyped", wrong, err)
		}
	}
}

func TestInvitation_RefusesWhatNoCodeCanSay(t *testing.T) {
	t.Parallel()
	n := newNode(t, 1)
	for name, route := range map[string]connection.Route{
		"no address":         {},
		"too many":           {Addresses: []string{"a", "b", "c", "d", "e"}},
		"a long address":     {Addresses: []string{strings.Repeat("a", 256)}},
		"a control":          {Addresses: []string{"a\x1b"}},
		"a space":            {Addresses: []string{"a b"}},
		"a prefix with tabs": {Addresses: []string{"a"}, External: true, Prefix: "a\t"},
	} {
		if _, err := connection.NewInvitation(random(1), route, n.document, noon); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := connection.NewInvitation(random(1), listening, n.document, time.Time{}); err == nil {
		t.Error("an invitation for ever was made")
	}
}

func FuzzParseCode(f *testing.F) {
	i, err := connection.NewInvitation(random(99), listening, newNode(f, 1).document, noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(i.Code())
	f.Fuzz(func(t *testing.T, code string) {
		if got, err := connection.ParseCode(code); err == nil {
			if again, err := connection.ParseCode(got.Code()); err != nil || again.Code() != got.Code() {
				t.Fatalf("%q came back changed", code)
			}
		}
	})
}

func TestTerms_SayWhoWins(t *testing.T) {
	t.Parallel()
	if err := connection.DefaultTerms().Check(); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(*connection.Terms){
		"unknown policy":    func(x *connection.Terms) { x.Policy = "coin" },
		"side without one":  func(x *connection.Terms) { x.Policy = connection.PolicySide },
		"newest with owner": func(x *connection.Terms) { x.Owner = connection.Inviter },
		"no window":         func(x *connection.Terms) { x.Window = 0 },
		"wide window":       func(x *connection.Terms) { x.Window = 65 },
		"negative quota":    func(x *connection.Terms) { x.BytesPerDay = -1 },
	} {
		terms := connection.DefaultTerms()
		edit(&terms)
		if err := terms.Check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
