package train

// BuiltinCard is what a person has to say about the model that Slidemill ships with.
func BuiltinCard() Card {
	return Card{
		IntendedUse: "Drawing carcinoma on colorectal H&E slides and ordering a worklist, in studies. It has seen biopsies of one collection only.",
		Limits: []string{
			"Most wrong pixels are stroma and lumen within carcinoma, which some outlines include and others leave out: 630,000 of 791,000 pixels wrongly called carcinoma.",
			"High-grade dysplasia and carcinoma look alike in an area of 400 µm, as invasion is often out of sight: 13 % of the pixels of high-grade dysplasia are called carcinoma.",
			"Only colorectal mucosa with its neoplasms was shown: on other organs, lymph nodes, or inflamed, necrotic or mucinous tissue its answer means nothing.",
			"All images come from one collection. Stain and sharpness were varied in training; that is no proof for another laboratory, evaluate there first.",
			"The scale of the training images is not documented; 1.3 µm per pixel was estimated from crypt diameters.",
			"Far context that is not real costs certainty: plain images of 224 pixels are mirrored beyond their borders, and on one normal image a tenth of the area was then called carcinoma.",
			"The outlines are coarse: 37 of 409 carcinoma images are outlined as a whole, and stroma and lumen between carcinoma glands often belong to the outline.",
		},
		Data:         "EBHI-Seg: colorectal biopsies, haematoxylin and eosin, 224×224 pixels, outlined by pathologists in six diagnoses, split by patient.",
		Attribution:  "Shi et al., EBHI-Seg, Frontiers in Medicine 2023, doi 10.3389/fmed.2023.1114673; figshare record 21540159.",
		Licence:      "The data are licensed CC BY 4.0; the attribution must go wherever these weights or results from them go.",
		Architecture: "A U-Net at half resolution with residual encoder pairs, five levels, batch norm and ReLU; the logits are enlarged to full resolution.",
		Remark:       "These weights were made by the library as of commit 09679d7, with this recipe. Since then 3×3 convolutions round differently, so the command ends in weights that differ a little.",
		Command:      "slidemill train --data ebhi-seg --name slidemill-colorectal --out carcinoma.onnx",
	}
}
