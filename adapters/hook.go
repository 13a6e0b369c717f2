package adapters

import (
	"net/http"
	"time"

	"parley/sync/event"
)

// SettingHookSecret is the name of the setting that holds what tells an authentic
// webhook from a forged one. A Kind that declares it has trackers that are Hooked.
const SettingHookSecret = "webhook_secret"

// Hooked is the ability to be told of changes by the tracker itself, by a webhook. It
// is a hint only: nothing of it is believed beyond that a ticket is worth a look now.
type Hooked interface {
	// Hook reads a delivery. It makes no request, keeps nothing and compares in
	// constant time. What is not authentic, or older than its vendor's window, is
	// ErrDenied; whatever else an authentic one holds is a Hint, if need be an empty
	// one. The node repeats no delivery's effect while Hint.Once is the same.
	Hook(Delivery) (Hint, error)
}

// Delivery is a request that came to the webhook listener.
type Delivery struct {
	// Path of the address that was called; it may hold the secret.
	Path   string
	Header http.Header
	// Body is whole, and as it came: signatures are over bytes.
	Body []byte
	// At is when it came.
	At time.Time
}

// Hint is what a delivery is about.
type Hint struct {
	// Tickets to look at: each with Ref and Key as Changes has them, or with a Key
	// alone, as Locate takes it. None says that something has changed.
	Tickets []event.Change
	// Answer is what the tracker has to be told so that it does not send again, if a
	// status alone does not do; Type is its media type. It repeats nothing of the delivery.
	Answer, Type string
	// Once tells deliveries apart by what their signature covers; "" says that each
	// counts.
	Once string
}
