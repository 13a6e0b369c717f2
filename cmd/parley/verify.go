package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"parley/node/admin"
	"parley/node/admin/client"
)

type connectionVerify struct {
	Name string `arg:"" optional:"" help:"The connection; the only one in parley.yaml if left out."`
	Heal bool   `help:"Send what differs whole again: this side what it said, the other what it said."`
	Deep bool   `help:"Have every ticket in step read from our tracker too: soon, slowly, behind all else."`
}

// Run implements the command.
func (c *connectionVerify) Run(ctx context.Context, a *app) error {
	name, err := a.nameOf(c.Name)
	if err != nil {
		return err
	}
	v, err := ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.Verification, error) {
		return n.Verify(ctx, name, admin.VerifyRequest{Heal: c.Heal, Deep: c.Deep})
	})
	if err != nil {
		return err
	}
	if err := a.show(v, func(w io.Writer) { showVerification(w, v) }); err != nil {
		return err
	}
	if differing := len(v.Differ) + v.More; differing > 0 && !c.Heal {
		return &failure{
			Kind: admin.KindConflict, Message: fmt.Sprintf("%s of %s tickets differ", thousands(differing), thousands(v.Twins)),
			Hint: fmt.Sprintf("`parley connection verify %s --heal` mends it", name),
		}
	}
	return nil
}

func showVerification(w io.Writer, v admin.Verification) {
	var rows [][]string
	add := func(list []admin.Unlike, state func(admin.Unlike) string) {
		for _, u := range list {
			key := u.Key
			if key == "" {
				key = "twin " + u.Twin
			}
			for _, d := range u.What {
				rows = append(rows, []string{key, d.Direction, strings.TrimSpace(d.Kind + " " + d.Name), differenceText(d), state(u)})
			}
		}
	}
	add(v.Differ, func(admin.Unlike) string { return "differs" })
	add(v.Moving, func(u admin.Unlike) string {
		return "under way (" + strings.Join(append(u.Here, u.There...), ", ") + ")"
	})
	if len(rows) > 0 {
		table(w, "TICKET|DIRECTION|OF|WHAT|STATE", rows)
	}
	if v.More > 0 {
		fmt.Fprintf(w, "and %s more\n", thousands(v.More))
	}
	switch {
	case len(v.Differ)+v.More > 0:
		fmt.Fprintf(w, "%s of %s tickets differ\n", thousands(len(v.Differ)+v.More), thousands(v.Twins))
	case len(v.Moving) > 0:
		fmt.Fprintf(w, "agreed: %s tickets, of %s something is under way\n", thousands(v.Twins), thousands(len(v.Moving)))
	default:
		fmt.Fprintf(w, "agreed: %s tickets\n", thousands(v.Twins))
	}
	if v.HealedHere+v.HealedThere > 0 {
		fmt.Fprintf(w, "healing: %s sent again by this side, %s by the other\n", thousands(v.HealedHere), thousands(v.HealedThere))
	}
	if v.Sweep {
		fmt.Fprintln(w, "every ticket is being read from the tracker; `parley status` tells when that is done")
	}
}

// differenceText says what is wrong from where we stand.
func differenceText(d admin.Difference) string {
	out := d.Direction == "outgoing"
	switch {
	case d.What == "broken":
		return "cannot be read"
	case d.What == "other":
		return "not the same"
	case out == (d.What == "missing"):
		return "the other side lacks it"
	}
	return "this side lacks it"
}
