#!/usr/bin/env python3
"""Makes the ONNX files that scripts/bench-peers.sh times and compares.

    models.py speed DIR     U-Nets of depth 4 (base 16 and 32) and a MobileNetV2-style encoder-decoder, as
                            PyTorch exports them (needs python3-torch)
    models.py exports DIR   small PyTorch exports in many variants, opsets 11 to 16
    models.py ops DIR       one small graph per operator and attribute (needs python3-onnx)

Each folder gets a cases.json: a list of {"file", "shape": [C, H, W]}. Weights come from fixed seeds.
"""
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")


def main():
    kind, folder = sys.argv[1], sys.argv[2]
    os.makedirs(folder, exist_ok=True)
    if kind == "ops":
        import opcases

        cases = opcases.make(folder)
    else:
        import exports

        cases = exports.speed(folder) if kind == "speed" else exports.variants(folder)
    with open(os.path.join(folder, "cases.json"), "w") as f:
        json.dump(cases, f, indent=1)
    print(f"{folder}: {len(cases)} cases")


if __name__ == "__main__":
    main()
