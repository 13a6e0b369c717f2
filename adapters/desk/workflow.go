package desk

import "slices"

// The statuses, in the order of a ticket's life.
const (
	statusOpen       = "Open"
	statusInProgress = "In progress"
	statusWaiting    = "Waiting"
	statusResolved   = "Resolved"
	statusClosed     = "Closed"
)

func statuses() []string {
	return []string{statusOpen, statusInProgress, statusWaiting, statusResolved, statusClosed}
}

// nextStatuses are the steps that the workflow allows. Closed leads to Open
// only: reopening is a decision, not a side effect.
func nextStatuses(from string) []string {
	switch from {
	case statusOpen:
		return []string{statusInProgress, statusWaiting, statusResolved, statusClosed}
	case statusInProgress:
		return []string{statusWaiting, statusResolved, statusOpen, statusClosed}
	case statusWaiting:
		return []string{statusInProgress, statusResolved, statusOpen, statusClosed}
	case statusResolved:
		return []string{statusClosed, statusOpen}
	case statusClosed:
		return []string{statusOpen}
	default:
		return nil
	}
}

func mayMove(from, to string) bool {
	return from == to || slices.Contains(nextStatuses(from), to)
}
