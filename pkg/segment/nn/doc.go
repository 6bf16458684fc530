// Package nn runs and trains networks on Gorgonia. Gorgonia is the graph, the autodiff, the machine
// and the solver's interface; the operators are this package's own, and their arithmetic is
// nn/kernel's. It sits between net (networks as data) and segment (the Engine contract), and is the
// only importer of Gorgonia. It reads no files and knows nothing of slides.
//
// # How a network runs
//
// A graph is built from a net.Net for one input size. The machine runs it once without arithmetic,
// and every operator notes what it read and wrote. From that record the arena is planned: each
// activation gets its place in one slice of floats for the steps in which it is alive, the parts
// of a concatenation are written straight into the whole, whose parts lend their memory to others
// until they are written, and gradients are added in place. From then on a run allocates nothing in
// this package.
//
// What is widest lies nowhere: an image of three channels is taken row by row by the convolution that reads it, and an
// enlargement, a scale and a softmax at the end are done to the rows that somebody takes. In blocks of 16 channels both would
// be the largest of a segmentation network, and it would spend more time on their way to memory and back than on them.
//
// # Threads
//
// The threads of a network are one team (kernel.Team) that serves all operators of a run: helpers look
// for the next operator for a tenth of a millisecond before they leave, are sent home at the end of the
// run, and are gone when the network is closed. Work is cut into items that no sum crosses, so results do
// not depend on the threads. A panic of an item becomes an error of Run that names the operator.
//
// # Memory
//
// A network holds one arena, whose size Network.ArenaBytes tells, and the scratch of its largest
// convolution. Packed weights are shared by all networks of an Engine. Options.MemoryLimit bounds
// the arena before it is allocated.
package nn

import (
	// Gorgonia refuses to start on a Go release that this module does not vouch for; the version
	// that Gorgonia itself asks for panics in its init on current Go. Go's collector does not move
	// heap objects, so the pin in go.mod is safe.
	_ "go4.org/unsafe/assume-no-moving-gc"
)
