#!/usr/bin/python3
"""Oracles for the format table (scripts/check-formats.sh): what other programs read.

usage: check-pixels.py make DIR           writes TIFFs with tifffile, prints their names
       check-pixels.py tifffile|pillow|tiles|pydicom FILE

tiles has tifffile find a TIFF's tiles and Pillow decode each: Debian's tifffile has no JPEG 2000. pydicom takes a
folder, and of its finest level all files.

The second form answers with a line of JSON (width, height) and the finest level as 8-bit RGB, turned as the
file's orientation says.
"""
import json
import os
import sys

import numpy


def make(folder):
    """Files of kinds that slides come in, with a pattern that differs everywhere."""
    import tifffile

    y, x = numpy.mgrid[0:150, 0:210]
    rgb = numpy.stack([7 * x % 256, 5 * y % 256, (3 * x + 11 * y) % 256], axis=-1).astype("uint8")
    deep = (rgb.astype("uint16") * 257) ^ 0x35
    for name, data, options in [
        ("16-bit-rgb.tif", deep, dict(photometric="rgb", tile=(64, 64))),
        ("16-bit-grey.tif", deep[..., 0], dict(photometric="minisblack", tile=(64, 64), compression="zlib")),
        ("16-bit-big-endian.tif", deep, dict(photometric="rgb", rowsperstrip=16, byteorder=">")),
        ("grey-strips.tif", rgb[..., 1], dict(photometric="minisblack", rowsperstrip=7)),
        ("white-is-zero.tif", rgb[..., 1], dict(photometric="miniswhite", tile=(64, 64))),
        ("planar.tif", numpy.moveaxis(rgb, -1, 0), dict(photometric="rgb", planarconfig="separate", tile=(64, 64))),
        ("bigtiff-deflate.tif", rgb, dict(photometric="rgb", tile=(64, 64), compression="zlib", bigtiff=True)),
    ]:
        byteorder = options.pop("byteorder", "<")
        big = options.pop("bigtiff", False)
        with tifffile.TiffWriter(os.path.join(folder, name), byteorder=byteorder, bigtiff=big) as w:
            w.write(data, **options)
        print(name)
    with tifffile.TiffWriter(os.path.join(folder, "subifd.ome.tif"), bigtiff=True) as w:
        options = dict(photometric="rgb", tile=(64, 64), compression="zlib")
        w.write(rgb, subifds=2, metadata={"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}, **options)
        w.write(rgb[::2, ::2], subfiletype=1, **options)
        w.write(rgb[::4, ::4], subfiletype=1, **options)
    print("subifd.ome.tif")


def by_tifffile(path):
    import tifffile

    with tifffile.TiffFile(path) as t:
        page = t.pages[0]
        data = page.asarray()
        if page.planarconfig == 2:
            data = numpy.moveaxis(data, 0, -1)
        if data.dtype == numpy.uint16:
            data = ((data.astype("uint32") * 255 + 32767) // 65535).astype("uint8")
        if page.photometric == 0:
            data = 255 - data
        return data


def by_pillow(path):
    from PIL import Image

    return numpy.asarray(Image.open(path).convert("RGB"))  # Pillow turns as it loads


def by_tiles(path):
    import io
    import tifffile
    from PIL import Image

    with tifffile.TiffFile(path) as t:
        page = t.pages[0]
        w, h, tw, th = page.imagewidth, page.imagelength, page.tilewidth, page.tilelength
        cols = -(-w // tw)
        out = numpy.full((-(-h // th) * th, cols * tw, 3), 255, "uint8")
        for i, (at, n) in enumerate(zip(page.dataoffsets, page.databytecounts)):
            t.filehandle.seek(at)
            x, y = i % cols * tw, i // cols * th
            out[y : y + th, x : x + tw] = numpy.asarray(Image.open(io.BytesIO(t.filehandle.read(n))).convert("RGB"))
        return out[:h, :w]


def by_pydicom(folder):
    import pydicom

    files = [pydicom.dcmread(os.path.join(folder, name)) for name in os.listdir(folder)]
    best = max(files, key=lambda d: d.TotalPixelMatrixColumns)
    w, h, tw, th = best.TotalPixelMatrixColumns, best.TotalPixelMatrixRows, best.Columns, best.Rows
    cols = -(-w // tw)
    out = numpy.full((-(-h // th) * th, cols * tw, 3), 255, "uint8")
    for d in files:
        if (d.TotalPixelMatrixColumns, d.ImageType[2]) == (w, "VOLUME"):
            paint(out, d, cols)
    return out[:h, :w]


def paint(out, d, cols):
    """Paints an instance's frames: all of a level, or those of one part of it."""
    first = getattr(d, "ConcatenationFrameOffsetNumber", 0)
    sparse = getattr(d, "DimensionOrganizationType", "") != "TILED_FULL"
    for i, frame in enumerate(frames(d)):
        x, y = (first + i) % cols * d.Columns, (first + i) // cols * d.Rows
        if sparse:
            p = d.PerFrameFunctionalGroupsSequence[i].PlanePositionSlideSequence[0]
            x, y = p.ColumnPositionInTotalImagePixelMatrix - 1, p.RowPositionInTotalImagePixelMatrix - 1
        out[y : y + d.Rows, x : x + d.Columns] = frame


def frames(d):
    import io
    from PIL import Image
    from pydicom.encaps import generate_pixel_data_frame

    n = int(d.NumberOfFrames)
    if not d.file_meta.TransferSyntaxUID.is_compressed:
        return d.pixel_array.reshape(n, d.Rows, d.Columns, 3)
    return [numpy.asarray(Image.open(io.BytesIO(f)).convert("RGB")) for f in generate_pixel_data_frame(d.PixelData, n)]


def main():
    what, path = sys.argv[1:]
    if what == "make":
        make(path)
        return
    data = {"tifffile": by_tifffile, "pillow": by_pillow, "tiles": by_tiles, "pydicom": by_pydicom}[what](path)
    if data.ndim == 2:
        data = numpy.repeat(data[..., None], 3, axis=-1)
    sys.stdout.buffer.write(json.dumps([data.shape[1], data.shape[0]]).encode() + b"\n")
    sys.stdout.buffer.write(numpy.ascontiguousarray(data[..., :3]).tobytes())


main()
