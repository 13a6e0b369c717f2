package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"

	"parley/filters"
	"parley/filters/filtertest"
	"parley/node/admin"
	"parley/sync/event"
	"parley/sync/store"
)

// Bounds of the test files that are kept with a version.
const (
	maxTestFiles = 1000
	maxTestBytes = 4 << 20
)

// test runs a publication's tests. One that fails stops it, unless it goes back to a
// version by force.
func (n *Node) test(ctx context.Context, p *publication, force bool) error {
	texts, err := n.testsOf(p)
	if err == nil {
		err = boundTests(texts)
	}
	var files []filtertest.File
	if err == nil {
		files, err = filtertest.Read(texts)
	}
	if err != nil && force {
		p.result.Failures = []string{err.Error()}
		return nil
	}
	if err != nil {
		return &admin.Error{Kind: admin.KindInvalid, Message: "the filter tests cannot be read", Err: err}
	}
	schema, err := n.path.Schema(ctx)
	if err != nil {
		return trackerFailed("read the tracker's fields", err)
	}
	scripts := filtertest.Scripts{Outgoing: p.next.Out, Incoming: p.next.In, Env: filters.Env{Schema: schema, Vars: p.next.Vars, Tables: p.next.Tables, Hosts: p.next.Gate.Hosts, OwnName: !p.next.Accept.Impersonate, Create: p.next.Accept.Create}}
	for _, r := range scripts.RunFiles(ctx, files) {
		if r.Passed() {
			p.result.Tests++
			continue
		}
		p.result.Failures = append(p.result.Failures, r.File+": "+r.Name)
	}
	if len(p.result.Failures) > 0 && !force {
		hint := "`parley filter test` shows where they differ"
		if p.back {
			hint = "they are those that the version was published with, and the tracker may have changed since; add --force to go back all the same"
		}
		return &admin.Error{
			Kind: admin.KindInvalid, Message: "filter tests fail, and nothing was published: " + strings.Join(p.result.Failures, "; "), Hint: hint,
		}
	}
	if p.tests = texts; !p.back {
		dropSchemas(ctx, scripts, files, p.tests)
	}
	return nil
}

// testsOf are the test files of the connection, or those that a version to go back to
// was published with.
func (n *Node) testsOf(p *publication) (map[string]string, error) {
	if p.back {
		return n.storedTests(p.link.record.Agreement.Connection, p.backTests)
	}
	return readTests(p.config.TestsOf(p.link.record.Name))
}

func readTests(folder string) (map[string]string, error) {
	texts, err := filtertest.Texts(os.DirFS(folder), ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return texts, err
}

// boundTests refuses more than is kept with a version.
func boundTests(texts map[string]string) error {
	bytes := 0
	for at, text := range texts {
		if len(text) > store.MaxValue {
			return fmt.Errorf("%s has %d bytes, %d are allowed", at, len(text), store.MaxValue)
		}
		bytes += len(text)
	}
	if len(texts) > maxTestFiles || bytes > maxTestBytes {
		return fmt.Errorf("there are %d files with %d bytes, %d and %d are allowed", len(texts), bytes, maxTestFiles, maxTestBytes)
	}
	return nil
}

// dropSchemas takes away the schemas beside test files that pass without: when the
// version is gone back to, these run against what the tracker says then.
func dropSchemas(ctx context.Context, scripts filtertest.Scripts, files []filtertest.File, texts map[string]string) {
	needed := map[string]bool{}
	for _, file := range files {
		beside := path.Join(path.Dir(file.Name), filtertest.SchemaFile)
		if file.Schema == nil || needed[beside] {
			continue
		}
		for _, r := range scripts.Run(ctx, file.Cases) {
			needed[beside] = needed[beside] || !r.Passed()
		}
	}
	maps.DeleteFunc(texts, func(at, _ string) bool { return path.Base(at) == filtertest.SchemaFile && !needed[at] })
}

// testsIn is the list of the tests that a version was last put in force with.
func testsIn(history []published, name string) string {
	list := ""
	for _, e := range history {
		if e.Tests != "" && sameVersion(e.Version, name) {
			list = e.Tests
		}
	}
	return list
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// keepTests stores test files by their content, and returns what their list is named.
// All of them may be more than one transaction takes.
func (n *Node) keepTests(con event.ConnectionID, texts map[string]string) (string, error) {
	if len(texts) == 0 {
		return "", nil
	}
	list, part, size := map[string]string{}, map[string]string{}, 0
	for at, text := range texts {
		list[at] = digestOf(text)
		part[list[at]] = text
		if size += len(text); size < store.MaxValue {
			continue
		}
		if err := n.putTests(con, part); err != nil {
			return "", err
		}
		part, size = map[string]string{}, 0
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	// The list names what is there.
	if err := n.putTests(con, part); err != nil {
		return "", err
	}
	digest := digestOf(string(raw))
	return digest, n.putTests(con, map[string]string{digest: string(raw)})
}

func (n *Node) putTests(con event.ConnectionID, texts map[string]string) error {
	err := n.store.Update(func(tx store.Tx) error {
		for digest, text := range texts {
			_, err := tx.Get(store.TestsKey(con, digest))
			if errors.Is(err, store.ErrNotFound) {
				err = tx.Put(store.TestsKey(con, digest), []byte(text))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the tests of a version of filters: %w", err)
	}
	return nil
}

// pinTests keeps the tests of a template that comes into force for the first time.
func (n *Node) pinTests(con event.ConnectionID, folder string) (string, error) {
	texts, err := readTests(folder)
	if err == nil {
		err = boundTests(texts)
	}
	if err != nil {
		return "", err
	}
	return n.keepTests(con, texts)
}

// storedTests are the test files of a list.
func (n *Node) storedTests(con event.ConnectionID, list string) (map[string]string, error) {
	if list == "" {
		return nil, nil
	}
	texts := map[string]string{}
	err := n.store.View(func(r store.Reader) error {
		raw, err := storedTest(r, con, list)
		if err != nil {
			return err
		}
		files := map[string]string{}
		if err := json.Unmarshal([]byte(raw), &files); err != nil {
			return err
		}
		for at, digest := range files {
			if texts[at], err = storedTest(r, con, digest); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the tests of a version of filters: %w", err)
	}
	return texts, nil
}

func storedTest(r store.Reader, con event.ConnectionID, digest string) (string, error) {
	raw, err := r.Get(store.TestsKey(con, digest))
	if err == nil && digestOf(string(raw)) != digest {
		err = errors.New("its content is another one's")
	}
	return string(raw), err
}
