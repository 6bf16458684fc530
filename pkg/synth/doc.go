// Package synth draws a procedural slide that looks like H&E: glass with dust and uneven light, pieces
// of colonic mucosa with round crypts, goblet cells and stroma, and areas of carcinoma with crowded
// cribriform glands; and beside it the true mask of the carcinoma. It serves demos, tests and runs at
// scale. It says on its face that it is synthetic, and nothing that is learned or measured on it says
// anything about real tissue.
//
// Each pixel is a function of seed, size, scale and its own coordinates (world.go, render.go), so tiles
// are made in any order, in parallel, and slides of any size in constant memory (write.go).
package synth
