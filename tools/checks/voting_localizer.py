"""objloc's default model in Keras 2 or 3, to copy: VGG16 whose cells vote for the box (--head cells).

    model = voting_localizer(keras, side=128, outputs=3, width=1)
    model.load_weights("model.h5")
    boxes = model.predict(images)       # (N, 128, 128, 3), RGB in [0, 1] -> (N, 3) or (N, 4), fractions of the side
"""
import numpy as np


def voting_localizer(keras, side=128, outputs=3, width=1):
    """outputs: 3 for boxes (x, y, size), 4 for (x, y, width, height). width: 1 for vgg16, 0.25 for vgg16-slim."""
    layers = keras.layers
    image = x = layers.Input((side, side, 3))
    votes, middles, sizes = [], [], []
    for block, (convolutions, filters) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for i in range(1, convolutions + 1):
            x = layers.Conv2D(max(1, int(filters * width)), 3, padding="same", activation="relu",
                              name=f"block{block}_conv{i}")(x)
        if block < 5:
            x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
        if block > 1:
            said = layers.Conv2D(1 + outputs, 3, padding="same", name=f"votes{block}")(x)
            votes.append(layers.Reshape((-1, 1 + outputs))(said))
            grid = side >> min(block, 4)  # cells in a row and in a column
            row, column = np.divmod(np.arange(grid * grid), grid)
            middles.append((np.stack([column, row], axis=1) + 0.5) / grid)
            sizes.append(np.full((grid * grid, 2), 1 / grid))
    votes = layers.Concatenate(axis=1)(votes)  # (N, cells, 1 + outputs)
    middle, size = (np.concatenate(each)[None].astype("float32") for each in (middles, sizes))

    attention = layers.Softmax(axis=1)(votes[:, :, :1])
    centre = layers.Activation("tanh")(votes[:, :, 1:3]) * (2 * size) + middle  # a cell sees two cells far
    extent = layers.Activation("sigmoid")(votes[:, :, 3:])
    centre, extent = (layers.Flatten()(layers.Dot(axes=1)([attention, each])) for each in (centre, extent))
    return keras.Model(image, layers.Concatenate()([centre - extent / 2, extent]))
