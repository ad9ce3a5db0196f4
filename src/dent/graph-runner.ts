import type { Tensor } from '../tensor.ts';

type Tensors = Readonly<Record<string, Tensor>>;

/** A model that can be run as it is written. */
export interface ProbedModel {
  /** Returns every output. */
  run(feeds: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

/** Something that runs ONNX graphs: ONNX Runtime, handed in so that this room stays pure. */
export interface GraphRunner {
  probe(model: Uint8Array): Promise<ProbedModel>;
}

/** Lets `ask` run a model as many times as it needs. */
export async function probing<T>(
  runner: GraphRunner,
  model: Uint8Array,
  ask: (run: ProbedModel['run']) => Promise<T>,
): Promise<T> {
  const { run, release } = await runner.probe(model);
  try {
    return await ask(run);
  } finally {
    await release();
  }
}
