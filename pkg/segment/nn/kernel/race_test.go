//go:build race

package kernel

// raceEnabled says that sync.Pool drops records at random, as it does under the race detector.
const raceEnabled = true
