package client_test

import (
	"context"
	"io"
	"sync"

	"parley/adapters"
	"parley/node/admin"
	"parley/node/backup"
	"parley/sync/event"
)

// fakeService remembers what it was asked and answers what it was told to.
type fakeService struct {
	hang chan struct{} // if set, Status says here that it was asked, and waits for its context

	mu     sync.Mutex // guards the fields below
	asked  []any
	answer any
	err    error
}

var _ admin.Service = (*fakeService)(nil)

func (f *fakeService) prepare(answer any, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.answer, f.err = nil, answer, err
}

func (f *fakeService) last() []any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func reply[T any](f *fakeService, name string, args ...any) (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append([]any{name}, args...)
	out, _ := f.answer.(T)
	return out, f.err
}

func (f *fakeService) Status(ctx context.Context) (admin.Status, error) {
	if f.hang != nil {
		close(f.hang)
		<-ctx.Done()
	}
	return reply[admin.Status](f, "Status")
}

func (f *fakeService) Key(context.Context) (admin.Key, error) { return reply[admin.Key](f, "Key") }

func (f *fakeService) Connections(context.Context) ([]admin.Connection, error) {
	return reply[[]admin.Connection](f, "Connections")
}

func (f *fakeService) Invite(_ context.Context, r admin.InviteRequest) (admin.Invitation, error) {
	return reply[admin.Invitation](f, "Invite", r)
}

func (f *fakeService) Accept(_ context.Context, r admin.AcceptRequest) (admin.Connection, error) {
	return reply[admin.Connection](f, "Accept", r)
}

func (f *fakeService) Words(_ context.Context, name string) (admin.Words, error) {
	return reply[admin.Words](f, "Words", name)
}

func (f *fakeService) Confirm(_ context.Context, name string, r admin.ConfirmRequest) (admin.Connection, error) {
	return reply[admin.Connection](f, "Confirm", name, r)
}

func (f *fakeService) Verify(_ context.Context, name string, r admin.VerifyRequest) (admin.Verification, error) {
	return reply[admin.Verification](f, "Verify", name, r)
}

func (f *fakeService) RemoveConnection(_ context.Context, name string) error {
	_, err := reply[any](f, "RemoveConnection", name)
	return err
}

func (f *fakeService) Pause(_ context.Context, name string, r admin.PauseRequest) (admin.Connection, error) {
	return reply[admin.Connection](f, "Pause", name, r)
}

func (f *fakeService) Resume(_ context.Context, name string) (admin.Connection, error) {
	return reply[admin.Connection](f, "Resume", name)
}

func (f *fakeService) ScopeCount(_ context.Context, name string) (admin.ScopeCount, error) {
	return reply[admin.ScopeCount](f, "ScopeCount", name)
}

func (f *fakeService) Fields(_ context.Context, name string) (admin.Fields, error) {
	return reply[admin.Fields](f, "Fields", name)
}

func (f *fakeService) FieldsSeen(_ context.Context, name string) (admin.Fields, error) {
	return reply[admin.Fields](f, "FieldsSeen", name)
}

func (f *fakeService) Preview(_ context.Context, name string, r admin.PreviewRequest) (admin.Preview, error) {
	return reply[admin.Preview](f, "Preview", name, r)
}

func (f *fakeService) ScopeExplain(_ context.Context, name, key string) (admin.ScopeExplanation, error) {
	return reply[admin.ScopeExplanation](f, "ScopeExplain", name, key)
}

func (f *fakeService) StartLoad(_ context.Context, name string, r admin.LoadRequest) (admin.Load, error) {
	return reply[admin.Load](f, "StartLoad", name, r)
}

func (f *fakeService) Load(_ context.Context, name string) (admin.Load, error) {
	return reply[admin.Load](f, "Load", name)
}

func (f *fakeService) PauseLoad(_ context.Context, name string) (admin.Load, error) {
	return reply[admin.Load](f, "PauseLoad", name)
}

func (f *fakeService) ResumeLoad(_ context.Context, name string) (admin.Load, error) {
	return reply[admin.Load](f, "ResumeLoad", name)
}

func (f *fakeService) AbortLoad(_ context.Context, name string) (admin.Load, error) {
	return reply[admin.Load](f, "AbortLoad", name)
}

func (f *fakeService) Tickets(_ context.Context, q admin.TicketQuery) ([]admin.Ticket, error) {
	return reply[[]admin.Ticket](f, "Tickets", q)
}

func (f *fakeService) Explain(_ context.Context, key string) (admin.Explanation, error) {
	return reply[admin.Explanation](f, "Explain", key)
}

func (f *fakeService) Sync(_ context.Context, r admin.SyncRequest) (admin.SyncResult, error) {
	return reply[admin.SyncResult](f, "Sync", r)
}

func (f *fakeService) History(_ context.Context, key string) (admin.History, error) {
	return reply[admin.History](f, "History", key)
}

func (f *fakeService) Undo(_ context.Context, r admin.UndoRequest) (admin.UndoResult, error) {
	return reply[admin.UndoResult](f, "Undo", r)
}

func (f *fakeService) Unsync(_ context.Context, r admin.SyncRequest) (admin.SyncResult, error) {
	return reply[admin.SyncResult](f, "Unsync", r)
}

func (f *fakeService) Queue(_ context.Context, connection string) ([]admin.QueueEntry, error) {
	return reply[[]admin.QueueEntry](f, "Queue", connection)
}

func (f *fakeService) QueueEntry(_ context.Context, id string) (admin.QueueEntry, error) {
	return reply[admin.QueueEntry](f, "QueueEntry", id)
}

func (f *fakeService) Retry(_ context.Context, q admin.QueueSelect) (int, error) {
	return reply[int](f, "Retry", q)
}

func (f *fakeService) Approve(_ context.Context, q admin.QueueSelect) (int, error) {
	return reply[int](f, "Approve", q)
}

func (f *fakeService) Conflicts(_ context.Context, connection string) ([]admin.Conflict, error) {
	return reply[[]admin.Conflict](f, "Conflicts", connection)
}

func (f *fakeService) Conflict(_ context.Context, s admin.ConflictSelect) ([]admin.Conflict, error) {
	return reply[[]admin.Conflict](f, "Conflict", s)
}

func (f *fakeService) Resolve(_ context.Context, r admin.ResolveRequest) error {
	_, err := reply[struct{}](f, "Resolve", r)
	return err
}

func (f *fakeService) Connect(_ context.Context, r admin.ConnectRequest) (admin.ConnectResult, error) {
	return reply[admin.ConnectResult](f, "Connect", r)
}

func (f *fakeService) ConnectState(_ context.Context, r admin.ConnectRequest) (admin.ConnectResult, error) {
	return reply[admin.ConnectResult](f, "ConnectState", r)
}

func (f *fakeService) Match(_ context.Context, r admin.MatchRequest) ([]admin.Pair, error) {
	return reply[[]admin.Pair](f, "Match", r)
}

func (f *fakeService) Resync(_ context.Context, name string, r admin.ResyncRequest) (int, error) {
	return reply[int](f, "Resync", name, r)
}

func (f *fakeService) Skip(_ context.Context, q admin.QueueSelect) (int, error) {
	return reply[int](f, "Skip", q)
}

func (f *fakeService) Probe(context.Context) ([]adapters.Finding, error) {
	return reply[[]adapters.Finding](f, "Probe")
}

func (f *fakeService) Schema(context.Context) (event.Schema, error) {
	return reply[event.Schema](f, "Schema")
}

func (f *fakeService) Record(_ context.Context, r admin.RecordRequest) (admin.RecordResult, error) {
	return reply[admin.RecordResult](f, "Record", r)
}

func (f *fakeService) Publish(_ context.Context, r admin.PublishRequest) (admin.PublishResult, error) {
	return reply[admin.PublishResult](f, "Publish", r)
}

func (f *fakeService) Export(context.Context) (admin.Setup, error) {
	return reply[admin.Setup](f, "Export")
}

func (f *fakeService) Apply(_ context.Context, r admin.ApplyRequest) (admin.ApplyResult, error) {
	return reply[admin.ApplyResult](f, "Apply", r)
}

func (f *fakeService) FilterHistory(_ context.Context, connection string) (admin.FilterHistory, error) {
	return reply[admin.FilterHistory](f, "FilterHistory", connection)
}

func (f *fakeService) FilterDiff(_ context.Context, connection, from, to string) (admin.FilterDiff, error) {
	return reply[admin.FilterDiff](f, "FilterDiff", connection, from, to)
}

func (f *fakeService) Templates(context.Context) ([]admin.TemplateUse, error) {
	return reply[[]admin.TemplateUse](f, "Templates")
}

func (f *fakeService) TemplateDiff(_ context.Context, from, to string) (admin.TemplateDiff, error) {
	return reply[admin.TemplateDiff](f, "TemplateDiff", from, to)
}

func (f *fakeService) Try(_ context.Context, r admin.TryRequest) (admin.TryResult, error) {
	return reply[admin.TryResult](f, "Try", r)
}

func (f *fakeService) Reload(context.Context) error {
	_, err := reply[any](f, "Reload")
	return err
}

func (f *fakeService) Backup(_ context.Context, w io.Writer) (backup.Contents, error) {
	out, err := reply[backup.Contents](f, "Backup")
	if _, wrong := io.WriteString(w, out.Program); wrong != nil {
		return out, wrong
	}
	return out, err
}

func (f *fakeService) Claim(context.Context) (int, error) { return reply[int](f, "Claim") }

func (f *fakeService) Audit(_ context.Context, q admin.AuditQuery) (admin.AuditPage, error) {
	return reply[admin.AuditPage](f, "Audit", q)
}

func (f *fakeService) AuditHead(context.Context) (admin.AuditHead, error) {
	return reply[admin.AuditHead](f, "AuditHead")
}

func (f *fakeService) AuditWitnesses(context.Context) ([]admin.Witness, error) {
	return reply[[]admin.Witness](f, "AuditWitnesses")
}

func (f *fakeService) Witnessed(_ context.Context, name string) (admin.Witness, error) {
	return reply[admin.Witness](f, "Witnessed", name)
}

func (f *fakeService) PruneAudit(_ context.Context, r admin.AuditPruneRequest) (int, error) {
	return reply[int](f, "PruneAudit", r)
}
