"""speed.md from the record of a run (speed.json)."""
import os
import platform
import statistics
import subprocess

NAMES = {"fejer": "Fejér", "torch-tuned": "PyTorch, tuned allocator",
         "torch-default": "PyTorch, default allocator",
         "torch-published-tuned": "PyTorch as published, tuned allocator",
         "torch-published-default": "PyTorch as published, default allocator", "skimage": "scikit-image", "bart": "BART",
         "fftw": "bare FFTW", "peak": "FMA peak"}
PACKAGES = ("python3-torch", "libdnnl2", "libopenblas0-pthread", "libfftw3-single3", "bart",
            "python3-skimage", "g++")
TWO_THREADS = 1.8


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip().split("\n")[0]


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as processors:
        for line in processors:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"processor": model, "processors": os.cpu_count(), "memory_bytes": pages,
            "system": f"{platform.system()} {platform.release()}",
            "load_at_end": os.getloadavg()[1]}


def versions(program):
    found = {"fejer": program["version"], "build": program["build"],
             "kernels": program["kernels"], "commit": first_line(["git", "describe", "--always",
                                                                  "--dirty"])}
    for package in PACKAGES:
        version = first_line(["dpkg-query", "-W", "-f", "${Version}", package])
        if version:
            found[package] = version
    return found


def quartiles(values):
    """(median, first, third quartile)"""
    if len(values) < 2:
        return (values[0],) * 3
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return middle, first, third


def seconds(case):
    """CPU time of one thread; wall time of several."""
    return case["cpu"] if case["threads"] == 1 else case["wall"]


def find(row, side, threads):
    """The timed case of a side, or None."""
    for case in row["cases"]:
        if case["side"] == side and case["threads"] == threads and case["cpu"]:
            return case
    return None


def ratio(theirs, ours):
    """Ratio of the medians, and the quartiles of the ratios of samples taken one after another."""
    middle = statistics.median(theirs) / statistics.median(ours)
    _, first, third = quartiles([a / b for a, b in zip(theirs, ours)])
    return middle, min(first, middle), max(third, middle)


def comparisons(row, threads):
    """[(opponent, goal, case, (ratio, q1, q3))]"""
    ours = find(row, "fejer", threads)
    found = []
    for opponent in row["opponents"]:
        theirs = find(row, opponent["side"], threads)
        if ours and theirs:
            goal = opponent["goal_of_two" if threads == 2 else "goal"]
            found.append((opponent["side"], goal, theirs,
                          ratio(seconds(theirs), seconds(ours))))
    return found


def number(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def milliseconds(values):
    middle, first, third = (1e3 * v for v in quartiles(values))
    return f"{number(middle)} ({number(first)}–{number(third)})"


def times(triple):
    return f"{triple[0]:.2f} ({triple[1]:.2f}–{triple[2]:.2f})"


def verdict(value, goal):
    return "" if not goal else "reached" if value >= goal else "**short**"


def progress(row):
    """One line while it runs."""
    if row["missing"]:
        return f"{row['name']}: missing, {row['missing']}"
    parts = [f"{row['name']}:"]
    for threads in sorted({c["threads"] for c in row["cases"]}):
        ours = find(row, "fejer", threads)
        if ours:
            parts.append(f"{threads} thread(s) {milliseconds(seconds(ours))} ms,")
            parts += [f"{side} x {r[0]:.2f}," for side, _, _, r in comparisons(row, threads)]
    return " ".join(parts + [f"WRONG {text}" for text in row["wrong"]] +
                    [f"FAILED {text}" for text in row["failed"]])


def scaling(row, most):
    one, many = find(row, "fejer", 1), find(row, "fejer", most)
    if not one or not many or most == 1:
        return None
    return ratio(one["wall"], many["wall"])


def shortfalls(record):
    """Every goal that is not reached, one line each."""
    lines = []
    most = max(record["threads"])
    for row in record["rows"]:
        for threads in record["threads"]:
            for side, goal, _, r in comparisons(row, threads):
                if goal and r[0] < goal:
                    lines.append(f"- `{row['name']}`, {threads} thread(s): {r[0]:.2f} x "
                                 f"{NAMES[side]}, goal {goal:.2f}")
        across = scaling(row, most)
        if row["scales"] and most == 2 and across and across[0] < TWO_THREADS:
            lines.append(f"- `{row['name']}`: two threads {across[0]:.2f} x one, "
                         f"goal {TWO_THREADS}")
        memory = row.get("memory")
        if memory and memory["torch"] < memory["goal"] * memory["fejer"]:
            lines.append(f"- `{row['name']}`: memory {memory['torch'] / memory['fejer']:.1f} x "
                         f"less than PyTorch, goal {memory['goal']:.0f}")
        lines += [f"- `{row['name']}`: **wrong**, not timed: {text}" for text in row["wrong"]]
        lines += [f"- `{row['name']}`: **failed**: {text}" for text in row["failed"]]
        if row["missing"]:
            lines.append(f"- `{row['name']}`: missing: {row['missing']}")
    return lines


def speed_table(record, threads):
    lines = ["| row | Fejér, ms | against | theirs, ms | ratio | goal | |", "|---|---|---|---|---|---|---|"]
    for row in record["rows"]:
        ours = find(row, "fejer", threads)
        if not ours:
            continue
        name = f"`{row['name']}`"
        found = comparisons(row, threads)
        if not found:
            lines.append(f"| {name} | {milliseconds(seconds(ours))} | | | | | |")
        for side, goal, theirs, r in found:
            lines.append(f"| {name} | {milliseconds(seconds(ours))} | {NAMES[side]} | "
                         f"{milliseconds(seconds(theirs))} | {times(r)} | "
                         f"{f'{goal:.2f}' if goal else ''} | {verdict(r[0], goal)} |")
            name = ""
    return lines


def scaling_table(record):
    most = max(record["threads"])
    lines = [f"| row | {most} threads against one | goal | |", "|---|---|---|---|"]
    for row in record["rows"]:
        across = scaling(row, most)
        if across:
            goal = TWO_THREADS if row["scales"] and most == 2 else 0
            lines.append(f"| `{row['name']}` | {times(across)} | {goal or ''} | "
                         f"{verdict(across[0], goal)} |")
    return lines


def memory_table(record):
    lines = ["| row | Fejér, MiB | PyTorch, MiB | ratio | goal | |", "|---|---|---|---|---|---|"]
    for row in record["rows"]:
        memory = row.get("memory")
        if memory:
            ours, theirs = memory["fejer"] / 2**20, memory["torch"] / 2**20
            share = theirs / max(ours, 1e-9)
            lines.append(f"| `{row['name']}` | {ours:.2f} | {theirs:.2f} | {share:.1f} | "
                         f"{memory['goal']:.0f} | {verdict(share, memory['goal'])} |")
    return lines


def remarks(record):
    """What each row is, which variant spoke for a side, how far the results differ."""
    lines = []
    for row in record["rows"]:
        if row["missing"]:
            continue
        text = f"- `{row['name']}`: {row['what']}."
        for case in row["cases"]:
            facts = [case["remark"]] if case["remark"] else []
            if len(case["variants"]) > 1:
                others = ", ".join(f"{k} {number(1e3 * v)}" for k, v in case["variants"].items())
                facts.append(f"ms of CPU time: {others}")
            if case["difference"] is not None:
                facts.append(f"differs by {case['difference']:.0e}")
            for key, value in case["notes"].items():
                each = statistics.median(seconds(case)) / value
                facts.append(f"{value:.0f} {key}, {number(1e3 * each)} ms each")
            for key, unit in (("operations", "GFLOP/s"), ("bytes", "GB/s")):
                if row[key] and case["side"] in ("fejer", "peak") and case["cpu"]:
                    rate = row[key] / statistics.median(seconds(case))
                    facts.append(f"{number(rate * 1e-9)} {unit}")
            if facts:
                text += f" {NAMES[case['side']]}, {case['threads']}: {'; '.join(facts)}."
        lines.append(text)
    return lines


def conditions(record):
    m, busy = record["machine"], [r["others_busy_processors"] for r in record["rows"]
                                  if "others_busy_processors" in r]
    lines = [f"- {m['processors']} x {m['processor']}, {m['memory_bytes'] / 2**30:.0f} GiB, "
             f"{m['system']}; {record['date']}, {record['seconds']:.0f} s in all."]
    if busy:
        lines.append(f"- Processors kept busy by other programs during a row: median "
                     f"{statistics.median(busy):.1f}, most {max(busy):.1f} of {m['processors']}; "
                     f"load at the end {m['load_at_end']:.1f}.")
    lines.append("- " + "; ".join(f"{k} {v}" for k, v in record["versions"].items()) + ".")
    lines.append(f"- All sides were held to {record['kernels']} instructions." if record["kernels"]
                 else "- Each side chose its instructions: PyTorch takes AVX-512 where there is "
                      "any, Fejér only on request (`--kernels` makes them equal).")
    return lines


def markdown(record):
    short = shortfalls(record)
    lines = ["# Speed, side by side", "",
             "Written by `scripts/benchmark`; see [benchmarks/README.md](../../benchmarks/README.md)"
             " for what is compared and by which rules. Medians with quartiles of "
             f"{record['repeats']} rounds (fewer for slow rows); a ratio above 1 means that Fejér "
             "is faster; its quartiles are those of samples taken one after another.", "",
             "## Conditions", *conditions(record), "",
             "## Short of the goal", *(short or ["Nothing."]), ""]
    for threads in record["threads"]:
        kind = "CPU time" if threads == 1 else "wall time"
        lines += [f"## {threads} thread{'s' if threads > 1 else ''}, {kind}",
                  *speed_table(record, threads), ""]
    if max(record["threads"]) > 1 and 1 in record["threads"]:
        lines += ["## More threads (wall time)", *scaling_table(record), ""]
    if any("memory" in row for row in record["rows"]):
        lines += ["## Memory of one call beyond the image-sized buffers", *memory_table(record), ""]
    lines += ["## The rows", *remarks(record), ""]
    return "\n".join(lines)
