package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"parley/adapters"
)

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

const addressHint = "set the tracker's address to where it really is"

// redirect says where to go on. A write never does: the tracker may have done
// it (302 and 303 follow a form), or has not and lives elsewhere.
func (f *flight) redirect(res *http.Response, from *url.URL, hop int) (*url.URL, error) {
	to, err := from.Parse(res.Header.Get("Location"))
	if err != nil || res.Header.Get("Location") == "" {
		err = fmt.Errorf("redirect %d without a usable address", res.StatusCode)
		return nil, f.fail(f.class(adapters.ErrConfiguration, adapters.ErrDoubt), err)
	}
	where := fmt.Errorf("status %d points to %s", res.StatusCode, originOf(to))
	switch {
	case f.r.Write && (res.StatusCode == http.StatusFound || res.StatusCode == http.StatusSeeOther):
		return nil, f.hint(adapters.ErrDoubt, where, addressHint)
	case f.r.Write || f.r.method() != http.MethodGet:
		return nil, f.hint(adapters.ErrConfiguration, where, addressHint)
	case hop >= maxRedirects:
		return nil, f.hint(adapters.ErrConfiguration, errors.New("too many redirects"), addressHint)
	case from.Scheme == "https" && to.Scheme != "https":
		return nil, f.hint(adapters.ErrConfiguration, fmt.Errorf("status %d leaves https", res.StatusCode), addressHint)
	}
	return to, f.mayVisit(to)
}

// mayVisit keeps answers of another origin, where we are nobody, from being
// taken for the tracker's: only downloads may come from elsewhere.
func (f *flight) mayVisit(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return f.fail(adapters.ErrConfiguration, fmt.Errorf("a link with scheme %q is not followed", u.Scheme))
	}
	origin := originOf(u)
	if origin == f.c.origin {
		return nil
	}
	if f.stream && !f.r.Write {
		if f.c.opt.Base.Scheme == "https" && u.Scheme != "https" {
			return f.hint(adapters.ErrConfiguration, fmt.Errorf("the tracker points to %s, which is no https", origin), addressHint)
		}
		return nil
	}
	return f.hint(adapters.ErrConfiguration, fmt.Errorf("the tracker points to %s", origin), addressHint)
}
