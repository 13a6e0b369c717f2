package servicenow

import (
	"context"
	"errors"
	"fmt"

	"parley/adapters"
	"parley/sync/event"
)

func isDenied(err error) bool { return errors.Is(err, adapters.ErrDenied) }

// Probe implements adapters.Prober.
func (t *Tracker) Probe(ctx context.Context) []adapters.Finding {
	me, err := t.check(ctx)
	if err != nil {
		return []adapters.Finding{problem(err)}
	}
	out := []adapters.Finding{{Level: adapters.LevelOK, What: "signed in as " + me.Login}}
	for _, look := range []func(context.Context) ([]adapters.Finding, error){
		t.probeZone, t.probeFields, t.probeTickets, t.probeJournal, t.probeFiles, t.probeAudit,
	} {
		found, err := look(ctx)
		if err != nil {
			found = append(found, problem(err))
		}
		out = append(out, found...)
	}
	return append(out, adapters.Finding{
		Level: adapters.LevelOK, What: "which fields the account may write cannot be asked: the first tickets show it",
	})
}

func (t *Tracker) probeZone(ctx context.Context) ([]adapters.Finding, error) {
	if err := t.zone(ctx); err != nil {
		return nil, err
	}
	return []adapters.Finding{{Level: adapters.LevelOK, What: "the account's time zone is GMT"}}, nil
}

func (t *Tracker) probeFields(ctx context.Context) ([]adapters.Finding, error) {
	all, err := t.dir.elements(ctx, t.set.table)
	if err != nil {
		return nil, err
	}
	var out []adapters.Finding
	for _, column := range []string{"correlation_id", public, internal, "short_description", "state", "number"} {
		if _, ok := all[column]; !ok {
			out = append(out, adapters.Finding{
				Level: adapters.LevelError, What: fmt.Sprintf("the dictionary shows no column %s of %s", column, t.set.table),
				Hint: "set table to one that extends task, and let the account read all of sys_dictionary",
			})
		}
	}
	states, err := t.dir.choices(ctx, "state")
	if err == nil && len(states) == 0 {
		out = append(out, adapters.Finding{
			Level: adapters.LevelError, What: "there are no choices for the state in language " + t.set.language,
			Hint: "let the account read sys_choice, or set language to one that ServiceNow has",
		})
	}
	if err := t.dir.known(ctx, t.set.table, t.set.query); err != nil {
		return out, err
	}
	if def, err := t.dir.byName(ctx, event.FieldSummary); err == nil && def != nil && t.set.caller != "" {
		found, err := t.FindUser(ctx, t.set.caller)
		if err != nil {
			return out, err
		}
		if len(found) != 1 {
			out = append(out, adapters.Finding{
				Level: adapters.LevelError, What: fmt.Sprintf("setting caller: %d people are %q", len(found), t.set.caller), Hint: "name one person",
			})
		}
	}
	return out, err
}

// probeTickets compares what the account sees with what there is.
func (t *Tracker) probeTickets(ctx context.Context) ([]adapters.Finding, error) {
	const op = "look at the newest tickets"
	if err := t.sees(ctx, op); err != nil {
		return nil, err
	}
	got, err := t.api.list(ctx, asked{
		op: op, table: t.set.table, where: t.set.query, order: []string{"-sys_updated_on"}, fields: settleFields(), limit: 200,
	})
	if err != nil {
		return nil, err
	}
	if hidden := min(got.total, 200) - len(got.rows); hidden > 0 {
		return []adapters.Finding{{
			Level: adapters.LevelWarning, What: fmt.Sprintf("%d of the newest %d tickets are hidden from the account", hidden, min(got.total, 200)),
			Hint: "if they shall be kept in step, give the account a role that may read them; else narrow the tickets by setting query",
		}}, nil
	}
	return nil, nil
}

// probeJournal looks at the newest entries: those of tickets that the account sees must
// be there.
func (t *Tracker) probeJournal(ctx context.Context) ([]adapters.Finding, error) {
	got, err := t.api.list(ctx, asked{
		op: "look at the newest comments", table: "sys_journal_field", order: []string{"-sys_created_on"}, limit: 50,
		where: query{}.and("name", "IN", t.set.table+",task").and("element", "IN", public+","+internal), fields: []string{"sys_created_by"},
	})
	if err != nil {
		return nil, err
	}
	if got.total > 0 && len(got.rows) == 0 {
		return nil, journalHidden("look at the newest comments")
	}
	return nil, nil
}

func (t *Tracker) probeFiles(ctx context.Context) ([]adapters.Finding, error) {
	got, err := t.api.list(ctx, asked{
		op: "look at the newest files", table: "sys_attachment", order: []string{"-sys_updated_on"}, limit: 50,
		where: query{}.and("table_name", "=", t.set.table), fields: []string{"table_sys_id"},
	})
	if err != nil {
		return nil, err
	}
	if got.total > 0 && len(got.rows) == 0 {
		return []adapters.Finding{{
			Level: adapters.LevelWarning, What: "the newest files are hidden from the account", Hint: "let it read sys_attachment",
		}}, nil
	}
	return nil, nil
}

// probeAudit tells whether setting history could be, or must not be, yes.
func (t *Tracker) probeAudit(ctx context.Context) ([]adapters.Finding, error) {
	got, err := t.api.list(ctx, asked{
		op: "look at the newest audits", table: "sys_audit", order: []string{"-sys_created_on"}, limit: 20,
		where: query{}.and("tablename", "=", t.set.table), fields: []string{"user"},
	})
	readable := err == nil && len(got.rows) == min(got.total, 20)
	switch {
	case err != nil && !isDenied(err):
		return nil, err
	case t.set.history && !readable:
		return []adapters.Finding{{
			Level: adapters.LevelError, What: "the account may not read sys_audit, and setting history is yes",
			Hint: "let it read sys_audit, or set history to no",
		}}, nil
	case !t.set.history && readable && got.total > 0:
		return []adapters.Finding{{Level: adapters.LevelOK, What: "sys_audit can be read: history: yes would tell who changed what"}}, nil
	}
	return nil, nil
}

func problem(err error) adapters.Finding {
	f := adapters.Finding{Level: adapters.LevelError, What: err.Error()}
	var known *adapters.Error
	if errors.As(err, &known) {
		f.Hint = known.Hint
	}
	return f
}
