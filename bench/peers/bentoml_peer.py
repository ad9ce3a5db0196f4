"""The reference behind BentoML, with its adaptive batching: up to 128 images, and no request given up for its wait."""
import os
import sys
from pathlib import Path

import bentoml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reference  # noqa: E402

BATCHING = {"batchable": True, "max_batch_size": 128, "max_latency_ms": 600_000}


@bentoml.service(workers=1, traffic={"timeout": 3600})
class Peer:
    def __init__(self):
        self.adaptation = reference.from_environment()

    def answer(self, images, recipe):
        rows = [self.adaptation.decode(image) for image in images]
        return reference.answers(self.adaptation.predict(rows, recipe))

    @bentoml.api(**BATCHING)
    def isolated(self, images: list[Path]) -> list[dict]:
        return self.answer(images, "isolated")

    @bentoml.api(**BATCHING)
    def brief(self, images: list[Path]) -> list[dict]:
        return self.answer(images, "brief")
