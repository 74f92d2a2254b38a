"""One round trip of VGG16's weights through another library; round_trips.sh runs them all.

Full width, 128x128 pixels, the tutorial's model, random weights of sensible size: every prediction on 8 random images
must agree within 1e-5, and weights that only changed files must be equal.
"""
import argparse
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SIDE = 128
TOLERANCE = 1e-5
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


def random_images():
    """Patches of 16x16 pixels: fine noise would look the same to the network everywhere."""
    patches = np.random.default_rng(4).random((8, SIDE // 16, SIDE // 16, 3), dtype=np.float32)
    return patches.repeat(16, 1).repeat(16, 2)


def run(tool, *arguments):
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"objloc_weights {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def agree(what, found, expected):
    difference = np.abs(found - expected).max()
    spread = expected.std(axis=0).min()
    print(f"  {what}: largest difference {difference:.2g} (outputs vary by {spread:.2g})")
    if not difference <= TOLERANCE:
        raise SystemExit(f"{what}: differs by {difference}")


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


def keras_round_trip(keras, tool, folder, legacy_weights):
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
        run(tool, "verify", folder / name)
        run(tool, "convert", folder / name, folder / "ours.h5")
        fresh = keras_model(keras)
        fresh.load_weights(folder / "ours.h5")
        assert all(np.array_equal(a, b) for a, b in zip(fresh.get_weights(), weights)), name
        agree(f"{name} -> ours -> Keras {keras.__version__}", fresh.predict(images, verbose=0), expected)
    by_name = keras_model(keras, head="box")
    by_name.load_weights(folder / "ours.h5", by_name=True)
    assert all(np.array_equal(a, b) for a, b in zip(by_name.get_weights()[:26], weights)), "by_name"


def check_keras2(tool, folder):
    need("tensorflow", "tensorflow")
    keras_round_trip(need("tf_keras", "tf_keras"), tool, folder, legacy_weights=True)


def check_keras3(tool, folder):
    need("tensorflow", "tensorflow")
    keras_round_trip(need("keras", "keras"), tool, folder, legacy_weights=False)


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


def check_safetensors(tool, folder):
    torch = need("torch", "torch")
    safetensors = need("safetensors.torch", "safetensors")
    reference = direct_torch(torch, random_weights())
    images = random_images()
    expected = torch_predict(torch, reference, images)
    safetensors.save_file(reference.state_dict(), folder / "torch.safetensors")
    run(tool, "verify", folder / "torch.safetensors")
    run(tool, "convert", folder / "torch.safetensors", folder / "ours.h5")
    run(tool, "convert", folder / "ours.h5", folder / "back.safetensors")
    model = torch_model(torch)
    model.load_state_dict(safetensors.load_file(folder / "back.safetensors"), strict=True)
    for name, value in reference.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name
    agree("PyTorch -> ours -> PyTorch", torch_predict(torch, model, images), expected)


def check_onnx(tool, folder):
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
        run(tool, "convert", folder / "torch.safetensors", path, "--layout", layout)
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(path)
        assert model.opset_import[0].version >= 17
        assert {"box", "preprocessing", "objloc_config"} <= {entry.key for entry in model.metadata_props}
        network = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        inputs = images if layout == "nhwc" else images.transpose(0, 3, 1, 2).copy()
        agree(f"ours -> ONNX Runtime, {layout}", network.run(["box"], {"image": inputs})[0], expected)
        one_by_one = [network.run(["box"], {"image": inputs[i:i + 1]})[0] for i in range(len(inputs))]
        agree("the same, one by one", np.concatenate(one_by_one), expected)


CHECKS = {"keras2": check_keras2, "keras3": check_keras3, "onnx": check_onnx, "safetensors": check_safetensors}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("--tool", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        CHECKS[arguments.check](os.path.abspath(arguments.tool), Path(folder))


if __name__ == "__main__":
    main()
