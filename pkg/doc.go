// Package pkg is the map of Slidemill.
//
//	slide file · folder
//	       │
//	0 intake    a file becomes a job; a job's end is read from the store
//	       │
//	1 slide     open: formats as a table; tiff, codec
//	       │
//	2 tiler     cut: one pass over the file, every pyramid level; tissue map; region plan
//	       │     taps   the filter from a level to the model's scale, in Go and AVX2
//	       │     qc     focus, ink, folds, bubbles, stain: judged before the queue
//	       │                                  3 store  keep: layout.go owns every key; dir, mem, s3
//	4 jobs      pass on: subjects.go owns every subject; jetstream, mem
//	       │
//	5 segment   pixels and halo → class probabilities; model file, plan, region file
//	       │      net (networks as data), onnx (files), nn (Gorgonia, kernels), ort (ONNX Runtime), fingerprint (what training looked like), planes (pixels as numbers, probabilities as bytes), train, judge, explain, plain, builtin
//	6 stitch    coverage proof → mask, overlay, contours, report
//	       │
//	7 evaluate  judge: Dice, AUC, calibration, intervals
//	8 export    hand over: GeoJSON
//	9 viewer    show: HTTP, tiles, web page
//	watch       a scanner's folder becomes orders; summary: what the night operator reads in the morning;
//	metrics     what Prometheus scrapes
//
//	pyramid     the vocabulary of all of them; quadtree, the walk that builds every pyramid
//	synth       slides that never were, for demos and tests
//
// Workers (beside this folder) join the queue and the stages; cmd/slidemill names the drivers.
// Arrows point down: cmd → workers → {watch, summary, metrics} → {intake, tiler, stitch, export, viewer, synth} → {slide, segment} → {qc,
// pyramid}; store and jobs import only pyramid. arch_test.go holds this map against the imports.
//
// Start reading at pyramid/pyramid.go, store/layout.go and jobs/subjects.go: they hold the names of
// everything that passes between the stages.
package pkg
