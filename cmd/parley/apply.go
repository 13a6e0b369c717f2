package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"parley/node/admin"
	"parley/node/admin/client"
)

// Bounds of a directory that is applied.
const (
	maxApplyFiles = 10_000
	maxApplyBytes = 12 << 20
)

type applyCommand struct {
	From   string `short:"f" required:"" placeholder:"DIR" help:"The directory: an export, edited or not."`
	Reason string `short:"m" placeholder:"TEXT" help:"Why; it stands in the history of each connection whose filters change."`
	Author string `placeholder:"NAME" help:"Who; the account that runs the command if left out."`
	DryRun bool   `help:"Show the difference and change nothing; exit code 9 if there is one."`
	Yes    bool   `help:"Do not ask."`
	Wider  bool   `help:"More may leave, or enter, than before."`
	Prune  bool   `help:"End the connections that the directory lacks, for good."`
	Most   int    `default:"200" placeholder:"N" help:"Run changed filters on at most so many tickets in step of a connection before."`
}

// Run implements the command.
func (c *applyCommand) Run(ctx context.Context, a *app) error {
	asks := terminal(a.in) && !a.json && !c.Yes
	if !c.DryRun && !c.Yes && !asks {
		return usageError("`parley apply --dry-run` shows what it would change", "say with --yes that it may change the node")
	}
	setup, err := readSetupDir(c.From)
	if err != nil {
		return err
	}
	r := admin.ApplyRequest{Setup: setup, DryRun: true, Prune: c.Prune, Wider: c.Wider, Author: (&publishing{Author: c.Author}).author(), Reason: c.Reason, Most: c.Most}
	shown, err := apply(ctx, a, r)
	if err != nil {
		return err
	}
	if len(shown.Problems) > 0 {
		f := &failure{Kind: admin.KindInvalid, Message: fmt.Sprintf("%s in %s, and nothing was changed:\n%s", count(len(shown.Problems), "problem"), c.From, strings.Join(shown.Problems, "\n")), Hint: "mend them, then apply again"}
		f.Problems = shown.Problems
		return f
	}
	if c.DryRun || shown.Same {
		return c.compared(a, shown)
	}
	if asks {
		if err := a.show(shown, func(w io.Writer) { showApply(w, shown) }); err != nil {
			return err
		}
		if err := c.confirm(ctx, a, &r, shown); err != nil {
			return err
		}
	}
	r.DryRun, r.Expect = false, shown.Digest
	done, err := apply(ctx, a, r)
	if err != nil {
		return err
	}
	return a.show(done, func(w io.Writer) { showApply(w, done) })
}

func apply(ctx context.Context, a *app, r admin.ApplyRequest) (admin.ApplyResult, error) {
	return ask(ctx, a, func(ctx context.Context, n *client.Client) (admin.ApplyResult, error) { return n.Apply(ctx, r) })
}

// compared tells what a look found; a difference is an error for scripts.
func (c *applyCommand) compared(a *app, shown admin.ApplyResult) error {
	if err := a.show(shown, func(w io.Writer) { showApply(w, shown) }); err != nil {
		return err
	}
	if c.DryRun && (!shown.Same || len(shown.Missing) > 0) {
		return &failure{Kind: kindDrift, Message: "the node does not do what " + c.From + " says", Hint: "`parley apply` brings the directory into force, `parley export` takes the node's state over"}
	}
	return nil
}

// confirm asks a person at a terminal for what the flags do not say.
func (c *applyCommand) confirm(ctx context.Context, a *app, r *admin.ApplyRequest, shown admin.ApplyResult) error {
	q := newAsker(ctx, a)
	question, publishes := "Bring it into force (yes, no)", false
	for _, one := range shown.Connections {
		if one.Publish != nil {
			publishes = true
			if len(one.Publish.Wider) > 0 && !c.Wider {
				question = "More passes than before. Bring it into force all the same (yes, no)"
			}
		}
	}
	yes, err := q.yes(question)
	if err == nil && !yes {
		err = &failure{Kind: admin.KindConflict, Message: "nothing was changed"}
	}
	if err != nil {
		return err
	}
	r.Wider = true
	if r.Reason == "" && publishes {
		r.Reason, err = q.valid("Why", "", needed)
	}
	return err
}

func showApply(w io.Writer, r admin.ApplyResult) {
	for _, one := range r.Connections {
		showApplyOne(w, one)
	}
	for _, name := range r.Files {
		fmt.Fprintf(w, "file %s\n", clean(name))
	}
	for _, name := range r.Missing {
		fmt.Fprintf(w, "%s is not in the directory; --prune ends it for good\n", clean(name))
	}
	switch {
	case r.Applied:
		fmt.Fprintln(w, "applied")
	case r.Same:
		fmt.Fprintln(w, "nothing to do")
	}
}

func showApplyOne(w io.Writer, one admin.ApplyConnection) {
	fmt.Fprintf(w, "connection %s", clean(one.Name))
	switch {
	case one.New:
		fmt.Fprint(w, ": is added; it begins when it is joined")
	case !one.Joined:
		fmt.Fprint(w, ": has no peer yet")
	}
	fmt.Fprintln(w)
	if v := one.InForce; v != nil {
		since := ""
		if one.Moved {
			since = ", after the export"
		}
		fmt.Fprintf(w, "  in force is version %s, published by %s at %s%s: %s\n", clean(v.Version), clean(v.Author), when(v.At), since, clean(v.Reason))
	}
	if one.Drafts {
		fmt.Fprintln(w, "  the node's own files say something else than what is in force; they are written over")
	}
	if !one.New {
		for _, s := range one.Settings {
			fmt.Fprintf(w, "  %s: %s -> %s\n", clean(s.Key), orNothing(s.From), orNothing(s.To))
		}
		for _, p := range one.Parts {
			fmt.Fprintf(w, "  %s\n", clean(p.Part))
			for _, line := range p.Lines {
				fmt.Fprintf(w, "  %s\n", line) // w takes escapes out
			}
		}
	}
	if one.Publish != nil {
		fmt.Fprintf(w, "  version %s; %s; %d tickets in step, %d looked at; %s\n", clean(one.Publish.Version), count(one.Publish.Tests, "test")+" passed", one.Publish.Twins, one.Publish.Looked, clean(changes(*one.Publish)))
		for _, wider := range one.Publish.Wider {
			fmt.Fprintf(w, "  more than before: %s\n", clean(wider))
		}
	}
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return clean(text)
}

// readSetupDir reads a directory as a setup. Everything that cannot be part of one is
// reported, all at once; what stands beside it, such as .git, is left alone.
func readSetupDir(dir string) (_ admin.Setup, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return admin.Setup{}, fmt.Errorf("open the directory: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	r := setupReader{root: root, files: map[string]string{}}
	out := admin.Setup{Files: r.files, Versions: map[string]string{}}
	for _, name := range []string{manifestFile, "parley.yaml", "filters", "tables", "tests", "templates"} {
		if err := r.walk(name); err != nil {
			return out, err
		}
	}
	if text, ok := r.files[manifestFile]; ok {
		delete(r.files, manifestFile)
		m, err := parseManifest([]byte(text))
		if err != nil {
			r.problems = append(r.problems, err.Error())
		} else if m.Versions != nil {
			out.Versions = m.Versions
		}
	}
	if len(r.problems) > 0 {
		return out, &failure{Kind: admin.KindInvalid, Message: fmt.Sprintf("%s cannot be applied:\n%s", dir, strings.Join(r.problems, "\n")), Hint: "mend it, then apply again", Problems: r.problems}
	}
	return out, nil
}

type setupReader struct {
	root     *os.Root
	files    map[string]string
	bytes    int
	problems []string
}

// walk reads a file or a folder that may be there.
func (r *setupReader) walk(name string) error {
	if info, err := r.root.Lstat(name); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		r.problems = append(r.problems, name+" is a link or no file; write the file itself")
		return nil
	}
	return fs.WalkDir(r.root.FS(), name, func(at string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && at == name:
			return nil
		case err != nil:
			return fmt.Errorf("read the directory: %w", err)
		case len(r.files) >= maxApplyFiles || r.bytes > maxApplyBytes:
			r.problems = append(r.problems, fmt.Sprintf("it has more than %d files or %d bytes", maxApplyFiles, maxApplyBytes))
			return fs.SkipAll
		case entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			r.problems = append(r.problems, at+" is a link or no file; write the file itself")
			return nil
		}
		return r.read(at)
	})
}

func (r *setupReader) read(at string) (err error) {
	file, err := r.root.Open(at)
	if err != nil {
		return fmt.Errorf("read %s: %w", at, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err := io.ReadAll(io.LimitReader(file, maxFilter+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", at, err)
	}
	if len(text) > maxFilter {
		r.problems = append(r.problems, fmt.Sprintf("%s is larger than %d bytes", at, maxFilter))
		return nil
	}
	r.bytes += len(text)
	r.files[at] = string(text)
	return nil
}
