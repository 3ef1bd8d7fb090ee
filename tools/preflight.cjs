// Runs on any Node, however old: plain JavaScript, no syntax newer than ES5. What it requires may be newer.
// biome-ignore-all lint/style/useTemplate: ES5 has no template literals.
var need = 24
var have = parseInt(process.versions.node.split('.')[0], 10)
var lines = [
  'LunaDefend needs Node.js ' + need + ' or newer; ' + process.execPath + ' is ' + process.version + '.',
  'On Linux (x64, arm64) `npm ci` brings Node.js 24 along: run it again without --omit=optional.',
  'Elsewhere install Node.js 24 from https://nodejs.org and run `npm ci` again.',
]
if (have < need) {
  console.error(lines.join('\n'))
  process.exit(1)
}
require('./refuse-stale.cjs')
