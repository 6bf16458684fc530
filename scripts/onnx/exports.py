"""Models as PyTorch exports them. Used by models.py."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F


def block(cin, cout, act=nn.ReLU, k=3):
    return nn.Sequential(
        nn.Conv2d(cin, cout, k, padding=k // 2, bias=False), nn.BatchNorm2d(cout), act(),
        nn.Conv2d(cout, cout, k, padding=k // 2, bias=False), nn.BatchNorm2d(cout), act())


class UNet(nn.Module):
    """conv-bn-relu twice per level, max pooling, a way up, concatenation."""

    def __init__(self, base=16, depth=4, cin=3, classes=2, up="transposed", act=nn.ReLU, final=None):
        super().__init__()
        ch = [base << i for i in range(depth + 1)]
        self.down = nn.ModuleList([block(cin if i == 0 else ch[i - 1], ch[i], act) for i in range(depth + 1)])
        self.up_kind, self.final = up, final
        self.ups = nn.ModuleList([nn.ConvTranspose2d(ch[i + 1], ch[i], 2, stride=2) if up == "transposed"
                                  else nn.Conv2d(ch[i + 1], ch[i], 1) for i in range(depth)])
        self.dec = nn.ModuleList([block(2 * ch[i], ch[i], act) for i in range(depth)])
        self.head = nn.Conv2d(base, classes, 1)
        self.pool = nn.MaxPool2d(2)

    def rise(self, i, x, skip):
        x = self.ups[i](x) if self.up_kind != "transposed" else x
        if self.up_kind == "transposed":
            x = self.ups[i](x)
            dy, dx = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
            return F.pad(x, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2]) if self.final == "padded" else x
        if self.up_kind == "nearest":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        if self.up_kind == "bilinear":
            return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        if self.up_kind == "corners":
            return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)  # "size"

    def forward(self, x):
        skips = []
        for i, level in enumerate(self.down):
            x = level(x if i == 0 else self.pool(x))
            skips.append(x)
        for i in reversed(range(len(self.dec))):
            x = self.dec[i](torch.cat([skips[i], self.rise(i, x, skips[i])], 1))
        x = self.head(x)
        if self.final == "softmax":
            x = torch.softmax(x, 1)
        if self.final == "sigmoid":
            x = torch.sigmoid(x[:, 1:])
        return x


class Inverted(nn.Module):
    """MobileNetV2's inverted residual."""

    def __init__(self, cin, cout, stride=1, expand=6, act=nn.ReLU6, se=False):
        super().__init__()
        mid = cin * expand
        layers = [] if expand == 1 else [nn.Conv2d(cin, mid, 1, bias=False), nn.BatchNorm2d(mid), act()]
        layers += [nn.Conv2d(mid, mid, 3, stride, 1, groups=mid, bias=False), nn.BatchNorm2d(mid), act()]
        layers += [Squeeze(mid)] if se else []
        layers += [nn.Conv2d(mid, cout, 1, bias=False), nn.BatchNorm2d(cout)]
        self.body, self.add = nn.Sequential(*layers), stride == 1 and cin == cout

    def forward(self, x):
        return x + self.body(x) if self.add else self.body(x)


class Squeeze(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(c, c // 4, 1), nn.Conv2d(c // 4, c, 1)

    def forward(self, x):
        s = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.fc2(F.relu(self.fc1(s))))


class MobileUNet(nn.Module):
    """A MobileNetV2-style encoder with a decoder of depthwise-separable convolutions."""

    def __init__(self, classes=2, act=nn.ReLU6, se=False, width=1):
        super().__init__()
        stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2)]
        if width < 1:
            stages = [(1, 8, 1, 1), (2, 12, 2, 2), (2, 16, 1, 2)]
        cin = int(32 * width) if width < 1 else 32
        self.stem = nn.Sequential(nn.Conv2d(3, cin, 3, 2, 1, bias=False), nn.BatchNorm2d(cin), act())
        self.stages, chans = nn.ModuleList(), []
        for t, c, n, s in stages:
            self.stages.append(nn.Sequential(*[Inverted(cin if k == 0 else c, c, s if k == 0 else 1, t, act, se) for k in range(n)]))
            cin = c
            if s == 2 or not chans:
                chans.append(c)
            else:
                chans[-1] = c
        self.strides = [s for _, _, _, s in stages]
        self.dec = nn.ModuleList()
        for skip in reversed(chans[:-1]):
            self.dec.append(nn.Sequential(nn.Conv2d(cin + skip, cin + skip, 3, 1, 1, groups=cin + skip, bias=False),
                                          nn.BatchNorm2d(cin + skip), act(), nn.Conv2d(cin + skip, skip, 1, bias=False),
                                          nn.BatchNorm2d(skip), act()))
            cin = skip
        self.head = nn.Conv2d(cin, classes, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        skips = []
        for k, stage in enumerate(self.stages):
            if self.strides[k] == 2:
                skips.append(x)
            x = stage(x)
        for level, skip in zip(self.dec, reversed(skips)):
            x = level(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], 1))
        return F.interpolate(self.head(x), scale_factor=2, mode="bilinear", align_corners=False)


class Wrap(nn.Module):
    """A convolution around a function, so that a case has weights and channels to mix."""

    def __init__(self, f, cin=3, mid=8, out=4, pre=None):
        super().__init__()
        self.a, self.f, self.b = pre or nn.Conv2d(cin, mid, 3, padding=1), f, nn.Conv2d(mid, out, 1)

    def forward(self, x):
        return self.b(self.f(self.a(x)))


class ASPP(nn.Module):
    """Atrous branches and image pooling, as in DeepLab."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, 2, 1)
        self.branches = nn.ModuleList([nn.Conv2d(8, 4, 3, padding=d, dilation=d) for d in (1, 2, 4)])
        self.image, self.b = nn.Conv2d(8, 4, 1), nn.Conv2d(16, 3, 1)

    def forward(self, x):
        y = self.a(x)
        g = self.image(F.adaptive_avg_pool2d(y, 1))
        g = F.interpolate(g, size=y.shape[-2:], mode="bilinear", align_corners=False)
        y = self.b(torch.cat([b(y) for b in self.branches] + [g], 1))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)


class Attention(nn.Module):
    """Attention U-Net's gate: one channel multiplies all."""

    def __init__(self):
        super().__init__()
        self.a, self.g, self.psi, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 8, 1), nn.Conv2d(8, 1, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        y = self.a(x)
        return self.b(y * torch.sigmoid(self.psi(F.relu(y + self.g(x)))))


def settle(model, seed=0, size=64):
    """Gives batch norms statistics as after training: one pass in training mode, then evaluation."""
    torch.manual_seed(seed)
    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, 0, 0.2)
            m.momentum = None
    model.train()
    with torch.no_grad():
        model(torch.randn(2, 3, size, size))
    return model.eval()


def export(model, path, size=64, opset=13, dynamic=True):
    axes = {"input": {0: "N", 2: "H", 3: "W"}} if dynamic else None
    torch.onnx.export(model, torch.randn(1, 3, size, size), path, opset_version=opset, input_names=["input"],
                      output_names=["output"], dynamic_axes=axes, do_constant_folding=True)


def speed(folder):
    """Three models to be timed at 512×512, all compared at further sizes; and one for odd sizes."""
    cases = []
    models = {
        "unet16": (lambda: UNet(16), ((512, 512), (240, 176))),
        "unet32": (lambda: UNet(32), ((512, 512), (176, 240))),
        "mobile": (lambda: MobileUNet(), ((512, 512), (160, 224))),
        "unet16-any": (lambda: UNet(16, final="padded"), ((256, 256), (389, 511), (333, 250))),
        "unet16-size": (lambda: UNet(16, up="size"), ((256, 256), (389, 511), (333, 250))),
    }
    for name, (model, sizes) in models.items():
        torch.manual_seed(1)
        export(settle(model(), size=128), os.path.join(folder, name + ".onnx"), 128)
        for k, (h, w) in enumerate(sizes):
            cases.append({"file": name + ".onnx", "shape": [3, h, w], "untimed": k > 0 or "-" in name})
    return cases


def variants(folder):
    cases = []

    def case(name, model, size=64, shapes=((3, 64, 64), (3, 96, 32)), opsets=(11, 13, 16), dynamic=True):
        settle(model, size=size)
        for opset in opsets:
            file = f"{name}-{opset}{'' if dynamic else '-fixed'}.onnx"
            try:
                export(model, os.path.join(folder, file), size, opset, dynamic)
            except Exception as e:  # an operator that this opset has not
                print("skip", file, str(e).splitlines()[0])
                continue
            for s in shapes if dynamic else [(3, size, size)]:
                cases.append({"file": file, "shape": list(s)})

    odd = ((3, 64, 64), (3, 65, 47), (3, 50, 63))
    for up in ("transposed", "nearest", "bilinear", "corners"):
        case("unet-" + up, UNet(4, 2, up=up))
    case("unet-size", UNet(4, 2, up="size"), shapes=odd)
    case("unet-padded", UNet(4, 3, final="padded"), shapes=odd)
    case("unet-fixed", UNet(4, 2, up="size", final="softmax"), opsets=(12,), dynamic=False)
    case("unet-softmax", UNet(4, 1, final="softmax"))
    case("unet-sigmoid", UNet(4, 1, final="sigmoid"))
    for act in (nn.LeakyReLU, nn.Hardswish, nn.SiLU, nn.PReLU, nn.ReLU6, nn.Tanh, nn.Hardsigmoid):
        case("act-" + act.__name__.lower(), UNet(4, 1, act=act), shapes=((3, 32, 32),), opsets=(11, 14, 16))
    case("mobile", MobileUNet(width=0.25), opsets=(11, 13))
    case("mobile-se", MobileUNet(width=0.25, se=True, act=nn.Hardswish), opsets=(11, 14), shapes=((3, 64, 64),))
    case("aspp", ASPP(), shapes=odd)
    case("attention", Attention())
    case("prelu-channels", Wrap(nn.PReLU(8)))
    for k, s, p, ceil in ((2, 2, 0, True), (3, 2, 1, False), (3, 2, 1, True), (3, 1, 1, False), (5, 3, 2, True)):
        case(f"maxpool-{k}{s}{p}{ceil}", Wrap(nn.MaxPool2d(k, s, p, ceil_mode=ceil)), shapes=odd, opsets=(13,))
        for inc in (True, False):
            case(f"avgpool-{k}{s}{p}{ceil}{inc}", Wrap(nn.AvgPool2d(k, s, p, ceil_mode=ceil, count_include_pad=inc)), shapes=odd, opsets=(13,))
    case("shuffle", Wrap(nn.PixelShuffle(2), mid=8, pre=nn.Conv2d(3, 32, 3, padding=1)), opsets=(11, 13))
    case("chunk", Wrap(lambda x: torch.cat(torch.chunk(x, 2, 1)[::-1], 1)))
    case("crop", Wrap(lambda x: F.pad(x[:, :, 3:-5, 1::2], [0, 2, 1, 0], value=0.5)), shapes=odd)
    case("normalise", Wrap(lambda x: (x - torch.arange(8.0).view(1, 8, 1, 1)) / 2 + 1 - x * 0.25))
    case("groups", Wrap(nn.ConvTranspose2d(8, 8, 4, 3, 1, groups=2, output_padding=1, dilation=2)), shapes=odd)
    case("valid", Wrap(nn.Conv2d(8, 8, (5, 3), (2, 1), (0, 2), (1, 2), groups=4)), shapes=odd)
    return cases
