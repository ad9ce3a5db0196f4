import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { CompiledModel, CompileOptions, compile, GraphRunner, Recipe } from '../dent/index.ts';
import type { Device } from '../engine/engine.ts';
import { InputError, systemReason } from '../errors.ts';
import { compilerIdentity } from './compiler-identity.ts';
import { farCacheHere } from './far-cache.ts';

/** A compiled graph on disk. */
export interface CachedArtifact extends Omit<CompiledModel, 'bytes'> {
  /** Absolute path of the compiled ONNX file. */
  readonly path: string;
}

export interface ArtifactCacheDeps {
  readonly compile: typeof compile;
  /** Answers the compiler's questions about the model. */
  readonly runner: GraphRunner;
}

export interface ArtifactCacheOptions {
  /** Absolute path. The folder is created where it is missing. */
  readonly dir: string;
  readonly device: Device;
  /** Whether its graphs take batches that are filled up. */
  readonly fillsBatches?: boolean;
}

export interface ArtifactCache {
  /** The hardware that its graphs are written for. */
  readonly device: Device;
  /**
   * The compiled graph of the model whose bytes have the hash `sha256`, from the cache or from the compiler,
   * which then fills the cache. An entry that is broken is written anew. Rejects with `InputError` where the
   * model cannot be compiled or the cache cannot be written.
   */
  get(model: Uint8Array, sha256: string, recipe: Recipe, options: CompileOptions): Promise<CachedArtifact>;
}

/**
 * The part of a recipe that the compiled graph depends on. The number of steps is an input of the graph, but
 * with none at all the graph is the plain forward pass. `small` decides between graphs and is in none.
 */
export function compileKey(recipe: Recipe): string {
  const { steps, small: _, ...compiled } = recipe;
  return JSON.stringify({ ...compiled, adapts: steps > 0 });
}

const GRAPH = 'graph.onnx';
const DESCRIPTION = 'graph.json';

/** What an entry says of its graph. */
interface Description extends Omit<CompiledModel, 'bytes'> {
  /** Of the graph. It finds what a full disk or a careless hand has broken, sooner than a hash would. */
  readonly crc32: number;
}

/** In small pieces most of the time would be that of the calls. */
const PIECE_BYTES = 2 ** 20;

async function crc32OfFile(path: string): Promise<number> {
  let sum = 0;
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) sum = crc32(piece, sum);
  return sum;
}

/**
 * Undefined where the entry is missing, or is not as it was written: a disk was full, or somebody tidied up.
 */
async function read(entry: string): Promise<CachedArtifact | undefined> {
  const path = join(entry, GRAPH);
  try {
    const text = await readFile(join(entry, DESCRIPTION), 'utf8');
    const { crc32: written, ...description } = JSON.parse(text) as Description;
    if ((await crc32OfFile(path)) !== written) return undefined;
    const now = new Date();
    // The time of an entry shows people whether it is still used. A read-only cache works all the same.
    await utimes(entry, now, now).catch(() => {});
    return { ...description, path };
  } catch {
    return undefined;
  }
}

async function putInPlace(temporary: string, entry: string): Promise<void> {
  try {
    await rename(temporary, entry);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    // Another process has compiled the same graph meanwhile, and its copy is as good. Or it is a broken one.
    if ((await read(entry)) !== undefined) return;
    await rm(entry, { recursive: true, force: true });
    await rename(temporary, entry);
  }
}

/**
 * Files appear under their final name all at once: a folder is filled under a temporary name, then renamed.
 */
async function write(dir: string, entry: string, compiled: CompiledModel): Promise<void> {
  const { bytes, ...description } = compiled;
  const temporary = join(dir, `.${randomUUID()}`);
  await mkdir(dir, { recursive: true });
  await mkdir(temporary);
  try {
    await writeFile(join(temporary, GRAPH), bytes, { flush: true });
    const described: Description = { ...description, crc32: crc32(bytes) };
    await writeFile(join(temporary, DESCRIPTION), JSON.stringify(described), { flush: true });
    await putInPlace(temporary, entry);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Compiled graphs by the hash of everything they depend on, so that two models or settings never share an
 * entry.
 */
export function createArtifactCache(
  { compile, runner }: ArtifactCacheDeps,
  { dir, device, fillsBatches = false }: ArtifactCacheOptions,
): ArtifactCache {
  const compiler = compilerIdentity();
  const farCache = farCacheHere();
  return {
    device,
    async get(model, sha256, recipe, options) {
      const target = { ...options, target: device, inPasses: true, isPadded: fillsBatches, farCache };
      const identity = JSON.stringify([sha256, compileKey(recipe), target, compiler]);
      const entry = join(dir, createHash('sha256').update(identity).digest('hex'));
      const cached = await read(entry);
      if (cached !== undefined) return cached;
      const compiled = await compile(model, recipe, runner, target);
      await write(dir, entry, compiled).catch((cause: Error) => {
        throw new InputError(
          `Compiled models cannot be written to ${dir}, ${systemReason(cause)}; DENT_CACHE_DIR names another folder.`,
          { cause },
        );
      });
      const { bytes: _, ...description } = compiled;
      return { ...description, path: join(entry, GRAPH) };
    },
  };
}
