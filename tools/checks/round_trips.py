"""One round trip of VGG16's weights through another library; round_trips.sh runs them all.

Full width, 128x128 pixels, the tutorial's model and the one whose cells vote, random weights of sensible size: every
prediction on 8 random images must agree within 1e-5, and weights that only changed files must be equal. The weights are
such that the boxes differ from image to image; that is checked too, for a saturated model would agree with anything.
"""
import argparse
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from voting_localizer import voting_localizer

SIDE = 128
TOLERANCE = 1e-5
LEAST_SPREAD = 0.01  # standard deviation of each output over the images, in fractions of the side
SKIPPED = 77
BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # convolutions, filters


def need(module, package):
    try:
        return importlib.import_module(module)
    except ImportError:
        print(f"SKIPPED: {module} is missing: pip install {package}")
        sys.exit(SKIPPED)


def random_weights():
    """He's initialization for features that keep their size, small random biases, a head whose boxes vary."""
    rng = np.random.default_rng(3)
    weights, channels = {}, 3
    for block, (convolutions, filters) in enumerate(BLOCKS, 1):
        for i in range(1, convolutions + 1):
            name = f"block{block}_conv{i}"
            kernel = rng.standard_normal((3, 3, channels, filters)) * np.sqrt(2 / (9 * channels))
            weights[f"{name}/kernel"] = kernel.astype(np.float32)
            weights[f"{name}/bias"] = rng.standard_normal(filters).astype(np.float32) / 10
            channels = filters
    inputs = (SIDE // 32) ** 2 * channels
    weights["dense/kernel"] = (rng.standard_normal((inputs, 3)) * 4 / np.sqrt(inputs)).astype(np.float32)
    weights["dense/bias"] = rng.standard_normal(3).astype(np.float32) / 10
    return weights


def random_voting_weights(outputs):
    """The same blocks; votes that differ enough from cell to cell for the attention to prefer some."""
    weights = {name: value for name, value in random_weights().items() if name.startswith("block")}
    rng = np.random.default_rng(5)
    for block, (_, channels) in list(enumerate(BLOCKS, 1))[1:]:
        kernel = rng.standard_normal((3, 3, channels, 1 + outputs)) * ([8] + [6] * outputs) / np.sqrt(9 * channels)
        weights[f"votes{block}/kernel"] = kernel.astype(np.float32)
        weights[f"votes{block}/bias"] = rng.standard_normal(1 + outputs).astype(np.float32) / 10
    return weights


def random_images():
    """Patches of 16x16 pixels: fine noise would look the same to the network everywhere."""
    patches = np.random.default_rng(4).random((8, SIDE // 16, SIDE // 16, 3), dtype=np.float32)
    return patches.repeat(16, 1).repeat(16, 2)


class Tools:
    """The built commands: tools.weights("verify", file) runs objloc_weights verify FILE and gives what it prints."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()

    def __getattr__(self, name):
        return lambda *arguments: self.run(f"objloc_{name}", *map(str, arguments))

    def run(self, *line):
        done = subprocess.run([self.folder / line[0], *line[1:]], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(line)}: {done.stderr}")
        return done.stdout


def agree(what, found, expected):
    assert found.shape == expected.shape, (what, found.shape, expected.shape)
    difference = np.abs(found - expected).max()
    spread = expected.std(axis=0).min()
    print(f"  {what}: largest difference {difference:.2g} (outputs vary by {spread:.2g})")
    if not difference <= TOLERANCE:
        raise SystemExit(f"{what}: differs by {difference}")
    if not spread >= LEAST_SPREAD:
        raise SystemExit(f"{what}: the boxes hardly differ, so that this proves nothing")


def keras_model(keras, head="dense"):
    """The tutorial's model, by its own lines."""
    vgg = keras.applications.VGG16(input_shape=[SIDE, SIDE, 3], include_top=False, weights=None)
    x = keras.layers.Flatten()(vgg.output)
    x = keras.layers.Dense(3, activation="sigmoid", name=head)(x)
    return keras.Model(vgg.input, x)


def nested_model(keras):
    layers = keras.layers
    vgg = keras.applications.VGG16(input_shape=[SIDE, SIDE, 3], include_top=False, weights=None)
    return keras.Sequential([vgg, layers.Flatten(), layers.Dense(3, activation="sigmoid")])


def keras_round_trip(keras, tools, folder, legacy_weights):
    weights = list(random_weights().values())
    images = random_images()
    model = keras_model(keras)
    model.set_weights(weights)
    expected = model.predict(images, verbose=0)
    nested = nested_model(keras)
    nested.set_weights(weights)

    files = {"model.h5": model.save, "own.weights.h5": model.save_weights, "nested_model.h5": nested.save,
             "nested.weights.h5": nested.save_weights}
    if legacy_weights:
        files["weights.h5"] = model.save_weights
    for name, save in files.items():
        save(folder / name)
        tools.weights("verify", folder / name)
        tools.weights("convert", folder / name, folder / "ours.h5")
        fresh = keras_model(keras)
        fresh.load_weights(folder / "ours.h5")
        assert all(np.array_equal(a, b) for a, b in zip(fresh.get_weights(), weights)), name
        agree(f"{name} -> ours -> Keras {keras.__version__}", fresh.predict(images, verbose=0), expected)
    by_name = keras_model(keras, head="box")
    by_name.load_weights(folder / "ours.h5", by_name=True)
    assert all(np.array_equal(a, b) for a, b in zip(by_name.get_weights()[:26], weights)), "by_name"


def check_keras2(tools, folder):
    need("tensorflow", "tensorflow")
    keras_round_trip(need("tf_keras", "tf_keras"), tools, folder, legacy_weights=True)


def check_keras3(tools, folder):
    need("tensorflow", "tensorflow")
    keras_round_trip(need("keras", "keras"), tools, folder, legacy_weights=False)


def save_pictures(folder):
    """The random images as 8-bit PNG files; their paths, and their values as the network sees them."""
    image = need("PIL.Image", "pillow")
    pixels = np.round(random_images() * 255).astype(np.uint8)
    paths = [folder / f"{i}.png" for i in range(len(pixels))]
    for path, picture in zip(paths, pixels):
        image.fromarray(picture).save(path)
    return paths, pixels.astype(np.float32) / np.float32(255)


def predicted(tools, model, pictures):
    rows = json.loads(tools.predict("--device", "cpu", "--json", "--model", model, *pictures))
    assert [row["image"] for row in rows] == [str(picture) for picture in pictures]
    return np.array([row["fractions"] for row in rows], dtype=np.float32)


def keras_predicts(keras, weight_file, images):
    model = keras_model(keras)
    model.load_weights(weight_file)
    return model.predict(images, verbose=0)


def keras_files(folder):
    """Keras, two files of one model of its own, and what it predicts of the pictures."""
    need("tensorflow", "tensorflow")
    keras = need("keras", "keras")
    pictures, images = save_pictures(folder)
    model = keras_model(keras)
    model.set_weights(list(random_weights().values()))
    files = [folder / "keras.weights.h5", folder / "keras_model.h5"]
    model.save_weights(files[0])
    model.save(files[1])
    return keras, files, pictures, images, model.predict(images, verbose=0)


def check_predict(tools, folder):
    """Keras's files -> objloc_predict, and back; -> objloc_train, a step of training, and back."""
    keras, files, pictures, images, expected = keras_files(folder)
    for file in files:
        tools.weights("convert", file, folder / "model.h5")
        agree(f"{file.name} -> objloc_predict", predicted(tools, folder / "model.h5", pictures), expected)
        agree(f"{file.name} -> ours -> Keras", keras_predicts(keras, folder / "model.h5", images), expected)
    tools.train("--device", "cpu", "--weights", files[0], "--model", "vgg16", "--head", "flatten", "--scene", "blob",
                "--batch", 1, "--epochs", 1, "--steps-per-epoch", 1, "--held-out", 1, "--lr", 1e-6,
                "--out", folder / "run")
    trained = keras_predicts(keras, folder / "run/model.h5", images)
    assert not np.array_equal(trained, expected), "the step changed nothing"
    agree("objloc_train's model.h5 -> Keras", trained, predicted(tools, folder / "run/model.h5", pictures))


def check_keras_onnx(tools, folder):
    """Keras's file -> ours -> ONNX Runtime."""
    runtime = need("onnxruntime", "onnxruntime")
    _, files, _, images, expected = keras_files(folder)
    tools.weights("convert", files[0], folder / "model.h5")
    tools.weights("convert", folder / "model.h5", folder / "model.onnx")
    network = runtime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    agree("Keras -> ours -> ONNX Runtime", network.run(["box"], {"image": images})[0], expected)


def torch_model(torch):
    """torchvision's vgg16().features, and a head in place of its classifier."""
    nn = torch.nn
    layers, channels = [], 3
    for convolutions, filters in BLOCKS:
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    model = nn.Module()
    model.features = nn.Sequential(*layers)
    model.classifier = nn.Linear((SIDE // 32) ** 2 * channels, 3)
    return model


def torch_predict(torch, model, images):
    with torch.no_grad():
        features = model.features(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
        return torch.sigmoid(model.classifier(features.flatten(1))).numpy()


def direct_torch(torch, weights):
    """The same model with its weights put in by hand, as an independent reference."""
    model = torch_model(torch)
    convolutions = [layer for layer in model.features if isinstance(layer, torch.nn.Conv2d)]
    values = list(weights.values())
    with torch.no_grad():
        for layer, kernel, bias in zip(convolutions, values[0:26:2], values[1:26:2]):
            layer.weight.copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
            layer.bias.copy_(torch.from_numpy(bias))
        p = SIDE // 32
        head = values[26].reshape(p, p, -1, 3).transpose(3, 2, 0, 1).reshape(3, -1)
        model.classifier.weight.copy_(torch.from_numpy(head.copy()))
        model.classifier.bias.copy_(torch.from_numpy(values[27]))
    return model


def check_safetensors(tools, folder):
    torch = need("torch", "torch")
    safetensors = need("safetensors.torch", "safetensors")
    reference = direct_torch(torch, random_weights())
    images = random_images()
    expected = torch_predict(torch, reference, images)
    safetensors.save_file(reference.state_dict(), folder / "torch.safetensors")
    tools.weights("verify", folder / "torch.safetensors")
    tools.weights("convert", folder / "torch.safetensors", folder / "ours.h5")
    tools.weights("convert", folder / "ours.h5", folder / "back.safetensors")
    model = torch_model(torch)
    model.load_state_dict(safetensors.load_file(folder / "back.safetensors"), strict=True)
    for name, value in reference.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    agree("PyTorch -> ours -> PyTorch", torch_predict(torch, model, images), expected)


def check_onnx(tools, folder):
    runtime = need("onnxruntime", "onnxruntime")
    onnx = need("onnx", "onnx")
    torch = need("torch", "torch")
    safetensors = need("safetensors.torch", "safetensors")
    reference = direct_torch(torch, random_weights())
    images = random_images()
    safetensors.save_file(reference.state_dict(), folder / "torch.safetensors")
    expected = torch_predict(torch, reference, images)
    for layout in ("nhwc", "nchw"):
        path = folder / f"{layout}.onnx"
        tools.weights("convert", folder / "torch.safetensors", path, "--layout", layout)
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(path)
        assert model.opset_import[0].version >= 17
        assert {"box", "preprocessing", "objloc_config"} <= {entry.key for entry in model.metadata_props}
        network = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        inputs = images if layout == "nhwc" else images.transpose(0, 3, 1, 2).copy()
        agree(f"ours -> ONNX Runtime, {layout}", network.run(["box"], {"image": inputs})[0], expected)
        one_by_one = [network.run(["box"], {"image": inputs[i:i + 1]})[0] for i in range(len(inputs))]
        agree("the same, one by one", np.concatenate(one_by_one), expected)


def voting_file(tools, folder, outputs):
    """A model.h5 of objloc's with a head of votes and random weights. safetensors carries them in, under PyTorch's
    names and in its order of axes, with the configuration that says what model they are."""
    safetensors = need("safetensors.numpy", "safetensors")
    features, tensors = torch_indices(), {}
    for name, value in random_voting_weights(outputs).items():
        layer, kind = name.split("/")
        layer = f"features.{features[layer]}" if layer in features else layer
        tensors[layer + (".weight" if kind == "kernel" else ".bias")] = np.ascontiguousarray(
            value.transpose(3, 2, 0, 1) if kind == "kernel" else value)
    config = {"architecture": "vgg16", "width": 1.0, "side": SIDE, "box": "square" if outputs == 3 else "rect",
              "head": "cells", "preprocess": "unit"}
    safetensors.save_file(tensors, folder / "votes.safetensors", {"objloc_config": json.dumps(config)})
    tools.weights("convert", folder / "votes.safetensors", folder / "model.h5")
    tools.weights("verify", folder / "model.h5")
    return folder / "model.h5"


def torch_indices():
    """Where torchvision's vgg16().features has each convolution; its ReLUs and pools count too."""
    indices, index = {}, 0
    for block, (convolutions, _) in enumerate(BLOCKS, 1):
        for i in range(1, convolutions + 1):
            indices[f"block{block}_conv{i}"] = index
            index += 2
        index += 1
    return indices


def check_votes_onnx(tools, folder):
    """Heads of votes: objloc_predict and ONNX Runtime, both boxes and both layouts."""
    runtime = need("onnxruntime", "onnxruntime")
    onnx = need("onnx", "onnx")
    pictures, images = save_pictures(folder)
    for outputs in (3, 4):
        model = voting_file(tools, folder, outputs)
        expected = predicted(tools, model, pictures)
        assert expected.shape == (len(images), outputs)
        for layout in ("nhwc", "nchw"):
            path = folder / f"{layout}.onnx"
            tools.weights("convert", model, path, "--layout", layout)
            onnx.checker.check_model(str(path), full_check=True)
            network = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            inputs = images if layout == "nhwc" else images.transpose(0, 3, 1, 2).copy()
            agree(f"{outputs} outputs of votes -> ONNX Runtime, {layout}", network.run(["box"], {"image": inputs})[0],
                  expected)
            one_by_one = [network.run(["box"], {"image": inputs[i:i + 1]})[0] for i in range(len(inputs))]
            agree("the same, one by one", np.concatenate(one_by_one), expected)


def votes_in_keras(keras, model, outputs, images):
    localizer = voting_localizer(keras, SIDE, outputs)
    untrained = localizer.predict(images, verbose=0)
    localizer.load_weights(model)
    boxes = localizer.predict(images, verbose=0)
    assert np.abs(boxes - untrained).max() > LEAST_SPREAD, "loading the weights changed nothing"
    return localizer, boxes


def votes_keras(keras, tools, folder):
    """model.h5 of objloc's in voting_localizer.py's model; and, after a step of training, objloc_train's own."""
    pictures, images = save_pictures(folder)
    for outputs in (3, 4):
        model = voting_file(tools, folder, outputs)
        localizer, boxes = votes_in_keras(keras, model, outputs, images)
        for found, wanted in zip(localizer.get_weights(), random_voting_weights(outputs).values(), strict=True):
            assert np.array_equal(found, wanted)
        agree(f"{outputs} outputs of votes -> Keras {keras.__version__}", boxes, predicted(tools, model, pictures))
    tools.train("--device", "cpu", "--weights", model, "--model", "vgg16", "--box", "rect", "--scene", "blob",
                "--batch", 1, "--epochs", 1, "--steps-per-epoch", 1, "--held-out", 1, "--lr", 1e-6,
                "--out", folder / "run")
    trained = votes_in_keras(keras, folder / "run/model.h5", 4, images)[1]
    assert not np.array_equal(trained, boxes), "the step changed nothing"
    agree("objloc_train's votes -> Keras", trained, predicted(tools, folder / "run/model.h5", pictures))


def check_votes_keras2(tools, folder):
    need("tensorflow", "tensorflow")
    votes_keras(need("tf_keras", "tf_keras"), tools, folder)


def check_votes_keras3(tools, folder):
    need("tensorflow", "tensorflow")
    votes_keras(need("keras", "keras"), tools, folder)


CHECKS = {"predict": check_predict, "keras2": check_keras2, "keras3": check_keras3, "keras_onnx": check_keras_onnx,
          "onnx": check_onnx, "safetensors": check_safetensors, "votes_onnx": check_votes_onnx,
          "votes_keras2": check_votes_keras2, "votes_keras3": check_votes_keras3}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("--tools", required=True, help="the folder of the built commands")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        CHECKS[arguments.check](Tools(arguments.tools), Path(folder))


if __name__ == "__main__":
    main()
