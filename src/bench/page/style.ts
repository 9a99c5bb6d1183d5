export const STYLE = `
:root { color-scheme: light dark; --ink: #1a1d21; --soft: #5b6470; --line: #d7dce2; --paper: #ffffff; --panel: #f5f7f9;
  --bar: #9db4d0; --best: #2f6db5; --bad: #c2452d; --roof: #8a6d1f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaee; --soft: #9aa4b0; --line: #363d46; --paper: #15181c;
  --panel: #1d2126; --bar: #4a6384; --best: #6ea8ee; --bad: #f0866f; --roof: #d8b75a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .25rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
p, dl { margin: .25rem 0 .75rem; }
.soft, figcaption, dt { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1rem 0; padding: 1rem; background: var(--panel); border-radius: .5rem; overflow-x: auto; }
.bars, .ladder { list-style: none; margin: 0 0 .5rem; padding: 0; display: grid; gap: .3rem; }
.ladder { gap: .6rem; }
.bars li, .ladder li { display: grid; grid-template-columns: 19rem 1fr 12rem; gap: 0 .75rem; align-items: center; }
.ladder li { grid-template-columns: 15rem 1fr 16rem; }
.ladder .adds { grid-column: 1 / -1; color: var(--soft); padding-left: 1.4rem; }
.ladder .reason { grid-column: 2 / -1; }
svg.mark { display: inline-block; width: 1rem; height: 1rem; min-width: 0; margin-right: .3rem; vertical-align: -.15rem;
  fill: none; stroke: var(--best); stroke-width: 2; }
svg.mark.wrong, svg.mark.failed { stroke: var(--bad); }
svg.mark.unavailable { stroke: var(--soft); }
svg.track { height: 1.1rem; min-width: 0; }
.bar { fill: var(--bar); }
.bar.best { fill: var(--best); }
.bad { color: var(--bad); overflow-wrap: anywhere; white-space: pre-wrap; }
.value { white-space: nowrap; font-variant-numeric: tabular-nums; text-align: right; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { color: var(--soft); font-weight: 500; white-space: normal; vertical-align: bottom; }
svg { width: 100%; height: auto; min-width: 34rem; display: block; }
svg text { fill: var(--soft); font-size: 12px; font-family: inherit; }
svg .grid { stroke: var(--line); }
svg .roof { stroke: var(--roof); fill: none; stroke-width: 2; }
svg .leader { stroke: var(--soft); stroke-width: .6; }
svg .point { fill: var(--bar); }
svg .point.best { fill: var(--best); }
svg text.name { fill: var(--ink); font-size: 11px; paint-order: stroke; stroke: var(--panel); stroke-width: 3px; }
@media (max-width: 48rem) {
  body { padding: 1.25rem .75rem 3rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .4rem; }
  figure { padding: .75rem; }
  .bars, .ladder { gap: .75rem; }
  .bars li { grid-template-columns: 1fr max-content; }
  .bars .track { grid-column: 1 / -1; grid-row: 2; }
  .ladder li { grid-template-columns: 1fr; }
  .ladder .value { text-align: left; }
  .ladder .reason { grid-column: 1; }
  .ladder .adds { padding-left: 0; }
  .track { height: .7rem; }
  th, td { padding: .25rem .35rem; }
  td:first-child { white-space: normal; min-width: 8rem; }
}
`;
