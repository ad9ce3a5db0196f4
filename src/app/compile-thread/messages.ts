import type { CompiledModel, CompileOptions, Recipe } from '../../dent/index.ts';
import type { Tensor } from '../../tensor.ts';

/** The input of a compiler's thread. */
export interface Work {
  readonly model: Uint8Array;
  readonly recipe: Recipe;
  readonly options: CompileOptions | undefined;
}

type Tensors = Readonly<Record<string, Tensor>>;

/** A question of the thread to the graph runner. A probed model has the id of the question that opened it. */
export type Question =
  | { readonly kind: 'probe'; readonly id: number; readonly model: Uint8Array }
  | { readonly kind: 'run'; readonly id: number; readonly probe: number; readonly feeds: Tensors }
  | { readonly kind: 'release'; readonly id: number; readonly probe: number };

/** From the thread. Errors of other classes than `InputError` keep only their message and stack. */
export type FromCompiler =
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'compiled'; readonly compiled: CompiledModel }
  | {
      readonly kind: 'failed';
      readonly isInput: boolean;
      readonly message: string;
      readonly stack: string | undefined;
    };

/** To the thread: the answer to its question. Only a run has outputs. */
export type ToCompiler =
  | { readonly id: number; readonly outputs: Tensors }
  | { readonly id: number; readonly isInput: boolean; readonly reason: string };
