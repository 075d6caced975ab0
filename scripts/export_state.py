#!/usr/bin/env python3
"""Writes the tensors of a PyTorch checkpoint to a plain HDF5 file, for `fejer import`.

    scripts/export_state.py drunet_gray.pth drunet_gray.h5
    scripts/export_state.py GSDRUNet.ckpt gs.h5 --key state_dict --set activation=elu

Needs python3-numpy and python3-h5py, not PyTorch. Nothing in a checkpoint is run: it is a pickle,
which can name any function to call, so only the names that rebuild tensors are known here, and all
other objects become empty stand-ins. Both formats of torch.save are read, and the .npz of numpy.

The file has one dataset a tensor in the group `state_dict`, under the tensor's own name, and root
attributes: source (file name and SHA-256), and what --set says. Real numbers of 16 bits become
float32; complex, sparse and quantised tensors are refused.
"""
import argparse
import collections
import contextlib
import hashlib
import io
import os
import pickle
import struct
import sys
import tempfile
import zipfile

MAGIC = 0x1950A86A20F9469CFC6C  # of torch.save before PyTorch 1.6
STORAGES = {"Double": "<f8", "Float": "<f4", "Half": "<f2", "BFloat16": "bfloat16", "Long": "<i8",
            "Int": "<i4", "Short": "<i2", "Char": "<i1", "Byte": "<u1", "Bool": "?"}


class Problem(Exception):
    """One line for people."""


class Storage(collections.namedtuple("Storage", "dtype key")):
    """Flat numbers of a checkpoint, by key."""


class Tensor(collections.namedtuple("Tensor", "storage offset size stride")):
    """A window on a storage."""


class Unsupported(collections.namedtuple("Unsupported", "how")):
    """A tensor that is rebuilt in a way that is not known here."""


class StandIn:
    """Takes the place of any object that is not needed, and does nothing."""

    def __new__(cls, *_args, **_kwargs):
        return object.__new__(cls)

    def __init__(self, *_args, **_kwargs):
        pass

    def __call__(self, *_args, **_kwargs):
        return StandIn()

    def __setstate__(self, _state):
        pass

    def __setitem__(self, _key, _value):
        pass

    def append(self, _item):
        pass

    def extend(self, _items):
        pass


TENSORS = (Tensor, Unsupported)


def rebuild_tensor(storage, offset, size, stride, *_rest):
    if not isinstance(storage, Storage):
        raise Problem("a tensor without a storage")
    return Tensor(storage, offset, tuple(size), tuple(stride))


def rebuild_parameter(data, *_rest):
    return data


class Unpickler(pickle.Unpickler):
    """Knows how to rebuild tensors and dictionaries, and nothing else."""

    known = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("torch", "Size"): tuple,
        ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
        ("torch._utils", "_rebuild_parameter_with_state"): rebuild_parameter,
    }

    def find_class(self, module, name):
        if (module, name) in self.known:
            return self.known[module, name]
        if module == "torch" and name.endswith("Storage"):
            return name
        if module.startswith("torch") and name.startswith("_rebuild"):
            return lambda *_args: Unsupported(name)
        return StandIn

    def persistent_load(self, pid):
        # ("storage", type, key, location, numel[, view])
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage"):
            raise Problem("an object outside the pickle that is no storage")
        kind = pid[1] if isinstance(pid[1], str) else "?"
        name = kind[: -len("Storage")] if kind.endswith("Storage") else kind
        if len(pid) > 5 and pid[5] is not None:
            raise Problem("views of storages (torch.save before PyTorch 0.4); save it anew")
        return Storage(STORAGES.get(name, name), str(pid[2]))


@contextlib.contextmanager
def one_line():
    """Damaged bytes make pickle and zipfile raise almost anything: a Problem each."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        raise Problem(f"cannot be read as a checkpoint: {type(error).__name__}: "
                      f"{' '.join(str(error).split())}") from error


def numbers(data, dtype, numpy):
    """Bytes as a flat array; None for a type that is not exported."""
    if dtype == "bfloat16":
        return (numpy.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    if dtype not in STORAGES.values():
        return None
    return numpy.frombuffer(data, dtype)


def load_zip(file, numpy):
    """The format of torch.save since PyTorch 1.6: data.pkl, and a file for each storage."""
    archive = zipfile.ZipFile(file)  # stays open, for `read`
    names = archive.namelist()
    pickles = [n for n in names if n.endswith("/data.pkl") or n == "data.pkl"]
    if len(pickles) != 1:
        raise Problem("a zip file without data.pkl: not written by torch.save")
    folder = pickles[0][: -len("data.pkl")]
    if any(n.startswith(folder + "code/") for n in names):
        raise Problem("a TorchScript program; save its state_dict() with torch.save")
    if folder + "byteorder" in names and archive.read(folder + "byteorder") != b"little":
        raise Problem("written on a big-endian machine")
    root = Unpickler(io.BytesIO(archive.read(pickles[0]))).load()

    def read(storage):
        name = f"{folder}data/{storage.key}"
        if name not in names:
            raise Problem(f"no storage {storage.key} in the file: truncated?")
        return numbers(archive.read(name), storage.dtype, numpy)

    return root, cached(read)


def load_stream(file, numpy):
    """The older format: pickles one after the other, then the storages."""
    if Unpickler(file).load() != MAGIC:
        raise Problem("not written by torch.save")
    Unpickler(file).load()  # version of the format
    system = Unpickler(file).load()
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise Problem("written on a big-endian machine")
    dtypes = {}

    class Remembering(Unpickler):
        def persistent_load(self, pid):
            storage = super().persistent_load(pid)
            dtypes[storage.key] = storage.dtype
            return storage

    root = Remembering(file).load()
    storages = {}
    for key in map(str, Unpickler(file).load()):
        dtype = dtypes.get(key)
        if dtype not in STORAGES.values():
            raise Problem(f"numbers of type {dtype}, after which the file cannot be read")
        width = 2 if dtype == "bfloat16" else numpy.dtype(dtype).itemsize
        head = file.read(8)
        length = struct.unpack("<q", head)[0] * width if len(head) == 8 else -1
        data = file.read(length) if 0 <= length < 1 << 40 else b""
        if len(data) != length:
            raise Problem(f"storage {key} is cut off: the file is truncated")
        storages[key] = numbers(data, dtype, numpy)

    def read(storage):
        if storage.key not in storages:
            raise Problem(f"no storage {storage.key} in the file")
        return storages[storage.key]

    return root, read


def cached(read):
    memory = {}

    def again(storage):
        if storage not in memory:
            with one_line():
                memory[storage] = read(storage)
        return memory[storage]

    return again


def load_npz(file, numpy):
    with numpy.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}, None


def load(path, numpy):
    """The root object of a checkpoint, and a function that reads storages."""
    with open(path, "rb") as raw:
        file = io.BytesIO(raw.read())
    with one_line():
        if zipfile.is_zipfile(file):
            names = zipfile.ZipFile(file).namelist()
            file.seek(0)
            is_npz = bool(names) and all(n.endswith(".npy") for n in names)
            return load_npz(file, numpy) if is_npz else load_zip(file, numpy)
        file.seek(0)
        return load_stream(file, numpy)


def to_array(name, tensor, read, numpy):
    """A tensor as an array of its own, after checks of what the file claims."""
    if isinstance(tensor, Unsupported):
        raise Problem(f"tensor '{name}' is sparse, quantised or otherwise special ({tensor.how})")
    if isinstance(tensor, numpy.ndarray):
        array = tensor
    else:
        storage, offset, size, stride = tensor
        whole = all(isinstance(n, int) and n >= 0 for n in (offset, *size, *stride))
        if not whole or len(size) != len(stride) or len(size) > 8:
            raise Problem(f"tensor '{name}': sizes {size} and strides {stride} make no tensor")
        flat = read(storage)
        if flat is None:
            raise Problem(f"tensor '{name}': numbers of type {storage.dtype} are not exported")
        last = offset + sum((n - 1) * s for n, s in zip(size, stride))
        if 0 not in size and last >= flat.size:
            raise Problem(f"tensor '{name}' of size {size} does not fit its storage of "
                          f"{flat.size} numbers: truncated?")
        width = flat.itemsize
        array = numpy.zeros(size, flat.dtype) if 0 in size else numpy.lib.stride_tricks.as_strided(
            flat[offset:], size, [s * width for s in stride])
    if array.dtype.kind not in "fiub":
        raise Problem(f"tensor '{name}': numbers of type {array.dtype} are not exported")
    return numpy.array(array, "<f4" if array.dtype == numpy.dtype("<f2") else array.dtype)


def dictionaries(node, numpy, path=""):
    """All dictionaries with tensors directly in them, as (path, dictionary)."""
    if not isinstance(node, dict):
        return
    if any(isinstance(v, TENSORS + (numpy.ndarray,)) for v in node.values()):
        yield path, node
    for key, value in node.items():
        if isinstance(key, str):
            yield from dictionaries(value, numpy, f"{path}/{key}" if path else key)


def choose(root, key, numpy):
    found = dict(dictionaries(root, numpy))
    names = ", ".join(repr(n) for n in found if n)
    if key is not None:
        if key not in found:
            raise Problem(f"--key: no tensors under '{key}'"
                          + (f"; there are some under {names}" if names else ""))
        return found[key]
    if not found:
        raise Problem("no dictionary with tensors in it; save model.state_dict()")
    if "" in found:
        return found[""]
    if len(found) > 1:
        raise Problem(f"several dictionaries with tensors: {names}; choose one with --key")
    return next(iter(found.values()))


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def setting(text):
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"got '{text}', expected NAME=VALUE")
    try:
        return name, float(value)
    except ValueError:
        return name, value


def write(path, tensors, attributes, h5py):
    """Under a temporary name first, so that no half file is left behind."""
    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(suffix=".h5", dir=folder)
    os.close(handle)
    try:
        with h5py.File(temporary, "w") as file:
            group = file.create_group("state_dict")
            for name, array in tensors.items():
                group.create_dataset(name, data=array)
            for name, value in attributes.items():
                file.attrs[name] = value
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def export(arguments):
    try:
        import h5py
        import numpy
    except ImportError as error:
        raise Problem(f"{error.name} is missing; apt-get install python3-h5py python3-numpy")
    root, read = load(arguments.checkpoint, numpy)
    state = choose(root, arguments.key, numpy)
    tensors = {}
    for name, value in state.items():
        if not isinstance(value, TENSORS + (numpy.ndarray,)):
            continue
        if not isinstance(name, str) or not name or "/" in name or name in (".", ".."):
            raise Problem(f"a tensor with the name {name!r}, which HDF5 does not take")
        tensors[name] = to_array(name, value, read, numpy)
    attributes = dict(arguments.set)
    attributes.setdefault("source", f"{os.path.basename(arguments.checkpoint)} "
                                    f"(sha256 {sha256(arguments.checkpoint)})")
    write(arguments.out, tensors, attributes, h5py)
    count = sum(a.size for a in tensors.values())
    print(f"{arguments.out}: {len(tensors)} tensors, {count} numbers")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help=".pth, .pt, .ckpt of torch.save, or .npz")
    parser.add_argument("out", help="HDF5 file to write")
    parser.add_argument("--key", help="which dictionary, as state_dict or models/generator, where "
                                      "the checkpoint holds several")
    parser.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE",
                        help="root attribute for `fejer import`: activation=elu, "
                             "trained_for_sigma=25, rho_wcvx=1")
    arguments = parser.parse_args(arguments)
    try:
        export(arguments)
    except (Problem, OSError) as problem:
        print(f"export_state.py: {arguments.checkpoint}: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
