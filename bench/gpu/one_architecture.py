"""Empties the kernels that ONNX Runtime's CUDA provider has for other GPUs, so that it packs into a third.

    python3 bench/gpu/one_architecture.py libonnxruntime_providers_cuda.so 90

A fat binary has one entry for each compute capability, and the driver reads only the one for its GPU. The file keeps its size and all
addresses: the others are filled with zeros. Fat binaries without an entry for this one stay whole."""
import struct
import sys

# The header of a fat binary: magic number, version, size of the header, size of all entries behind it.
HEADER = struct.Struct("<IHHQ")
MAGIC = 0xBA55ED50
# The start of an entry: kind, version, size of the entry's header, size of its contents.
ENTRY = struct.Struct("<HHIQ")
MACHINE_CODE = 2
# Where an entry's header has the compute capability.
CAPABILITY_AT = 28


def entries_of(data, start, end):
    """Of one fat binary: (whether it is machine code, the compute capability, where its contents begin and end)."""
    while start < end:
        kind, _, header, size = ENTRY.unpack_from(data, start)
        capability, = struct.unpack_from("<I", data, start + CAPABILITY_AT)
        yield kind == MACHINE_CODE, capability, start + header, start + header + size
        start += header + size


def keep_one(data, wanted):
    """The bytes that were emptied."""
    emptied, at = 0, data.find(struct.pack("<I", MAGIC))
    while at >= 0:
        _, version, header, size = HEADER.unpack_from(data, at)
        end = at + header + size
        if version != 1 or header != HEADER.size or end > len(data):
            end = at + 4
        else:
            entries = list(entries_of(data, at + header, end))
            if any(code and capability == wanted for code, capability, _, _ in entries):
                for code, capability, first, last in entries:
                    if not code or capability != wanted:
                        data[first:last] = bytes(last - first)
                        emptied += last - first
        at = data.find(struct.pack("<I", MAGIC), end)
    return emptied


if __name__ == "__main__":
    path, capability = sys.argv[1:]
    with open(path, "r+b") as file:
        contents = bytearray(file.read())
        gone = keep_one(contents, int(capability))
        file.seek(0)
        file.write(contents)
    if gone == 0:
        sys.exit(f"{path} has no kernels for other GPUs than compute capability {capability}, or none for it.")
    print(f"{gone / 1e6:.0f} MB of kernels for other GPUs are emptied.", file=sys.stderr)
