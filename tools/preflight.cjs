// Runs on any Node, however old: plain JavaScript, no syntax newer than ES5.
var need = 24
var have = parseInt(process.versions.node.split('.')[0], 10)
if (have < need) {
  console.error(
    'LunaDefend needs Node.js ' +
      need +
      ' or newer; this is ' +
      process.version +
      ' (' +
      process.execPath +
      ').\n' +
      'On Linux (x64, arm64) `npm ci` brings Node.js 24 along: run it again without --omit=optional.\n' +
      'Elsewhere install Node.js 24 from https://nodejs.org and run `npm ci` again.',
  )
  process.exit(1)
}
