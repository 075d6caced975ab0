#!/usr/bin/env python3
"""Tests of scripts/export_state.py. Skips (exit code 77) without numpy or h5py; what torch.save
writes is tested where there is PyTorch, else on files that are made by hand as it makes them.

    export_state_test.py [COMMAND]     with the command `fejer`, an export is imported, too
"""
import collections
import contextlib
import importlib.util
import io
import os
import pickle
import subprocess
import sys
import tempfile
import types
import unittest
import zipfile

try:
    import h5py
    import numpy
except ImportError as missing:
    print(f"skipped: no {missing.name}")
    sys.exit(77)
try:
    import torch
except ImportError:
    torch = None

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "scripts", "export_state.py")
SPEC = importlib.util.spec_from_file_location("export_state", SCRIPT)
EXPORT_STATE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(EXPORT_STATE)
COMMAND = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ""


class Named:
    """Pickles as the global name `module.name`."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickles as a call of a global name."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class HandPickler(pickle._Pickler):  # the one in Python, whose `save` can be replaced
    storages = None

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Named):
            self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(b"R")
        elif isinstance(obj, numpy.ndarray):
            self.save_tensor(obj)
        else:
            super().save(obj, save_persistent_id)

    def save_tensor(self, array):
        key = str(len(self.storages))
        kind = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long"}[array.dtype.str[1:]]
        flat = array.ravel()
        self.storages[key] = flat.tobytes()
        self.save(Named("torch._utils", "_rebuild_tensor_v2"))
        self.write(b"(")
        self.save(("storage", Named("torch", kind + "Storage"), key, "cpu", flat.size))
        self.write(b"Q")
        self.save(0)
        self.save(array.shape)
        self.save(tuple(s // array.itemsize for s in array.strides))
        self.save(False)
        self.save(collections.OrderedDict())
        self.write(b"tR")


def pickled(obj):
    buffer, storages = io.BytesIO(), {}
    pickler = HandPickler(buffer, 2)
    pickler.storages = storages
    pickler.dump(obj)
    return buffer.getvalue(), storages


def save_by_hand(obj, path):
    data, storages = pickled(obj)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for key, raw in storages.items():
            archive.writestr(f"archive/data/{key}", raw)


def save_old_by_hand(obj, path):
    data, storages = pickled(obj)
    with open(path, "wb") as file:
        for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(head, file, 2)
        file.write(data)
        pickle.dump(sorted(storages), file, 2)
        for key in sorted(storages):
            width = 8 if "64" in key else 4
            file.write((len(storages[key]) // width).to_bytes(8, "little") + storages[key])


def weights(seed=1):
    random = numpy.random.default_rng(seed)
    state = collections.OrderedDict()
    for name, shape in (("conv.weight", (4, 2, 3, 3)), ("conv.bias", (4,)), ("scale", ())):
        state[name] = random.standard_normal(shape).astype("<f4")
    return state


class ExportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def run_script(self, checkpoint, *more):
        """Runs it in this process: Python and its packages take half a second to load."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = EXPORT_STATE.main([checkpoint, self.path("out.h5"), *more])
        return subprocess.CompletedProcess(checkpoint, code, out.getvalue(), err.getvalue())

    def export(self, checkpoint, *more):
        done = self.run_script(checkpoint, *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        with h5py.File(self.path("out.h5")) as file:
            return ({name: d[()] for name, d in file["state_dict"].items()}, dict(file.attrs))

    def refuse(self, checkpoint, part, *more):
        done = self.run_script(checkpoint, *more)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(part, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual([f for f in os.listdir(self.folder.name) if f.endswith(".h5")], [])

    def assert_same(self, got, expected):
        self.assertEqual(set(got), set(expected))
        for name, array in expected.items():
            self.assertEqual(got[name].shape, array.shape)
            numpy.testing.assert_array_equal(got[name], array)

    def test_both_formats(self):
        state = weights()
        for save in (save_by_hand, save_old_by_hand):
            save(state, self.path("a.pth"))
            got, attributes = self.export(self.path("a.pth"), "--set", "activation=elu", "--set",
                                          "trained_for_sigma=25")
            self.assert_same(got, state)
            self.assertEqual(attributes["activation"], "elu")
            self.assertEqual(attributes["trained_for_sigma"], 25)
            self.assertTrue(attributes["source"].startswith("a.pth (sha256 "))

    def test_npz_and_half_precision(self):
        state = {"w": numpy.arange(6, dtype="<f8").reshape(2, 3)}
        numpy.savez(self.path("a.npz"), **state)
        self.assert_same(self.export(self.path("a.npz"))[0], state)
        save_by_hand({"w": numpy.arange(6, dtype="<f2")}, self.path("a.pth"))
        got, _ = self.export(self.path("a.pth"))
        self.assertEqual(got["w"].dtype, numpy.dtype("<f4"))

    def test_as_a_program(self):
        save_by_hand(weights(), self.path("a.pth"))
        for checkpoint, code, lines in (("a.pth", 0, 0), ("none.pth", 2, 1)):
            done = subprocess.run([sys.executable, SCRIPT, self.path(checkpoint),
                                   self.path("out.h5")], capture_output=True, text=True)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(done.stderr.count("\n"), lines)

    def test_choice_of_dictionary(self):
        nested = {"epoch": 3, "model": weights(1), "ema": {"model": weights(2)}}
        save_by_hand(nested, self.path("a.ckpt"))
        self.refuse(self.path("a.ckpt"), "'model', 'ema/model'; choose one with --key")
        self.refuse(self.path("a.ckpt"), "--key: no tensors under 'emma'", "--key", "emma")
        got, _ = self.export(self.path("a.ckpt"), "--key", "ema/model")
        self.assert_same(got, weights(2))
        save_by_hand({"epoch": 3, "state_dict": weights(1)}, self.path("b.ckpt"))
        self.assert_same(self.export(self.path("b.ckpt"))[0], weights(1))
        save_by_hand({"epoch": 3}, self.path("c.ckpt"))
        os.unlink(self.path("out.h5"))
        self.refuse(self.path("c.ckpt"), "no dictionary with tensors")

    def test_nothing_in_a_checkpoint_is_run(self):
        marker = self.path("marker")
        for module, name in (("os", "system"), ("posix", "system"), ("builtins", "exec"),
                             ("builtins", "eval"), ("subprocess", "call")):
            call = Call(Named(module, name), f"touch {marker}")
            for save in (save_by_hand, save_old_by_hand):
                save({"hparams": call, "state_dict": weights()}, self.path("evil.ckpt"))
                self.assert_same(self.export(self.path("evil.ckpt"))[0], weights())
        self.assertFalse(os.path.exists(marker))

    def test_objects_of_unknown_classes_are_left_out(self):
        # Checkpoints of trainers hold settings; their classes need not exist here.
        state = weights()
        holder = Call(Named("argparse", "Namespace"))
        save_by_hand({"hparams": holder, "callbacks": {"x": Call(Named("no.such", "Class"), 1)},
                      "state_dict": state}, self.path("a.ckpt"))
        self.assert_same(self.export(self.path("a.ckpt"))[0], state)

    def test_special_tensors_are_refused(self):
        special = Call(Named("torch._utils", "_rebuild_sparse_tensor"), 1)
        save_by_hand({"w": special, "v": weights()["scale"]}, self.path("a.pth"))
        self.refuse(self.path("a.pth"), "tensor 'w' is sparse")
        save_by_hand({"a/b": weights()["scale"]}, self.path("b.pth"))
        self.refuse(self.path("b.pth"), "'a/b', which HDF5 does not take")

    def test_claims_beyond_the_storage_are_refused(self):
        storage = ("storage", Named("torch", "FloatStorage"), "0", "cpu", 4)

        class Lying(HandPickler):
            def save_tensor(self, _array):
                self.storages["0"] = bytes(16)
                self.save(Named("torch._utils", "_rebuild_tensor_v2"))
                self.write(b"(")
                self.save(storage)
                self.write(b"Q")
                for part in (self.offset, self.size, self.stride, False, collections.OrderedDict()):
                    self.save(part)
                self.write(b"tR")

        for offset, size, stride, part in ((0, (5,), (1,), "does not fit"),
                                           (3, (2,), (1,), "does not fit"),
                                           (0, (2, 2), (1 << 40, 1), "does not fit"),
                                           (-1, (2,), (1,), "make no tensor"),
                                           (0, (2,), (-1,), "make no tensor"),
                                           (0, (2,), (1, 1), "make no tensor")):
            buffer = io.BytesIO()
            pickler = Lying(buffer, 2)
            pickler.storages, pickler.offset, pickler.size, pickler.stride = {}, offset, size, stride
            pickler.dump({"w": numpy.zeros(1)})
            with zipfile.ZipFile(self.path("a.pth"), "w") as archive:
                archive.writestr("archive/data.pkl", buffer.getvalue())
                archive.writestr("archive/data/0", bytes(16))
            self.refuse(self.path("a.pth"), part)

    def test_damaged_and_foreign_files(self):
        for save in (save_by_hand, save_old_by_hand):
            save(weights(), self.path("a.pth"))
            with open(self.path("a.pth"), "rb") as file:
                whole = file.read()
            for length in (0, 1, len(whole) // 3, len(whole) - 5):
                with open(self.path("cut.pth"), "wb") as file:
                    file.write(whole[:length])
                self.refuse(self.path("cut.pth"), "cut.pth: ")
        with open(self.path("text.pth"), "w") as file:
            file.write("not a checkpoint\n")
        self.refuse(self.path("text.pth"), "text.pth: ")
        self.refuse(self.path("missing.pth"), "No such file")
        with zipfile.ZipFile(self.path("other.zip"), "w") as archive:
            archive.writestr("readme", "x")
        self.refuse(self.path("other.zip"), "not written by torch.save")

    def test_what_torch_saves(self):
        if torch is None:
            self.skipTest("no torch")
        torch.manual_seed(1)
        net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
        state = net.state_dict()
        state["transposed"] = torch.arange(6.0).reshape(2, 3).t()
        state["part"] = torch.arange(10.0)[3:7]
        state["brain"] = torch.arange(5).to(torch.bfloat16)
        state["parameter"] = torch.nn.Parameter(torch.ones(2))
        state["flags"] = torch.tensor([True, False])
        expected = {k: v.detach().float().numpy() for k, v in state.items()}
        for old in (False, True):
            torch.save({"epoch": 1, "lr": numpy.float64(0.5), "args": types.SimpleNamespace(a=1),
                        "dtype": torch.float32, "state_dict": state}, self.path("a.pt"),
                       _use_new_zipfile_serialization=not old)
            self.assert_same(self.export(self.path("a.pt"))[0], expected)

    def test_import(self):
        if not COMMAND:
            self.skipTest("no command")
        state = collections.OrderedDict()
        random = numpy.random.default_rng(1)
        for layer, (channels, to) in enumerate(((1, 4), (4, 1))):
            state[f"net.{2 * layer}.weight"] = random.standard_normal(
                (to, channels, 3, 3)).astype("<f4")
            state[f"net.{2 * layer}.bias"] = random.standard_normal(to).astype("<f4")
        save_by_hand(state, self.path("a.pth"))
        self.export(self.path("a.pth"), "--set", "trained_for_sigma=10")
        done = subprocess.run([COMMAND, "import", self.path("out.h5"), "--architecture",
                               "lipschitz-cnn", "--out", self.path("model.h5")],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("10/255", done.stdout)


if __name__ == "__main__":
    unittest.main()
