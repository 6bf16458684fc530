package train

// FineTuneRecipe goes on from a trained model: a smaller step, and larger images. An image of 320 pixels
// is mirrored beyond its borders as in use, and its middle sees the whole receptive field; in images
// of 224 pixels every pixel sees the zeros beyond the border, which no pixel of a slide does.
func FineTuneRecipe() Recipe {
	r := DefaultRecipe()
	r.Seed, r.Epochs, r.Gentle, r.Validate = 2, 4, 1, 2
	r.Solver.Batch, r.Solver.Size = 4, 320
	r.Peak, r.Warmup = 5e-4, 0.5
	return r
}
