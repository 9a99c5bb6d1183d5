/** The report's style sheet: light and dark as the reader's system asks, one column on a phone, plain in print. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1c2530; --soft: #5b6877; --line: #e0e5ea; --band: #f1f4f7;
  --train: #0d7a75; --valid: #c2571a; --rate: #5a55c2; --frozen: #e4e8ed; --good: #0d7a75; --bad: #b3372c;
  --heat: 13, 122, 117; --miss: 179, 55, 44;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11161c; --card: #181f27; --ink: #e3e9ef; --soft: #94a3b3; --line: #2a343f; --band: #1d252e;
    --train: #4cc7bd; --valid: #f0975a; --rate: #a09cf5; --frozen: #2b353f; --good: #4cc7bd; --bad: #f2857a;
    --heat: 76, 199, 189; --miss: 242, 133, 122;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .75rem; letter-spacing: -.005em; }
h3 { font-size: 1rem; margin: 0 0 .6rem; }
p { margin: .4rem 0; }
.lead { font-size: 1.1rem; max-width: 44rem; margin: 0 0 1.2rem; }
.soft, .note { color: var(--soft); }
.note { font-size: .88rem; max-width: 48rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.25rem; }
.card + .card { margin-top: .9rem; }
.grid-2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); gap: .9rem; }
.grid-2 > .card { margin: 0; min-width: 0; }
.card + .grid-2, .grid-2 + .card { margin-top: .9rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: .9rem; }
.figures > .card { margin: 0; }
.figures .label { color: var(--soft); font-size: .88rem; }
.figures .value { font-size: 1.75rem; line-height: 1.25; font-weight: 620; letter-spacing: -.02em; }
.figures .was { color: var(--soft); font-size: .88rem; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.1rem; margin: 0; }
dl.columns { display: block; columns: 3 13rem; column-gap: 2rem; }
dl.columns div { display: flex; justify-content: space-between; gap: 1rem; break-inside: avoid; padding: .2rem 0; border-bottom: 1px solid var(--line); }
dl.columns dd { text-align: right; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .38rem .75rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); vertical-align: baseline; }
th { font-weight: 500; color: var(--soft); font-size: .9rem; }
tbody th { color: var(--ink); font-size: 1rem; font-weight: 400; }
tr > :first-child { text-align: left; padding-left: 0; }
tr > :last-child { padding-right: 0; }
tbody tr:last-child > * { border-bottom: 0; }
td.left, th.left { text-align: left; }
td.left, tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 4.5rem; }
.chart { margin: 0; }
.chart figcaption { display: flex; flex-wrap: wrap; gap: .1rem 1.5rem; justify-content: space-between; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; margin: 0; padding: 0; list-style: none; font-weight: 400; font-size: .88rem; color: var(--soft); }
.key { display: inline-block; width: 1.1rem; height: 0; margin-right: .4rem; vertical-align: .28em; border-top: 2.5px solid; }
.key.dots { width: .4rem; height: .4rem; border: 0; border-radius: 50%; background: currentColor; opacity: .5; vertical-align: .1em; }
.train { color: var(--train); } .valid { color: var(--valid); } .rate { color: var(--rate); }
.plot { position: relative; margin: 1.9rem .4rem 1.7rem 3.6rem; }
.plot svg { display: block; width: 100%; height: clamp(11rem, 30vw, 16rem); overflow: visible; }
.grid-2 .plot svg { height: 11rem; }
.plot path { fill: none; vector-effect: non-scaling-stroke; stroke: currentColor; stroke-linejoin: round; stroke-linecap: round; }
.plot .grid { stroke: var(--line); stroke-width: 1; }
.plot .band { fill: var(--band); }
.plot .line { stroke-width: 2.25; }
.plot .dots { stroke-width: 4; opacity: .38; }
.plot .marks { stroke-width: 8; }
.plot span { position: absolute; font-size: .8rem; line-height: 1; color: var(--soft); white-space: nowrap; }
.y-tick { right: calc(100% + .6rem); transform: translateY(-50%); }
.x-tick { top: calc(100% + .55rem); transform: translateX(-50%); }
.plot .stage { bottom: calc(100% + .5rem); padding-left: .45rem; border-left: 2px solid var(--line); max-width: 46%; overflow: hidden; text-overflow: ellipsis; }
.x-label { margin: 0; text-align: center; font-size: .8rem; color: var(--soft); }
.matrix { width: auto; margin: .2rem auto 0; border-collapse: separate; border-spacing: 3px; }
.matrix th, .matrix td { border: 0; text-align: center; padding: .3rem .6rem; }
.matrix tr > :first-child { text-align: right; padding-right: .6rem; font-size: .9rem; color: var(--soft); }
.matrix td { min-width: 4.2rem; padding: .7rem .6rem; border-radius: 6px; font-size: 1.1rem; }
.matrix th { overflow-wrap: anywhere; max-width: 9rem; }
.samples { list-style: none; margin: 0; padding: 0; }
.samples li { padding: .8rem 0; border-bottom: 1px solid var(--line); break-inside: avoid; }
.samples li:first-child { padding-top: 0; } .samples li:last-child { border: 0; padding-bottom: 0; }
.message { margin: 0 0 .4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.picture { display: block; height: 4rem; max-width: 100%; margin-bottom: .3rem; border-radius: 4px; image-rendering: pixelated; }
.verdicts { display: flex; flex-wrap: wrap; gap: .2rem 1.6rem; font-size: .9rem; }
.verdicts .what { color: var(--soft); margin-right: .35rem; }
.right { color: var(--good); font-weight: 600; } .wrong { color: var(--bad); font-weight: 600; }
.parts { display: flex; flex-wrap: wrap; gap: 4px; margin: .5rem 0 .7rem; padding: 0; list-style: none; }
.parts li { flex: 1 1 auto; min-width: 3.1rem; padding: .4rem .5rem; border-radius: 5px; background: var(--frozen); color: var(--soft); font-size: .82rem; text-align: center; }
.parts .all { background: var(--train); color: var(--card); font-weight: 600; }
.parts .some { background: linear-gradient(90deg, var(--train) 50%, var(--frozen) 50%); color: var(--ink); }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: 3px; margin: 0 .35em 0 .9em; background: var(--frozen); vertical-align: -.05em; }
.swatch.all { background: var(--train); margin-left: 0; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main { padding: 1.5rem .9rem 3rem; }
  h1 { font-size: 1.5rem; }
  .card { padding: .9rem; }
  .figures { grid-template-columns: 1fr 1fr; } .figures .value { font-size: 1.4rem; }
  .matrix td { min-width: 3.4rem; }
  .plot { margin-left: 3rem; }
  th, td { padding-inline: .35rem; } td, tbody th { font-size: .92rem; } th { font-size: .82rem; }
  td.left, tbody th { min-width: 3.2rem; } .matrix td { font-size: 1.05rem; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --card: #fff; --ink: #111; --soft: #555; --line: #ccc; --band: #f3f3f3; --frozen: #e4e4e4;
    --train: #0d7a75; --valid: #c2571a; --rate: #5a55c2; --good: #0d7a75; --bad: #b3372c; --heat: 13, 122, 117; --miss: 179, 55, 44;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  .plot svg { height: 5.5cm; }
  .card, .chart, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
}
`;
