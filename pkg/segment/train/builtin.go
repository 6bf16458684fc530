package train

// BuiltinCard is what a person has to say about the model that Slidemill ships with.
func BuiltinCard() Card {
	return Card{
		IntendedUse: "Drawing carcinoma on colorectal H&E slides and ordering a worklist, in studies. It has seen biopsies of one collection only.",
		Limits: []string{
			"Most wrong pixels are stroma and lumen within carcinoma, which some outlines include and others leave out: 479,000 of 603,000 pixels wrongly called carcinoma on the validation patients.",
			"High-grade dysplasia and carcinoma look alike in an area of 400 µm, as invasion is often out of sight: 10 % of the pixels of high-grade dysplasia are called carcinoma.",
			"Only colorectal mucosa with its neoplasms was shown: on other organs, lymph nodes, or inflamed, necrotic or mucinous tissue its answer means nothing.",
			"All images come from one collection. Stain and sharpness were varied in training; that is no proof for another laboratory, evaluate there first.",
			"The scale of the training images is not documented; 1.3 µm per pixel was estimated from crypt diameters.",
			"Of 140 carcinoma images some were missed in large part, and glands of carcinoma that look orderly are the ones that are missed most: a slide without an outline is not a negative slide.",
			"The outlines are coarse: 37 of 409 carcinoma images are outlined as a whole, and stroma and lumen between carcinoma glands often belong to the outline.",
		},
		Data:         "EBHI-Seg: colorectal biopsies, haematoxylin and eosin, 224×224 pixels, outlined by pathologists in six diagnoses, split by patient.",
		Attribution:  "Shi et al., EBHI-Seg, Frontiers in Medicine 2023, doi 10.3389/fmed.2023.1114673; figshare record 21540159.",
		Licence:      "The data are licensed CC BY 4.0; the attribution must go wherever these weights or results from them go.",
		Architecture: "A U-Net at half resolution with residual encoder pairs, five levels, batch norm and ReLU; the logits are enlarged to full resolution.",
		Remark: "These weights were made by this command as of commit 222519b. A package linked into the program then decoded JPEG a little differently (SHA-256 of the decoded training data 8e7ee9b9…d09f), " +
			"so today's command ends in weights that differ a little. All figures are of today's decoder.",
		Command: "slidemill train --data ebhi-seg --name slidemill-colorectal --version 1.1.0 --out carcinoma.onnx",
	}
}
