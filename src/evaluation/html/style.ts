/** Everything that the page looks like. It asks for no file and no font. */
export const STYLE = `
:root { color-scheme: light; --paper: #fff; --ink: #1b1f24; --soft: #5a6270; --line: #d4d8de; --fill: #b9cbe0; --mark: #12395e; --warn: #8a3b00; --code: #f3f5f8; }
@media screen and (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --paper: #14171b; --ink: #e6e9ed; --soft: #a3acb8; --line: #3a414b; --fill: #35506e; --mark: #a9cdf2; --warn: #ffb27a; --code: #20252c; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 60rem; color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid var(--line); break-after: avoid; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; break-after: avoid; }
p { margin: .4rem 0; } ul { margin: .3rem 0 1rem; padding-left: 1.2rem; }
small, .soft { color: var(--soft); font-size: .875rem; font-weight: normal; }
table { width: 100%; border-collapse: collapse; margin: 0 0 1.4rem; break-inside: avoid; table-layout: fixed; }
caption { text-align: left; font-weight: 600; padding: .6rem 0 .2rem; }
caption small { margin-left: .4rem; }
th, td { padding: .3rem .4rem; text-align: left; vertical-align: middle; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { color: var(--soft); font-size: .8rem; font-weight: normal; }
th:first-child { width: 20%; } td:last-child, thead th:last-child { width: 38%; }
tbody th { font-weight: 600; }
td span { color: var(--soft); font-size: .875rem; white-space: nowrap; }
td small { display: block; }
.axis { padding: 0 .4rem; } .axis span:last-child { float: right; }
.plot svg { display: block; width: 100%; height: 1.4rem; overflow: visible; }
.plot line, .chart line { vector-effect: non-scaling-stroke; }
.grid { stroke: var(--line); stroke-width: 1; }
.base { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 3 2; }
.interval { fill: var(--fill); }
.figure { stroke: var(--mark); stroke-width: 3; }
figure { margin: 0; break-inside: avoid; }
figcaption { font-weight: 600; padding: .6rem 0 .2rem; }
.chart { display: block; width: 100%; max-width: 30rem; font-size: 11px; }
.chart text { fill: var(--ink); } .chart .tick { fill: var(--soft); font-size: 10px; }
.line { fill: none; stroke: var(--mark); stroke-width: 1.5; }
.numbers { font-size: .875rem; } .numbers th:first-child, .numbers td:last-child, .numbers thead th:last-child { width: auto; }
.numbers th, .numbers td { padding: .15rem .3rem; } .numbers small { font-size: .75rem; }
.mark { fill: var(--mark); stroke: var(--mark); stroke-width: 1.5; }
.open { fill: var(--paper); } .key { width: 12px; height: 12px; vertical-align: -1px; margin-right: .2rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-left: .4rem solid var(--mark); padding: .6rem .9rem; margin: .7rem 0; break-inside: avoid; }
.alarm { border-left-color: var(--warn); border-left-style: double; }
.card h3 { margin: 0; font-size: 1rem; }
pre { margin: .4rem 0 0; padding: .5rem; background: var(--code); overflow-wrap: anywhere; white-space: pre-wrap; font-size: .85rem; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1rem; }
.example { break-inside: avoid; }
.example div { display: flex; gap: .5rem; }
.example img { width: 6rem; height: auto; image-rendering: pixelated; border: 1px solid var(--line); }
.example p { font-size: .875rem; }
@media (max-width: 34rem) {
  body { padding: 1rem .75rem 2rem; }
  th:first-child { width: 26%; } td:last-child, thead th:last-child { width: 42%; }
  td span { display: block; }
  caption small { display: block; margin: 0; }
}
@media print { body { max-width: none; padding: 0; font-size: 11pt; } h2 { margin-top: 1.2rem; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@page { margin: 16mm; }
`;
