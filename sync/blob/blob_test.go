package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/sync/blob"
)

// piece is what the package seals together, and what a resume is rounded down to.
const piece = 64 << 10

func options(t testing.TB) blob.Options {
	t.Helper()
	return blob.Options{Dir: t.TempDir(), Key: [32]byte{1}, Quota: 64 << 20}
}

func open(t testing.TB, o blob.Options) *blob.Store {
	t.Helper()
	s, err := blob.Open(o)
	must(t, err)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error = %v, want %v", got, want)
	}
}

func content(size int) ([]byte, blob.Digest) {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(size)})
	_, _ = r.Read(b)
	return b, sha256.Sum256(b)
}

func begin(t testing.TB, s *blob.Store, d blob.Digest, size int) *blob.Writer {
	t.Helper()
	w, err := s.Begin(d, int64(size))
	must(t, err)
	return w
}

// add writes all of b through Begin, Write and Commit.
func add(t testing.TB, s *blob.Store, b []byte) blob.Digest {
	t.Helper()
	d := blob.Digest(sha256.Sum256(b))
	w := begin(t, s, d, len(b))
	_, err := w.Write(b)
	must(t, err)
	must(t, w.Commit())
	return d
}

func read(t testing.TB, s *blob.Store, d blob.Digest) []byte {
	t.Helper()
	r, err := s.Open(d)
	must(t, err)
	b, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	return b
}

func files(t testing.TB, o blob.Options) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(o.Dir, "*"))
	must(t, err)
	return names
}

var sizes = []int{0, 1, piece - 1, piece, piece + 1, 3 * piece, 3*piece + 17}

func TestBlob_WhatWasWrittenIsReadFromTheStartAndFromAnywhere(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	for _, size := range sizes {
		b, _ := content(size)
		d := add(t, s, b)
		if !bytes.Equal(read(t, open(t, o), d), b) {
			t.Errorf("size %d: read differs", size)
		}
		n, ok, err := s.Has(d)
		if n != int64(size) || !ok || err != nil {
			t.Errorf("Has = %d, %v, %v; want %d", n, ok, err, size)
		}
		r, err := s.Open(d)
		must(t, err)
		must(t, iotest.TestReader(r, b))
		must(t, r.Close())
		must(t, r.Close())
		if _, err := r.ReadAt(make([]byte, 1), 0); size > 0 && !errors.Is(err, blob.ErrClosed) {
			t.Errorf("read after Close: %v", err)
		}
	}
}

func TestReadAt_ServesPiecesToSeveralAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, options(t))
	b, _ := content(5 * piece)
	r, err := s.Open(add(t, s, b))
	must(t, err)
	defer r.Close()
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			got := make([]byte, piece)
			if _, err := r.ReadAt(got, int64(i*piece)); err != nil || !bytes.Equal(got, b[i*piece:(i+1)*piece]) {
				t.Errorf("piece %d differs: %v", i, err)
			}
		})
	}
	all.Wait()
}

func TestPut_FindsTheDigest(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	for _, size := range sizes {
		b, want := content(size)
		for range 2 { // the second finds it there
			d, n, err := s.Put(t.Context(), iotest.HalfReader(bytes.NewReader(b)), int64(size))
			must(t, err)
			if d != want || n != int64(size) {
				t.Errorf("Put = %v, %d; want %v, %d", d, n, want, size)
			}
		}
		if !bytes.Equal(read(t, s, want), b) {
			t.Errorf("size %d: read differs", size)
		}
	}
	if got := len(files(t, o)); got != len(sizes) {
		t.Errorf("%d files, want %d", got, len(sizes))
	}
}

func TestPut_LeavesNothingWhenItFails(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	b, _ := content(3 * piece)
	cut := errors.New("cut")
	_, _, err := s.Put(t.Context(), bytes.NewReader(b), int64(len(b)-1))
	wantErr(t, err, blob.ErrTooLarge)
	_, _, err = s.Put(t.Context(), io.MultiReader(bytes.NewReader(b), iotest.ErrReader(cut)), 1<<30)
	wantErr(t, err, cut)
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err = s.Put(ctx, io.MultiReader(bytes.NewReader(b), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil })), 1<<30)
	wantErr(t, err, context.Canceled)
	_, _, err = s.Put(t.Context(), endless{}, 1<<40)
	wantErr(t, err, blob.ErrQuota)
	if got := files(t, o); len(got) != 0 || s.Used() != 0 {
		t.Errorf("left %v, %d bytes used", got, s.Used())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestPut_FinishesAPartOfTheSameBlob(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	b, d := content(3 * piece)
	w := begin(t, s, d, len(b))
	_, err := w.Write(b[:2*piece])
	must(t, err)
	_, _, err = s.Put(t.Context(), bytes.NewReader(b), 1<<30)
	wantErr(t, err, blob.ErrBusy)
	must(t, w.Close())
	_, _, err = s.Put(t.Context(), bytes.NewReader(b), 1<<30)
	must(t, err)
	if got := files(t, o); len(got) != 1 {
		t.Errorf("left %v", got)
	}
	wantUsed(t, o, s)
}

// wantUsed compares the count with what a fresh look finds.
func wantUsed(t testing.TB, o blob.Options, s *blob.Store) {
	t.Helper()
	if got, want := s.Used(), open(t, o).Used(); got != want {
		t.Errorf("Used = %d, want %d", got, want)
	}
}

func TestBegin_GoesOnWhereAWriterWasInterrupted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		o := options(t)
		size := rapid.IntRange(0, 4*piece).Draw(rt, "size")
		b, d := content(size)
		var got []int64
		for at := int64(0); at < int64(size); {
			w := begin(t, open(t, o), d, size)
			if w.Offset() != at/piece*piece {
				rt.Fatalf("Offset = %d after %d bytes", w.Offset(), at)
			}
			at = w.Offset()
			got = append(got, at)
			for range rapid.IntRange(1, 3).Draw(rt, "writes") {
				n := rapid.Int64Range(0, min(int64(size)-at, 2*piece)).Draw(rt, "n")
				_, err := w.WriteAt(b[at:at+n], at)
				must(t, err)
				at += n
			}
			if len(got) > 8 { // enough interruptions
				_, err := w.Write(b[at:])
				must(t, err)
				at = int64(size)
			}
			if rapid.Bool().Draw(rt, "crash") && at < int64(size) {
				continue // the writer is left as it is
			}
			if at < int64(size) {
				must(t, w.Close())
				continue
			}
			must(t, w.Commit())
		}
		if size == 0 {
			must(t, begin(t, open(t, o), d, 0).Commit())
		}
		s := open(t, o)
		if !bytes.Equal(read(t, s, d), b) {
			rt.Fatalf("read differs; offsets %v", got)
		}
	})
}

func TestBegin_CutsOffWhatACrashTore(t *testing.T) {
	t.Parallel()
	b, d := content(5 * piece)
	for name, tear := range map[string]struct {
		harm func(raw []byte) []byte
		want int64
	}{
		"last piece short":      {func(raw []byte) []byte { return raw[:len(raw)-1] }, 2 * piece},
		"last piece never came": {func(raw []byte) []byte { clear(raw[len(raw)-piece:]); return raw }, 2 * piece},
		"a piece in the middle": {func(raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw }, 1 * piece},
		"zeros behind":          {func(raw []byte) []byte { return append(raw, make([]byte, piece*4)...) }, 3 * piece},
		"head only":             {func(raw []byte) []byte { return raw[:100] }, 0},
		"half a head":           {func(raw []byte) []byte { return raw[:20] }, 0},
		"nothing":               {func([]byte) []byte { return nil }, 0},
		"something else entirely": {func([]byte) []byte {
			return []byte("something else entirely, and long enough to be a head of a file, one would think")
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			w := begin(t, open(t, o), d, len(b))
			_, err := w.Write(b[:3*piece+5])
			must(t, err)
			must(t, w.Close())
			part := files(t, o)[0]
			raw, err := os.ReadFile(part)
			must(t, err)
			must(t, os.WriteFile(part, tear.harm(raw), 0o600))

			s := open(t, o)
			w = begin(t, s, d, len(b))
			if w.Offset() != tear.want {
				t.Errorf("Offset = %d, want %d", w.Offset(), tear.want)
			}
			_, err = w.Write(b[w.Offset():])
			must(t, err)
			must(t, w.Commit())
			if !bytes.Equal(read(t, s, d), b) {
				t.Error("read differs")
			}
			wantUsed(t, o, s)
		})
	}
}

func TestCommit_KeepsNothingOfAnotherDigest(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	b, d := content(2 * piece)
	wrong := bytes.Clone(b)
	wrong[piece+9] ^= 1
	w := begin(t, s, d, len(b))
	_, err := w.Write(wrong)
	must(t, err)
	wantErr(t, w.Commit(), blob.ErrDigest)
	wantErr(t, w.Commit(), blob.ErrClosed)
	if got := files(t, o); len(got) != 0 || s.Used() != 0 {
		t.Errorf("left %v, %d bytes used", got, s.Used())
	}
	_, err = s.Open(d)
	wantErr(t, err, blob.ErrNotFound)
	if _, ok, err := s.Has(d); ok || err != nil {
		t.Errorf("Has = %v, %v", ok, err)
	}
	add(t, s, b)
}

func TestCommit_OfTooFewBytesKeepsThePart(t *testing.T) {
	t.Parallel()
	s := open(t, options(t))
	b, d := content(3 * piece)
	w := begin(t, s, d, len(b))
	_, err := w.Write(b[:2*piece])
	must(t, err)
	wantErr(t, w.Commit(), blob.ErrDigest)
	if got := begin(t, s, d, len(b)).Offset(); got != 2*piece {
		t.Errorf("Offset = %d, want %d", got, 2*piece)
	}
}

func TestWriteAt_TakesOnlyTheNextBytes(t *testing.T) {
	t.Parallel()
	s := open(t, options(t))
	b, d := content(100)
	w := begin(t, s, d, len(b))
	_, err := w.WriteAt(b[10:], 10)
	wantErr(t, err, blob.ErrOffset)
	_, err = w.WriteAt(b[:50], 0)
	must(t, err)
	_, err = w.WriteAt(b[:50], 0)
	wantErr(t, err, blob.ErrOffset)
	_, err = w.Write(append(bytes.Clone(b[50:]), 1))
	wantErr(t, err, blob.ErrTooLarge)
	_, err = w.WriteAt(b[50:], 50)
	must(t, err)
	must(t, w.Commit())
	_, err = w.Write(nil)
	wantErr(t, err, blob.ErrClosed)
	must(t, w.Close())
}

func TestBegin_OneWriterForABlob(t *testing.T) {
	t.Parallel()
	s := open(t, options(t))
	b, d := content(10)
	w := begin(t, s, d, len(b))
	_, err := s.Begin(d, 10)
	wantErr(t, err, blob.ErrBusy)
	wantErr(t, s.Delete(d), blob.ErrBusy)
	must(t, w.Discard())
	add(t, s, b)
	_, err = s.Begin(d, 10)
	wantErr(t, err, blob.ErrExists)
}

func TestQuota_CountsBlobsPartsAndPromises(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Quota = 10 * piece
	s := open(t, o)
	first, second := make([]byte, 4*piece), bytes.Repeat([]byte{1}, 4*piece)
	d1 := add(t, s, first)
	w := begin(t, s, sha256.Sum256(second), len(second))
	// Nothing of it is written, and yet there is no room for a third.
	_, err := s.Begin(blob.Digest{3}, 4*piece)
	wantErr(t, err, blob.ErrQuota)
	must(t, w.Discard())
	wantUsed(t, o, s)
	w = begin(t, s, blob.Digest{3}, 4*piece)
	_, err = w.Write(second[:2*piece])
	must(t, err)
	must(t, w.Close())
	wantUsed(t, o, s)
	must(t, s.Delete(d1))
	must(t, s.Delete(blob.Digest{3}))
	must(t, s.Delete(blob.Digest{4}))
	if got := s.Used(); got > 1000 {
		t.Errorf("Used = %d after everything was deleted", got)
	}
	wantUsed(t, o, s)
	_, err = s.Begin(blob.Digest{5}, o.Quota+1)
	wantErr(t, err, blob.ErrTooLarge)
	_, err = s.Begin(blob.Digest{5}, -1)
	wantErr(t, err, blob.ErrTooLarge)
}

func TestDelete_TakesTheBlobAway(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	b, d := content(3 * piece)
	add(t, s, b)
	must(t, s.Delete(d))
	_, err := s.Open(d)
	wantErr(t, err, blob.ErrNotFound)
	if got := files(t, o); len(got) != 0 {
		t.Errorf("left %v", got)
	}
}

func TestOpen_SeesEveryChangedByte(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	b, _ := content(2*piece + 5)
	d := add(t, s, b)
	name := files(t, o)[0]
	raw, err := os.ReadFile(name)
	must(t, err)
	damaged := func(what string, raw []byte) {
		t.Helper()
		must(t, os.WriteFile(name, raw, 0o600))
		r, err := s.Open(d)
		if err == nil {
			_, err = io.ReadAll(r)
			must(t, r.Close())
		}
		if !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("%s: error = %v, want ErrDamaged", what, err)
		}
	}
	for at := 0; at < len(raw); at += 1 + at/3 {
		changed := bytes.Clone(raw)
		changed[at] ^= 0x10
		damaged("flipped", changed)
	}
	changed := bytes.Clone(raw)
	changed[len(raw)-1] ^= 1
	damaged("last byte", changed)
	for _, size := range []int{0, 10, 88, 200, len(raw) - 1, len(raw) - 5 - 28, len(raw) - 5 - 28 - piece - 28} {
		damaged("cut off", raw[:size])
	}
	damaged("longer", append(bytes.Clone(raw), 0))
	head, body := raw[:88], raw[88:]
	damaged("pieces swapped", bytes.Join([][]byte{head, body[piece+28 : 2*(piece+28)], body[:piece+28], body[2*(piece+28):]}, nil))

	// Another blob's file under this one's name is whole, and not this one.
	other := options(t)
	other.Key = o.Key
	add(t, open(t, other), bytes.Repeat([]byte{7}, len(b)))
	swapped, err := os.ReadFile(files(t, other)[0])
	must(t, err)
	damaged("another blob's", swapped)
}

func TestFiles_TellNothing(t *testing.T) {
	t.Parallel()
	o := options(t)
	s := open(t, o)
	b := bytes.Repeat([]byte("the very text of an attachment "), 5000)
	d := add(t, s, b)
	w := begin(t, s, blob.Digest(sha256.Sum256(b[1:])), len(b)-1)
	_, err := w.Write(b[1 : 2*piece])
	must(t, err)
	must(t, w.Close())
	for _, name := range files(t, o) {
		raw, err := os.ReadFile(name)
		must(t, err)
		if bytes.Contains(raw, []byte("attachment")) || bytes.Contains(raw, d[:]) || bytes.Contains([]byte(name), []byte(d.String()[:16])) {
			t.Errorf("%s tells something", name)
		}
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	o.Key = [32]byte{2}
	if _, err := open(t, o).Open(d); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("with another key: %v", err)
	}
}

func TestOpenStore_RemovesDownloadsThatACrashLeft(t *testing.T) {
	t.Parallel()
	o := options(t)
	must(t, os.WriteFile(filepath.Join(o.Dir, "put-123.tmp"), make([]byte, 1000), 0o600))
	s := open(t, o)
	if got := files(t, o); len(got) != 0 || s.Used() != 0 {
		t.Errorf("left %v, %d bytes used", got, s.Used())
	}
	for _, bad := range []blob.Options{{}, {Dir: o.Dir, Key: o.Key}, {Dir: o.Dir, Quota: 1}, {Key: o.Key, Quota: 1}} {
		if _, err := blob.Open(bad); err == nil {
			t.Errorf("Open(%+v) is taken", bad)
		}
	}
}

func TestMemory_IsBoundedByAPiece(t *testing.T) {
	t.Parallel()
	s := open(t, options(t))
	const size = 32 << 20
	var largest int
	r := readerFunc(func(p []byte) (int, error) { largest = max(largest, len(p)); return len(p), nil })
	d, _, err := s.Put(t.Context(), io.LimitReader(r, size), size)
	must(t, err)
	if largest > piece {
		t.Errorf("Put asked for %d bytes at once", largest)
	}
	in, err := s.Open(d)
	must(t, err)
	defer in.Close()
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 512<<10)
		for i := range b.N {
			if _, err := in.ReadAt(buf, int64(i%64)*int64(len(buf))); err != nil {
				b.Fatal(err)
			}
		}
	})
	if perRead := got.AllocedBytesPerOp(); perRead > 4*piece {
		t.Errorf("a read of 512 KiB takes %d bytes of memory", perRead)
	}
}

func TestDigest_ReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	_, d := content(3)
	got, err := blob.ParseDigest(d.String())
	if diff := cmp.Diff(got, d); diff != "" || err != nil {
		t.Errorf("ParseDigest (-got +want):\n%s%v", diff, err)
	}
	for _, bad := range []string{"", "00", d.String() + "0", "zz" + d.String()[2:]} {
		if _, err := blob.ParseDigest(bad); err == nil {
			t.Errorf("ParseDigest(%q) is taken", bad)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	data := make([]byte, 4<<20)
	o := blob.Options{Dir: b.TempDir(), Key: [32]byte{1}, Quota: 1 << 40}
	s := open(b, o)
	b.SetBytes(int64(len(data)))
	for i := range b.N {
		data[0], data[1], data[2] = byte(i), byte(i>>8), byte(i>>16)
		d := add(b, s, data)
		b.StopTimer()
		must(b, s.Delete(d))
		b.StartTimer()
	}
}

func BenchmarkRead(b *testing.B) {
	data := make([]byte, 4<<20)
	s := open(b, blob.Options{Dir: b.TempDir(), Key: [32]byte{1}, Quota: 1 << 30})
	r, err := s.Open(add(b, s, data))
	must(b, err)
	defer r.Close()
	buf := make([]byte, 512<<10)
	b.SetBytes(int64(len(buf)))
	for i := range b.N {
		_, err := r.ReadAt(buf, int64(i%8)*int64(len(buf)))
		must(b, err)
	}
}
