// Package evaluate judges predictions against what a pathologist outlined: overlap, boundaries, image
// level, detection, calibration, each with bootstrap intervals by patient and by subgroup.
//
// The flow: Image (truth and probabilities) → Summarise → Summary (a few kilobytes) → Judge → Report
// → JSON, CSV, HTML. Every step is a pure function; the package runs no network and reads no image.
// It is used by the trainer for validation and by the evaluate command.
package evaluate
