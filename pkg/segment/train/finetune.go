package train

// FineTuneRecipe goes on from a trained model: a quarter of the learning rate, for a few epochs.
func FineTuneRecipe() Recipe {
	r := DefaultRecipe()
	r.Seed, r.Epochs, r.Gentle, r.Validate = 2, 8, 2, 1
	r.Peak, r.Warmup = 5e-4, 0.5
	return r
}
