// Posts an image to API_URL as a client would, and checks the answer. `helm test` runs it. With
// KEYS_ASKED_FOR=yes it sends API_KEY. Without that key, it checks that the image is refused.
import { setTimeout as pause } from 'node:timers/promises';

const { API_URL, API_KEY, KEYS_ASKED_FOR } = process.env;
const ATTEMPTS = 12;
const PAUSE_MS = 5000;

/** A PNG of 16 x 16 pixels. */
const IMAGE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAJElEQVR42mPQiNoCRydsNOAIlzjDINRAjCJk8cGoYTQeBoUGADBtMRAbS2wWAAAAAElFTkSuQmCC',
  'base64',
);

const post = () =>
  fetch(new URL('/v1/predict', API_URL), {
    method: 'POST',
    body: IMAGE,
    headers: { 'content-type': 'image/png', ...(API_KEY && { authorization: `Bearer ${API_KEY}` }) },
    signal: AbortSignal.timeout(60_000),
  });

/** The answer. A Service whose pods have just started may need a moment. */
async function answer() {
  for (let attempt = 1; ; attempt++) {
    const response = await post().catch((error) => error);
    const isPassing = response instanceof Error || [429, 503].includes(response.status);
    if (!isPassing) return response;
    if (attempt === ATTEMPTS) {
      throw new Error(
        `no prediction: ${response.cause?.code ?? response.message ?? (await response.text())}`,
      );
    }
    await pause(PAUSE_MS);
  }
}

function check({ predictions, adaptation, batch }) {
  if (!Array.isArray(predictions) || predictions.length === 0)
    throw new Error('the answer has no predictions');
  for (const { label, probability } of predictions) {
    if (typeof label !== 'string' || !(probability >= 0 && probability <= 1)) {
      throw new Error(`"${label}" with the probability ${probability} is no prediction`);
    }
  }
  if (typeof adaptation?.applied !== 'string' || !(batch?.size >= 1)) {
    throw new Error('the answer does not say how it was made');
  }
}

try {
  const response = await answer();
  const text = await response.text();
  if (KEYS_ASKED_FOR === 'yes' && !API_KEY) {
    if (response.status !== 401)
      throw new Error(`a post without a key was answered with ${response.status}: ${text}`);
    console.log('passed: a post without a key is refused');
  } else {
    if (response.status !== 200) throw new Error(`the answer is ${response.status}: ${text}`);
    const body = JSON.parse(text);
    check(body);
    console.log(`passed: ${body.model.name} says "${body.predictions[0].label}"`);
  }
} catch (error) {
  console.error(`failed: ${error.message}`);
  process.exitCode = 1;
}
