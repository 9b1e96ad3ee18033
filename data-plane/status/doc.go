// Package status is the address where a person and a probe look at the data plane: a page, the same as JSON, metrics,
// health, readiness and profiles.
//
// It owns the report's types and how they are shown. It imports nothing of the data plane, asks a function for each
// report and changes nothing. A report is a value: whoever makes one hands over slices and maps that nobody writes to
// afterwards.
package status
