// Package judge runs a model over labelled data, plain images or whole slides, exactly as `segment` and
// `run` would, and hands what it said beside what is true to evaluate. It sits on segment/plain and
// slide; the data come from train (images in memory) and train/labelled (slides with annotations). It
// computes no figure itself and draws nothing.
package judge
