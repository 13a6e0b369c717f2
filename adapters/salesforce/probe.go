package salesforce

import (
	"context"
	"errors"
	"fmt"

	"parley/adapters"
)

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	me, err := t.check(ctx)
	if err != nil {
		return []adapters.Finding{trouble(err)}
	}
	out := []adapters.Finding{
		{Level: adapters.LevelOK, What: "signed in as " + me.Name + " (" + me.Login + ") of the org " + me.Org},
		t.probeSignIn(),
		{Level: adapters.LevelOK, What: "the account's time zone is " + orDefault(me.Zone, "not told") + "; all times are read as UTC"},
	}
	cat, err := t.dir.catalog(ctx)
	if err != nil {
		return append(out, trouble(err))
	}
	out = append(out, t.probeCases(cat)...)
	if all, err := t.seesAll(ctx); err != nil {
		out = append(out, trouble(err))
	} else if !all {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "the account does not see all cases: a deleted case cannot be told from a hidden one",
			Hint: "give it View All on cases, in its permission set",
		})
	}
	if _, err := t.startNow(ctx); err != nil {
		out = append(out, trouble(err))
	}
	return append(out, t.probeUsage())
}

func (t *Tracker) probeCases(cat *catalog) []adapters.Finding {
	var out []adapters.Finding
	if !cat.Createable || !cat.Updateable {
		out = append(out, adapters.Finding{
			Level: adapters.LevelError, What: "the account may not create and edit cases", Hint: "give it Create and Edit on cases, in its permission set",
		})
	}
	if !cat.mayComment {
		out = append(out, adapters.Finding{
			Level: adapters.LevelError, What: "the account may not comment", Hint: "let it create case comments, which goes with Edit on cases",
		})
	}
	if !cat.keyed {
		out = append(out, adapters.Finding{
			Level: adapters.LevelWarning, What: "cases have no field " + t.set.keyField + " that is an external id, unique and editable: the marker of a create stands in the description",
			Hint: "make it (text, 32 characters, External ID, Unique) and let the account edit it: see docs/adapters/salesforce.md",
		})
	} else {
		out = append(out, adapters.Finding{Level: adapters.LevelOK, What: "creates are marked in " + t.set.keyField})
	}
	return append(out, adapters.Finding{Level: adapters.LevelOK, What: fmt.Sprintf("comments may have %d bytes", cat.commentBytes())})
}

// probeUsage tells what is left of the day's API calls.
func (t *Tracker) probeUsage() adapters.Finding {
	used, most := t.api.usage.last()
	f := adapters.Finding{Level: adapters.LevelOK, What: fmt.Sprintf("the org has made %d of the %d API calls of a day", used, most)}
	const percent = 80
	switch {
	case most == 0:
		f.What = "Salesforce does not tell how many API calls are left"
	case used*100 >= most*percent:
		f.Level, f.Hint = adapters.LevelWarning, "let the poll be slower, or buy more: what is above is refused"
	}
	return f
}

func trouble(err error) adapters.Finding {
	f := adapters.Finding{Level: adapters.LevelError, What: err.Error()}
	var known *adapters.Error
	if errors.As(err, &known) {
		f.Hint = known.Hint
	}
	return f
}
