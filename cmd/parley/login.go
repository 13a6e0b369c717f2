package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
	"parley/node/admin"
	"parley/node/config"
	"parley/node/secret"
)

// redirectPath is where on this machine the browser ends.
const redirectPath = "/parley"

type adapterLogin struct {
	Paste bool          `help:"The browser is on another machine: enter the address that it ends at."`
	Port  uint16        `help:"Port on this machine that the browser ends at, if the tracker wants the exact address; 0 takes any."`
	Wait  time.Duration `default:"5m" help:"How long to wait for the person."`
}

// Run implements the command.
func (c *adapterLogin) Run(ctx context.Context, a *app) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	kind, name, err := loginOf(cfg)
	if err != nil {
		return err
	}
	vault, end, err := a.vault(true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	login, redirect, err := a.login(cfg, kind, vault)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	answer, err := c.answer(ctx, a, login, redirect)
	if errors.Is(err, context.DeadlineExceeded) {
		return &failure{Kind: admin.KindTracker, Message: fmt.Sprintf("nobody signed in within %s", c.Wait), Hint: "begin again, with --wait for longer, or with --paste if the browser is on another machine"}
	}
	if err != nil {
		return err
	}
	refresh, err := login.Finish(ctx, answer)
	if known := (*adapters.Error)(nil); errors.As(err, &known) {
		return &failure{Kind: admin.KindTracker, Message: "the sign-in was not completed: " + clean(known.Error()), Hint: clean(known.Hint)}
	}
	if err != nil {
		return err
	}
	if err := vault.Set(name, secret.NewValue(refresh)); err != nil {
		return err
	}
	return a.show(map[string]string{"set": name}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is kept; `parley adapter probe` tries it\n", name)
	})
}

// loginOf is the kind, and the name of the secret that its refresh token is.
func loginOf(cfg *config.Config) (adapters.Kind, string, error) {
	kind, ok := kindOf(cfg.Tracker.Kind)
	if !ok {
		return kind, "", invalid("there are "+kindNames(), "there is no adapter %.40q", cfg.Tracker.Kind)
	}
	if kind.Login == nil {
		return kind, "", &failure{
			Kind: admin.KindConflict, Message: kind.Title + " needs no sign-in of a person: its credentials are entered",
			Hint: "see `parley adapter show " + kind.Name + "`, and `parley secret set NAME`",
		}
	}
	const hint = "write " + adapters.SettingRefreshToken + ": ${secret:NAME} below settings of the tracker"
	ref, err := secret.ParseRef(cfg.Tracker.Settings[adapters.SettingRefreshToken])
	if err != nil || ref.Kind != secret.RefVault {
		return kind, "", invalid(hint, "parley.yaml does not say which secret of the vault is the refresh token")
	}
	return kind, ref.Name, mine(ref.Name)
}

// login begins the sign-in, and says which address the tracker is to send on to.
func (a *app) login(cfg *config.Config, kind adapters.Kind, vault *secret.Vault) (adapters.Login, string, error) {
	tracker := cfg.Tracker
	tracker.Settings = map[string]string{}
	for name, text := range cfg.Tracker.Settings {
		if name != adapters.SettingRefreshToken {
			tracker.Settings[name] = text
		}
	}
	settings, _, err := tracker.Resolve(kind, secret.Resolver{Vault: vault, Getenv: a.getenv, Dir: cfg.Folder()})
	if err != nil {
		return nil, "", invalid("`parley secret set NAME`", "%v", err)
	}
	address, err := url.Parse(tracker.URL)
	if err != nil {
		return nil, "", invalid("", "address of the tracker: %v", err)
	}
	login, err := kind.Login(adapters.Options{
		URL: address, Settings: settings, UserAgent: "Parley/" + readBuild().Version, Timeout: time.Duration(tracker.Timeout),
	})
	if err != nil {
		return nil, "", invalid("see `parley adapter show "+kind.Name+"`", "%v", err)
	}
	return login, settings[adapters.SettingRedirect], nil
}

// answer has a person sign in and returns what the tracker sent them on with.
func (c *adapterLogin) answer(ctx context.Context, a *app, login adapters.Login, redirect string) (url.Values, error) {
	if c.Paste {
		if redirect == "" {
			redirect = loopback(c.Port)
		}
		return pasted(ctx, a, login, redirect)
	}
	port := int(c.Port)
	if redirect != "" {
		at, err := url.Parse(redirect)
		if err == nil {
			port, err = strconv.Atoi(at.Port())
		}
		if err != nil || at.Scheme != "http" || at.Hostname() != "127.0.0.1" || port == 0 {
			return nil, invalid("with --paste it may be anywhere", "setting %s is not http://127.0.0.1:PORT/…", adapters.SettingRedirect)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen for the browser: %w", err)
	}
	if redirect == "" {
		redirect = "http://" + listener.Addr().String() + redirectPath
	}
	return caught(ctx, a, login, listener, redirect)
}

func loopback(port uint16) string {
	if port == 0 {
		return "http://127.0.0.1" + redirectPath
	}
	return "http://127.0.0.1:" + strconv.Itoa(int(port)) + redirectPath
}

// pasted has the person enter the address that their browser ended at, where nothing
// answered.
func pasted(ctx context.Context, a *app, login adapters.Login, redirect string) (url.Values, error) {
	a.say("Open this address, sign in as the account that Parley is to act for, and allow it:\n\n%s\n\nThe browser ends at an address that begins with %s; it may say that nothing is there.", login.Address(redirect), redirect)
	line, err := newAsker(ctx, a).line("Enter that whole address", "")
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(strings.TrimSpace(line))
	want, wrong := url.Parse(redirect)
	if err != nil || wrong != nil || at.Scheme != want.Scheme || at.Host != want.Host || at.Path != want.Path {
		return nil, invalid("begin again, and enter what stands in the browser's address bar at the end", "this is not an address that begins with %s", redirect)
	}
	return at.Query(), nil
}

// caught waits at this machine's own address for the browser (RFC 8252, section 7.3).
func caught(ctx context.Context, a *app, login adapters.Login, listener net.Listener, redirect string) (url.Values, error) {
	want, err := url.Parse(redirect)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("address for the browser: %w", err), listener.Close())
	}
	answers := make(chan url.Values, 1)
	server := &http.Server{
		Handler: catcher{login: login, host: want.Host, path: want.Path, answers: answers}, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	a.say("Open this address on this machine, sign in as the account that Parley is to act for, and allow it:\n\n%s\n", login.Address(redirect))
	var answer url.Values
	select {
	case answer = <-answers:
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-ended:
		return nil, fmt.Errorf("wait for the browser: %w", err)
	}
	// The browser shall get its page, and then nothing more is answered.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(last) != nil {
		_ = server.Close()
	}
	if end := <-ended; err == nil && !errors.Is(end, http.ErrServerClosed) {
		err = fmt.Errorf("wait for the browser: %w", end)
	}
	return answer, err
}

// catcher takes the one request that ends a sign-in.
type catcher struct {
	login      adapters.Login
	host, path string
	answers    chan<- url.Values
}

// ServeHTTP implements http.Handler. A page of another site that leads here, by a name
// of its own for this machine or with an answer of its own, ends nothing.
func (c catcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	answer := r.URL.Query()
	switch {
	case r.Host != c.host || r.Method != http.MethodGet || r.URL.Path != c.path:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "There is nothing here.\n")
		return
	case !c.login.Ours(answer):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "This belongs to another sign-in. Follow the address that the terminal shows.\n")
		return
	}
	_, _ = io.WriteString(w, "Parley has the answer. The terminal says what came of it; this page can be closed.\n")
	select {
	case c.answers <- answer:
	default: // one came before
	}
}
