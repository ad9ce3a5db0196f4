import type { CompiledModel, CompileOptions, Recipe } from './dent/index.ts';
import type { Tensor } from './tensor.ts';

/** What a compiler's thread is started with. */
export interface Work {
  readonly model: Uint8Array;
  readonly recipe: Recipe;
  readonly options: CompileOptions | undefined;
}

/** From the thread. Errors of other classes than `InputError` keep their message and stack alone. */
export type FromCompiler =
  | {
      readonly kind: 'question';
      readonly id: number;
      readonly model: Uint8Array;
      readonly feeds: Readonly<Record<string, Tensor>>;
    }
  | { readonly kind: 'compiled'; readonly compiled: CompiledModel }
  | {
      readonly kind: 'failed';
      readonly isInput: boolean;
      readonly message: string;
      readonly stack: string | undefined;
    };

/** To the thread: what became of its question. */
export type ToCompiler =
  | { readonly id: number; readonly outputs: Record<string, Tensor> }
  | { readonly id: number; readonly isInput: boolean; readonly reason: string };
