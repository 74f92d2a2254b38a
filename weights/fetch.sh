#!/usr/bin/env bash
# Gets the official ImageNet weights of VGG16 without top (59 MB), as keras.applications.vgg16 does, into this folder.
#   weights/fetch.sh
# A download that was cut off goes on where it stopped. The file gets its name only when its MD5 is right.
#   OBJLOC_WEIGHTS_MIRROR=https://host/folder   another place that has the file
set -euo pipefail
cd "$(dirname "$0")"

file=vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5
md5=6d6bbae143d832006294945121d1f1fc
url="${OBJLOC_WEIGHTS_MIRROR:-https://storage.googleapis.com/tensorflow/keras-applications/vgg16}/$file"
kept_by_keras="${KERAS_HOME:-$HOME/.keras}/models/$file"
part="$file.part"

is_right() {
    [ -f "$1" ] && [ "$(md5sum <"$1" | cut -d' ' -f1)" = "$md5" ]
}

finish() {
    mv "$part" "$file"
    echo "weights/$file is there, MD5 $md5. Use it: objloc_train --weights imagenet"
}

with_curl() {
    curl --fail --location --retry 3 --connect-timeout 20 --output "$part" "$@" "$url"
}

download() {
    local cannot_resume=33 # curl's exit status where a server sends only whole files
    if command -v curl >/dev/null; then
        with_curl --continue-at - || { [ $? -eq $cannot_resume ] && with_curl; }
    elif command -v wget >/dev/null; then
        wget --tries=3 --timeout=20 --continue --output-document="$part" "$url"
    else
        echo "error: neither curl nor wget is installed: apt-get install curl" >&2
        exit 1
    fi
}

without_internet() {
    cat >&2 <<END
error: $url could not be fetched.
  Run this again to go on where it stopped. Without internet here, any of these does:
  - On another machine, download that address and copy the file to $PWD/
    (MD5 $md5; check it there: objloc_weights verify $file)
  - Where Keras is installed: python -c 'import keras; keras.applications.VGG16(include_top=False)'
    leaves the file in ~/.keras/models/; this script looks there too.
  - A mirror: OBJLOC_WEIGHTS_MIRROR=https://host/folder weights/fetch.sh
  - Train without it: objloc_train --weights none
END
    exit 1
}

if is_right "$file"; then
    echo "weights/$file is there already, MD5 $md5."
    exit 0
fi
if is_right "$kept_by_keras"; then
    echo "Keras has it: copying $kept_by_keras"
    cp "$kept_by_keras" "$part"
    finish
    exit 0
fi
# A part that is whole already needs no download.
if ! is_right "$part"; then
    download || without_internet
fi
if ! is_right "$part"; then
    found="$(md5sum <"$part" | cut -d' ' -f1)"
    rm -f "$part"
    echo "error: what came from $url has the MD5 $found, not $md5; it was removed." >&2
    echo "  Run weights/fetch.sh again; a proxy may have sent a page of its own instead of the file." >&2
    exit 1
fi
finish
