package connection_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/sync/connection"
)

var update = flag.Bool("update", false, "write testdata/vectors.json again")

const vectorsFile = "testdata/vectors.json"

// vectors is the JSON of testdata/vectors.json. Bytes are base64url.
type vectors struct {
	About     string       `json:"about"`
	Documents []docVector  `json:"documents"`
	Codes     []codeVector `json:"codes"`
	NoCodes   []string     `json:"noCodes"`
}

type docVector struct {
	Identity    string `json:"identity"` // seed
	Number      uint64 `json:"number"`
	Document    string `json:"document"`
	Node        string `json:"node"`
	Fingerprint string `json:"fingerprint"`
	Hash        string `json:"hash"` // as in a code
}

type codeVector struct {
	Code      string   `json:"code"`
	Addresses []string `json:"addresses"`
	External  bool     `json:"external"`
	Prefix    string   `json:"prefix"`
	Pin       string   `json:"pin"`
	Document  string   `json:"document"`
	Expires   string   `json:"expires"`
	Pairing   string   `json:"pairing"`
	SignIn    string   `json:"signIn"` // public
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func describe(tb testing.TB, code string) codeVector {
	tb.Helper()
	i := parse(tb, code)
	pairing, err := i.Pairing()
	if err != nil {
		tb.Fatal(err)
	}
	key, err := i.SignIn()
	if err != nil {
		tb.Fatal(err)
	}
	return codeVector{
		Code: code, Addresses: i.Route.Addresses, External: i.Route.External, Prefix: i.Route.Prefix,
		Pin: b64(i.Route.Pin[:]), Document: b64(i.Document[:]), Expires: i.Expires.Format(time.RFC3339),
		Pairing: pairing, SignIn: b64(key.Public().(ed25519.PublicKey)),
	}
}

func makeVectors(tb testing.TB) vectors {
	tb.Helper()
	v := vectors{About: "Test vectors of docs/wire-format.md, sections 5 and 6. Bytes are base64url."}
	for seed := range uint64(2) {
		n := newNode(tb, seed)
		hash := n.document.Hash()
		v.Documents = append(v.Documents, docVector{
			Identity: b64(n.identity.Seed()), Number: n.document.Number, Document: n.document.Raw,
			Node: string(n.document.Node()), Fingerprint: n.document.Fingerprint(), Hash: b64(hash[:]),
		})
	}
	n := newNode(tb, 1)
	for _, route := range []connection.Route{
		listening,
		{Addresses: []string{"192.0.2.1:4222", "wss://sync.acme.example:443"}},
		{Addresses: []string{"tls://nats.example:4222"}, External: true, Prefix: "acme.globex"},
	} {
		v.Codes = append(v.Codes, describe(tb, invite(tb, n, route).Code()))
	}
	code := v.Codes[0].Code
	v.NoCodes = []string{"", "hello", code[1:], code[:len(code)-1], code + "a", "b" + code[1:], code[:70] + "-0-" + code[71:]}
	return v
}

// Every run makes the same vectors, so the stored ones must be equal: that
// shows at once when bytes on the wire change.
func TestVectors_AreWhatThisNodeWrites(t *testing.T) {
	t.Parallel()
	want := makeVectors(t)
	if *update {
		raw, err := json.MarshalIndent(want, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorsFile, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var stored vectors
	if err := json.Unmarshal(raw, &stored); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("written here and stored (-here +stored):\n%s", diff)
	}
	for _, code := range stored.NoCodes {
		if i, err := connection.ParseCode(code); err == nil {
			t.Errorf("%q was taken: %v", code, i)
		}
	}
}
