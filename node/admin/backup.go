package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/node/backup"
)

// BackupPath is where a backup is read from.
const BackupPath = "/v1/backup"

// BackupResult is the trailer that ends a backup: a BackupEnd in JSON and
// base64. A backup without it is not whole.
const BackupResult = "Parley-Backup"

// BackupEnd says how a backup ended.
type BackupEnd struct {
	Contents *backup.Contents `json:"contents,omitempty"`
	Problem  *Problem         `json:"problem,omitempty"`
}

// writeTimeout is how long a reader of a backup may take none of it.
const writeTimeout = 30 * time.Second

func routeBackup(api routes, s Service) {
	huma.Register(api, huma.Operation{
		OperationID: "backup", Method: http.MethodGet, Path: BackupPath, Summary: "A backup of the running node, encrypted",
		Description: "The body is the backup. It is whole only if the trailer " + BackupResult + " says so.",
		Responses: map[string]*huma.Response{"default": problemResponse(api), "200": {
			Description: "OK",
			Content:     map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
		}},
	}, func(context.Context, *none) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(c huma.Context) {
			request, response := humago.Unwrap(c)
			serveBackup(request.Context(), response, s, api.guard)
		}}, nil
	})
}

func serveBackup(ctx context.Context, w http.ResponseWriter, s Service, guard Guard) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", BackupResult)
	w.WriteHeader(http.StatusOK)
	out := &patient{to: w, control: http.NewResponseController(w)}
	// A node that ends waits for nobody who reads slowly.
	stop := context.AfterFunc(ctx, func() { _ = out.control.SetWriteDeadline(time.Now()) })
	defer stop()
	contents, err := guarded(ctx, guard, "backup", none{}, func(ctx context.Context) (backup.Contents, error) { return s.Backup(ctx, out) })
	end := BackupEnd{Contents: &contents}
	if err != nil {
		end = BackupEnd{Problem: problemOf(err)}
	}
	text, err := json.Marshal(end)
	if err != nil {
		return // without a result it is no backup
	}
	_ = out.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	w.Header().Set(BackupResult, base64.StdEncoding.EncodeToString(text))
}

// patient lets a long answer go on as long as somebody reads it.
type patient struct {
	to      io.Writer
	control *http.ResponseController
}

// Write implements io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return p.to.Write(b)
}
