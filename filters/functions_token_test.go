package filters_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"parley/filters"
	"parley/sync/event"
)

func tokenContext(twin string) filters.Context {
	info := sampleContext()
	info.TwinID = twin
	return info
}

// sealed is the token of a text, made with a key for a twin and a class.
func sealed(t testing.TB, key, twin, class, text string) string {
	t.Helper()
	env := sampleEnv()
	env.Key = []byte(key)
	f := outgoing(t, `replica.summary = token(issue.summary, "`+class+`")`, env)
	out, err := f.Run(t.Context(), filters.OutInput{Context: tokenContext(twin), Issue: filters.Ours{Fields: event.Fields{"summary": text}}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Replica.Fields["summary"].(string)
}

// revealed is what a text of the peer is here.
func revealed(t testing.TB, key, twin, class, text string) string {
	t.Helper()
	env := sampleEnv()
	env.Key = []byte(key)
	f := incoming(t, `issue.summary = reveal(replica.summary, "`+class+`")`, env)
	out, err := f.Run(t.Context(), filters.InInput{Context: tokenContext(twin), Issue: &filters.Ours{}, Replica: filters.Replica{Fields: event.Fields{"summary": text}}})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := out.Fields["summary"].(string)
	return got
}

func TestToken_ComesBackAsTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a", "Ann Example", "x\x00\x01", strings.Repeat("ü", 512), "line\nline", strings.Repeat("0", 15), strings.Repeat("0", 16), "sealed1"} {
		token := sealed(t, "k", "t1", "customer", text)
		if again := sealed(t, "k", "t1", "customer", text); again != token {
			t.Errorf("the same text has two tokens: %s and %s", token, again)
		}
		if !regexp.MustCompile(`^[a-z0-9]+$`).MatchString(token) || text != "a" && strings.Contains(strings.TrimPrefix(token, "sealed1"), text) {
			t.Errorf("the token of %q is %q", text, token)
		}
		for _, where := range []string{"%s", "Caller: %s.", "(%s)", "**%s**", "x%sx", "0%s0", "%s\n%[1]s", "%s%[1]s", "sealed1 %s", "sealed1%s", "sealed1abc0%s"} {
			if got, want := revealed(t, "k", "t1", "customer", fmt.Sprintf(where, token)), fmt.Sprintf(where, text); got != want {
				t.Errorf("%q came back as %q, want %q", where, got, want)
			}
		}
		if got := revealed(t, "k", "t1", "customer", strings.ToUpper(token)); got != text {
			t.Errorf("in capital letters %q came back as %q", text, got)
		}
	}
}

func TestToken_OfAnotherTicketClassOrConnectionIsNotRead(t *testing.T) {
	t.Parallel()
	token := sealed(t, "k", "t1", "customer", "Ann Example")
	for name, got := range map[string]string{
		"another connection": revealed(t, "other", "t1", "customer", token),
		"another ticket":     revealed(t, "k", "t2", "customer", token),
		"another class":      revealed(t, "k", "t1", "phone", token),
		"the border moved":   revealed(t, "k", "t1c", "ustomer", token),
		"no ticket":          revealed(t, "k", "", "customer", token),
	} {
		if got != token {
			t.Errorf("%s: got %q", name, got)
		}
	}
	for _, other := range []string{sealed(t, "k", "t2", "customer", "Ann Example"), sealed(t, "k", "t1", "phone", "Ann Example"), sealed(t, "other", "t1", "customer", "Ann Example")} {
		if other == token {
			t.Error("a token says that a text is that of another ticket, class or connection")
		}
	}
}

// Whatever one character of a token is changed to, nothing of the text comes out.
func TestToken_ChangedIsNotRead(t *testing.T) {
	t.Parallel()
	const text = "Ann Example of Globex, her own number"
	token := sealed(t, "k", "t1", "customer", text)
	f := incoming(t, `issue.summary = reveal(replica.summary, "customer")`, func() filters.Env { e := sampleEnv(); e.Key = []byte("k"); return e }())
	for i := range token {
		for _, c := range "abmz2750189-" {
			changed := token[:i] + string(c) + token[i+1:]
			if changed == token {
				continue
			}
			out, err := f.Run(t.Context(), filters.InInput{Context: tokenContext("t1"), Issue: &filters.Ours{}, Replica: filters.Replica{Fields: event.Fields{"summary": changed}}})
			if err != nil {
				t.Fatal(err)
			}
			if got := out.Fields["summary"]; got != changed {
				t.Fatalf("%q came back as %q", changed, got)
			}
		}
	}
	for _, cut := range []string{token[:len(token)-1], token[1:], token[:20] + token[46:], token[:20] + " " + token[20:], token[:len(token)/2] + "0"} {
		if got := revealed(t, "k", "t1", "customer", cut); got != cut {
			t.Errorf("%q came back as %q", cut, got)
		}
	}
}

// Two texts share no key stream: what differs in the middle differs from the start.
func TestToken_TextsShareNoKeyStream(t *testing.T) {
	t.Parallel()
	a, b := sealed(t, "k", "t1", "c", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), sealed(t, "k", "t1", "c", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")
	same := 0
	for i := 7; i < len(a)-1; i++ {
		if a[i] == b[i] {
			same++
		}
	}
	if len(a) != len(b) || same > len(a)/4 {
		t.Errorf("%d of %d characters are alike in\n%s\n%s", same, len(a), a, b)
	}
}

func TestToken_TellsTheLengthTo16BytesOnly(t *testing.T) {
	t.Parallel()
	want := len(sealed(t, "k", "t1", "c", "a"))
	for n := 1; n < 16; n++ {
		if got := len(sealed(t, "k", "t1", "c", strings.Repeat("a", n))); got != want {
			t.Errorf("%d bytes: a token of %d, want %d", n, got, want)
		}
	}
}

func TestToken_NeedsATwinAndIsBounded(t *testing.T) {
	t.Parallel()
	f := outgoing(t, `replica.summary = token(issue.summary, "c")`, sampleEnv())
	run := func(twin, text string) error {
		_, err := f.Run(t.Context(), filters.OutInput{Context: tokenContext(twin), Issue: filters.Ours{Fields: event.Fields{"summary": text}}})
		return err
	}
	if err := run("", "x"); err == nil || !strings.Contains(err.Error(), "no pair of tickets") {
		t.Errorf("without a twin: %v", err)
	}
	if err := run("t", strings.Repeat("x", 1025)); !errors.Is(err, filters.ErrLimit) {
		t.Errorf("1025 bytes: %v", err)
	}
	if err := run("t", strings.Repeat("x", 1024)); err != nil {
		t.Errorf("1024 bytes: %v", err)
	}
}

// A class is written out, a token is made on the way out and read on the way in only.
func TestToken_IsCompiledWhereItBelongs(t *testing.T) {
	t.Parallel()
	compileOut := func(src string) error { _, err := filters.CompileOutgoing(src, sampleEnv()); return err }
	compileIn := func(src string) error { _, err := filters.CompileIncoming(src, sampleEnv()); return err }
	for name, c := range map[string]struct {
		err  error
		code filters.Code
	}{
		"reveal on the way out": {compileOut(`replica.summary = reveal(issue.summary, "c")`), filters.CodeOffHere},
		"token on the way in":   {compileIn(`issue.summary = token(replica.summary, "c")`), filters.CodeOffHere},
		"class of the peer":     {compileIn(`issue.summary = reveal(replica.summary, replica.key)`), filters.CodeLiteral},
		"class of ours":         {compileOut(`replica.summary = token(issue.summary, issue.key)`), filters.CodeLiteral},
		"no class":              {compileOut(`replica.summary = token(issue.summary, "")`), filters.CodeLiteral},
		"long class":            {compileOut(`replica.summary = token(issue.summary, "` + strings.Repeat("c", 65) + `")`), filters.CodeLiteral},
	} {
		if c.err == nil || problems(t, c.err)[0].Code != c.code {
			t.Errorf("%s: %v", name, c.err)
		}
	}
}

// Each word that looks like a token is counted, whether it verifies or not.
func TestToken_ManyThatDoNotVerifyAreCounted(t *testing.T) {
	t.Parallel()
	env := sampleEnv()
	env.Limits.Memory = 512 << 10
	f := incoming(t, `issue.description = reveal(replica.description, "c")`, env)
	for part, want := range map[string]error{"sealed1a0": filters.ErrLimit, sealed(t, "other", "t", "c", "x"): filters.ErrLimit, "sealed1": nil, "word": nil} {
		text := strings.Repeat(part, 1000)
		_, err := f.Run(t.Context(), filters.InInput{Context: tokenContext("t"), Issue: &filters.Ours{}, Replica: filters.Replica{Fields: event.Fields{"description": text}}})
		if !errors.Is(err, want) {
			t.Errorf("1000 times %.12s…: %v, want %v", part, err, want)
		}
	}
}

// The egress gate would hold a ticket for a token that looks like a secret.
func TestToken_IsNoFinding(t *testing.T) {
	t.Parallel()
	f := outgoing(t, `replica.summary = redact(token(issue.summary, "customer"), "email", "phone", "card", "iban", "ip", "secret", "host")`, sampleEnv())
	for i := range 500 {
		text := fmt.Sprintf("customer %d %s", i, strings.Repeat("x", i%200))
		out, err := f.Run(t.Context(), filters.OutInput{Context: tokenContext("t"), Issue: filters.Ours{Fields: event.Fields{"summary": text}}})
		if err != nil {
			t.Fatal(err)
		}
		token := out.Replica.Fields["summary"].(string)
		if strings.Contains(token, "[") {
			t.Fatalf("a detector finds something in %s", token)
		}
	}
}

func TestRoundTrip_TellsOfATokenThatLeavesOpened(t *testing.T) {
	t.Parallel()
	trip := func(out, in string) (codes []filters.Code) {
		env := sampleEnv()
		for _, p := range filters.RoundTrip(t.Context(), outgoing(t, out, env), incoming(t, in, env), env.Schema, sampleContext()) {
			codes = append(codes, p.Code)
		}
		return codes
	}
	in := `issue.summary = reveal(replica.summary, "c")`
	if got := trip(`replica.summary = issue.summary`, in); len(got) != 1 || got[0] != filters.CodeRevealed {
		t.Errorf("it leaves opened: %v", got)
	}
	if got := trip(`replica.fields["Other"] = "about " + issue.summary`, in); len(got) != 1 || got[0] != filters.CodeRevealed {
		t.Errorf("it leaves opened in another field: %v", got)
	}
	if got := trip(`replica.summary = token(issue.summary, "c")`, in); len(got) != 0 {
		t.Errorf("it leaves as a token: %v", got)
	}
}
