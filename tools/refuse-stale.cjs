// Ends the process when what is installed is not what package-lock.json says: after a `git pull`, for one.
const { readFileSync } = require('node:fs')
const { join } = require('node:path')

const root = join(__dirname, '..')
const installed = packagesOf('node_modules/.package-lock.json')
const stale = Object.entries(packagesOf('package-lock.json')).flatMap(
  ([place, { version, optional, link }]) => {
    // Optional ones may be for other machines, and links are the project's own.
    const matters = place.startsWith('node_modules/') && !optional && !link
    return matters && installed[place]?.version !== version ? [place.replace(/^.*node_modules\//, '')] : []
  },
)
if (stale.length > 0) {
  const some = stale.slice(0, 3).join(', ') + (stale.length > 3 ? ` and ${stale.length - 3} more` : '')
  console.error(`What is installed is not what package-lock.json says: ${some}.\nRun \`npm ci\`.`)
  process.exit(1)
}

/** By place: npm keeps in node_modules what it has installed, in the form of package-lock.json. */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  } catch {
    return {}
  }
}
