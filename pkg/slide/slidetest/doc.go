// Package slidetest holds what tests of slides share: a conformance suite that every slide.Slide must
// pass, and builders of tiny slides, whole and damaged. It is imported by tests only.
package slidetest
