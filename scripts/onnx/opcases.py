"""One small ONNX graph per operator and attribute, written by hand: what exporters seldom write but
the specification allows. Used by models.py."""
import itertools
import os

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save


class Maker:
    def __init__(self, folder):
        self.folder, self.cases = folder, []
        self.rng = np.random.default_rng(5)

    def weights(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def case(self, name, nodes, consts=None, cin=4, shapes=((4, 13, 10), (4, 16, 16)), opset=13, layout="NCHW", outputs=None):
        """nodes: a list of (op, inputs, attributes); value k is "v{k+1}", the image is "x"."""
        made = []
        for k, (op, ins, attrs) in enumerate(nodes):
            made.append(helper.make_node(op, ins, (outputs or {}).get(k, [f"v{k + 1}"]), name=f"n{k}", **attrs))
        made[-1].output[0] = "y"
        dims = ["N", cin, "H", "W"] if layout == "NCHW" else ["N", "H", "W", cin]
        graph = helper.make_graph(
            made, name, [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(v), n) for n, v in (consts or {}).items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        save(model, os.path.join(self.folder, name + ".onnx"))
        for s in shapes:
            self.cases.append({"file": name + ".onnx", "shape": list(s), "last": layout != "NCHW"})


def make(folder):
    m = Maker(folder)
    convolutions(m)
    pools(m)
    resizes(m)
    pads_and_cuts(m)
    pointwise(m)
    layouts(m)
    opsets(m)
    return m.cases


def convolutions(m):
    for auto, (kh, kw), s, d in itertools.product(("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"), ((3, 3), (2, 4)), (1, 2, 3), (1, 2)):
        if d > 1 and auto.startswith("SAME"):
            continue  # ONNX Runtime refuses it
        attrs = dict(auto_pad=auto, strides=[s, s], dilations=[d, d], kernel_shape=[kh, kw])
        m.case(f"conv-{auto}-{kh}{kw}-s{s}-d{d}", [("Conv", ["x", "w", "b"], attrs)], {"w": m.weights(5, 4, kh, kw), "b": m.weights(5)})
    m.case("conv-pads-groups", [("Conv", ["x", "w"], dict(pads=[2, 0, 1, 3], strides=[2, 1], group=2))], {"w": m.weights(6, 2, 3, 3)})
    m.case("conv-depthwise", [("Conv", ["x", "w"], dict(pads=[1, 1, 1, 1], group=4))], {"w": m.weights(8, 1, 3, 3)})
    for auto, k, s in itertools.product(("SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"), (2, 3, 4), (1, 2, 3)):
        if k < s and auto.startswith("SAME"):
            continue
        m.case(f"convt-{auto}-k{k}-s{s}", [("ConvTranspose", ["x", "w"], dict(auto_pad=auto, strides=[s, s]))], {"w": m.weights(4, 3, k, k)})
    for shape, auto in itertools.product(((26, 20), (27, 21), (25, 19)), ("NOTSET", "SAME_UPPER", "SAME_LOWER")):
        m.case(f"convt-shape{shape[0]}-{auto}", [("ConvTranspose", ["x", "w"], dict(auto_pad=auto, strides=[2, 2], output_shape=list(shape)))],
               {"w": m.weights(4, 3, 3, 3)}, shapes=((4, 13, 10),))
    m.case("convt-pads", [("ConvTranspose", ["x", "w", "b"], dict(strides=[3, 2], dilations=[1, 2], pads=[1, 0, 2, 1], output_padding=[2, 1], group=2))],
           {"w": m.weights(4, 3, 3, 3), "b": m.weights(6)})


def pools(m):
    for op, auto, k, s in itertools.product(("MaxPool", "AveragePool"), ("SAME_UPPER", "SAME_LOWER", "VALID"), (2, 3), (1, 2, 3)):
        m.case(f"{op}-{auto}-k{k}-s{s}", [(op, ["x"], dict(auto_pad=auto, kernel_shape=[k, k], strides=[s, s]))])
    for op, ceil, inc, k, s, p in itertools.product(("MaxPool", "AveragePool"), (0, 1), (0, 1), (2, 3, 5), (2, 3), ((0, 0, 0, 0), (1, 0, 0, 1), (1, 1, 1, 1))):
        attrs = dict(kernel_shape=[k, k], strides=[s, s], pads=list(p), ceil_mode=ceil)
        if op == "AveragePool":
            attrs["count_include_pad"] = inc
        elif inc:
            continue
        shapes = ((4, 13, 10), (4, 16, 15), (4, 7, 11))
        m.case(f"{op}-ceil{ceil}-inc{inc}-k{k}-s{s}-p{''.join(map(str, p))}", [(op, ["x"], attrs)], shapes=shapes)
    m.case("MaxPool-dilated", [("MaxPool", ["x"], dict(kernel_shape=[3, 2], dilations=[2, 3], strides=[2, 1], pads=[2, 1, 2, 1], ceil_mode=1))])
    m.case("AveragePool-dilated", [("AveragePool", ["x"], dict(kernel_shape=[3, 2], dilations=[2, 3], strides=[2, 1], ceil_mode=1))], opset=19)
    m.case("ReduceMean", [("ReduceMean", ["x"], dict(axes=[2, 3])), ("Sub", ["x", "v1"], {})])
    m.case("ReduceMean-18", [("ReduceMean", ["x", "a"], dict(keepdims=1)), ("Mul", ["v1", "x"], {})], {"a": np.array([-1, -2])}, opset=18)


def resizes(m):
    none = {"roi": np.zeros(0, np.float32)}
    coords = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
    rounds = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    for mode, coord, (fy, fx) in itertools.product(("nearest", "linear"), coords, ((2, 2), (3, 4), (0.5, 0.5), (1.5, 0.75), (1.3, 2.7), (0.3, 0.4))):
        for rnd in rounds if mode == "nearest" else rounds[:1]:
            attrs = dict(mode=mode, coordinate_transformation_mode=coord)
            if mode == "nearest":
                attrs["nearest_mode"] = rnd
            tag = f"{mode}-{coord}-{rnd}" if mode == "nearest" else f"{mode}-{coord}"
            scales = np.array([1, 1, fy, fx], np.float32)
            m.case(f"resize-{tag}-x{fy},{fx}", [("Resize", ["x", "roi", "s"], attrs)], {**none, "s": scales})
    for mode, coord, size in itertools.product(("nearest", "linear"), coords, ((26, 20), (17, 23), (5, 1), (1, 4), (39, 7))):
        m.case(f"resize-{mode}-{coord}-to{size[0]}", [("Resize", ["x", "", "", "z"], dict(mode=mode, coordinate_transformation_mode=coord))],
               {"z": np.array([1, 4, *size])}, shapes=((4, 13, 10),))
    m.case("resize-tf-half", [("Resize", ["x", "roi", "s"], dict(mode="nearest", coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor"))],
           {**none, "s": np.array([1, 1, 2, 1.7], np.float32)}, opset=11)
    m.case("resize-10", [("Resize", ["x", "s"], dict(mode="nearest"))], {"s": np.array([1, 1, 2, 0.5], np.float32)}, opset=10)
    m.case("resize-10-shrink", [("Resize", ["x", "s"], dict(mode="nearest"))], {"s": np.array([1, 1, 0.7, 0.6], np.float32)}, opset=10)
    m.case("resize-same", [("Resize", ["x", "", "s"], dict(mode="nearest", nearest_mode="floor"))], {"s": np.array([1, 1, 1.01, 1.02], np.float32)})
    m.case("resize-10-linear", [("Resize", ["x", "s"], dict(mode="linear"))], {"s": np.array([1, 1, 2, 3], np.float32)}, opset=10)
    m.case("upsample-9", [("Upsample", ["x", "s"], dict(mode="nearest"))], {"s": np.array([1, 1, 2, 3], np.float32)}, opset=9)
    m.case("upsample-9-linear", [("Upsample", ["x", "s"], dict(mode="linear"))], {"s": np.array([1, 1, 2, 2], np.float32)}, opset=9)
    m.case("resize-axes-18", [("Resize", ["x", "", "s"], dict(mode="linear", axes=[3, 2]))], {"s": np.array([2, 3], np.float32)}, opset=18)
    m.case("resize-axes-sizes-19", [("Resize", ["x", "", "", "z"], dict(mode="nearest", axes=[2, 3]))], {"z": np.array([26, 30])}, opset=19, shapes=((4, 13, 10),))


def pads_and_cuts(m):
    m.case("pad-11", [("Pad", ["x", "p", "v"], {})], {"p": np.array([0, 0, 1, 2, 0, 0, 3, 4]), "v": np.array(0.25, np.float32)})
    m.case("pad-negative", [("Pad", ["x", "p"], {})], {"p": np.array([0, 0, -1, 2, 0, 0, 3, -4])})
    m.case("pad-10", [("Pad", ["x"], dict(pads=[0, 0, 1, 1, 0, 0, 2, 2], value=-1.0))], opset=10)
    m.case("pad-axes-18", [("Pad", ["x", "p", "", "a"], {})], {"p": np.array([1, 2, 3, 4]), "a": np.array([3, 2])}, opset=18)
    m.case("slice", [("Slice", ["x", "s", "e", "a", "t"], {})],
           {"s": np.array([1, -9, 0]), "e": np.array([3, 2**62, -1]), "a": np.array([1, 2, -1]), "t": np.array([1, 2, 3])})
    m.case("slice-9", [("Slice", ["x"], dict(starts=[1, 2], ends=[100, -2], axes=[2, 3]))], opset=9)
    m.case("slice-channels", [("Slice", ["x", "s", "e", "a"], {}), ("Concat", ["v1", "x"], dict(axis=-3))],
           {"s": np.array([-3]), "e": np.array([-1]), "a": np.array([1])})
    m.case("gather", [("Gather", ["x", "i"], dict(axis=1))], {"i": np.array([-2])})
    m.case("gather-scalar", [("Gather", ["x", "i"], dict(axis=1)), ("Unsqueeze", ["v1", "a"], {})], {"i": np.array(2), "a": np.array([1])})
    m.case("flatten-gemm", [("GlobalAveragePool", ["x"], {}), ("Flatten", ["v1"], {}), ("Gemm", ["v2", "w", "b"], dict(transB=1, alpha=0.5, beta=2.0)),
                            ("Unsqueeze", ["v3", "a"], {}), ("Mul", ["x", "v4"], {})],
           {"w": m.weights(4, 4), "b": m.weights(4), "a": np.array([2, 3])})
    m.case("gemm-plane", [("Flatten", ["x"], {}), ("Gemm", ["v1", "w"], {})], {"w": m.weights(4 * 13 * 10, 3)}, shapes=((4, 13, 10),))
    m.case("matmul-flat-last", [("Transpose", ["x"], dict(perm=[0, 2, 3, 1])), ("Reshape", ["v1", "r"], {}), ("MatMul", ["v2", "w"], {})],
           {"w": m.weights(4 * 13 * 10, 3), "r": np.array([1, -1])}, shapes=((4, 13, 10),))
    for mode in ("DCR", "CRD"):
        m.case("depth-to-space-" + mode, [("DepthToSpace", ["x"], dict(blocksize=2, mode=mode))])


def pointwise(m):
    for op, attrs in {"Relu": {}, "LeakyRelu": dict(alpha=0.3), "Sigmoid": {}, "HardSigmoid": dict(alpha=0.3, beta=0.4), "HardSwish": {},
                      "Tanh": {}, "Neg": {}, "Identity": {}, "Dropout": {}}.items():
        m.case("act-" + op, [(op, ["x"], attrs)], opset=14)
    m.case("clip-10", [("Clip", ["x"], dict(min=-0.5, max=0.7))], opset=10)
    m.case("clip-none", [("Clip", ["x", "", "hi"], {})], {"hi": np.array(0.3, np.float32)})
    m.case("min-max", [("Max", ["x", "lo"], {}), ("Min", ["hi", "v1"], {})], {"lo": np.array(-0.2, np.float32), "hi": np.array([0.6], np.float32)})
    m.case("prelu", [("PRelu", ["x", "s"], {})], {"s": m.weights(4, 1, 1)})
    c = {"c": m.weights(1, 4, 1, 1), "k": np.array(1.5, np.float32)}
    m.case("affine", [("Mul", ["x", "c"], {}), ("Sub", ["k", "v1"], {}), ("Div", ["v2", "c"], {}), ("Add", ["k", "v3"], {}), ("Sub", ["v4", "c"], {}), ("Mul", ["k", "v5"], {})], c)
    m.case("square", [("Pow", ["x", "two"], {}), ("Sum", ["v1", "x", "x"], {})], {"two": np.array(2.0, np.float32)})
    m.case("divide", [("Sigmoid", ["x"], {}), ("Div", ["x", "v1"], {})])
    m.case("batchnorm", [("BatchNormalization", ["x", "s", "b", "m", "v"], dict(epsilon=0.01))],
           {"s": m.weights(4), "b": m.weights(4), "m": m.weights(4), "v": np.abs(m.weights(4))})
    m.case("softmax-13", [("Softmax", ["x"], dict(axis=1))])
    m.case("softmax-11", [("Transpose", ["x"], dict(perm=[0, 2, 3, 1])), ("Softmax", ["v1"], dict(axis=3)), ("Transpose", ["v2"], dict(perm=[0, 3, 1, 2]))], opset=11)


def layouts(m):
    """Channels last, as Keras exports: transposes around each convolution, the rest in N×H×W×C."""
    to, back = dict(perm=[0, 3, 1, 2]), dict(perm=[0, 2, 3, 1])
    w = {"w": m.weights(6, 3, 3, 3), "u": m.weights(6, 4, 2, 2), "b": m.weights(6), "w2": m.weights(2, 10, 1, 1),
         "p": np.array([0, 1, 2, 0, 0, 3, 0, 0]), "scales": np.array([1, 2, 2, 1], np.float32), "m": m.weights(4, 5)}
    shapes = ((3, 16, 12), (3, 8, 20))
    m.case("nhwc", [("Transpose", ["x"], to), ("Conv", ["v1", "w"], dict(auto_pad="SAME_UPPER", strides=[2, 2])), ("Transpose", ["v2"], back),
                    ("Add", ["v3", "b"], {}), ("Relu", ["v4"], {}), ("Transpose", ["v5"], to), ("ConvTranspose", ["v6", "u"], dict(strides=[2, 2])),
                    ("Transpose", ["v7"], back), ("Resize", ["v5", "", "scales"], dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")),
                    ("Concat", ["v8", "v9"], dict(axis=3)), ("Transpose", ["v10"], to), ("Conv", ["v11", "w2"], {}), ("Transpose", ["v12"], back),
                    ("Softmax", ["v13"], dict(axis=-1))], w, cin=3, shapes=shapes, layout="NHWC")
    m.case("nhwc-pad-matmul", [("Pad", ["x", "p"], {}), ("Transpose", ["v1"], to), ("Conv", ["v2", "w"], dict(strides=[2, 2])), ("Transpose", ["v3"], back),
                               ("Slice", ["v4", "s", "e", "a"], {}), ("MatMul", ["v5", "m"], {})],
           {**w, "s": np.array([1, 1]), "e": np.array([5, 99]), "a": np.array([3, 1])}, cin=3, shapes=shapes, layout="NHWC")
    m.case("nhwc-one-channel", [("Reshape", ["x", "r"], {}), ("Conv", ["v1", "w"], dict(pads=[1, 1, 1, 1])), ("Transpose", ["v2"], back)],
           {"r": np.array([1, 1, 9, 7]), "w": m.weights(2, 1, 3, 3)}, cin=1, shapes=((1, 9, 7),), layout="NHWC")


def opsets(m):
    """One graph in every operator set from 11 to 21, with what moved from attributes to inputs."""
    for v in range(11, 22):
        consts = {"w": m.weights(6, 4, 3, 3), "s": np.array([1, 1, 2, 2], np.float32), "p": np.array([0, 0, 1, 0, 0, 0, 0, 1]),
                  "two": np.array([2, 4]), "a23": np.array([2, 3]), "roi": np.zeros(0, np.float32), "a": np.array([0]), "sq": np.array(6.0, np.float32)}
        split = ("Split", ["v3"], dict(axis=1, split=[2, 4])) if v < 13 else ("Split", ["v3", "two"], dict(axis=1))
        mean = ("ReduceMean", ["v5b"], dict(axes=[2, 3])) if v < 18 else ("ReduceMean", ["v5b", "a23"], {})
        nodes = [("Conv", ["x", "w"], dict(pads=[1, 1, 1, 1])), ("Relu", ["v1"], {}),
                 ("Resize", ["v2", "roi", "s"], dict(mode="linear", coordinate_transformation_mode="half_pixel")),
                 ("Dropout", ["v3"], {}), split, mean, ("Mul", ["v5b", "v6"], {}), ("Concat", ["v7", "v5"], dict(axis=1)),
                 ("Pad", ["v8", "p"], {}), ("Clip", ["v9", "", "sq"], {}), ("AveragePool", ["v10"], dict(kernel_shape=[2, 2], strides=[2, 2])),
                 ("Transpose", ["v11"], dict(perm=[0, 2, 3, 1])), ("Softmax", ["v12"], dict(axis=-1)), ("Transpose", ["v13"], dict(perm=[0, 3, 1, 2]))]
        m.case(f"opset-{v}", nodes, consts, opset=v, outputs={4: ["v5", "v5b"]}, shapes=((4, 13, 10),))
