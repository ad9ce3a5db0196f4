import { describe, expect, it } from 'vitest';
import { HEAD, report, rightOf, rowsOf } from '../../test/fixtures/evaluation/told-report.ts';
import { createReport, type Report } from './report.ts';

describe('alarms', () => {
  const codes = (told: Report): string[] => told.alarms.map(({ code }) => code);

  it('tell of an attack that sees the adaptation and does worse than transfer', () => {
    const told = report({
      static: { attacks: { transfer: 80 } },
      isolated: { attacks: { transfer: 90, 'white-box': 140 } },
    });
    expect(codes(told)).toEqual(['masked-gradients']);
    expect(told.alarms[0]!.text).toContain('isolated: white-box sees the adaptation and leaves 70.0 % right');
    expect(codes(report({ static: {}, isolated: { attacks: { transfer: 90, 'white-box': 91 } } }))).toEqual(
      [],
    );
  });

  it('tell of strangers in the batch who break images that they cannot touch', () => {
    const moved = (right: number) => ({
      'batch-mates 20 %': { verdicts: rightOf(right), countsForWorst: false },
    });
    const told = report({ static: {}, norm: { natural: 150, attacks: moved(100) } });
    expect(told.alarms).toMatchObject([{ code: 'moved-by-strangers', recipe: 'norm' }]);
    expect(told.alarms[0]!.text).toContain('norm: batch-mates 20 % changes the accuracy');
    expect(told.alarms[0]!.text).toContain('-25.0 points');
    expect(codes(report({ static: {}, norm: { natural: 150, attacks: moved(149) } }))).toEqual([]);
  });

  it('tell of a recipe that an attack makes worse than the model as it is', () => {
    const told = report({
      static: { attacks: { transfer: 80, gmsa: 78 } },
      norm: { attacks: { transfer: 100, gmsa: 50 } },
    });
    expect(codes(told)).toEqual(['worse-than-static']);
    expect(told.alarms[0]!.text).toContain('gmsa breaks it most');
  });

  it('tell of Square where it breaks what gradients did not, and not of a single image', () => {
    expect(codes(report({ static: { attacks: { transfer: 90, square: 80 } } }))).toEqual([
      'square-beats-gradients',
    ]);
    expect(codes(report({ static: { attacks: { transfer: 90, square: 89 } } }))).toEqual([]);
    expect(codes(report({ static: { attacks: { square: 80 } } }))).toEqual([]);
  });

  it('tell of a class that is never right, and of a model that guesses', () => {
    const swapped = rowsOf('static', { natural: 160 });
    const labels = Int32Array.from({ length: 200 }, (_, i) => (i < 160 ? 0 : 7));
    const measured = { recipes: [swapped], complete: 200, labels, classes: 10, curves: [], varies: false };
    const told = createReport(HEAD, measured);
    expect(codes(told)).toEqual(['labels-doubtful']);
    expect(told.alarms[0]!.text).toContain('no image of class 7');
    const guessing = report({ static: { natural: 20 } });
    expect(guessing.alarms[0]!.text).toContain('10.0 % of 200 images right');
    expect(codes(report({ static: { natural: 60 } }))).toEqual([]);
  });

  it('tell of gradients of zeros, and of an attack that does nothing', () => {
    const zeros = { verdicts: rightOf(160), gradients: 100, zeroGradients: 100 };
    const told = report({ static: {}, isolated: { attacks: { transfer: 90, 'white-box': zeros } } });
    // The identity leaves every image right: it does worse than transfer.
    expect(codes(told)).toEqual(['masked-gradients', 'zero-gradients']);
  });

  it('name all attacks of a recipe that one fault is of, in one sentence', () => {
    const zeros = { verdicts: rightOf(160), gradients: 100, zeroGradients: 50, unmoved: 40 };
    const { alarms } = report({ static: { attacks: { transfer: zeros, 'white-box': zeros, square: 160 } } });
    expect(alarms.map(({ code, text }) => [code, text])).toEqual([
      [
        'zero-gradients',
        'static: of the gradients that attacks followed so many were zero throughout: transfer 50.0 %, white-box 50.0 %. They could not search there.',
      ],
      [
        'idle-attack',
        'static: of the images that they left right, attacks returned some without any change: transfer 40 of 160, white-box 40 of 160. They did not attack these, so their figures say nothing of them.',
      ],
    ]);
  });
});
