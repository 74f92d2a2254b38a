#!/usr/bin/env python3
"""Turns the lines that compare_peers.sh collected into NAME.json (all of them) and NAME.md (a table).

    python3 tools/peers_table.py LINES NAME
"""
import json
import os
import re
import statistics
import sys


def key(run):
    """The row of the table that a run belongs to: what, model, batch, frozen."""
    slim = run.get("model") == "vgg16-slim" or run.get("width") == 0.25
    frozen = run.get("freeze") in (True, "backbone") and run["what"] == "train_step"
    return run["what"], "vgg16-slim" if slim else "vgg16", run["batch"], frozen


def who(run):
    if "peer" not in run:
        return "objloc"
    if run["peer"].startswith("pytorch"):
        return "PyTorch"
    return "Keras, XLA" if run["jit"] else "Keras"


def main():
    source, name = sys.argv[1:]
    with open(source) as lines:
        runs = [json.loads(line) for line in lines if line.startswith("{")]
    with open("/proc/cpuinfo") as info:
        processor = re.findall(r"model name\s*: (.*)", info.read())[0]
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name + ".json", "w") as file:
        json.dump({"processor": processor, "cores": os.cpu_count(), "runs": runs}, file, indent=1)
        file.write("\n")

    # Of PyTorch's two memory layouts the faster one counts; so does the better of repeated rounds, for everyone.
    rows = {}
    for run in runs:
        rows.setdefault(key(run), {}).setdefault(who(run), []).append(run)
    peers = sorted({run["peer"] for run in runs if "peer" in run})
    threads = sorted({run["threads"] for run in runs})
    text = (f"Made by tools/compare_peers.sh from {os.path.basename(name)}.json: {processor}, {threads[0]} threads, fp32; "
            f"{', '.join(peers)}. Images per second, median of the steps; PyTorch in the faster of its two layouts.\n\n"
            "| | batch | objloc | PyTorch | Keras | Keras, XLA | objloc / PyTorch |\n|---|---|---|---|---|---|---|\n")
    for (what, model, batch, frozen), by in sorted(rows.items(), key=str):
        if "objloc" not in by or "PyTorch" not in by:
            continue
        best = {peer: max(run["images_per_s"] for run in of) for peer, of in by.items()}
        label = f"{model} {'frozen backbone, head training' if frozen else what.replace('_', ' ')}"
        cells = [f"{best[peer]:.1f}" if peer in best else "-" for peer in ("objloc", "PyTorch", "Keras", "Keras, XLA")]
        text += f"| {label} | {batch} | {' | '.join(cells)} | {best['objloc'] / best['PyTorch']:.2f} |\n"
    memory = [run for run in runs if who(run) == "objloc" and key(run) == ("train_step", "vgg16", 64, False)]
    if memory and "process_peak_bytes" in memory[0]:
        text += f"\nPeak memory of objloc's vgg16 training step at batch 64: {memory[0]['process_peak_bytes'] / 2**30:.2f} GiB.\n"
    with open(name + ".md", "w") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
