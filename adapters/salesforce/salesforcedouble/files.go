package salesforcedouble

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// App is an External Client App: with a secret, or with the key of its certificate.
type App struct {
	Secret string
	Key    *rsa.PublicKey
	// RunsAs is the id of the account that it acts for; "" is the first one's.
	RunsAs string
}

// issued is an access token: whose it is, and for how many requests, if there is an end.
type issued struct {
	account string
	left    int
}

// fields are those of a body, which is JSON, or for a file JSON and bytes.
func (c *call) fields() (map[string]any, []byte, bool) {
	kind, params, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		in, ok := decode(c.body)
		return in, nil, ok
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	var in map[string]any
	var blob []byte
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return in, blob, in != nil && blob != nil
		}
		if err != nil {
			return nil, nil, false
		}
		raw, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, false
		}
		switch part.FormName() {
		case "entity_content":
			in, _ = decode(raw)
		case "VersionData":
			blob = append([]byte{}, raw...)
		}
	}
}

// file makes the document of a version, which belongs to its maker.
func (d *Double) file(_ *call, r row, blob []byte) *refusal {
	if text, ok := r["VersionData"].(string); ok && blob == nil {
		blob, _ = base64.StdEncoding.DecodeString(text)
	}
	if blob == nil || r["PathOnClient"] == nil {
		return &refusal{http.StatusBadRequest, "REQUIRED_FIELD_MISSING", "Required fields are missing: [VersionData, PathOnClient]", []string{"VersionData"}}
	}
	document := d.id("069")
	d.tables["ContentDocument"] = append(d.tables["ContentDocument"], row{"Id": document})
	path, _ := r["PathOnClient"].(string)
	if n := strings.LastIndexByte(path, '.'); n >= 0 {
		r["FileExtension"] = path[n+1:]
	}
	r["ContentDocumentId"], r["IsLatest"], r["ContentSize"] = document, true, float64(len(blob))
	delete(r, "VersionData")
	d.blobs[document] = blob
	return nil
}

func (d *Double) bytes(c *call) {
	r := d.find("ContentVersion", c.r.PathValue("id"))
	if r == nil {
		c.refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		return
	}
	c.out = answer{status: http.StatusOK, raw: d.blobs[r["ContentDocumentId"].(string)]}
}

// composite does several requests, all or none of them.
func (d *Double) composite(c *call) {
	var in struct {
		All   bool `json:"allOrNone"`
		Parts []struct {
			Method  string            `json:"method"`
			URL     string            `json:"url"`
			Ref     string            `json:"referenceId"`
			Headers map[string]string `json:"httpHeaders"`
			Body    json.RawMessage   `json:"body"`
		} `json:"compositeRequest"`
	}
	if json.Unmarshal(c.body, &in) != nil || len(in.Parts) == 0 || len(in.Parts) > 25 {
		c.refuse(http.StatusBadRequest, "JSON_PARSER_ERROR", "the body cannot be read")
		return
	}
	before := d.snapshot()
	var answers []map[string]any
	failed := -1
	for i, p := range in.Parts {
		inner := &call{r: (&http.Request{Method: p.Method, URL: &url.URL{Path: p.URL}, Header: http.Header{}}).WithContext(c.r.Context()), me: c.me, body: p.Body}
		for name, v := range p.Headers {
			inner.r.Header.Set(name, v)
		}
		d.part(inner)
		if inner.out.status >= 300 && failed < 0 {
			failed = i
		}
		answers = append(answers, map[string]any{"body": inner.out.body, "httpHeaders": map[string]any{}, "httpStatusCode": inner.out.status, "referenceId": p.Ref})
		if failed >= 0 && in.All {
			break
		}
	}
	if failed >= 0 && in.All {
		d.tables = before
		for i := range in.Parts {
			if i == failed {
				continue
			}
			halted := map[string]any{
				"body":        Problem("PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed."),
				"httpHeaders": map[string]any{}, "httpStatusCode": http.StatusBadRequest, "referenceId": in.Parts[i].Ref,
			}
			if i < len(answers) {
				answers[i] = halted
			} else {
				answers = append(answers, halted)
			}
		}
	}
	c.answer(http.StatusOK, map[string]any{"compositeResponse": answers})
}

func (d *Double) part(c *call) {
	path := strings.Split(strings.Trim(c.r.URL.Path, "/"), "/")
	if len(path) < 5 || path[3] != "sobjects" {
		c.refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
		return
	}
	c.object = path[4]
	switch {
	case c.r.Method == http.MethodPost && len(path) == 5:
		d.insert(c)
	case c.r.Method == http.MethodPatch && len(path) == 6:
		c.r.SetPathValue("id", path[5])
		d.change(c)
	default:
		c.refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '"+c.r.Method+"' not allowed")
	}
}

func (d *Double) snapshot() map[string][]row {
	out := map[string][]row{}
	for name, all := range d.tables {
		for _, r := range all {
			out[name] = append(out[name], maps.Clone(r))
		}
	}
	return out
}

// token gives access tokens: by an app's secret, or by a JWT that its key vouches for.
func (d *Double) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(code, words string) {
		write(w, answer{status: http.StatusBadRequest, body: map[string]any{"error": code, "error_description": words}})
	}
	if r.ParseForm() != nil {
		refuse("invalid_request", "the form cannot be read")
		return
	}
	account := d.opt.Accounts[0].ID
	switch r.PostForm.Get("grant_type") {
	case "client_credentials":
		app, ok := d.opt.Apps[r.PostForm.Get("client_id")]
		account = cmp.Or(app.RunsAs, account)
		if !ok || app.Secret == "" || app.Secret != r.PostForm.Get("client_secret") {
			refuse("invalid_client", "invalid client credentials")
			return
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		if err := d.checkJWT(r.PostForm.Get("assertion")); err != nil {
			refuse("invalid_grant", err.Error())
			return
		}
	default:
		refuse("unsupported_grant_type", "grant type not supported")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nextID++
	token := fmt.Sprintf("00D000000000062!issued.token.%d", d.nextID)
	d.tokens[token] = &issued{account: account, left: d.opt.TokenUses}
	// There is no word of when it ends.
	write(w, answer{status: http.StatusOK, body: map[string]any{
		"access_token": token, "token_type": "Bearer", "instance_url": "https://acme.my.salesforce.com", "scope": "api",
		"id": "https://login.salesforce.com/id/00D000000000062EAA/" + account, "issued_at": "1795442400000", "signature": "c2lnbmF0dXJl",
	}})
}

func (d *Double) checkJWT(text string) error {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return errors.New("invalid assertion")
	}
	raw, errClaims := base64.RawURLEncoding.DecodeString(parts[1])
	sign, errSign := base64.RawURLEncoding.DecodeString(parts[2])
	var claims struct{ Issuer, Subject, Audience string }
	var in map[string]any
	if errClaims != nil || errSign != nil || json.Unmarshal(raw, &in) != nil {
		return errors.New("invalid assertion")
	}
	claims.Issuer, _ = in["iss"].(string)
	claims.Subject, _ = in["sub"].(string)
	claims.Audience, _ = in["aud"].(string)
	expires, _ := in["exp"].(float64)
	app, ok := d.opt.Apps[claims.Issuer]
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	left := time.Until(time.Unix(int64(expires), 0))
	switch {
	case !ok || app.Key == nil || rsa.VerifyPKCS1v15(app.Key, crypto.SHA256, sum[:], sign) != nil:
		return errors.New("invalid assertion")
	case claims.Audience != "https://login.salesforce.com" && claims.Audience != "https://test.salesforce.com":
		return errors.New("audience is invalid")
	case claims.Subject != d.opt.Accounts[0].Login:
		return errors.New("user hasn't approved this consumer")
	case left <= 0 || left > 5*time.Minute:
		return errors.New("expired authorization code")
	}
	return nil
}

// signedIn finds the account behind a token; nil for none and for a wrong one.
func (d *Double) signedIn(r *http.Request) *Account {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || bearer == "" {
		return nil
	}
	if t := d.tokens[bearer]; t != nil {
		if t.left--; t.left == 0 {
			delete(d.tokens, bearer)
		}
		return d.account(t.account)
	}
	for n := range d.opt.Accounts {
		if d.opt.Accounts[n].Token == bearer {
			return &d.opt.Accounts[n]
		}
	}
	return nil
}
