"""Runs the rows side by side and writes speed.json and speed.md; called by scripts/benchmark.

Every side is a process of its own that lives through all rows (worker.cpp, peers/worker.py). Each
row is computed once by all sides and compared; then the sides take turns, A B C A B C ..., so that
what drifts hits all of them.
"""
import argparse
import datetime
import fnmatch
import json
import math
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

import report

HERE = pathlib.Path(__file__).resolve().parent
TUNED = {
    "MALLOC_MMAP_THRESHOLD_": "8589934592",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}
# The same instructions for all sides.
KERNELS = {isa: {"FEJER_KERNELS": isa, "ATEN_CPU_CAPABILITY": isa, "ONEDNN_MAX_CPU_ISA": onednn}
           for isa, onednn in (("avx2", "AVX2"), ("avx512", "AVX512_CORE"))}
SAMPLE_SECONDS = 0.1  # short calls are repeated within a sample, as iterations follow each other
ROW_SECONDS = 10.0  # a row takes about this long, but at least LEAST_ROUNDS
LEAST_ROUNDS, SLOW_ROUNDS = 3, 2  # the latter where one round takes longer than a row should


def openblas_folder():
    """Debian's torch asks for libblas.so.3, which may be the slow reference BLAS."""
    listing = subprocess.run(["dpkg", "-L", "libopenblas0-pthread"], capture_output=True, text=True)
    for line in listing.stdout.split():
        if line.endswith("/libblas.so.3"):
            return os.path.dirname(line)
    raise SystemExit("benchmark: libopenblas0-pthread is not installed; run scripts/benchmark")


class Side:
    """A worker process: ask(command) gives its answer, or raises RuntimeError with its error."""

    def __init__(self, name, threads, arguments):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive",
                           OPENBLAS_NUM_THREADS=str(threads))
        if name in ("fejer", "fftw", "peak"):
            command = [arguments.program, name, str(threads), arguments.photo, arguments.data,
                       str(arguments.cache)]
        else:
            command = ["/usr/bin/python3", str(HERE / "peers" / "worker.py"), name, str(threads)]
        if name.startswith("torch"):
            environment["LD_LIBRARY_PATH"] = openblas_folder()
            environment.pop("OPENBLAS_CORETYPE", None)
        if arguments.kernels:
            environment.update(KERNELS[arguments.kernels])
        if name.startswith("torch") and name.endswith("tuned"):
            environment.update(TUNED)
        self.name, self.threads = name, threads
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended without an answer to: {command}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"{self.name}: {answer['error']}")
        return answer

    def cpu_seconds(self):
        """Used until now, by programs that it ran, too."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def blas(self):
        """The BLAS that it has loaded."""
        with open(f"/proc/{self.process.pid}/maps") as maps:
            return {os.path.basename(line.split()[-1]) for line in maps if "blas" in line}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Sides:
    """The processes, started when first asked for."""

    def __init__(self, arguments):
        self.arguments, self.running = arguments, {}

    def get(self, name, threads):
        key = (name, threads)
        if key not in self.running:
            self.running[key] = Side(name, threads, self.arguments)
        return self.running[key]

    def cpu_seconds(self):
        return sum(side.cpu_seconds() for side in self.running.values())

    def blas(self):
        names = [side.blas() for side in self.running.values() if side.name.startswith("torch")]
        return ", ".join(sorted(set().union(*names)))

    def close(self):
        for side in self.running.values():
            side.close()


def busy_seconds():
    """Of all processors, since the machine started."""
    fields = open("/proc/stat").readline().split()[1:9]
    return sum(int(fields[i]) for i in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def farthest(folder, name, reference, parts):
    """The largest distance of the arrays that make up two results."""
    ends = ["" if i == 0 else f"-{i}" for i in range(parts)]
    return max(distance(folder, name + end, reference + end) for end in ends)


def distance(folder, name, reference):
    """Relative l2 distance of two arrays where the first is a number."""
    a, b = np.load(folder / f"{name}.npy"), np.load(folder / f"{reference}.npy")
    if a.shape != b.shape:
        raise RuntimeError(f"{name} has shape {a.shape}, {reference} {b.shape}")
    there = ~np.isnan(a)
    return float(np.linalg.norm((a - b)[there]) / np.linalg.norm(b[there]))


class Case:
    """One side with one number of threads, in one row."""

    def __init__(self, side):
        self.side, self.samples, self.first = side, [], 0.0
        self.times, self.notes, self.difference = 1, {}, None

    def prepare(self, row, folder):
        prepared = self.side.ask(f"prepare {row['name']} {folder}")
        self.remark, self.variants = prepared.get("remark", ""), prepared.get("variants", {})

    def seconds(self, sample):
        """What counts: CPU time of one thread, which other processes disturb least; else wall
        time."""
        return sample["cpu" if self.side.threads == 1 else "wall"]

    def sample(self):
        self.samples.append(self.side.ask(f"run {self.times}"))
        self.notes = self.samples[-1].get("notes", {})

    def warm_up(self):
        self.first = self.seconds(self.side.ask("run 1"))

    def choose_times(self):
        """The first call warmed up; the second tells how often to call for one sample, and is left
        out where a call is long."""
        again = self.first if self.first > 1 else self.seconds(self.side.ask("run 1"))
        self.times = max(1, min(1000, math.ceil(SAMPLE_SECONDS / max(again, 1e-7))))
        return again * self.times

    def record(self, row):
        scale = 1 / row["units"]
        return {"side": self.side.name, "threads": self.side.threads, "remark": self.remark,
                "variants": {k: v * scale for k, v in self.variants.items()}, "notes": self.notes,
                "difference": self.difference, "calls_per_sample": self.times,
                "cpu": [s["cpu"] * scale for s in self.samples],
                "wall": [s["wall"] * scale for s in self.samples]}


def check(cases, row, folder):
    """Compares every result with the first; returns the cases that agree, and what is wrong."""
    good, wrong = [], []
    for case in cases:
        name = f"result-{case.side.name}-{case.side.threads}"
        parts = case.side.ask(f"save {name}")["saved"]
        if not parts:
            good.append(case)
            continue
        if case is not cases[0]:
            case.difference = farthest(folder, name, f"result-fejer-{cases[0].side.threads}",
                                       parts)
            if not case.difference <= row["tolerance"]:
                wrong.append(f"{case.side.name}, {case.side.threads} threads: differs by "
                             f"{case.difference:.1e}, allowed {row['tolerance']:.0e}")
                continue
        good.append(case)
    return good, wrong


def measure(cases, row, repeats):
    """Rounds of all cases in turn."""
    if row["once"]:
        return
    round_seconds = sum(case.choose_times() for case in cases)
    least = SLOW_ROUNDS if round_seconds > ROW_SECONDS else LEAST_ROUNDS
    rounds = min(repeats, max(least, int(ROW_SECONDS / max(round_seconds, 1e-6))))
    for _ in range(rounds):
        for case in cases:
            case.sample()


def compare_memory(row, folder, arguments):
    """Bytes beyond the image-sized buffers, in fresh processes of one thread."""
    ours, theirs = Side("fejer", 1, arguments), Side("torch-default", 1, arguments)
    try:
        ours.ask(f"prepare {row['name']}")
        return {"goal": row["memory"], "fejer": ours.ask("memory")["bytes"],
                "torch": theirs.ask(f"memory {row['name']} {folder}")["bytes"]}
    finally:
        ours.close()
        theirs.close()


def run_row(row, sides, arguments):
    """The record of a row for speed.json."""
    result = {key: row[key] for key in ("name", "what", "opponents", "units", "operations", "bytes",
                                        "tolerance", "scales", "missing")}
    result.update(cases=[], wrong=[], failed=[])
    if row["missing"]:
        return result
    folder = arguments.exchange / row["name"].replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    others, started = busy_seconds() - sides.cpu_seconds(), time.perf_counter()
    cases = []
    for name in ["fejer"] + [o["side"] for o in row["opponents"]]:
        for threads in arguments.threads:
            case = Case(sides.get(name, threads))
            try:
                case.prepare(row, folder)  # ours writes the inputs there, the others read them
                if row["once"]:
                    case.sample()
                else:
                    case.warm_up()
                cases.append(case)
            except RuntimeError as error:
                result["failed"].append(str(error))
                if name == "fejer":
                    return result
    cases, result["wrong"] = check(cases, row, folder)
    measure(cases, row, arguments.repeats)
    result["seconds"] = time.perf_counter() - started
    others = busy_seconds() - sides.cpu_seconds() - others
    result["others_busy_processors"] = max(0.0, others / result["seconds"])
    result["cases"] = [case.record(row) for case in cases]
    if row["memory"]:
        result["memory"] = compare_memory(row, folder, arguments)
    return result


def selected(name, patterns):
    return not patterns or any(fnmatch.fnmatch(name, p) or p in name for p in patterns)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__.split("\n")[0])
    parser.add_argument("--rows", action="append", default=[], metavar="PATTERN",
                        help="only rows whose name contains or matches this (may be repeated)")
    parser.add_argument("--threads", default="1,2", help="numbers of threads (default 1,2)")
    parser.add_argument("--repeats", type=int, default=15, help="most rounds of a row (default 15)")
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "docs" / "results",
                        help="folder of speed.md and speed.json (default docs/results)")
    parser.add_argument("--kernels", choices=sorted(KERNELS),
                        help="instructions that all sides may use (default: what each chooses)")
    parser.add_argument("--list", action="store_true", help="names the rows and ends")
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--photo", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.threads = [int(t) for t in arguments.threads.split(",")]
    if arguments.repeats < 1 or min(arguments.threads) < 1:
        parser.error("--repeats and --threads must be at least 1")
    arguments.exchange, arguments.cache = arguments.work / "exchange", arguments.work / "cache"
    return arguments


def main():
    arguments = parse_arguments()
    for folder in (arguments.exchange, arguments.cache, arguments.out):
        folder.mkdir(parents=True, exist_ok=True)
    sides = Sides(arguments)
    program = sides.get("fejer", arguments.threads[0]).ask("list")
    rows = [row for row in program["rows"] if selected(row["name"], arguments.rows)]
    if arguments.list or not rows:
        print("\n".join(row["name"] for row in (rows or program["rows"])))
        sides.close()
        return 0 if arguments.list else 2
    started = time.time()
    results = []
    for i, row in enumerate(rows):
        result = run_row(row, sides, arguments)
        results.append(result)
        print(f"[{i + 1}/{len(rows)}] {report.progress(result)}", file=sys.stderr, flush=True)
    found = dict(report.versions(program), blas_of_torch=sides.blas())
    sides.close()
    record = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "seconds": time.time() - started, "threads": arguments.threads,
              "repeats": arguments.repeats, "kernels": arguments.kernels, "rows_asked": arguments.rows,
              "machine": report.machine(), "versions": found, "rows": results}
    (arguments.out / "speed.json").write_text(json.dumps(record, indent=1) + "\n")
    (arguments.out / "speed.md").write_text(report.markdown(record))
    print(f"{arguments.out}/speed.md, {record['seconds']:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
