//go:build race

package process

// RaceEnabled says whether tests and data planes are built with the race detector, which takes time and memory.
const RaceEnabled = true
