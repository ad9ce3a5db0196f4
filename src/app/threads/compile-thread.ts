/** A thread that compiles one model. */
import { compile } from '../../dent/index.ts';
import type { CompileWork } from './compile-in-thread.ts';
import { work } from './work.ts';

await work<CompileWork>(async ({ model, recipe, options }, engine) => {
  const result = await compile(model, recipe, engine, options);
  return { result, moved: [result.bytes] };
});
