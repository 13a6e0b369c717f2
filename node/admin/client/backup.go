package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"parley/node/admin"
	"parley/node/backup"
)

// errCut: the node ended in the middle of a backup.
var errCut = errors.New("the node ended in the middle of the backup")

// Claim implements admin.Service.
func (c *Client) Claim(ctx context.Context) (int, error) {
	count, err := post[struct{ Count int }](ctx, c, "/v1/node/claim", nil)
	return count.Count, err
}

// Backup implements admin.Service. It takes as long as it takes; what was
// written to w is a backup only if the error is nil.
func (c *Client) Backup(ctx context.Context, w io.Writer) (_ backup.Contents, err error) {
	request, err := newRequest(ctx, http.MethodGet, admin.BackupPath, nil, nil)
	if err != nil {
		return backup.Contents{}, err
	}
	long := http.Client{Transport: c.http.Transport}
	response, err := long.Do(request)
	if err != nil {
		return backup.Contents{}, c.unreached(ctx, err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(response.Body, maxRequest))
		return backup.Contents{}, errors.Join(asError(response, text), err)
	}
	if _, err := io.Copy(w, response.Body); err != nil {
		if ctx.Err() != nil {
			return backup.Contents{}, ctx.Err()
		}
		return backup.Contents{}, fmt.Errorf("read the backup: %w", err)
	}
	return ended(response.Trailer.Get(admin.BackupResult))
}

// ended reads how a backup ended.
func ended(trailer string) (backup.Contents, error) {
	text, err := base64.StdEncoding.DecodeString(trailer)
	if err != nil || len(text) == 0 {
		return backup.Contents{}, errCut
	}
	var end admin.BackupEnd
	if err := json.Unmarshal(text, &end); err != nil {
		return backup.Contents{}, errCut
	}
	if p := end.Problem; p != nil {
		return backup.Contents{}, &admin.Error{Kind: p.Kind, Message: p.Message, Hint: p.Hint}
	}
	if end.Contents == nil {
		return backup.Contents{}, errCut
	}
	return *end.Contents, nil
}
