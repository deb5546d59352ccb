"""Ways to bend the files of a store, byte by byte or as whole files."""
import struct

SEGMENT_HEADER, JOURNAL_HEADER = 137, 128


def borders(path, data):
    """Where fields begin and end in a good file."""
    if path.startswith("journal"):
        yield from (0, 8, 10, 12, 16, 24, 32, 64, 96, JOURNAL_HEADER)
        at = JOURNAL_HEADER
        while at + 16 <= len(data):
            length = struct.unpack(">I", data[at + 12:at + 16])[0]
            yield from (at + 8, at + 9, at + 12, at + 16, at + 16 + length, at + 48 + length)
            at += 48 + length
        return
    yield from (0, 8, 10, 12, 16, 48, 56, 64, 72, 104, 105)
    at = 105 + 32 * data[104]
    yield at
    at += 32
    while at + 56 <= len(data):
        yield from (at + field for field in (0, 8, 16, 20, 24, 32, 36, 40, 48, 56, 58, 66))
        leaves, content = struct.unpack(">IQ", data[at + 20:at + 32])
        block = at + 56 + leaves
        yield from (block, block + 4, block + 6, block + 12, block + 20, block + 28, block + 60, block + 68)
        at = block + content + 72
        yield from (at - 72, at - 64, at - 32)


def some_file(rng, files):
    return rng.choice(sorted(path for path, data in files.items() if data))


def some_border(rng, path, data):
    return rng.choice([at for at in borders(path, data) if at < len(data)] or [0])


def flip(rng, files):
    path = some_file(rng, files)
    data = bytearray(files[path])
    at = min(some_border(rng, path, files[path]) + rng.randrange(3), len(data) - 1)
    bit = rng.randrange(8)
    data[at] ^= 1 << bit
    files[path] = bytes(data)
    return f"{path}: bit {bit} of byte {at} flipped"


def cut(rng, files):
    path = some_file(rng, files)
    at = some_border(rng, path, files[path]) + rng.choice([0, 0, 0, 1, -1])
    files[path] = files[path][:max(0, at)]
    return f"{path} cut at {at}"


def cut_a_little(rng, files):
    room = rng.choice(["segments", "journal"])
    path = max(path for path in files if path.startswith(room))
    count = rng.randrange(1, min(300, len(files[path]) + 1))
    files[path] = files[path][:-count]
    return f"{path}: {count} bytes cut off"


def zeros(rng, files):
    """A page that never reached the disk."""
    path = some_file(rng, files)
    data = files[path]
    begin = rng.choice([some_border(rng, path, data), max(0, len(data) - rng.randrange(600))])
    end = min(len(data), begin + rng.choice([1, 8, 40, 512]))
    files[path] = data[:begin] + bytes(end - begin) + data[end:]
    return f"{path}: zeros in [{begin}, {end})"


def remove_range(rng, files):
    path = some_file(rng, files)
    begin, end = sorted((some_border(rng, path, files[path]), some_border(rng, path, files[path])))
    files[path] = files[path][:begin] + files[path][end:]
    return f"{path}: [{begin}, {end}) taken out"


def append(rng, files):
    path = some_file(rng, files)
    data = files[path]
    marker = data[64:72] if path.startswith("segments") else data[24:32]
    begin = some_border(rng, path, data)
    name, more = rng.choice([("junk", rng.randbytes(50)), ("its marker", marker), ("zeros", bytes(4096)),
                             ("junk and its marker", b"x" + marker), (f"its bytes from {begin} on", data[begin:])])
    files[path] = data + more
    return f"{path}: {name} appended"


def rename(rng, files):
    path = some_file(rng, files)
    room, name = path.split("/")
    number = rng.choice([int(name, 16) + 1, 0, 3, 2**64 - 1])
    files[f"{room}/{number:016x}"] = files[path]
    if rng.random() < 0.5 and int(name, 16) != number:
        del files[path]
    return f"{path} is {number:016x} too, or instead"


def delete(rng, files):
    path = some_file(rng, files)
    del files[path]
    return f"{path} deleted"


def not_a_file(rng, files):
    path = some_file(rng, files)
    what = rng.choice(["directory", "link", "empty"])
    files[path] = b"" if what == "empty" else (what, files[path])
    return f"{path} is a {what}" if what != "empty" else f"{path} is empty"


def other_names(rng, files):
    path = some_file(rng, files)
    files[rng.choice([path + ".new", path.replace("0", "A", 1), path + "0", path[:-1]])] = b"whatever"
    return "a file of another name"


FILES = [flip, flip, cut, cut_a_little, cut_a_little, zeros, remove_range, append, rename, delete, not_a_file,
         other_names]
