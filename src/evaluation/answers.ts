import { allFinite, type Tensor } from '../tensor.ts';
import { rowViews } from './ball.ts';

/**
 * The most probable class of each row, the lowest among equals; -1 where the row has no finite answer, which
 * is right for no label.
 */
export const answersOf = (logits: Tensor<'float32'>): Int32Array =>
  Int32Array.from(rowViews(logits), (row) => (allFinite(row) ? row.indexOf(Math.max(...row)) : -1));
