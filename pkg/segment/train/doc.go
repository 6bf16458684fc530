// Package train makes a carcinoma model out of labelled images: it reads a data set into memory,
// augments it as histology needs, drives a Trainer through a schedule, averages the weights, watches
// the validation patients, keeps exact checkpoints, and writes an ONNX file with its model card.
//
// The flow of one training image:
//
//	Case → sampler (balanced draw) → Augment (geometry, glass, stain, optics, file) → Batch
//	     → Trainer.Step → averaged weights → validation → checkpoint → ONNX + card
//
// Everything random is a function of (seed, epoch, index), so a resumed run equals an uninterrupted one.
//
// It sits beside segment/nn, which does the mathematics, and uses evaluate for every figure. It does
// not open slides, choose hyper-parameters, or look at any image outside the data set it is given.
package train
