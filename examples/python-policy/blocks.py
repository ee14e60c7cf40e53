"""Sets of blocks for a plugin in Python, quick enough for a disk of 16 million blocks.

A set is a dict of chunks of 65,536 blocks; a chunk is an integer whose bits are the blocks in it. So
what a union or a difference costs goes with the chunks that are populated, and Python does the work
on whole chunks. `protocol/SPEC.md`, "Sets of blocks", has the two forms in which a set travels.
"""
import base64
import struct

CHUNK = 65_536
FULL = (1 << CHUNK) - 1


class BlockSet:
    """A set of block numbers. Operations give new sets; no set ever changes."""

    __slots__ = ("chunks", "_count")

    def __init__(self, chunks=None):
        self.chunks = chunks if chunks is not None else {}
        self._count = None

    @property
    def count(self):
        """How many blocks are in it; counted when it is first asked for."""
        if self._count is None:
            self._count = sum(bits.bit_count() for bits in self.chunks.values())
        return self._count

    def union(self, other):
        chunks = dict(self.chunks)
        for index, bits in other.chunks.items():
            chunks[index] = chunks.get(index, 0) | bits
        return BlockSet(chunks)

    def difference(self, other):
        if not other.chunks:
            return self
        chunks = dict(self.chunks)
        for index, bits in other.chunks.items():
            if index in chunks:
                chunks[index] &= ~bits
                if not chunks[index]:
                    del chunks[index]
        return BlockSet(chunks)

    def intersection(self, other):
        small, large = sorted((self.chunks, other.chunks), key=len)
        both = {index: bits & large.get(index, 0) for index, bits in small.items()}
        return BlockSet({index: bits for index, bits in both.items() if bits})

    def take_outside(self, excluded, count):
        """The first `count` blocks that are in none of the sets `excluded`."""
        taken = {}
        for index in sorted(self.chunks):
            if count == 0:
                break
            bits = self.chunks[index]
            for each in excluded:
                bits &= ~each.chunks.get(index, 0)
            if not bits:
                continue
            size = bits.bit_count()
            if size > count:
                bits, size = _lowest(bits, count), count
            taken[index] = bits
            count -= size
        return BlockSet(taken)

    def with_groups(self, size, least):
        """Every group of `size` blocks of which at least `least` are in the set, made whole."""
        width = size // 8
        none, whole = bytes(width), b"\xff" * width
        chunks = {}
        for index, bits in self.chunks.items():
            data = bits.to_bytes(CHUNK // 8, "little")
            parts = [data[at : at + width] for at in range(0, len(data), width)]
            if least == 1:
                grown = [part if part == none else whole for part in parts]
            else:
                grown = [whole if _count_in(part) >= least else part for part in parts]
            chunks[index] = int.from_bytes(b"".join(grown), "little")
        return BlockSet(chunks)

    def runs(self):
        """Pairs of first block and number of blocks, ascending, as long as can be."""
        start = end = 0
        for index in sorted(self.chunks):
            words = struct.unpack("<1024Q", self.chunks[index].to_bytes(CHUNK // 8, "little"))
            for number, word in enumerate(words):
                place = index * CHUNK + number * 64
                while word:
                    skip = (word & -word).bit_length() - 1
                    word >>= skip
                    take = (~word & (word + 1)).bit_length() - 1
                    word >>= take
                    place += skip
                    if place != end:
                        if end > start:
                            yield start, end - start
                        start = place
                    place += take
                    end = place
        if end > start:
            yield start, end - start

    def encode(self):
        """The compact form."""
        counts, end = bytearray(), 0
        for start, length in self.runs():
            for number in (start - end, length):
                while number >= 0x80:
                    counts.append(number & 0x7F | 0x80)
                    number >>= 7
                counts.append(number)
            end = start + length
        return base64.b64encode(counts).decode()


EMPTY = BlockSet()


def union_of(sets):
    """The blocks that are in any of the sets."""
    chunks = {}
    for each in sets:
        for index, bits in each.chunks.items():
            chunks[index] = chunks.get(index, 0) | bits
    return BlockSet(chunks)


def in_two_of(sets):
    """The blocks that are in two of the sets, or more."""
    once, twice = {}, {}
    for each in sets:
        for index, bits in each.chunks.items():
            before = once.get(index)
            if before is None:
                once[index] = bits
                continue
            again = before & bits
            if again:
                twice[index] = twice.get(index, 0) | again
            once[index] = before | bits
    return BlockSet(twice)


def decode(form):
    """A set of either form, a list of counts or the compact text."""
    counts = _counts(form) if isinstance(form, str) else form
    if len(counts) % 2:
        raise ValueError("a set of blocks ends with a skip")
    chunks, block = {}, 0
    for skip, take in zip(counts[::2], counts[1::2]):
        start = block + skip
        block = start + take
        while start < block:
            index, place = divmod(start, CHUNK)
            length = min(block - start, CHUNK - place)
            if length == CHUNK:
                chunks[index] = FULL
            else:
                _set_bits(chunks.setdefault(index, bytearray(CHUNK // 8)), place, length)
            start += length
    return BlockSet(
        {
            index: bits if bits is FULL else int.from_bytes(bits, "little")
            for index, bits in chunks.items()
        }
    )


def _set_bits(data, place, length):
    """Sets `length` bits from `place` on: those of the first bytes, whole ones, those of the last."""
    while length and (place % 8 or length < 8):
        data[place // 8] |= 1 << place % 8
        place, length = place + 1, length - 1
    whole = length // 8
    data[place // 8 : place // 8 + whole] = b"\xff" * whole
    for rest in range(place + whole * 8, place + length):
        data[rest // 8] |= 1 << rest % 8


def _count_in(data):
    return int.from_bytes(data, "little").bit_count()


def _counts(text):
    data = base64.b64decode(text, validate=True)
    if not data or max(data) < 0x80:
        return list(data)
    counts, number, shift = [], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            counts.append(number)
            number = shift = 0
    if shift:
        raise ValueError("a set of blocks ends within a count")
    return counts


def _lowest(bits, count):
    """The lowest `count` bits that are set, of more than that: halving the places that are looked at."""
    low, high = 0, CHUNK
    while low < high:
        middle = (low + high) // 2
        if (bits & ((1 << middle) - 1)).bit_count() < count:
            low = middle + 1
        else:
            high = middle
    return bits & ((1 << low) - 1)
