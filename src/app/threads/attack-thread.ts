/** A thread that attacks one picture. */
import { join } from 'node:path';
import { ServiceError } from '../../errors.ts';
import { attackPicture } from '../../evaluation/index.ts';
import { readModelFile } from '../../models/index.ts';
import type { AttackWork } from './attack-in-thread.ts';
import { work } from './work.ts';

const CHANGED_SECONDS = 2;

await work<AttackWork>(async ({ root, version, device, picture, eps, iterations, recipe }, engine) => {
  const { name, manifest } = version;
  const path = join(root, name, `${version.version}`, 'model.onnx');
  const { bytes, sha256 } = await readModelFile(path);
  if (sha256 !== version.sha256) {
    const sentence = `The file of the model "${name}" has changed, and what it holds now is not served yet. Try again.`;
    throw new ServiceError('not_ready', sentence, { retryAfterSeconds: CHANGED_SECONDS });
  }
  const { input, output, recipes } = manifest;
  const source = { name: `"${name}"`, bytes, input, ...(output !== undefined && { output }) };
  const sees = recipe !== undefined ? { name: recipe, recipe: recipes[recipe]! } : undefined;
  const result = await attackPicture({ ...engine, device }, source, picture, { eps, iterations, sees });
  return { result, moved: [] };
});
