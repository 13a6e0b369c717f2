package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/sync/event"
	"parley/sync/plan"
	"parley/sync/retry"
	"parley/sync/store"
	"parley/sync/transport"
	"parley/sync/twin"
)

// fileJob is a file that the peer's ticket has and ours is to get. It is done
// beside the lane:
//
//	wanted → pulling(offset) → here (digest equal) → step → done | gone | refused
type fileJob struct {
	plan.File
	Ref event.Ref `json:"ref,omitzero"`
	// Plan is the one step of writing it, once the bytes are here.
	Plan *plan.Plan `json:"plan,omitempty"`
	// Attempt, Until and Reason of a job that waits; Parked for a person.
	Attempt int        `json:"attempt,omitempty"`
	Until   time.Time  `json:"until,omitzero"`
	Reason  string     `json:"reason,omitempty"`
	Code    event.Code `json:"code,omitempty"`
	Parked  bool       `json:"parked,omitempty"`
}

// piece is how much of a file one request asks for.
const piece = 512 << 10

// ask is a request for a piece of a file.
type ask struct {
	SHA256 string `json:"sha256"`
	Offset int64  `json:"offset"`
}

func (a ask) about() string { return fmt.Sprintf("piece %s %d", a.SHA256, a.Offset) }

// serveFile answers a request for a piece of a file, if that file was offered
// to this peer.
func (p *Path) serveFile(con *Connection, wire []byte) ([]byte, error) {
	raw, err := con.Codec.OpenBlob("ask", wire)
	if err != nil {
		return nil, fmt.Errorf("open a request of %s for a file: %w", con.Name, err)
	}
	con.session.touch(p.Now())
	var a ask
	if err := json.Unmarshal(raw, &a); err != nil || len(a.SHA256) != 64 || a.Offset < 0 {
		return nil, fmt.Errorf("request of %s for a file: %w", con.Name, errPeer)
	}
	err = p.Store.View(func(r store.Reader) error {
		_, err := r.Get(store.OfferKey(con.ID, a.SHA256))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("file asked for by %s was not offered: %w", con.Name, err)
	}
	bytes, err := p.Blobs.Piece(a.SHA256, a.Offset, piece)
	if err != nil {
		return nil, fmt.Errorf("read a file for %s: %w", con.Name, err)
	}
	return con.Codec.SealBlob(a.about(), bytes)
}

// Fetch pulls the bytes of one file from the peer, going on where it stopped.
func (p *Path) Fetch(ctx context.Context, id event.ConnectionID, twinID event.TwinID, item event.ItemID) error {
	con := p.Connection(id)
	if con == nil {
		return nil
	}
	job, err := p.job(con, twinID, item)
	if err != nil || job == nil {
		return err
	}
	attach := Task{Kind: KindAttach, Con: id, Ref: job.Ref, Twin: twinID, Item: item}
	switch {
	case job.Plan != nil || p.Blobs.Has(job.SHA256):
		p.Wake(attach, When{})
		return nil
	case !event.Due(job.Until, p.Now()):
		p.Wake(Task{Kind: KindFetch, Con: id, Twin: twinID, Item: item}, When{At: job.Until})
		return nil
	}
	if wait := con.meter.file(job.Size, p.Now()); wait > 0 && job.Attempt == 0 {
		return p.fileWaits(con, twinID, job, wait)
	}
	if err := p.pull(ctx, con, *job); err != nil {
		at := p.Now().Add(retry.Curve(job.Attempt + 1))
		job.Attempt, job.Until, job.Reason = job.Attempt+1, at, err.Error()
		p.Wake(Task{Kind: KindFetch, Con: id, Twin: twinID, Item: item}, When{At: at, Bulk: true})
		return p.storeJob(con, twinID, job)
	}
	p.Wake(attach, When{})
	return nil
}

// fileWaits puts a file off until the peer's quota has room for it.
func (p *Path) fileWaits(con *Connection, id event.TwinID, job *fileJob, wait time.Duration) error {
	job.Until, job.Code, job.Reason = p.Now().Add(wait), event.CodeQuota, "the peer's agreed bytes per day are used up"
	p.Wake(Task{Kind: KindFetch, Con: con.ID, Twin: id, Item: job.Item}, When{At: job.Until, Bulk: true})
	return p.storeJob(con, id, job)
}

func (p *Path) pull(ctx context.Context, con *Connection, job fileJob) (err error) {
	w, err := p.Blobs.Begin(job.SHA256, job.Size)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for offset := w.Offset(); offset < job.Size; {
		bytes, err := p.request(ctx, con, ask{SHA256: job.SHA256, Offset: offset})
		if err != nil {
			return err
		}
		if len(bytes) == 0 || offset+int64(len(bytes)) > job.Size {
			return fmt.Errorf("piece of %d bytes at %d of %d: %w", len(bytes), offset, job.Size, errPeer)
		}
		if _, err := w.Write(bytes); err != nil {
			return err
		}
		offset += int64(len(bytes))
	}
	return w.Commit()
}

func (p *Path) request(ctx context.Context, con *Connection, a ask) ([]byte, error) {
	raw, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	wire, err := con.Codec.SealBlob("ask", raw)
	if err != nil {
		return nil, err
	}
	reply, err := con.ask(ctx, transport.KindBlob, wire, sendTimeout)
	if err != nil {
		return nil, fmt.Errorf("ask %s for a file: %w", con.Name, err)
	}
	return con.Codec.OpenBlob(a.about(), reply)
}

func (p *Path) job(con *Connection, id event.TwinID, item event.ItemID) (*fileJob, error) {
	var job *fileJob
	err := p.Store.View(func(r store.Reader) error {
		var err error
		job, err = get[fileJob](r, store.JobKey(con.ID, id, item))
		return err
	})
	return job, err
}

func (p *Path) storeJob(con *Connection, id event.TwinID, job *fileJob) error {
	key := store.JobKey(con.ID, id, job.Item)
	return p.Store.Finish(func(tx store.Tx) error {
		if had, err := get[fileJob](tx, key); err != nil || had == nil {
			return err // the file was withdrawn meanwhile
		}
		return put(tx, key, job)
	})
}

// Attach writes one file whose bytes are here, as a plan of one step.
func (p *Path) Attach(ctx context.Context, id event.ConnectionID, twinID event.TwinID, item event.ItemID) error {
	con := p.Connection(id)
	if con == nil || con.pausedIn.Load() {
		return nil
	}
	job, err := p.job(con, twinID, item)
	if err != nil || job == nil || p.waitsForPeer(con, Task{Kind: KindAttach, Con: id, Ref: job.Ref, Twin: twinID, Item: item}) {
		return err
	}
	if p.putOff(Task{Kind: KindAttach, Con: id, Ref: job.Ref, Twin: twinID, Item: item}, true) {
		return nil
	}
	if !event.Due(job.Until, p.Now()) {
		p.Wake(Task{Kind: KindAttach, Con: id, Ref: job.Ref, Twin: twinID, Item: item}, When{At: job.Until})
		return nil
	}
	if job.Plan == nil {
		job.Plan = &plan.Plan{Ref: job.Ref, Steps: []plan.Step{{State: plan.Planned, Item: item, Write: event.Step{
			Kind: event.StepAttach, Ref: job.Ref, Marker: p.marker(id, twinID, item),
			Attachment: &event.AttachmentWrite{Name: job.Name, Size: job.Size, MIME: job.MIME, SHA256: job.SHA256, Internal: job.Internal},
		}}}}
		job.Plan.DoubtAll(con.beganAt.Add(p.Tracker.SettleTime())) // the same file may have come with an event that was sent again
		if taken, err := p.taken(con, job); err != nil {
			return p.attachFailed(con, twinID, job, err)
		} else if !taken {
			return p.endJob(con, twinID, job, nil, event.Items{Twin: twinID, Declined: []event.ItemID{item}})
		}
	}
	for {
		done, err := p.attachStep(ctx, con, twinID, job)
		if err != nil {
			return p.attachFailed(con, twinID, job, err)
		}
		if done {
			return nil
		}
	}
}

// taken tells whether the gate lets a file in, now that it can be looked at.
func (p *Path) taken(con *Connection, job *fileJob) (bool, error) {
	body, err := p.Blobs.Open(job.SHA256)
	if err != nil {
		return false, err
	}
	kind, taken, err := con.Rules().Accept.TakesFile(body)
	if !taken && err == nil {
		p.Observe(Observation{What: "declined", Connection: con.Name, Code: event.CodeByGate, Detail: kind, At: p.Now()})
	}
	return taken, errors.Join(err, body.Close())
}

// attachStep does the next thing of a file's plan.
func (p *Path) attachStep(ctx context.Context, con *Connection, id event.TwinID, job *fileJob) (done bool, err error) {
	action := plan.Next(job.Plan, p.Boot.Random, p.Tracker.SettleTime(), p.Now())
	step := &job.Plan.Steps[0]
	switch action.Do {
	case plan.Await:
		return false, &awaitError{at: action.At, reason: "finding out whether the file was written"}
	case plan.Find:
		found, err := p.Tracker.Find(ctx, step.Write)
		if err != nil {
			return false, err
		}
		switch found.Presence {
		case event.FoundOne:
			return true, p.attached(ctx, con, id, job, found.Written)
		case event.FoundMany:
			return false, &holdError{code: event.CodeAmbiguous, reason: "the tracker has this file more than once", parked: true}
		case event.FoundLater:
			return false, &awaitError{at: p.Now().Add(max(time.Second, p.Tracker.SettleTime())), reason: "the tracker cannot say yet whether the file is there"}
		}
		fallthrough
	case plan.Intend:
		job.Plan.SetIntended(0, p.Boot.Random, p.Now())
		return false, p.storeJob(con, id, job)
	case plan.Write:
		body, err := p.Blobs.Open(job.SHA256)
		if err != nil {
			return false, err
		}
		written, err := p.Tracker.Write(ctx, step.Write, body)
		if err = errors.Join(err, body.Close()); err != nil {
			return false, err
		}
		p.partly(con, id, written)
		return true, p.attached(ctx, con, id, job, written)
	}
	return true, nil
}

// partly tells the operator what of a step that was done did not come about.
func (p *Path) partly(con *Connection, id event.TwinID, w event.Written) {
	if w.Partly != "" {
		p.Observe(Observation{What: "partly", Connection: con.Name, Twin: id, Key: w.Key, Detail: w.Partly, At: p.Now()})
	}
}

// attached records a written file and tells the peer.
func (p *Path) attached(ctx context.Context, con *Connection, id event.TwinID, job *fileJob, w event.Written) error {
	local := w.Item
	if local == "" {
		ticket, err := p.readTicket(ctx, job.Ref)
		if err != nil {
			// Without its id nobody could tell later whose it is. It is looked up then.
			job.Plan.SetDoubt(0, p.Now().Add(p.Tracker.SettleTime()))
			return err
		}
		for _, a := range ticket.Attachments {
			if a.Marker == job.Plan.Steps[0].Write.Marker {
				local = a.ID
			}
		}
	}
	item := twin.Item{Local: local, Theirs: true, File: true, Hash: event.HashValue(job.SHA256), State: twin.Confirmed, Name: job.Name}
	return p.endJob(con, id, job, &item, event.Items{Twin: id, Done: []event.ItemID{job.Item}})
}

func (p *Path) endJob(con *Connection, id event.TwinID, job *fileJob, item *twin.Item, tell event.Items) error {
	err := p.Store.Finish(func(tx store.Tx) error {
		if err := p.storeFile(tx, con, id, job.Item, item); err != nil {
			return err
		}
		if err := tx.Delete(store.JobKey(con.ID, id, job.Item)); err != nil {
			return err
		}
		// A look for another connection may have passed over the file: whose it is was
		// not on record yet.
		if err := p.touchElsewhere(tx, con, job.Ref); err != nil {
			return err
		}
		return p.answerWith(tx, con.ID, event.Message{Items: &tell})
	})
	if err != nil {
		return storeError{fmt.Errorf("record a file of twin %s: %w", id, err)}
	}
	p.wakeOthers(job.Ref, con.ID)
	p.Observe(Observation{What: "file", Connection: con.Name, Twin: id, At: p.Now()})
	p.Wake(Task{Kind: KindShip, Con: con.ID, Stream: 'c'}, When{})
	return nil
}

// storeFile records a file that was written; nil is none.
func (p *Path) storeFile(tx store.Tx, con *Connection, id event.TwinID, name event.ItemID, item *twin.Item) error {
	row, err := twinRow(tx, con.ID, id)
	if err != nil || row == nil || item == nil {
		return err
	}
	if err := putItems(tx, con.ID, id, row, map[event.ItemID]twin.Item{name: *item}); err != nil {
		return err
	}
	return put(tx, store.TwinKey(con.ID, id), row)
}

// attachFailed keeps a file for later, for a person, or gives it up.
func (p *Path) attachFailed(con *Connection, id event.TwinID, job *fileJob, err error) error {
	var broken storeError
	var await *awaitError
	var hold *holdError
	p.heed(err)
	if errors.As(err, &broken) {
		return broken
	}
	job.Reason = err.Error()
	step := &job.Plan.Steps[0]
	d := retry.Decide(err, job.Attempt+1, step.State == plan.Intended, p.Tracker.SettleTime(), p.Now())
	switch {
	case errors.As(err, &await):
		job.Until = await.at
	case errors.As(err, &hold):
		p.parkFile(con, id, job, hold.code)
	case d.Verdict == retry.Doubt:
		job.Plan.SetDoubt(0, d.At)
		job.Until = d.At
	case d.Verdict == retry.Wait, d.Verdict == retry.Again:
		job.Until = d.At
	case d.Verdict == retry.Gone:
		return p.endJob(con, id, job, nil, event.Items{Twin: id, Declined: []event.ItemID{job.Item}})
	default:
		if step.State == plan.Intended {
			step.State = plan.Planned // the write itself was refused; a question that was refused leaves the doubt
		}
		p.parkFile(con, id, job, d.Code)
	}
	job.Attempt++
	p.Wake(Task{Kind: KindAttach, Con: con.ID, Ref: job.Ref, Twin: id, Item: job.Item}, When{At: job.Until})
	return p.storeJob(con, id, job)
}

func (p *Path) parkFile(con *Connection, id event.TwinID, job *fileJob, code event.Code) {
	job.Until, job.Code, job.Parked = p.Now().Add(time.Hour), code, true
	p.Observe(Observation{What: "parked", Connection: con.Name, Twin: id, Code: code, Detail: job.Reason, At: p.Now()})
}

// unwritten are the files that the event brings: of what the plan names, another event
// that named it too may have had it written meanwhile.
func (in *incoming) unwritten(tx store.Tx, row *twin.Row) ([]plan.File, error) {
	if len(in.plan.Files) == 0 {
		return nil, nil
	}
	here, err := readItems(tx, in.con.ID, in.id, row)
	return slices.DeleteFunc(slices.Clone(in.plan.Files), func(f plan.File) bool {
		had, known := here.get(f.Item)
		return known && had.State == twin.Confirmed && !askedBack(had)
	}), err
}

// wantFile records that a file is to be fetched and written. One that may have been
// written already is found out first, also if the peer names it again.
func wantFile(tx store.Tx, con event.ConnectionID, id event.TwinID, job *fileJob) error {
	key := store.JobKey(con, id, job.Item)
	had, err := get[fileJob](tx, key)
	if err != nil || had != nil && had.Plan != nil && had.Plan.InDoubt() {
		return err
	}
	return put(tx, key, job)
}
