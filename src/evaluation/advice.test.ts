import { describe, expect, it } from 'vitest';
import { report } from '../../test/fixtures/evaluation/told-report.ts';
import type { Report } from './report.ts';

describe('advice', () => {
  const of = (told: Report, aim: string) => told.advice.find((each) => each.aim === aim);

  it('names what gains, its price, and what to paste', () => {
    const told = report({
      static: { natural: 170, shifts: { dark: 100, blur: 110 } },
      blend: { natural: 160, shifts: { dark: 150, blur: 140 }, milliseconds: 500 },
      brief: { natural: 170, shifts: { dark: 102, blur: 110 } },
    });
    const advice = of(told, 'shift');
    expect(advice).toMatchObject({
      recipe: 'blend',
      price: { msPerImage: 1.5, natural: { points: -5 } },
      manifest: { recipes: { blend: { preset: 'blend' } }, defaultRecipe: 'blend' },
    });
    expect(advice!.because).toContain('+20.0 points');
    expect(advice!.because).toContain('It costs on images as they are: -5.0 points');
  });

  it('is "none" where an interval touches zero, and then to serve the model as it is', () => {
    const told = report({ static: { natural: 160 }, brief: { natural: 161 } });
    expect(of(told, 'natural')).toMatchObject({ recipe: 'none', manifest: { defaultRecipe: 'static' } });
    expect(of(told, 'natural')!.because).toContain('the nearest, brief: +0.5 points');
  });

  it('says nothing of what was not measured', () => {
    expect(report({ static: {}, brief: {} }).advice.map(({ aim }) => aim)).toEqual(['natural']);
    expect(report({ static: {} }).advice).toEqual([]);
  });

  it.each([
    [['transfer'], 'white-box, gmsa, square'],
    // Square sees what adapts, but no gradient that does was tried.
    [['transfer', 'square'], 'white-box, gmsa'],
    // Gradients that may be masked are all that was tried.
    [['white-box'], 'transfer, gmsa, square'],
    [['transfer', 'white-box', 'gmsa avg', 'gmsa min', 'square'], undefined],
  ])('says after %j what else a gain has to withstand', (names, missing) => {
    const by = (right: number) => ({ attacks: Object.fromEntries(names.map((name) => [name, right])) });
    const { because } = of(report({ static: by(80), brief: by(110) }), 'attack')!;
    if (missing === undefined) expect(because).not.toContain('Not tried');
    else expect(because).toContain(`Not tried: ${missing}. Rely on it only after --attacks standard.`);
  });

  it('goes by the worst of all attacks, not by the best looking one', () => {
    const told = report({
      static: { attacks: { transfer: 80, 'white-box': 80 } },
      norm: { attacks: { transfer: 100, 'white-box': 60 } },
    });
    expect(of(told, 'attack')).toMatchObject({ recipe: 'none' });
  });
});

describe('advice does not pass over', () => {
  const of = (told: Report, aim: string) => told.advice.find((each) => each.aim === aim)!;

  it('an alarm that doubts the gain', () => {
    const told = report({
      static: { attacks: { transfer: 80, 'white-box': 80 } },
      brief: { attacks: { transfer: 110, 'white-box': 140 } },
    });
    expect(told.alarms).toMatchObject([{ code: 'masked-gradients', recipe: 'brief' }]);
    expect(of(told, 'attack')).toMatchObject({ recipe: 'brief' });
    expect(of(told, 'attack').because).toContain('This gain is in doubt (masked-gradients)');
    const sound = { transfer: 110, 'white-box': 110 };
    const clear = report({
      static: { attacks: { transfer: 80, 'white-box': 80 } },
      brief: { attacks: sound },
    });
    expect(of(clear, 'attack').because).not.toContain('in doubt');
  });

  it('recipes that do harm, beside the one that it names', () => {
    const told = report({
      static: { attacks: { transfer: 80, gmsa: 80 } },
      brief: { natural: 159, attacks: { transfer: 110, gmsa: 110 } },
      norm: { natural: 130, attacks: { transfer: 100, gmsa: 50 } },
    });
    expect(of(told, 'attack')).toMatchObject({ recipe: 'brief' });
    expect(of(told, 'attack').because).toMatch(/Worse than the model as it is: norm -15\.0 points \(.*\)\.$/);
    expect(of(told, 'natural').because).toMatch(/brief: -0\.5 points .*\. Worse .*: norm -15\.0 points/);
  });

  it('that the nearest is a loss', () => {
    const told = report({ static: { natural: 160 }, norm: { natural: 130 } });
    expect(of(told, 'natural').because).toMatch(/the nearest, norm: -15\.0 points \(.*\), a loss\.$/);
  });

  it('that a recipe for shift is worse than none under attack', () => {
    const attacks = { transfer: 80 };
    const shifted = { static: { shifts: { dark: 20 }, attacks }, norm: { shifts: { dark: 120 } } };
    const told = report({ ...shifted, norm: { ...shifted.norm, attacks: { transfer: 30 } } });
    expect(of(told, 'shift')).toMatchObject({ recipe: 'norm' });
    expect(of(told, 'shift').because).toContain('Under attack it is worse than the model as it is');
    expect(of(report({ ...shifted, norm: { ...shifted.norm, attacks } }), 'shift').because).not.toContain(
      'Under attack',
    );
  });
});
