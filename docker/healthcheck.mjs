// Whether this container is ready. `dent serve` listens on 8080, `dent worker` on 8081, and either on
// DENT_PORT where it is set. The first port that answers decides.
const { DENT_PORT } = process.env;

/** The status of readiness on a port; undefined where nobody listens. */
const statusOn = (port) =>
  fetch(`http://127.0.0.1:${port}/v2/health/ready`, { signal: AbortSignal.timeout(2500) }).then(
    ({ status }) => status,
    () => undefined,
  );

let status;
for (const port of DENT_PORT ? [DENT_PORT] : [8080, 8081]) status ??= await statusOn(port);
process.exitCode = status === 200 ? 0 : 1;
