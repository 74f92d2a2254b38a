#!/usr/bin/env python3
"""The table of an ablation's runs: tools/ablation_table.py FILE.jsonl > FILE.md

A row is one way to train, over several seeds: mean of the mean IoU, the least and the most of the seeds, and the
share of boxes above IoU 0.75 and 0.9. With --shorten it keeps of a report on its standard input what the table needs.
The difference is against the recipe's own row of the same scene.
"""
import json
import sys
from collections import defaultdict


def mean(values):
    return sum(values) / len(values)


def shorten(report):
    """objloc_eval's report without the file names and the list of pictures."""
    return {key: value for key, value in report.items() if key not in ("model", "worst", "best")}


def main():
    if sys.argv[1] == "--shorten":
        print(json.dumps(shorten(json.load(sys.stdin))))
        return
    rows, sides = defaultdict(list), set()
    with open(sys.argv[1]) as file:
        for line in file:
            run = json.loads(line)
            rows[run["scene"], run["row"]].append(run)
            sides.add(run["side"])
    commits = sorted({run["commit"] for runs in rows.values() for run in runs})
    print(f"vgg16-slim from scratch on scenes of {', '.join(map(str, sorted(sides)))} pixels, 320 steps of 64; evaluated on 1024")
    print("scenes of a seed of their own, `natural` over backgrounds never trained on.")
    print(f"Commit {', '.join(commits)}; raw: {sys.argv[1].split('/')[-1]}\n")
    print("| scene | recipe best, but | seeds | mean IoU | least to most | difference | IoU >= 0.75 | IoU >= 0.9 |")
    print("|---|---|---|---|---|---|---|---|")
    for (scene, row), runs in sorted(rows.items(), key=lambda item: (item[0][0], item[0][1] != "recipe best")):
        iou = [run["eval"]["mean_iou"] for run in runs]
        best = mean([run["eval"]["mean_iou"] for run in rows[scene, "recipe best"]])
        shares = [mean([run["eval"][key] for run in runs]) for key in ("iou_over_75", "iou_over_90")]
        name = {"recipe best": "(as it is)", "recipe seed": "recipe seed instead"}.get(row, row)
        difference = "" if row == "recipe best" else f"{mean(iou) - best:+.3f}"
        print(
            f"| {scene} | {name} | {len(iou)} | {mean(iou):.3f} | {min(iou):.3f} to {max(iou):.3f} | {difference} "
            f"| {shares[0]:.3f} | {shares[1]:.3f} |"
        )


if __name__ == "__main__":
    main()
