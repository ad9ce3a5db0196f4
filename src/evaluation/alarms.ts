import { type AttackRows, attackOf } from './attack-rows.ts';
import { type Attack, VERDICT } from './attacks/attack.ts';
import { gainOf, isStatic, shareOf, worstOf } from './figures.ts';
import type { Measurement, RecipeRows } from './measure.ts';
import type { CurveRows, CurveRowsPoint } from './measure-curves.ts';
import { differenceText, isGain, isLoss } from './statistics.ts';

/** Something that makes a figure less than it looks. */
export interface Alarm {
  readonly code: AlarmCode;
  /** Whose figures it is about; absent where it is about all. */
  readonly recipe?: string;
  readonly text: string;
}

export type AlarmCode =
  | 'masked-gradients'
  | 'square-beats-gradients'
  | 'zero-gradients'
  | 'more-steps-matter'
  | 'right-at-huge-eps'
  | 'idle-attack'
  | 'beyond-eps'
  | 'answers-vary'
  | 'labels-doubtful'
  | 'moved-by-strangers'
  | 'worse-than-static';

/** Alarms after which a recipe's accuracy under attack may be lower than it was measured. */
export const FLATTERING: readonly AlarmCode[] = [
  'masked-gradients',
  'square-beats-gradients',
  'zero-gradients',
  'more-steps-matter',
  'right-at-huge-eps',
  'idle-attack',
  'answers-vary',
];

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const accuracy = (verdicts: Int8Array): string => percent(shareOf(verdicts).accuracy);

const TRANSFER = 'transfer';
const SQUARE = 'square';

/**
 * An attack that sees the adaptation can do all that one does which does not: where it achieves less, its
 * gradients mislead it.
 */
function masked({ name, attacks }: RecipeRows, seed: number): Alarm[] {
  const transfer = attacks[TRANSFER];
  if (transfer === undefined) return [];
  return Object.entries(attacks)
    .filter(([, { seesAdaptation, countsForWorst }]) => seesAdaptation && countsForWorst)
    .filter(([, { verdicts }]) => isGain(gainOf(verdicts, transfer.verdicts, seed)))
    .map(([attack, { verdicts }]) => ({
      code: 'masked-gradients',
      text: `${name}: ${attack} sees the adaptation and leaves ${accuracy(verdicts)} right, transfer, which does not, ${accuracy(transfer.verdicts)}. Its gradients are masked, so a stronger attack may well exist.`,
    }));
}

/** More of all images than this, and more than one, broken by Square alone: AutoAttack's own rule. */
const SQUARE_SHARE = 0.002;

function square(rows: RecipeRows, complete: number): Alarm[] {
  const { [SQUARE]: found, ...others } = rows.attacks;
  const hasGradients = Object.values(others).some(({ countsForWorst }) => countsForWorst);
  if (found === undefined || !hasGradients) return [];
  const without = worstOf({ ...rows, attacks: others }, complete);
  const all = worstOf(rows, complete);
  const alone = all.filter((verdict, i) => verdict === VERDICT.wrong && without[i] === VERDICT.right).length;
  if (alone <= Math.max(1, SQUARE_SHARE * complete)) return [];
  return [
    {
      code: 'square-beats-gradients',
      text: `${rows.name}: Square, which asks for answers alone, breaks ${alone} images that no attack with gradients broke. The gradients are of little use, so the figures are too high.`,
    },
  ];
}

/** The share of gradients that may be zero before their attack is doubted. */
const ZERO_SHARE = 0.1;

function zeroGradients({ name, attacks }: RecipeRows): Alarm[] {
  const all = Object.entries(attacks)
    .filter(([, { gradients, zeroGradients: zero }]) => gradients > 0 && zero / gradients > ZERO_SHARE)
    .map(([attack, { gradients, zeroGradients: zero }]) => `${attack} ${percent(zero / gradients)}`);
  if (all.length === 0) return [];
  return [
    {
      code: 'zero-gradients',
      text: `${name}: of the gradients that attacks followed so many were zero throughout: ${all.join(', ')}. They could not search there.`,
    },
  ];
}

/** The share of images that stay right of which an attack may leave every pixel as it is. */
const IDLE_SHARE = 0.1;

function idle({ name, attacks }: RecipeRows): Alarm[] {
  const all = Object.entries(attacks).flatMap(([attack, { verdicts, unmoved }]) => {
    const { correct } = shareOf(verdicts);
    return correct === 0 || unmoved / correct <= IDLE_SHARE ? [] : [`${attack} ${unmoved} of ${correct}`];
  });
  if (all.length === 0) return [];
  return [
    {
      code: 'idle-attack',
      text: `${name}: of the images that they left right, attacks returned some without any change: ${all.join(', ')}. They did not attack these, so their figures say nothing of them.`,
    },
  ];
}

const beyondEps = ({ name, attacks }: RecipeRows): Alarm[] =>
  Object.entries(attacks)
    .filter(([, { beyond }]) => beyond > 0)
    .map(([attack, { beyond }]) => ({
      code: 'beyond-eps',
      text: `${name}: ${attack} changed ${beyond} images by more than eps, so its figure is too low. This is a fault of the attack.`,
    }));

const own = ({ points, own }: CurveRows): CurveRowsPoint | undefined => points.find(({ at }) => at === own);

/** The budget is enough where an attacker with more of it does not break more. */
function moreSteps(curve: CurveRows, seed: number): Alarm[] {
  const [few, many] = [own(curve), curve.points.at(-1)];
  if (curve.along !== 'iterations' || few === undefined || many === undefined) return [];
  const change = gainOf(many.verdicts, few.verdicts, seed);
  if (!isLoss(change)) return [];
  return [
    {
      code: 'more-steps-matter',
      text: `${curve.recipe}: ${few.at} steps of an attack leave ${accuracy(few.verdicts)} right, ${many.at} steps ${accuracy(many.verdicts)} (${few.verdicts.length} images). The budget is too small, so the figures are too high: raise --iterations.`,
    },
  ];
}

/** Above this accuracy something is left where nothing can be. */
const NEAR_ZERO = 0.05;

/** At a huge eps any image can become any other, almost: what is right then was not attacked well. */
function hugeEps({ along, recipe, points }: CurveRows): Alarm[] {
  const largest = points.at(-1);
  if (along !== 'eps' || largest === undefined) return [];
  const { accuracy: share, interval, of } = shareOf(largest.verdicts);
  if (!(interval[0] > NEAR_ZERO)) return [];
  return [
    {
      code: 'right-at-huge-eps',
      text: `${recipe}: with an eps of ${Number(largest.at.toPrecision(3))}, which leaves nothing of an image, ${percent(share)} of ${of} images are still right. The gradients mislead the attacks, so the figures are too high.`,
    },
  ];
}

const hasAttacks = (attacks: Readonly<Record<string, AttackRows>>): boolean =>
  Object.values(attacks).some(({ countsForWorst }: Pick<Attack, 'countsForWorst'>) => countsForWorst);

function worse(rows: RecipeRows, base: RecipeRows | undefined, complete: number, seed: number): Alarm[] {
  if (base === undefined || base === rows || complete === 0) return [];
  if (!hasAttacks(rows.attacks) || !hasAttacks(base.attacks)) return [];
  const [own, its] = [worstOf(rows, complete), worstOf(base, complete)];
  const gain = gainOf(own, its, seed);
  if (!isLoss(gain)) return [];
  const [by] = Object.entries(rows.attacks)
    .filter(([, { countsForWorst }]) => countsForWorst)
    .sort(([, a], [, b]) => shareOf(a.verdicts).accuracy - shareOf(b.verdicts).accuracy);
  return [
    {
      code: 'worse-than-static',
      text: `${rows.name}: under the worst of all attacks it is right less often (${accuracy(own)}) than the model as it is (${accuracy(its)}); ${by![0]} breaks it most. It is no defence.`,
    },
  ];
}

/** Fewer images say nothing of whether a label is right. */
const TELLING_IMAGES = 30;
const TELLING_IMAGES_OF_CLASS = 10;

/** Folders that are named wrongly, or in another order than the model's classes. */
function labelsDoubtful({ natural }: RecipeRows, labels: Int32Array, classes: number): Alarm[] {
  const { accuracy: share, interval, of } = shareOf(natural);
  if (of >= TELLING_IMAGES && interval[0] <= 1 / classes) {
    return [
      {
        code: 'labels-doubtful',
        text: `The model as it is has ${percent(share)} of ${of} images right, which is no better than to guess among ${classes} classes. Are the folders those of the model's classes, and is the manifest's input right?`,
      },
    ];
  }
  const never = Array.from({ length: classes }, (_, k) => k).filter((k) => {
    const own = shareOf(natural.filter((_, i) => labels[i] === k));
    return own.of >= TELLING_IMAGES_OF_CLASS && own.correct === 0;
  });
  return never.map((k) => ({
    code: 'labels-doubtful',
    text: `The model as it is has no image of class ${k} (counted from 0) right. Is its folder named rightly?`,
  }));
}

const BATCH_MATES = 'batch-mates';

/** Others' rows in the same batch are no attack on a row's own image, so they are in no worst case. */
const strangers = ({ name, natural, attacks }: RecipeRows, seed: number): Alarm[] =>
  Object.entries(attacks)
    .filter(([figure]) => attackOf(figure) === BATCH_MATES)
    .map(([figure, { verdicts }]) => ({ figure, change: gainOf(verdicts, natural, seed) }))
    .filter(({ change }) => isLoss(change))
    .map(({ figure, change }) => ({
      code: 'moved-by-strangers',
      text: `${name}: ${figure} changes the accuracy of images that nobody has touched by ${differenceText(change)}. Who sends images into a batch can break the answers of others in it: let no two callers share one.`,
    }));

const VARIES: Alarm = {
  code: 'answers-vary',
  text: 'The model as it is answers the same images otherwise when it is asked again: there is chance in it, or it remembers. Figures differ from run to run, and attacks on it are judged too mildly.',
};

/** What the figures warn of. */
export function alarmsOf(measurement: Measurement, seed: number): Alarm[] {
  const { recipes, complete, curves, labels, classes } = measurement;
  const base = recipes.find(isStatic);
  const doubts = base === undefined ? [] : labelsDoubtful(base, labels, classes);
  const alarmsAbout = (rows: RecipeRows): Alarm[] => [
    ...masked(rows, seed),
    ...square(rows, complete),
    ...zeroGradients(rows),
    ...idle(rows),
    ...beyondEps(rows),
    ...curves
      .filter(({ recipe }) => recipe === rows.name)
      .flatMap((curve) => [...moreSteps(curve, seed), ...hugeEps(curve)]),
    ...strangers(rows, seed),
    ...worse(rows, base, complete, seed),
  ];
  const others = recipes.flatMap((rows) =>
    alarmsAbout(rows).map(({ code, text }) => ({ code, recipe: rows.name, text })),
  );
  return [...(measurement.varies ? [VARIES] : []), ...doubts, ...others];
}
