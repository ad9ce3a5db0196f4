import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Engine } from '../engine/index.ts';
import { ServiceError } from '../errors.ts';
import type { Playground, PlaygroundAttack } from '../http/index.ts';
import { type ImageDecoder, toPng } from '../images/index.ts';
import type { Inference } from '../inference/inference.ts';
import type { InputSpec } from '../models/model.ts';
import { readModel } from '../onnx/index.ts';
import { isLoopback } from './open-access.ts';

const TIMEOUT_MS = 20_000;
/** A side of larger models makes a gradient cost seconds. */
const LARGEST_PIXELS = 256 * 256;
const BUSY_SECONDS = 2;

export interface PlaygroundDeps {
  readonly engine: Engine;
  readonly decoder: ImageDecoder;
  readonly inference: Pick<Inference, 'version'>;
}

/**
 * Whether somebody may have pictures attacked: where nobody but who sits at this machine can ask, unless the
 * operator says otherwise.
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
 * One attack at a time, ended after a while. What it needs of the model is opened for it and released after
 * it.
 */
export function createPlayground({ engine, decoder, inference }: PlaygroundDeps, root: string): Playground {
  let isBusy = false;

  async function attack({ model, image, eps, iterations, signal }: PlaygroundAttack): Promise<Uint8Array> {
    const { name, version, manifest } = inference.version(model);
    const { input, output } = manifest;
    requireSmall(input);
    const pixels = await decoder.decode(image, input, signal);

    async function search(): Promise<Float32Array> {
      // Loaded here: a server whose page nobody looks at has no use for it.
      const { attackPicture } = await import('../evaluation/index.ts');
      const bytes = await readModel(join(root, name, `${version}`, 'model.onnx'));
      const source = { name: `"${name}"`, bytes, input, ...(output !== undefined && { output }) };
      return attackPicture(engine, source, pixels, { eps, iterations, signal });
    }

    const attacked = eps === 0 ? Float32Array.from(pixels, (byte) => byte / 255) : await search();
    const { width, height } = input;
    const channels = input.channels === 'gray' ? 1 : 3;
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
