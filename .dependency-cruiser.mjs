/** Which room may import which. Each rule says why; `npm run imports` checks them. */
const everywhere = '^src/(tensor|errors|spans|regular-file)\\.ts$';

const room = (name, allowed, comment) => ({
  name: `${name}-imports`,
  severity: 'error',
  comment,
  from: { path: `^src/${name}/`, pathNot: '\\.(test|contract)\\.ts$' },
  to: { path: '^src/', pathNot: [everywhere, `^src/${name}/`, ...allowed.map((r) => `^src/${r}/`)] },
});

const only = (pkg, path, comment) => ({
  name: `only-there-${pkg.replaceAll(/[^a-z]/g, '-')}`,
  severity: 'error',
  comment,
  from: { path: '^src/', pathNot: [path, '\\.test\\.ts$'] },
  to: { path: `^node_modules/${pkg}` },
});

export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'A cycle cannot be read from either end.',
      from: { path: '^src/' },
      to: { circular: true },
    },
    room('onnx', [], 'The graph is the ground floor: it knows nothing of gradients or serving.'),
    room('autodiff', ['onnx'], 'Calculus on graphs needs graphs and nothing else.'),
    room(
      'dent',
      ['onnx', 'autodiff'],
      'The method is pure: graphs in, graphs out. The runner of graphs is passed in.',
    ),
    room('engine', [], 'The engine runs bytes; it never sees a node.'),
    room('batching', [], 'The queue moves rows; it knows no model and no engine.'),
    room('images', ['models'], 'Bytes to pixels needs only the type of an input specification.'),
    room(
      'models',
      ['onnx', 'dent', 'engine'],
      'The repository compiles what it finds; of the engine it knows the types.',
    ),
    room('access', [], 'Who may come in depends on nothing that is served.'),
    room(
      'inference',
      ['engine', 'batching', 'models', 'images', 'dent'],
      'The use case sees ports, not drivers.',
    ),
    room(
      'evaluation',
      ['onnx', 'autodiff', 'dent', 'engine', 'models', 'images', 'inference'],
      'Attacks need graphs, their gradients, and an engine to run them; rows are answered as the service answers them.',
    ),
    room('http', ['inference', 'models', 'images', 'access'], 'Routes translate; nothing is decided there.'),
    {
      name: 'not-into-the-page',
      severity: 'error',
      comment: 'The server sends the page as files that the build has made; it runs nothing of it.',
      from: { path: '^src/', pathNot: ['^src/page/', '\\.test\\.ts$'] },
      to: { path: '^src/page/' },
    },
    room('metrics', [], 'The catalogue is read by Prometheus; rooms get narrow observers of it.'),
    {
      name: 'evaluation-is-a-command',
      severity: 'error',
      comment: 'Attacks are asked for on the command line; what serves does not depend on them.',
      from: { path: '^src/[^/]+/', pathNot: '^src/(evaluation|cli|app)/' },
      to: { path: '^src/evaluation/' },
    },
    only(
      'onnxruntime-node',
      '^src/engine/',
      "Native code runs in the engine's children only, so that its crash is not ours.",
    ),
    only('sharp', '^src/(images/|page/build\\.mjs$)', 'One room decodes what strangers send.'),
    only(
      'bullmq',
      '^src/batching/',
      'Only the driver knows how batches travel; everyone else sees the port.',
    ),
    only('ioredis', '^src/batching/', 'Redis is a detail of one driver of the queue.'),
    only('prom-client', '^src/metrics/', 'Every metric is declared once.'),
    only(
      '@opentelemetry/api',
      '^src/(spans|app/tracing)\\.ts$',
      'Rooms say what a span is about in one way.',
    ),
    only(
      '@opentelemetry/(?!api/)',
      '^src/app/tracing\\.ts$',
      'What records and sends spans is a detail of the composition root.',
    ),
    only('@bufbuild/protobuf', '^src/onnx/', 'Field numbers and wire types exist in one room.'),
    {
      name: 'cli-not-to-http',
      severity: 'error',
      comment: 'Commands call rooms; `serve` starts the composition root.',
      from: { path: '^src/cli/' },
      to: { path: '^src/http/' },
    },
    {
      name: 'the-root-is-on-top',
      severity: 'error',
      comment: 'The composition root makes concrete things and hands them down; only commands start it.',
      from: { path: '^src/', pathNot: ['^src/(app|cli)/', '\\.test\\.ts$'] },
      to: { path: '^src/app/' },
    },
    {
      name: 'versions-of-the-api-are-apart',
      severity: 'error',
      comment: 'Each version of the API can be changed, or taken away, without the other.',
      from: { path: '^src/http/(v1|v2)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/http/(v1|v2)/', pathNot: '^src/http/$1/' },
    },
    {
      name: 'bodies-below-versions',
      severity: 'error',
      comment: 'How a body is read depends on no route.',
      from: { path: '^src/http/body/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/http/(v1|v2)/' },
    },
    {
      name: 'ports-not-drivers',
      severity: 'error',
      comment:
        'The use case, the routes and the repository see ports; the composition root hands the drivers in.',
      from: { path: '^src/(inference|http|models)/', pathNot: '\\.test\\.ts$' },
      to: {
        path: '^src/(engine|batching)/',
        pathNot: '^src/(engine/engine|engine/adaptation/adaptation|batching/batch-queue)\\.ts$',
      },
    },
    {
      name: 'drivers-are-apart',
      severity: 'error',
      comment: 'A driver of the queue can be changed, or taken away, without the other.',
      from: { path: '^src/batching/(memory|redis)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/batching/(memory|redis)/', pathNot: '^src/batching/$1/' },
    },
    {
      name: 'producer-and-worker-meet-in-redis',
      severity: 'error',
      comment:
        'The two sides run in different processes: what they share is what travels, and how it is reached.',
      from: { path: '^src/batching/redis/(producer|worker|connection)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/batching/redis/(producer|worker)/', pathNot: '^src/batching/redis/$1/' },
    },
    {
      name: 'through-the-door',
      severity: 'error',
      comment: 'A room is left by its index.ts, or by its port file, which holds types alone.',
      from: { path: '^src/([^/]+)/', pathNot: '\\.(test|contract)\\.ts$' },
      to: {
        path: '^src/[^/]+/',
        pathNot: [
          '^src/$1/',
          '^src/[^/]+/index\\.ts$',
          '^src/(engine/engine|engine/adaptation/adaptation|batching/batch-queue|models/model|inference/inference|access/access)\\.ts$',
          // One for each program, so that none loads what only another needs.
          '^src/(app/(server|worker|processes/(start-processes|api-process))|app/threads/compile-in-thread|batching/redis/index)\\.ts$',
        ],
      },
    },
    {
      name: 'production-needs-no-dev-package',
      severity: 'error',
      comment: 'The image installs no dev dependencies. The page has all that it needs built into it.',
      from: { path: '^src/', pathNot: ['^src/page/', '\\.(test|contract)\\.ts$'] },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    // The parser reads no .tsx. src/page/build.mjs checks what the page is made of.
    exclude: { path: '^dist/|\\.tsx$' },
  },
};
