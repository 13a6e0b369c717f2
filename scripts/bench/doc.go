//go:build linux

// Command bench measures Parley on a realistic workload: two nodes, each a
// process of its own, with everything real but the trackers, which are maps in
// memory. `make bench` runs it; docs/performance.md says what the figures mean.
//
// It prints a table to stderr and one line of JSON to stdout, and fails if the
// receiving map lost an event, got one twice or out of order, or holds
// anything but what the filters make of the workload.
//
// With -growth (`make bench-growth`) it measures the same path with many
// connections, many twins in the store, and a peer that is away. Tickets lie in a
// file then, so that the memory is the node's; stores with many twins are
// written as the product writes them, not synced.
//
// It starts itself twice (-node); parent and nodes speak in lines of JSON over
// the nodes' standard input and output. It needs Linux: memory is read from /proc.
package main
