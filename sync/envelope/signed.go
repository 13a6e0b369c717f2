package envelope

import (
	"errors"
	"fmt"

	"parley/sync/event"
)

// Limits of receipts and hellos.
const (
	maxWindow       = 1 << 10
	maxWait         = 3600 // seconds
	maxVersions     = 16
	maxCapabilities = 64
	nonceSize       = 16
)

// receiptClaims are those of a Receipt.
type receiptClaims struct {
	head
	Stream  string    `json:"stream"`
	Epoch   uint64    `json:"epoch"`
	Through event.Seq `json:"through"`
	Run     Run       `json:"run"`
	Window  int       `json:"window"`
	Stop    bool      `json:"stop,omitempty"`
	Busy    string    `json:"busy,omitempty"`
	Wait    int       `json:"wait,omitempty"`
}

// SealReceipt implements Codec.
func (s *Sealer) SealReceipt(r Receipt) ([]byte, error) {
	if r.Connection != s.connection {
		return nil, fmt.Errorf("sign a receipt of connection %s: not this one", r.Connection)
	}
	said := receiptClaims{
		Stream: string(r.Stream), Epoch: r.Epoch, Through: r.Through, Run: r.Run, Window: r.Window, Stop: r.Stop,
		Busy: string(r.Busy), Wait: r.Wait,
	}
	if err := said.check(); err != nil {
		return nil, fmt.Errorf("sign a receipt: %w", err)
	}
	return s.signFrame(kindReceipt, &said)
}

// OpenReceipt implements Codec.
func (s *Sealer) OpenReceipt(wire []byte) (Receipt, error) {
	var said receiptClaims
	if err := s.openFrame(kindReceipt, wire, &said); err != nil {
		return Receipt{}, err
	}
	if err := said.check(); err != nil {
		return Receipt{}, refuse("%w", err)
	}
	return Receipt{
		Connection: said.Connection, Epoch: said.Epoch, Stream: Stream(said.Stream[0]),
		Through: said.Through, Run: said.Run, Window: said.Window, Stop: said.Stop,
		Busy: event.Code(said.Busy), Wait: said.Wait,
	}, nil
}

func (c receiptClaims) check() error {
	if c.Stream != string(Data) && c.Stream != string(Control) {
		return errors.New("an unknown stream")
	}
	switch event.Code(c.Busy) {
	case event.CodeNone:
		if c.Wait != 0 {
			return errors.New("a wait without a reason")
		}
	case event.CodeQuota, event.CodeUnsettled, event.CodeFull:
		if c.Window != 0 || c.Wait < 0 || c.Wait > maxWait {
			return fmt.Errorf("busy with a window of %d, for %d seconds", c.Window, c.Wait)
		}
	default:
		return errors.New("busy for an unknown reason")
	}
	return checkWindow(c.Window)
}

// helloClaims are those of a Hello.
type helloClaims struct {
	head
	Versions     []int    `json:"versions"`
	Capabilities []string `json:"capabilities,omitempty"`
	Boot         Boot     `json:"boot"`
	Sent         [2]Place `json:"sent"`
	Received     [2]Place `json:"received"`
	Window       int      `json:"window"`
	Reply        bool     `json:"reply,omitempty"`
	Nonce        octets   `json:"nonce"`
	Answers      octets   `json:"answers,omitempty"`
	Known        Boot     `json:"known,omitzero"`
	Rival        Boot     `json:"rival,omitzero"`
	Fenced       bool     `json:"fenced,omitempty"`
	Claim        bool     `json:"claim,omitempty"`
	Again        octets   `json:"again,omitempty"`
}

// SealHello implements Codec.
func (s *Sealer) SealHello(h Hello) ([]byte, error) {
	if h.Connection != s.connection {
		return nil, fmt.Errorf("sign a hello of connection %s: not this one", h.Connection)
	}
	said := helloClaims{
		Versions: h.Versions, Capabilities: h.Capabilities, Boot: h.Boot, Sent: h.Sent, Received: h.Received,
		Window: h.Window, Reply: h.Reply, Nonce: h.Nonce, Answers: h.Answers,
		Known: h.Known, Rival: h.Rival, Fenced: h.Fenced, Claim: h.Claim, Again: h.Again,
	}
	if err := said.check(); err != nil {
		return nil, fmt.Errorf("sign a hello: %w", err)
	}
	return s.signFrame(kindHello, &said)
}

// OpenHello implements Codec.
func (s *Sealer) OpenHello(wire []byte) (Hello, error) {
	var said helloClaims
	if err := s.openFrame(kindHello, wire, &said); err != nil {
		return Hello{}, err
	}
	if err := said.check(); err != nil {
		return Hello{}, refuse("%w", err)
	}
	return Hello{
		Connection: said.Connection, Versions: said.Versions, Capabilities: said.Capabilities, Boot: said.Boot,
		Sent: said.Sent, Received: said.Received, Window: said.Window,
		Reply: said.Reply, Nonce: said.Nonce, Answers: said.Answers,
		Known: said.Known, Rival: said.Rival, Fenced: said.Fenced, Claim: said.Claim, Again: said.Again,
	}, nil
}

func (c helloClaims) check() error {
	if len(c.Versions) == 0 || len(c.Versions) > maxVersions {
		return fmt.Errorf("%d versions", len(c.Versions))
	}
	if len(c.Capabilities) > maxCapabilities {
		return fmt.Errorf("%d capabilities", len(c.Capabilities))
	}
	for _, name := range c.Capabilities {
		if !plainID(name) {
			return errors.New("a capability that is not a name")
		}
	}
	if len(c.Nonce) != nonceSize {
		return fmt.Errorf("a nonce of %d bytes", len(c.Nonce))
	}
	if len(c.Again) != 0 && (c.Reply || len(c.Again) != nonceSize) {
		return errors.New("a nonce again that fits no question")
	}
	if (c.Fenced && (!c.Reply || c.Rival == Boot{})) || c.Claim && c.Reply {
		return errors.New("a reply that claims, or a fence that is none")
	}
	if c.Reply != (len(c.Answers) != 0) || (c.Reply && len(c.Answers) != nonceSize) {
		return errors.New("a reply repeats the nonce, and nothing else does")
	}
	return checkWindow(c.Window)
}

func checkWindow(window int) error {
	if window < 0 || window > maxWindow {
		return fmt.Errorf("a window of %d", window)
	}
	return nil
}

func (s *Sealer) signFrame(kind kind, c claims) ([]byte, error) {
	token, err := s.sign(kind, c)
	if err != nil {
		return nil, err
	}
	return frame(kind, token, 0)
}

func (s *Sealer) openFrame(kind kind, wire []byte, c claims) error {
	token, err := unframeToken(kind, wire)
	if err != nil {
		return err
	}
	return s.verify(kind, token, c)
}
