import type { Config } from '../config.ts';
import type { Engine } from '../engine/index.ts';
import { ServiceError } from '../errors.ts';
import type { Playground, PlaygroundAttack } from '../http/index.ts';
import { type ImageDecoder, toPng } from '../images/index.ts';
import type { Inference } from '../inference/inference.ts';
import { rowShape } from '../models/index.ts';
import type { DescribedVersion, InputSpec } from '../models/model.ts';
import { isLoopback } from './open-access.ts';
import { attackInThread } from './threads/attack-in-thread.ts';

const TIMEOUT_MS = 20_000;
/** A side of larger models makes a gradient cost seconds. */
const LARGEST_PIXELS = 256 * 256;
const BUSY_SECONDS = 2;

export interface PlaygroundDeps {
  readonly engine: Engine;
  readonly decoder: ImageDecoder;
  readonly inference: Pick<Inference, 'version' | 'choose'>;
}

/**
 * Whether pictures may be attacked. By default they may where requests can only come from this machine; the
 * operator may say otherwise.
 */
export const isPlayground = ({ playground, host }: Pick<Config, 'playground' | 'host'>): boolean =>
  playground === undefined ? isLoopback(host) : playground === 'on';

function requireSmall({ width, height }: InputSpec): void {
  if (width * height <= LARGEST_PIXELS) return;
  const sentence = `The model sees ${width} x ${height} pixels; attacks are for models of at most 256 x 256.`;
  throw new ServiceError('invalid_request', sentence);
}

/** Planes as sharp has them: red first. */
function redFirst(pixels: Float32Array, { channels }: InputSpec): Float32Array {
  if (channels !== 'bgr') return pixels;
  const plane = pixels.length / 3;
  const planes = [2, 1, 0].map((channel) => pixels.subarray(channel * plane, (channel + 1) * plane));
  return Float32Array.from(planes.flatMap((each) => [...each]));
}

/**
 * One attack at a time, ended after a while. It has a thread of its own, and what it needs of the model is
 * opened for it and released after it.
 */
export function createPlayground({ engine, decoder, inference }: PlaygroundDeps, root: string): Playground {
  let isBusy = false;

  /** The model of an attack that sees it as it is. */
  function asItIs({ model, caller, hidesStatic }: PlaygroundAttack): DescribedVersion {
    if (hidesStatic !== true) return inference.version(model);
    const why = `is told nothing of the model as it is; name a recipe to attack what that adapts`;
    throw new ServiceError('forbidden', `The key "${caller}" ${why}.`);
  }

  async function attack(asked: PlaygroundAttack): Promise<Uint8Array> {
    const { image, eps, iterations, signal } = asked;
    const { version, recipe } =
      asked.recipe === undefined ? { version: asItIs(asked), recipe: undefined } : inference.choose(asked);
    const { input } = version.manifest;
    requireSmall(input);
    const picture = await decoder.decode(image, input, signal);
    const { name, sha256, manifest } = version;
    const served = { name, version: version.version, sha256, manifest };
    const attacked =
      eps === 0
        ? Float32Array.from(picture, (byte) => byte / 255)
        : await attackInThread(engine, { root, version: served, picture, eps, iterations, recipe }, signal);
    const [channels, height, width] = rowShape(input);
    return toPng({ data: redFirst(attacked, input), channels, height, width });
  }

  return {
    async attack(asked) {
      if (isBusy) {
        const sentence = 'Another picture is being attacked; one is at a time.';
        throw new ServiceError('queue_full', sentence, { retryAfterSeconds: BUSY_SECONDS });
      }
      isBusy = true;
      const late = AbortSignal.timeout(TIMEOUT_MS);
      try {
        return await attack({ ...asked, signal: AbortSignal.any([asked.signal, late]) });
      } catch (error) {
        if (late.aborted)
          throw new ServiceError('timeout', 'The attack took longer than 20 seconds.', { cause: error });
        if (asked.signal.aborted)
          throw new ServiceError('cancelled', 'The request was cancelled.', { cause: error });
        throw error;
      } finally {
        isBusy = false;
      }
    },
  };
}
