import type { Budget } from '../budget.ts';
import type { OpenTarget } from '../target.ts';
import { apgd } from './apgd.ts';
import { Campaign, type CampaignOptions } from './campaign.ts';
import { fab } from './fab.ts';

/** How the work of AutoAttack's gradient attacks is shared, in gradients of a row that is never fooled. */
function shares({ iterations, targetedIterations, restarts }: Budget, targets: number) {
  const [ce, apgdT, fabT] = [
    restarts * iterations,
    targets * targetedIterations,
    // Each step of FAB asks for a prediction too.
    1.4 * targets * targetedIterations,
  ];
  // Most rows are fooled by the first.
  const total = ce + 0.5 * (apgdT + fabT);
  return {
    ce: ce / total / restarts,
    apgdT: (0.5 * apgdT) / total / targets,
    fabT: (0.5 * fabT) / total / targets,
  };
}

/**
 * AutoAttack's gradient attacks in its order, each on the rows that those before have not fooled: APGD-CE,
 * APGD-T and FAB-T (Croce and Hein 2020). The first attacks all rows, those that are wrong as they are too:
 * another recipe may answer them right.
 */
export async function gradientAttacks(
  options: CampaignOptions<OpenTarget>,
  budget: Budget,
): Promise<Campaign> {
  const campaign = await Campaign.open(options);
  const targets = Math.min(budget.targets, options.target.classes - 1);
  const share = shares(budget, targets);
  for (let start = 0; start < budget.restarts; start++) {
    await campaign.run(named('APGD-CE', start), share.ce, start === 0 ? 'all' : 'rest', (run) =>
      apgd(run, { loss: 'ce', iterations: budget.iterations }),
    );
  }
  for (const [name, of] of [
    ['APGD-T', share.apgdT],
    ['FAB-T', share.fabT],
  ] as const) {
    for (let k = 0; k < targets; k++) {
      const wrong = campaign.wrongClass(k);
      await campaign.run(named(name, k), of, 'rest', (run, rows) => {
        const own = Int32Array.from(rows, (row) => wrong[row]!);
        const iterations = budget.targetedIterations;
        return name === 'FAB-T'
          ? fab(run, { targets: own, iterations })
          : apgd(run, { loss: 'targeted-dlr', targets: own, iterations });
      });
    }
  }
  return campaign;
}

const named = (name: string, index: number): string => (index === 0 ? name : `${name} ${index + 1}`);
