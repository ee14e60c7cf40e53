"""Checks blocks.py against the protocol's vectors: python3 -m unittest, in this folder."""
import json
import pathlib
import unittest

from blocks import BlockSet, decode

VECTORS = pathlib.Path(__file__).parents[2] / "protocol" / "vectors" / "blocks.json"


def numbers(blocks):
    return [start + i for start, length in blocks.runs() for i in range(length)]


class Vectors(unittest.TestCase):
    def test_both_forms_are_the_set(self):
        for vector in json.loads(VECTORS.read_text())["sets"]:
            with self.subTest(vector["what"]):
                for form in (vector["runs"], vector["compact"]):
                    self.assertEqual(numbers(decode(form)), vector["blocks"])
                self.assertEqual(decode(vector["runs"]).encode(), vector["compact"])

    def test_a_large_set(self):
        blocks = decode([0, 16777216])
        self.assertEqual(blocks.count, 16777216)
        self.assertEqual(numbers(blocks.take_outside((decode([0, 100]),), 2)), [100, 101])

    def test_groups(self):
        self.assertEqual(decode([5, 2]).with_groups(32, 2).count, 32)
        self.assertEqual(decode([5, 2]).with_groups(32, 3).count, 2)
        self.assertEqual(BlockSet().with_groups(32, 1).count, 0)


if __name__ == "__main__":
    unittest.main()
