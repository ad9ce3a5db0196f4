import { createHash } from 'node:crypto';
import { type OutputHint, tensorNames } from '../dent/index.ts';
import { InputError, naming, systemReason } from '../errors.ts';
import { readModel } from '../onnx/index.ts';
import type { DescribedVersion, Manifest } from './model.ts';
import type { FoundModel, FoundVersion } from './repository-scan.ts';

/** The bytes of a version's model file, and their hash. Rejects with `InputError` where it cannot be read. */
export async function readModelFile(path: string): Promise<{ bytes: Uint8Array; sha256: string }> {
  const bytes = await naming(path, () => readModel(path)).catch((cause: unknown) => {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`${path}: the model cannot be read, ${systemReason(cause)}.`, { cause });
  });
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/**
 * A hash of everything that decides how a version's rows are answered: its file, how images become rows, and
 * its recipes. Processes compare it to find out whether they mean the same by a model's name.
 */
export function contentHash(name: string, version: number, sha256: string, manifest: Manifest): string {
  const { input, output, precision, labels, recipes } = manifest;
  // Absent fields leave the hashes of earlier versions as they were.
  const named = [
    ...(output === undefined ? [] : [output]),
    ...(precision === undefined ? [] : [{ precision }]),
  ];
  const identity = JSON.stringify([name, version, sha256, input, labels, recipes, ...named]);
  return createHash('sha256').update(identity).digest('hex');
}

/** What the manifest says about the output that classifies. */
export const outputHint = ({ output, labels }: Manifest): OutputHint => ({
  ...(output !== undefined && { output }),
  classes: labels.length,
});

/**
 * Describes versions by their manifest and their file. The file is read again when its stamp changes. Rejects
 * with `InputError` where it cannot be read, or holds no image classifier.
 */
export function createDescriber(): (model: FoundModel, version: FoundVersion) => Promise<DescribedVersion> {
  const files = new Map<string, Pick<DescribedVersion, 'sha256' | 'tensors'> & { readonly asked: string }>();

  async function look({ modelPath, stamp }: FoundVersion, hint: OutputHint) {
    const asked = JSON.stringify([stamp, hint]);
    const known = files.get(modelPath);
    if (known?.asked === asked) return known;
    const { bytes, sha256 } = await readModelFile(modelPath);
    const tensors = await naming(modelPath, async () => tensorNames(bytes, hint));
    const file = { asked, sha256, tensors };
    files.set(modelPath, file);
    return file;
  }

  return async ({ name, manifest }, found) => {
    const { sha256, tensors } = await look(found, outputHint(manifest));
    const { version } = found;
    return {
      name,
      version,
      sha256,
      tensors,
      content: contentHash(name, version, sha256, manifest),
      manifest,
    };
  };
}
