package zendesk

import (
	"context"
	"errors"

	"parley/adapters"
)

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	me, err := t.check(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "signed in as " + me.event().Name}, t.probeSignIn()}
	out = append(out, probeAccount(&me)...)
	// The export may be asked for a page that holds nothing: that it is allowed is
	// what is to be known.
	if _, err := t.api.export(ctx, "", max(t.api.rest.Now().Unix()-startBack, 1), 1); err != nil {
		out = append(out, problem(err))
	}
	return append(out, t.probeSettings(ctx)...)
}

func probeAccount(me *user) []adapters.Finding {
	var out []adapters.Finding
	if me.Role != roleAdmin {
		out = append(out, adapters.Finding{
			Level: adapters.LevelError, What: "the account is no administrator (its role is " + orDefault(me.Role, "unknown") + ")",
			Hint: "give it the role admin: others may not read the export, which alone leaves no change out",
		})
	}
	if !me.seesAll() {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "the account does not see all tickets: a deleted ticket cannot be told from a hidden one",
			Hint: "let it see all tickets",
		})
	}
	if me.OnlyPrivate {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "the account may write internal comments only", Hint: "let it write public comments",
		})
	}
	if me.Zone != "" {
		out = append(out, adapters.Finding{Level: adapters.LevelOK, What: "the account's time zone is " + me.Zone + "; all times are read as UTC"})
	}
	return out
}

func (t *Tracker) probeSettings(ctx context.Context) []adapters.Finding {
	limits, err := t.accountSettings(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	var out []adapters.Finding
	if !limits.Tickets.PrivateFiles {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "attachments can be opened by whoever knows their address",
			Hint: "switch private attachments on in Zendesk's ticket settings",
		})
	}
	if _, err := t.dir.catalog(ctx); err != nil {
		out = append(out, problem(err))
	}
	return out
}

func problem(err error) adapters.Finding {
	f := adapters.Finding{Level: adapters.LevelError, What: err.Error()}
	var known *adapters.Error
	if errors.As(err, &known) {
		f.Hint = known.Hint
	}
	return f
}
