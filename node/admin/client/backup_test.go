package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/node/admin"
	"parley/node/backup"
)

// backups is a node whose backup is what a test wants.
type backups struct {
	fakeService
	write func(context.Context, io.Writer) (backup.Contents, error)
}

func (b *backups) Backup(ctx context.Context, w io.Writer) (backup.Contents, error) {
	return b.write(ctx, w)
}

func TestBackup_ArrivesWholeOrIsAnError(t *testing.T) {
	t.Parallel()
	whole := strings.Repeat("sealed", 100_000)
	contents := backup.Contents{Label: backup.Label{Node: "ämter"}, Rows: 7, Connections: []string{"globex"}, Files: []string{}}
	fake := &backups{write: func(_ context.Context, w io.Writer) (backup.Contents, error) {
		_, err := io.WriteString(w, whole)
		return contents, err
	}}
	c := serve(t, fake)
	var got bytes.Buffer
	said, err := c.Backup(t.Context(), &got)
	if err != nil || got.String() != whole || !cmp.Equal(said, contents) {
		t.Errorf("got %d bytes, %+v, %v", got.Len(), said, err)
	}

	// What fails in the middle has sent half of it: the error says so.
	fake.write = func(_ context.Context, w io.Writer) (backup.Contents, error) {
		_, err := io.WriteString(w, whole)
		return backup.Contents{}, errors.Join(err, &admin.Error{Kind: admin.KindConflict, Message: "it stopped", Hint: "again"})
	}
	_, err = c.Backup(t.Context(), io.Discard)
	if own := (*admin.Error)(nil); !errors.As(err, &own) || own.Kind != admin.KindConflict || own.Hint != "again" {
		t.Errorf("an error in the middle came as %v", err)
	}

	// A node that dies in the middle has said nothing.
	fake.write = func(_ context.Context, w io.Writer) (backup.Contents, error) {
		_, _ = io.WriteString(w, whole)
		panic("dead")
	}
	if _, err = c.Backup(t.Context(), io.Discard); err == nil {
		t.Error("half a backup was taken for a whole one")
	}
}
