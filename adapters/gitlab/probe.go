package gitlab

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley/adapters"
)

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	me, err := t.account(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "signed in as " + me.Username}}
	p, err := t.check(ctx)
	if err != nil {
		return append(out, problem(err))
	}
	warn := func(what, hint string) {
		out = append(out, adapters.Finding{Level: adapters.LevelWarning, What: what, Hint: hint})
	}
	if p.Archived {
		warn("the project is archived: nothing can be written", "take it out of the archive in its settings")
	}
	if p.level() < levelPlanner {
		warn("the account neither sees confidential issues and internal notes, nor may it set labels and the like",
			"give it the role Reporter in the project")
	}
	if p.level() >= levelOwner {
		warn("the account is an owner of the project", "use an account of its own with the role Reporter: more is not needed")
	}
	if p.Visible == "public" {
		warn("the project is public: everything that is not internal is for everybody", "check what the filters let through")
	}
	return append(out, t.probeToken(ctx)...)
}

// soon is how long before its end a token is spoken of.
const soon = 30 * 24 * time.Hour

// probeToken tells what the token may do, and when it ends.
func (t *Tracker) probeToken(ctx context.Context) []adapters.Finding {
	one := func(level adapters.Level, what, hint string) []adapters.Finding {
		return []adapters.Finding{{Level: level, What: what, Hint: hint}}
	}
	if t.set.renews {
		return one(adapters.LevelOK, "access tokens are got by a refresh token, which holds until it is revoked", "")
	}
	s, err := t.api.token(ctx)
	end, wrong := time.Parse(time.DateOnly, s.Ends)
	switch {
	case errors.Is(err, adapters.ErrGone), errors.Is(err, adapters.ErrDenied):
		return one(adapters.LevelWarning, "GitLab does not tell when the token ends", "note its end: a year after it was made at most")
	case err != nil:
		return []adapters.Finding{problem(err)}
	case !slices.Contains(s.Scopes, "api"):
		return one(adapters.LevelError, "the token has not the scope api: nothing can be written", "make a token with the scope api")
	case s.Ends == "":
		return one(adapters.LevelWarning, "the token never ends", "make one that does, so that a lost one is no key for good")
	case wrong != nil:
		return one(adapters.LevelWarning, "GitLab tells an end of the token that cannot be read", "note its end")
	case end.Before(t.api.rest.Now().Add(soon)):
		return one(adapters.LevelWarning, "the token ends on "+s.Ends, "make a new one before")
	}
	return one(adapters.LevelOK, "the token ends on "+s.Ends, "")
}

func problem(err error) adapters.Finding {
	f := adapters.Finding{Level: adapters.LevelError, What: err.Error()}
	var known *adapters.Error
	if errors.As(err, &known) {
		f.Hint = known.Hint
	}
	return f
}
