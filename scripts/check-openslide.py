#!/usr/bin/python3
"""Reads a slide with OpenSlide for the test in pkg/slide/openslide_test.go.

usage: check-openslide.py SLIDE

Answers on standard output. First a line of JSON: version, levels (width, height), mpp and objective
as OpenSlide has them, associated images with their sizes. Then, for every line "LEVEL X Y WIDTH HEIGHT" on standard
input (X and Y in pixels of that level), WIDTH*HEIGHT RGBA pixels. A region that cannot be read ends the program.
"""
import json
import sys

import openslide


def main() -> None:
    slide = openslide.OpenSlide(sys.argv[1])
    out = sys.stdout.buffer
    # Of Leica's slides, this project shows the smallest rectangle that holds the scans.
    bounds = slide.properties[openslide.PROPERTY_NAME_VENDOR] == "leica"
    left = int(slide.properties.get(openslide.PROPERTY_NAME_BOUNDS_X, 0)) if bounds else 0
    top = int(slide.properties.get(openslide.PROPERTY_NAME_BOUNDS_Y, 0)) if bounds else 0
    facts = {
        "cropped": bounds,
        "version": openslide.__library_version__,
        "levels": slide.level_dimensions,
        "mpp": slide.properties.get(openslide.PROPERTY_NAME_MPP_X, ""),
        "objective": slide.properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER, ""),
        "associated": {name: image.size for name, image in slide.associated_images.items()},
    }
    out.write(json.dumps(facts).encode() + b"\n")
    out.flush()
    for line in sys.stdin:
        level, x, y, width, height = map(int, line.split())
        # OpenSlide takes the corner in level-0 pixels; level 0 needs no conversion and is exact.
        scale = slide.level_downsamples[level]
        region = slide.read_region((left + round(x * scale), top + round(y * scale)), level, (width, height))
        out.write(region.tobytes())
        out.flush()


main()
