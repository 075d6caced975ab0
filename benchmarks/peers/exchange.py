"""What the sides exchange: inputs as FOLDER/NAME.npy, and the protocol of a side.

A module of rows fills a dictionary KIND -> function(inputs) -> {variant: closure}. Every closure
computes the same thing; the fastest on this machine speaks for its side. The variant PUBLISHED, the
way that published programs do it, has sides of its own. A closure returns the result to compare, a
tuple of several, or a Timed where it takes the time itself.
"""
import ctypes
import gc
import json
import os
import resource
import sys
import time

import numpy as np


PUBLISHED = "as published"


class Inputs:
    """The arrays of a folder as attributes: inputs.x is x.npy."""

    def __init__(self, folder):
        self.folder = folder

    def __getattr__(self, name):
        try:
            value = np.load(os.path.join(self.folder, name + ".npy"))
        except FileNotFoundError as error:
            raise AttributeError(str(error)) from None
        setattr(self, name, value)
        return value

    def layers(self, name):
        """[NAME0, NAME1, ...]"""
        found = []
        while os.path.exists(os.path.join(self.folder, f"{name}{len(found)}.npy")):
            found.append(getattr(self, f"{name}{len(found)}"))
        return found


class Timed:
    """A result with the seconds that count, where these are not those of the whole call."""

    def __init__(self, result, cpu, wall, **notes):
        self.result, self.cpu, self.wall, self.notes = result, cpu, wall, notes


def cpu_seconds():
    """Of this process and of the programs that it has run to their end."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)
    return own + children.ru_utime + children.ru_stime


def stopwatch(function):
    """(result, CPU seconds, wall seconds)"""
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = function()
    return result, cpu_seconds() - cpu, time.perf_counter() - wall


def status_bytes(key):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(key + ":"):
                return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {key}")


class Worker:
    """Answers the commands of benchmarks/worker.cpp for one side."""

    def __init__(self, rows, published=False):
        self.rows, self.published = rows, published
        self.call = self.result = self.folder = None

    def variants(self, row, inputs):
        """{name: closure} of those that this side may choose from."""
        kind = row.split("/")[0]
        if kind not in self.rows:
            raise RuntimeError(f"there is no row {kind}")
        found = self.rows[kind](inputs)
        chosen = {k: v for k, v in found.items() if (k == PUBLISHED) == self.published}
        if not chosen:
            raise RuntimeError(f"there is no row {kind} of this side")
        return chosen

    def prepare(self, row, folder):
        self.call = self.result = None
        gc.collect()
        self.folder = folder
        variants = self.variants(row, Inputs(folder))
        seconds = {}
        for name, closure in variants.items():
            if len(variants) > 1:
                # One that is far behind at its first call is not called again.
                best = min(seconds.values(), default=float("inf"))
                seconds[name] = stopwatch(closure)[1]
                if seconds[name] < 2 * best:
                    seconds[name] = min(stopwatch(closure)[1] for _ in range(2))
        chosen = min(seconds, key=seconds.get) if seconds else next(iter(variants))
        self.call = variants[chosen]
        return {"remark": chosen, "variants": seconds}

    def run(self, times):
        cpu = wall = 0.0
        notes = {}
        for _ in range(int(times)):
            self.result = None
            result, this_cpu, this_wall = stopwatch(self.call)
            if isinstance(result, Timed):
                this_cpu, this_wall, notes = result.cpu, result.wall, result.notes
                result = result.result
            self.result = result
            cpu, wall = cpu + this_cpu, wall + this_wall
        return {"cpu": cpu / int(times), "wall": wall / int(times), "notes": notes}

    def save(self, name):
        """NAME.npy, and of several results NAME-1.npy, ... too; how many there are."""
        results = self.result
        if results is None:
            return {"saved": 0}
        if not isinstance(results, tuple):
            results = (results,)
        for i, result in enumerate(results):
            end = f"-{i}" if i else ""
            np.save(os.path.join(self.folder, name + end + ".npy"), np.asarray(result))
        return {"saved": len(results)}

    def memory(self, row, folder):
        """The most memory of one call beyond its inputs and an output like x, for the most frugal
        variant; called once on small images before, so that code and tables are in memory."""
        small = Inputs(folder)
        for name in ("x", "target"):
            if hasattr(small, name):
                setattr(small, name, getattr(small, name)[..., :16, :16])
        for closure in self.variants(row, small).values():
            closure()
        inputs = Inputs(folder)
        least = None
        for closure in self.variants(row, inputs).values():
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)
            with open("/proc/self/clear_refs", "w") as peak:
                peak.write("5")
            before = status_bytes("VmRSS")
            closure()
            grown = status_bytes("VmHWM") - before - inputs.x.nbytes
            least = grown if least is None else min(least, grown)
        return {"bytes": least}

    def serve(self):
        for line in sys.stdin:
            command, *arguments = line.split(None, 2)  # a folder may have blanks
            arguments = [argument.strip() for argument in arguments]
            try:
                answer = getattr(self, command)(*arguments)
            except Exception as error:  # one line for the driver, whatever it was
                answer = {"error": f"{type(error).__name__}: {error}".replace("\n", " ")}
            print(json.dumps(answer), flush=True)
