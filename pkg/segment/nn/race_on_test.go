//go:build race

package nn

// raceDetector drops objects from sync.Pool at random, so allocations cannot be counted under it.
const raceDetector = true
