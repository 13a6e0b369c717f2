package salesforce

import (
	"bytes"
	"regexp"
	"slices"

	"parley/adapters"
	"parley/adapters/internal/hook"
	"parley/sync/event"
)

// caseID is an id of a case with all of its eighteen characters, on its own.
var caseID = regexp.MustCompile(`\b500[a-zA-Z0-9]{15}\b`)

// mostNamed is how many cases an outbound message names at most.
const mostNamed = 100

// What an outbound message is told by, and what Salesforce takes for its receipt: without
// that it sends each again for a day.
const (
	outboundSpace   = "http://soap.sforce.com/2005/09/outbound"
	acknowledgement = `<?xml version="1.0" encoding="UTF-8"?>` +
		`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>` +
		`<notificationsResponse xmlns="` + outboundSpace + `"><Ack>true</Ack></notificationsResponse></soapenv:Body></soapenv:Envelope>`
)

// Hook implements adapters.Hooked for calls of a flow and for outbound messages. Neither
// is signed: what proves them is the secret at the end of the address. Nothing of the
// body is believed, and its ids of cases, wherever they stand, are worth a look.
func (t *Tracker) Hook(d adapters.Delivery) (adapters.Hint, error) {
	if err := hook.Path(t.set.hookSecret, d.Path); err != nil {
		return adapters.Hint{}, err
	}
	var hint adapters.Hint
	if bytes.Contains(d.Body, []byte(outboundSpace)) {
		hint.Answer, hint.Type = acknowledgement, "text/xml; charset=utf-8"
	}
	for _, id := range caseID.FindAllString(string(d.Body), mostNamed) {
		if !slices.ContainsFunc(hint.Tickets, func(c event.Change) bool { return c.Key == id }) {
			hint.Tickets = append(hint.Tickets, event.Change{Key: id})
		}
	}
	return hint, nil
}
