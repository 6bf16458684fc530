"""What scripts/bench-tiler.sh measures; see there."""
import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

QUALITY = 85
TILE = 240


def run(command, env=None):
    """Runs a command to its end; wall and processor seconds, peak resident MB."""
    started = time.monotonic()
    with open(os.devnull, "w") as null:
        child = subprocess.Popen(command, stdout=null, stderr=subprocess.PIPE, env=dict(os.environ, **(env or {})))
        complaint = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench-tiler: {' '.join(command)}: {complaint.decode(errors='replace')[-2000:]}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Bench:
    def __init__(self, options):
        self.o = options
        self.places = 0

    def slide(self, name):
        return os.path.join(self.o.cache, name + ".tiff")

    def fresh(self):
        """An empty place for results. Nothing is removed before the end; bench-tiler.sh says why."""
        self.places += 1
        place = os.path.join(self.o.out, f"{self.o.what}-{self.places}")
        os.makedirs(place)
        return os.path.join(place, "x")

    def vips(self, name, kind):
        end = ".szi" if kind == "szi" else ""
        return ["vips", "dzsave", self.slide(name), self.fresh() + end, "--tile-size", str(TILE), "--overlap", "0",
                "--depth", "onepixel", "--suffix", f".jpeg[Q={QUALITY}]"]

    def mine(self, name, kind, *more):
        return [self.o.ours, "tile", self.slide(name), "--out", self.fresh() + "." + kind, *more]

    def turns(self, pairs):
        """Medians of every command, run in turn."""
        taken = {label: [] for label, _, _ in pairs}
        for _ in range(self.o.rounds):
            for label, command, env in pairs:
                taken[label].append(run(command(), env))
        return {label: [statistics.median(column) for column in zip(*rows)] for label, rows in taken.items()}

    def speed(self):
        pure = {"SLIDEMILL_JPEG": "go"}
        for name in ("p421", "s421"):
            for kind in ("dzi", "szi"):
                got = self.turns([
                    ("vips dzsave", lambda: self.vips(name, kind), None),
                    ("slidemill", lambda: self.mine(name, kind), None),
                    ("  in pure Go", lambda: self.mine(name, kind), pure),
                    ("  all encoded", lambda: self.mine(name, kind, "--quality", str(QUALITY)), None),
                ])
                print(f"\n{name}, to {'a folder' if kind == 'dzi' else 'SZI'}: ratios are vips / ours")
                base = got["vips dzsave"]
                for label, (wall, cpu, rss) in got.items():
                    print(f"  {label:14} wall {wall:6.2f} s ({base[0]/wall:4.1f})   cpu {cpu:6.2f} s ({base[1]/cpu:4.1f})   "
                          f"peak {rss:4.0f} MB ({base[2]/rss:4.1f})", flush=True)
        self.openslide()

    def openslide(self):
        read = ("import openslide,sys\n"
                "s=openslide.OpenSlide(sys.argv[1]); w,h=s.dimensions\n"
                f"for y in range(0,h,{TILE}):\n  for x in range(0,w,{TILE}): s.read_region((x,y),0,({TILE},{TILE}))\n")
        got = self.turns([
            ("OpenSlide reads every tile", lambda: [sys.executable, "-c", read, self.slide("p421")], None),
            ("slidemill makes the pyramid", lambda: self.mine("p421", "szi"), None),
        ])
        base = got["OpenSlide reads every tile"]
        print("\np421: ratios are OpenSlide / ours")
        for label, (wall, cpu, rss) in got.items():
            print(f"  {label:28} wall {wall:6.2f} s ({base[0]/wall:4.1f})   cpu {cpu:6.2f} s ({base[1]/cpu:4.1f})   peak {rss:4.0f} MB", flush=True)

    def memory(self):
        peak = {}
        for name in ("s421", "s8g"):
            wall, cpu, peak[name] = run(self.mine(name, "szi"))
            print(f"\n{name}: slidemill peak {peak[name]:.0f} MB, wall {wall:.1f} s, cpu {cpu:.1f} s", flush=True)
        _, _, vips = run(self.vips("s421", "szi"))
        print(f"s421: vips peak {vips:.0f} MB, ours is {peak['s421']/vips:.2f} of it")
        print(f"8 gigapixels / 421 megapixels: {peak['s8g']/peak['s421']:.2f}")

    def pixels(self):
        for name in ("p421", "s421"):
            root = self.fresh()
            run([self.o.ours, "tile", self.slide(name), "--out", root + ".dzi"])
            print(f"\n{name}: level-0 tiles whose scan is not the slide's: {self.scans(name, root)}")
            base = root + "-vips"
            run(["vips", "dzsave", self.slide(name), base, "--tile-size", str(TILE), "--overlap", "0", "--depth", "onepixel",
                 "--suffix", f".jpeg[Q={QUALITY}]"])
            self.psnr(root, base)

    def scans(self, name, root):
        """Compares every whole tile's entropy-coded data with the file's."""
        import tifffile
        wrong = count = 0
        with tifffile.TiffFile(self.slide(name)) as tiff:
            page = tiff.pages[0]
            cols = -(-page.imagewidth // TILE)
            level = max(int(d) for d in os.listdir(root + "_files"))
            for i, (at, size) in enumerate(zip(page.dataoffsets, page.databytecounts)):
                col, row = i % cols, i // cols
                if (col + 1) * TILE > page.imagewidth or (row + 1) * TILE > page.imagelength:
                    continue
                tiff.filehandle.seek(at)
                with open(f"{root}_files/{level}/{col}_{row}.jpeg", "rb") as f:
                    wrong += scan(f.read()) != scan(tiff.filehandle.read(size))
                count += 1
        return f"{wrong} of {count}"

    def psnr(self, root, base):
        """PSNR of made levels against the exact mean of level 0, on a sample of each level's tiles."""
        top = max(int(d) for d in os.listdir(root + "_files"))
        for down in (1, 2, 3, 4):
            errors = {"ours": [], "vips": []}
            names = sorted(os.listdir(f"{root}_files/{top-down}"))
            for tile in names[:: max(1, len(names) // (24 >> down))]:
                col, row = (int(v) for v in tile.split(".")[0].split("_"))
                want = mean(f"{root}_files/{top}", col, row, 1 << down)
                for who, where in (("ours", root), ("vips", base)):
                    got = load(f"{where}_files/{top-down}/{tile}").astype(float)
                    h, w = min(got.shape[0], want.shape[0]), min(got.shape[1], want.shape[1])
                    errors[who].append(((got[:h, :w] - want[:h, :w]) ** 2).mean())
            db = {who: 10 * np.log10(255 ** 2 / max(np.mean(e), 1e-9)) for who, e in errors.items()}
            print(f"  1/{1 << down}: PSNR against the exact mean: ours {db['ours']:.2f} dB, vips {db['vips']:.2f} dB", flush=True)

    def first(self):
        for label, more in (("coarse levels first", []), ("pyramid first", ["--mask-first=false"])):
            work = self.fresh()
            text = subprocess.run([self.o.ours, "run", "--json", "--mpp", "0.499", "--data", work, *more, self.slide("p421")],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
            seconds = json.loads(text)["seconds"]
            print(f"{label}: first region after {seconds['first_region']:.1f} s, mask after {seconds['mask']:.1f} s", flush=True)


def scan(stream):
    """What follows the SOS segment, up to the end-of-image marker."""
    at = 2
    while stream[at + 1] != 0xDA:
        at += 2 + int.from_bytes(stream[at + 2:at + 4], "big")
    at += 2 + int.from_bytes(stream[at + 2:at + 4], "big")
    return stream[at:stream.rindex(b"\xff\xd9")]


def load(path):
    from PIL import Image
    with open(path, "rb") as f:
        return np.asarray(Image.open(io.BytesIO(f.read())).convert("RGB"))


def mean(folder, col, row, n):
    """The exact mean of n by n pixels of level 0 under a tile, in linear order."""
    rows = []
    for y in range(row * n, row * n + n):
        tiles = [load(p) for x in range(col * n, col * n + n) if os.path.exists(p := f"{folder}/{x}_{y}.jpeg")]
        if tiles:
            rows.append(np.concatenate(tiles, 1))
    whole = np.concatenate(rows).astype(float)
    h, w = whole.shape[0] // n * n, whole.shape[1] // n * n
    return whole[:h, :w].reshape(h // n, n, w // n, n, 3).mean((1, 3))


parser = argparse.ArgumentParser()
for flag in ("ours", "cache", "out"):
    parser.add_argument("--" + flag, required=True)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("what", choices=["speed", "pixels", "memory", "first"])
options = parser.parse_args()
getattr(Bench(options), options.what)()
