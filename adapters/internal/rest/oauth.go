package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/adapters"
)

const (
	opToken      = "get an access token"
	maxTokenBody = 1 << 20
	// mostLife bounds how long a token is said to hold.
	mostLife = 366 * 24 * time.Hour
)

// OAuth says how access tokens are got from an authorization server: by a JWT if
// Assert is set (RFC 7523), by a refresh token if there is one (RFC 6749, section 6),
// by the client's own credentials otherwise (section 4.4).
type OAuth struct {
	// URL of the token endpoint; https, except on this machine.
	URL *url.URL
	// Client and Secret are the client's credentials; a JWT may stand in for both.
	Client, Secret string
	// Basic sends them as a basic sign-in instead of in the body.
	Basic bool
	// JSON sends the parameters as a JSON object instead of a form: not what the
	// standard says, but what some trackers' documents do.
	JSON bool
	// Scope is what to ask for, separated by spaces; "" leaves it to the server.
	Scope string
	// Extra are further parameters (audience, resource).
	Extra map[string]string
	// Assert makes the JWT to show; see JWT.
	Assert func(now time.Time) (string, error)
	// Refresh is the refresh token that a person entered. Where the server replaces
	// it, the newest is kept under Name by Keeper, which must then not be nil.
	Refresh string
	Name    string
	Keeper  adapters.Keeper

	UserAgent string
	// Timeout bounds one request for a token; 0 is the default.
	Timeout time.Duration
	// Transport replaces the HTTP transport in tests.
	Transport http.RoundTripper
}

// oauth is an OAuth under way.
type oauth struct {
	OAuth
	rest *Client
	kept *kept
}

// Source checks the description and returns a source of tokens. It makes no
// request, but reads what is kept.
func (o OAuth) Source() (Source, error) {
	if o.Assert == nil && o.Client == "" {
		return nil, errors.New("the client's id is missing")
	}
	if o.Assert == nil && o.Refresh == "" && o.Secret == "" {
		return nil, errors.New("the client's secret is missing")
	}
	x, err := o.under()
	if err != nil {
		return nil, err
	}
	if o.Refresh != "" && o.Assert == nil {
		x.kept, err = recall(o)
	}
	return x.token, err
}

// under is the description with a client for its token endpoint.
func (o OAuth) under() (*oauth, error) {
	if err := checkTokenURL(o.URL); err != nil {
		return nil, err
	}
	x := &oauth{OAuth: o}
	opt := Options{Base: &url.URL{Scheme: o.URL.Scheme, Host: o.URL.Host}, UserAgent: o.UserAgent, Timeout: o.Timeout, MaxBody: maxTokenBody, Parallel: 1, Transport: o.Transport}
	setDefaults(&opt)
	if opt.Transport == nil {
		t := newTransport(opt)
		t.DisableKeepAlives = true // one request in an hour
		opt.Transport = t
	}
	var err error
	if x.rest, err = New(opt); err != nil {
		return nil, fmt.Errorf("address for tokens: %w", err)
	}
	return x, nil
}

func checkTokenURL(u *url.URL) error {
	switch {
	case u == nil || u.Host == "":
		return errors.New("the address for tokens is missing")
	case u.User != nil || u.Fragment != "":
		return errors.New("the address for tokens must hold no user, password or fragment")
	case u.Scheme == "https":
		return nil
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme != "http" || u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return errors.New("the address for tokens must start with https://")
	}
	return nil
}

// token is a Source.
func (x *oauth) token(ctx context.Context) (Token, error) {
	if err := x.kept.settle(); err != nil {
		return Token{}, err
	}
	params, err := x.params()
	if err != nil {
		return Token{}, &adapters.Error{Class: adapters.ErrConfiguration, Op: opToken, Err: err}
	}
	r, err := x.request(params)
	if err != nil {
		return Token{}, &adapters.Error{Class: adapters.ErrConfiguration, Op: opToken, Err: err}
	}
	began := time.Now()
	answer, err := x.rest.Do(ctx, r)
	if err != nil {
		return Token{}, err
	}
	if answer.Status != http.StatusOK && answer.Status != http.StatusCreated {
		return Token{}, x.refusal(answer, params)
	}
	return x.grant(answer, began)
}

func (x *oauth) params() (map[string]string, error) {
	p := map[string]string{}
	for k, v := range x.Extra {
		p[k] = v
	}
	if x.Scope != "" {
		p["scope"] = x.Scope
	}
	if !x.Basic {
		p["client_id"], p["client_secret"] = x.Client, x.Secret
	}
	switch {
	case x.Assert != nil:
		assertion, err := x.Assert(time.Now())
		if err != nil {
			return nil, fmt.Errorf("sign the assertion: %w", err)
		}
		p["grant_type"], p["assertion"] = "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion
	case x.kept != nil:
		p["grant_type"], p["refresh_token"] = "refresh_token", x.kept.Token
	default:
		p["grant_type"] = "client_credentials"
	}
	for k, v := range p {
		if v == "" {
			delete(p, k)
		}
	}
	return p, nil
}

func (x *oauth) request(params map[string]string) (Request, error) {
	r := Request{
		Op: opToken, Method: http.MethodPost, URL: x.URL, Header: http.Header{"Accept": {"application/json"}},
		Expect: []int{http.StatusOK, http.StatusCreated, http.StatusBadRequest, http.StatusUnauthorized},
	}
	if x.Basic {
		// Encoded before they are joined: RFC 6749, section 2.3.1.
		basic := &http.Request{Header: r.Header}
		basic.SetBasicAuth(url.QueryEscape(x.Client), url.QueryEscape(x.Secret))
	}
	if x.JSON {
		r.JSON = params
		return r, nil
	}
	form := url.Values{}
	for k, v := range params {
		form.Set(k, v)
	}
	text := form.Encode()
	r.Body = &Body{Reader: strings.NewReader(text), Type: "application/x-www-form-urlencoded", Size: int64(len(text))}
	return r, nil
}

// granted is a token response.
type granted struct {
	Token       string  `json:"access_token"`
	Type        string  `json:"token_type"`
	Life        seconds `json:"expires_in"`
	Refresh     string  `json:"refresh_token"`
	RefreshLife seconds `json:"refresh_token_expires_in"`
}

// grant takes a token response.
func (x *oauth) grant(answer *Response, began time.Time) (Token, error) {
	out, err := readGrant(answer)
	if err != nil {
		return Token{}, err
	}
	if x.kept != nil {
		if err := x.kept.replace(out.Refresh, out.RefreshLife.after(began)); err != nil {
			return Token{}, err
		}
	}
	return Token{Value: out.Token, Expires: out.Life.after(began)}, nil
}

// readGrant reads a token response (RFC 6749, section 5.1).
func readGrant(answer *Response) (granted, error) {
	var out granted
	wrong := func(err error) (granted, error) {
		return granted{}, &adapters.Error{
			Class: adapters.ErrConfiguration, Op: opToken, Err: err, Hint: "check the address for tokens: what answered is not a token endpoint",
		}
	}
	if err := mustBeJSON(answer.Header); err != nil {
		return wrong(err)
	}
	if err := Decode(answer.Body, &out); err != nil {
		return wrong(err)
	}
	if out.Token == "" || !headerSafe(out.Token) {
		return wrong(errors.New("the answer holds no access token"))
	}
	if out.Type != "" && !strings.EqualFold(out.Type, "bearer") {
		return wrong(errors.New("the token is of a type that is not known here"))
	}
	return out, nil
}

// headerSafe tells a token from what would add to the header.
func headerSafe(token string) bool {
	return strings.IndexFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// refusal reads an error response (RFC 6749, section 5.2).
func (x *oauth) refusal(answer *Response, params map[string]string) error {
	var out struct {
		Code string `json:"error"`
	}
	_ = json.Unmarshal(bytes.TrimPrefix(answer.Body, []byte("\xef\xbb\xbf")), &out)
	e := &adapters.Error{
		Class: adapters.ErrConfiguration, Op: opToken, Detail: x.withoutSecrets(Detail(answer), params), Err: StatusError(answer.Status),
		Hint: "check the address for tokens, the client and the scope",
	}
	switch out.Code {
	case "invalid_grant", "access_denied":
		e.Class, e.Hint = adapters.ErrDenied, x.expiredHint()
	case "invalid_client", "unauthorized_client":
		e.Class, e.Hint = adapters.ErrDenied, "check the client's id and secret: the secret may have ended or been replaced"
	case "temporarily_unavailable", "server_error":
		e.Class, e.Hint = adapters.ErrTransient, ""
	case "":
		if answer.Status == http.StatusUnauthorized {
			e.Class, e.Hint = adapters.ErrDenied, "check the client's id and secret: the secret may have ended or been replaced"
		}
	}
	return e
}

// withoutSecrets says nothing of words that repeat what we sent.
func (x *oauth) withoutSecrets(detail string, params map[string]string) string {
	for _, v := range []string{x.Secret, params["refresh_token"], params["assertion"], params["code"], params["code_verifier"]} {
		if head := v[:min(len(v), 12)]; head != "" && strings.Contains(detail, head) {
			return ""
		}
	}
	return detail
}

func (x *oauth) expiredHint() string {
	switch {
	case x.Assert != nil:
		return "check the key, the client and the account: its approval may have ended"
	case x.kept == nil:
		return "check the client's id and secret, and what the client may do"
	}
	const again = "sign in anew, enter the refresh token that comes of it and start the node again"
	if end := x.kept.Expires; !end.IsZero() && time.Now().After(end) {
		return "the refresh token ended on " + end.UTC().Format(time.DateOnly) + ": " + again
	}
	if used := x.kept.Used; !used.IsZero() {
		return "the refresh token was last taken on " + used.UTC().Format(time.DateOnly) + " and has ended or been revoked since: " + again
	}
	return "the refresh token has ended, was used up or revoked: " + again
}

// seconds is a span, which some servers write as text.
type seconds int64

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" || text == "" {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return errors.New("a span that is no number")
	}
	if n > 0 {
		*s = seconds(min(n, mostLife.Seconds()))
	}
	return nil
}

func (s seconds) after(t time.Time) time.Time {
	if s <= 0 {
		return time.Time{}
	}
	return t.Add(time.Duration(s) * time.Second)
}
