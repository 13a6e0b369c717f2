package rt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// text is what RT writes as a string in one place and as a number in another.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, []byte("null")) {
		*t = ""
		return nil
	}
	if raw[0] != '"' {
		*t = text(raw)
		return nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read a text: %w", err)
	}
	*t = text(s)
	return nil
}

// page is one page of a collection. Pages is a float: RT writes 0.0 for none.
// Total is null where rights may take rows out of a page.
type page[T any] struct {
	Items []*T     `json:"items"`
	Total *float64 `json:"total"`
	Pages *float64 `json:"pages"`
}

// last tells whether nothing can follow. Where RT does not say, a short page
// proves nothing, since rows are taken out after they are counted.
func (p page[T]) last() bool {
	return len(p.Items) == 0 || (p.Total != nil && *p.Total <= float64(len(p.Items)))
}

// object is a user, queue or other thing that is pointed to.
type object struct {
	lower
	ID           text `json:"id"`
	Name         text `json:"Name"`
	RealName     text `json:"RealName"`
	EmailAddress text `json:"EmailAddress"`
}

type link struct {
	Ref  text `json:"ref"`
	ID   text `json:"id"`
	Type text `json:"type"`
	URL  text `json:"_url"`
	// To is the status that an action of the lifecycle leads to.
	To text `json:"to"`
}

type customValue struct {
	ID     text              `json:"id"`
	Name   text              `json:"name"`
	Values []json.RawMessage `json:"values"`
}

// texts are the values that are texts; an emptied option leaves a null.
func (c customValue) texts() []string {
	var out []string
	for _, raw := range c.Values {
		var s text
		if len(raw) == 0 || raw[0] == '{' || json.Unmarshal(raw, &s) != nil || s == "" {
			continue
		}
		out = append(out, newlines(string(s)))
	}
	return out
}

// lower takes the "type" that RT puts beside a "Type": encoding/json would
// give either to the other's field, whichever comes last.
type lower struct {
	Kind text `json:"type"`
}

// optionName is an option's name, by itself or in an object beside others.
type optionName string

// UnmarshalJSON implements json.Unmarshaler.
func (o *optionName) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		var name text
		err := json.Unmarshal(raw, &name)
		*o = optionName(name)
		return err
	}
	var value struct {
		Name text `json:"name"`
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("read an option: %w", err)
	}
	*o = optionName(value.Name)
	return nil
}

type ticketBody struct {
	lower
	ID            text          `json:"id"`
	EffectiveID   object        `json:"EffectiveId"`
	Type          text          `json:"Type"`
	Queue         object        `json:"Queue"`
	Owner         object        `json:"Owner"`
	Creator       object        `json:"Creator"`
	Requestor     []object      `json:"Requestor"`
	Subject       text          `json:"Subject"`
	Status        text          `json:"Status"`
	Priority      text          `json:"Priority"`
	Created       text          `json:"Created"`
	LastUpdated   text          `json:"LastUpdated"`
	Due           text          `json:"Due"`
	TimeEstimated text          `json:"TimeEstimated"`
	TimeWorked    text          `json:"TimeWorked"`
	CustomFields  []customValue `json:"CustomFields"`
	Links         []link        `json:"_hyperlinks"`
}

type transaction struct {
	lower
	ID       text   `json:"id"`
	Type     text   `json:"Type"`
	Field    text   `json:"Field"`
	OldValue text   `json:"OldValue"`
	NewValue text   `json:"NewValue"`
	Created  text   `json:"Created"`
	Creator  object `json:"Creator"`
	ObjectID text   `json:"ObjectId"`
}

type part struct {
	lower
	ID            text `json:"id"`
	TransactionID text `json:"TransactionId"`
	Filename      text `json:"Filename"`
	ContentType   text `json:"ContentType"`
	ContentLength text `json:"ContentLength"`
	Headers       text `json:"Headers"`
	Content       text `json:"Content"`
}

type queueBody struct {
	ID                text `json:"id"`
	Name              text `json:"Name"`
	TicketCustomField []struct {
		ID   text `json:"id"`
		Name text `json:"name"`
	} `json:"TicketCustomFields"`
}

// readTime reads a time; unset ones are the zero time, which RT writes as 1970.
func readTime(s text) time.Time {
	t, err := time.Parse(time.RFC3339, string(s))
	if err != nil || t.Unix() <= 0 {
		return time.Time{}
	}
	return t.UTC()
}

// newlines makes every line end \n.
func newlines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}
