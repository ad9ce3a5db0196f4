"""The reference behind LitServe: batches of up to 128 requests, collected for as long as dent-serve collects them."""
import os
import sys

import litserve
from fastapi import Request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reference  # noqa: E402


class Api(litserve.LitAPI):
    def setup(self, device):
        self.adaptation = reference.from_environment()

    def decode_request(self, request: Request):
        return request["recipe"], self.adaptation.decode(request["image"].file)

    def predict(self, batch):
        recipes = [recipe for recipe, _ in batch]
        found = [None] * len(batch)
        for recipe in set(recipes):
            rows = [i for i, each in enumerate(recipes) if each == recipe]
            logits = self.adaptation.predict([batch[i][1] for i in rows], recipe)
            for i, answer in zip(rows, reference.answers(logits)):
                found[i] = answer
        return found

    def batch(self, inputs):
        return inputs

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    api = Api(max_batch_size=128, batch_timeout=float(os.environ["PEER_WINDOW_MS"]) / 1000)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=False, fast_queue=True)
    server.run(host="127.0.0.1", port=int(os.environ["PEER_PORT"]), generate_client_file=False, log_level="warning")
